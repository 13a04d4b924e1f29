/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl keytab: keytabs of stand-ins, whose real keys only lsaiso has. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <fcntl.h>
#include <krb5.h>
#include <linux/magic.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lsactl/keytabs.h"
#include "lsactl/secret.h"

#define ID_LEN 16    /* octets of the hash that names a stand-in */
#define DAY    86400 /* seconds */

#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif

static int
wrong(const char *what, const char *which)
{
	(void)fprintf(stderr, "lsactl: %s%s; see lsactl help keytab\n", what, which);
	return EXIT_USAGE;
}

/* ---- what an entry is */

static bool
taken(const struct ctl *ct, const struct kt_entry *en)
{
	switch (en->etype) {
	case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES128_CTS_HMAC_SHA256_128:
		return en->len == 16;
	case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES256_CTS_HMAC_SHA384_192:
		return en->len == 32;
	case ENCTYPE_ARCFOUR_HMAC:
		return ct->cf.krb5_rc4 && en->len == 16;
	default:
		return false;
	}
}

/* The hash of a real key goes nowhere: it would tell a guessed password from another. */
bool
keytabs_is_standin(const json_t *known, const uint8_t *key, size_t len, char id[STANDIN_ID])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	const json_t *one;
	bool found = false;
	size_t i;

	sha256_init(&ctx);
	sha256_update(&ctx, len, key);
	sha256_digest(&ctx, sizeof(hash), hash);
	hex_put(hash, ID_LEN, id);
	json_array_foreach(json_object_get(known, "keys"), i, one)
	{
		found = found || strcmp(get_text(one, "id"), id) == 0;
	}
	explicit_bzero(hash, sizeof(hash));
	if (!found)
		explicit_bzero(id, STANDIN_ID);
	return found;
}

static bool
same_slot(const struct kt_entry *a, const struct kt_entry *b)
{
	return a->etype == b->etype && a->kvno == b->kvno && strcmp(a->name, b->name) == 0;
}

static void
classify(const struct ctl *ct, struct opened *op)
{
	for (size_t i = 0; i < op->kf.n; i++) {
		struct kt_entry *en = &op->kf.entries[i];
		char id[STANDIN_ID];

		if (keytabs_is_standin(op->known, op->kf.octets + en->key, en->len, id))
			en->what = KT_STANDIN;
		else
			en->what = taken(ct, en) ? KT_REAL : KT_WEAK;
		for (size_t j = 0; j < i && en->what == KT_REAL; j++) {
			if (op->kf.entries[j].what == KT_REAL && same_slot(&op->kf.entries[j], en))
				en->what = KT_TWICE;
		}
	}
}

int
keytabs_open(const struct ctl *ct, struct opened *op, const char *path, unsigned int flags)
{
	char error[5000] = "";
	uint8_t *octets = NULL;
	size_t len = 0;

	memset(op, 0, sizeof(*op));
	op->re.fd = op->re.folder = -1;
	if (strncmp(path, "FILE:", 5) == 0)
		path += 5;
	op->known = call(ct, "ListKeytabs", NULL);
	if (op->known == NULL)
		return -1;
	if (replace_open(&op->re, path, flags, error, sizeof(error)) == 0 &&
	    replace_read(&op->re, KTFILE_SIZE_MAX, &octets, &len, error, sizeof(error)) == 0) {
		(void)mlock(octets, len + 1);
		if (kt_parse(&op->kf, octets, len, path, error, sizeof(error)) == 0) {
			char full[PATH_MAX];

			if (realpath(op->re.path, full) != NULL) /* without // and . */
				(void)snprintf(op->re.path, sizeof(op->re.path), "%s", full);
			classify(ct, op);
			return 0;
		}
	}
	(void)fprintf(stderr, "lsactl: %s\n", error);
	return -1;
}

void
keytabs_close(struct opened *op)
{
	replace_close(&op->re);
	kt_free(&op->kf);
	json_decref(op->known);
	op->known = NULL;
}

static size_t
count(const struct kt_file *kf, enum kt_what what)
{
	size_t n = 0;

	for (size_t i = 0; i < kf->n; i++)
		n += kf->entries[i].what == what;
	return n;
}

/* ---- keys to lsaiso */

static json_t *
with_session(const char *principal, const char *session)
{
	json_t *ask = json_pack("{s:s}", "principal", principal);

	if (session[0] != '\0')
		(void)json_object_set_new(ask, "session", json_string(session));
	return ask;
}

/* One key in a box of its own. session: "" for the first, then of that. */
static json_t *
send_one(const struct ctl *ct, const struct opened *op, const struct kt_entry *en, char session[32],
	 json_t *more)
{
	char hex[SECRET_HEX];
	struct start st;
	json_t *ask;

	if (secret_start(ct, with_session(en->name, session), &st) != 0 ||
	    secret_key(ct, &st, en->name, en->etype,
		       (struct rd){ op->kf.octets + en->key, en->len }, hex) != 0) {
		json_decref(more);
		return NULL;
	}
	(void)snprintf(session, 32, "%s", st.session);
	ask = with_session(en->name, session);
	(void)json_object_set_new(ask, "box", json_string(hex));
	(void)json_object_set_new(ask, "kvno", json_integer(en->kvno));
	(void)json_object_update(ask, more);
	json_decref(more);
	return call(ct, "KeytabKey", ask);
}

json_t *
keytabs_send(const struct ctl *ct, const struct opened *op, const char *principal, const char *path,
	     bool fresh)
{
	char session[32] = "";
	json_t *is = NULL, *more;
	size_t left = 0;

	for (size_t i = 0; i < op->kf.n; i++)
		left += op->kf.entries[i].what == KT_REAL &&
			strcmp(op->kf.entries[i].name, principal) == 0;
	for (size_t i = 0; i < op->kf.n; i++) {
		const struct kt_entry *en = &op->kf.entries[i];

		if (en->what != KT_REAL || strcmp(en->name, principal) != 0)
			continue;
		json_decref(is);
		more = json_pack("{s:s, s:I, s:b, s:b}", "path", path, "owner",
				 (json_int_t)op->re.was.st_uid, "last", --left == 0, "fresh",
				 fresh);
		is = send_one(ct, op, en, session, more);
		if (is == NULL)
			return NULL;
	}
	return is;
}

/* ---- import */

static const char *
what_text(enum kt_what what)
{
	switch (what) {
	case KT_REAL:
		return "to be kept";
	case KT_STANDIN:
		return "stand-in";
	case KT_TWICE:
		return "again";
	case KT_WEAK:
		return "not taken";
	}
	return "?";
}

static void
show_entries(const struct ctl *ct, const struct opened *op)
{
	static const char *const heads[] = { "PRINCIPAL", "VERSION", "TYPE", "IS" };
	struct table *ta = table_new(heads, 4);
	char text[64];

	for (size_t i = 0; i < op->kf.n; i++) {
		const struct kt_entry *en = &op->kf.entries[i];

		table_cell(ta, PLAIN, en->name);
		(void)snprintf(text, sizeof(text), "%u", en->kvno);
		table_cell(ta, PLAIN, text);
		table_cell(ta, PLAIN, etype_name(en->etype, text));
		table_cell(ta,
			   en->what == KT_WEAK	    ? YELLOW
			   : en->what == KT_STANDIN ? GREEN
						    : PLAIN,
			   what_text(en->what));
	}
	table_print(ta, ct);
}

/* Who accepts with it no longer can. */
static void
warn_services(const struct opened *op)
{
	const char *before = "";
	bool any = false;

	for (size_t i = 0; i < op->kf.n; i++) {
		const struct kt_entry *en = &op->kf.entries[i];

		if (!en->service || en->what != KT_REAL || strcmp(en->name, before) == 0)
			continue;
		if (!any)
			(void)fprintf(stderr,
				      "lsactl: %s: services that accept with this keytab no longer "
				      "can (tickets are under the real key):\n",
				      op->re.path);
		any = true;
		(void)fprintf(stderr, "lsactl:   %s%s\n", en->name,
			      strncmp(en->name, "host/", 5) == 0
				  ? " (sshd with GSSAPI; logons that verify the KDC, as SSSD's do)"
				  : "");
		before = en->name;
	}
	if (any)
		(void)fprintf(stderr,
			      "lsactl: a stand-in keytab is for clients (kinit -k, k5start, "
			      "KRB5_CLIENT_KTNAME, host logon)\n");
}

static int
backup(const struct opened *op, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;
	ssize_t n = 1;

	while (fd >= 0 && done < op->kf.len && n > 0) {
		n = write(fd, op->kf.octets + done, op->kf.len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd < 0 || n <= 0 || fsync(fd) != 0 || close(fd) != 0) {
		(void)fprintf(stderr, "lsactl: %s: %s\n", path, strerror(errno));
		return -1;
	}
	(void)fprintf(stderr,
		      "lsactl: %s has the real keys: whoever reads it is this principal "
		      "everywhere. Remove it (shred -u) once all works\n",
		      path);
	return 0;
}

/* The stand-ins of the answer to where the keys are. */
static int
put_standins(struct opened *op, const char *principal, const json_t *is)
{
	const json_t *one;
	size_t i, put = 0, wanted = 0;

	for (size_t j = 0; j < op->kf.n; j++) {
		struct kt_entry *en = &op->kf.entries[j];

		if ((en->what != KT_REAL && en->what != KT_TWICE) ||
		    strcmp(en->name, principal) != 0)
			continue;
		wanted++;
		json_array_foreach(json_object_get(is, "keys"), i, one)
		{
			uint8_t key[ISO_KEY_MAX];

			if (get_number(one, "etype") != en->etype ||
			    get_number(one, "kvno") != en->kvno ||
			    hex_get(get_text(one, "standin"), key, sizeof(key)) != (long)en->len)
				continue;
			memcpy(op->kf.octets + en->key, key, en->len);
			explicit_bzero(key, sizeof(key));
			put++;
		}
	}
	if (put == wanted)
		return 0;
	(void)fputs("lsactl: lsass answered something else than stand-ins\n", stderr);
	return -1;
}

/* Every principal's keys are kept, durably, before the file is touched. */
static int
exchange_keys(const struct ctl *ct, struct opened *op)
{
	for (size_t i = 0; i < op->kf.n; i++) {
		const char *name = op->kf.entries[i].name;
		bool first = op->kf.entries[i].what == KT_REAL;
		json_t *is;
		int bad;

		for (size_t j = 0; j < i && first; j++)
			first = op->kf.entries[j].what != KT_REAL ||
				strcmp(op->kf.entries[j].name, name) != 0;
		if (!first)
			continue;
		is = keytabs_send(ct, op, name, op->re.path, false);
		bad = is == NULL ? -1 : put_standins(op, name, is);
		json_decref(is);
		if (bad != 0)
			return -1;
	}
	return 0;
}

/* Does overwriting reach what was written? */
static void
warn_disk(const struct opened *op)
{
	struct statfs fs;

	if (fstatfs(op->re.fd, &fs) != 0)
		return;
	if (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC ||
	    (unsigned long)fs.f_type == F2FS_SUPER_MAGIC)
		(void)fprintf(stderr,
			      "lsactl: %s: this file system does not write over what is there: "
			      "blocks, and snapshots, may still have the old keys. Get new ones: "
			      "lsactl keytab rotate %s\n",
			      op->re.path, op->re.path);
}

static int
import(struct ctl *ct, const char *path)
{
	size_t real, weak, known;
	char error[5000] = "";
	struct opened op;
	int code = EXIT_FAILED;

	if (keytabs_open(ct, &op, path, ct->dry_run ? REPLACE_LOOK : 0) != 0)
		goto out;
	real = count(&op.kf, KT_REAL);
	weak = count(&op.kf, KT_WEAK);
	known = count(&op.kf, KT_STANDIN);
	if (ct->dry_run) {
		show_entries(ct, &op);
		(void)printf("%zu keys would be kept, %zu are stand-ins, %zu are not taken\n", real,
			     known, weak);
		warn_services(&op);
		code = EXIT_DONE;
		goto out;
	}
	if (weak > 0 && !ct->kt.skip_weak) {
		show_entries(ct, &op);
		(void)fprintf(stderr,
			      "lsactl: nothing was changed: %zu keys are of types that are not "
			      "taken (arcfour: [krb5] rc4). With --skip-weak they stay in the "
			      "file, real and readable; better: kadmin ktremove, or new keys\n",
			      weak);
		goto out;
	}
	if (real == 0 && op.kf.holes == 0) {
		(void)printf("%s: nothing to do, %zu stand-ins\n", op.re.path, known);
		code = EXIT_DONE;
		goto out;
	}
	warn_services(&op);
	if (ct->kt.backup != NULL && backup(&op, ct->kt.backup) != 0)
		goto out;
	if (exchange_keys(ct, &op) != 0)
		goto out;
	kt_clear_holes(&op.kf);
	if (replace_write(&op.re, (struct rd){ op.kf.octets, op.kf.len }, true, error,
			  sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s; the file is as it was\n", error);
		goto out;
	}
	warn_disk(&op);
	(void)printf("%s: %zu keys are in lsaiso now, the file has stand-ins\n", op.re.path, real);
	if (weak > 0)
		(void)printf("%zu keys of other types are in it as they were\n", weak);
	code = EXIT_DONE;
out:
	keytabs_close(&op);
	return code;
}

/* ---- list, remove, prune */

static void
add_key(struct table *ta, const json_t *one)
{
	const json_t *versions = json_object_get(one, "versions"), *version;
	char text[256] = "", word[64];
	size_t i, n = 0;

	table_cell(ta, PLAIN, get_text(one, "principal"));
	(void)snprintf(word, sizeof(word), "%lld", get_number(one, "kvno"));
	table_cell(ta, PLAIN, word);
	table_cell(ta, PLAIN, etype_name((int)get_number(one, "etype"), word));
	json_array_foreach(versions, i, version)
	{
		const char *state = get_text(version, "state");

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%lld%s%s%s", n > 0 ? ", " : "",
				      get_number(version, "kvno"),
				      strcmp(state, "current") != 0 ? " (" : "",
				      strcmp(state, "current") != 0 ? state : "",
				      strcmp(state, "current") != 0 ? ")" : "");
	}
	table_cell(ta, PLAIN, text);
	table_cell(ta, PLAIN, user_name(get_number(one, "uid"), word));
	table_cell(ta, PLAIN, get_text(one, "path"));
}

static int
list(struct ctl *ct)
{
	static const char *const heads[] = {
		"PRINCIPAL", "VERSION", "TYPE", "KEPT", "USER", "FILE"
	};

	return list_command(ct, "ListKeytabs", "keys", heads, 6, add_key,
			    "No keys of keytabs are kept.");
}

/* The path as it was imported: that of the file, if it is there. */
static void
full_path(const char *path, char full[PATH_MAX])
{
	if (strncmp(path, "FILE:", 5) == 0)
		path += 5;
	if (realpath(path, full) == NULL)
		(void)snprintf(full, PATH_MAX, "%s", path);
}

static int
change(const struct ctl *ct, const char *method, const char *path, const char *principal,
       const char *done)
{
	char full[PATH_MAX] = "";
	json_t *ask = json_object(), *is;

	if (path != NULL) {
		full_path(path, full);
		(void)json_object_set_new(ask, "path", json_string(full));
	}
	if (principal != NULL)
		(void)json_object_set_new(ask, "principal", json_string(principal));
	if (ct->kt.age != NULL)
		(void)json_object_set_new(ask, "age",
					  json_integer(strtol(ct->kt.age, NULL, 10) * DAY));
	is = call(ct, method, ask);
	if (is == NULL)
		return EXIT_FAILED;
	(void)printf("%lld %s\n", get_number(is, "n"), done);
	json_decref(is);
	return EXIT_DONE;
}

int
cmd_keytab(struct ctl *ct, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "list";
	const char *path = argc > 2 ? argv[2] : NULL, *principal = argc > 3 ? argv[3] : NULL;

	if (ct->kt.age != NULL &&
	    (strlen(ct->kt.age) > 5 || strspn(ct->kt.age, "0123456789") != strlen(ct->kt.age)))
		return wrong("--age takes a number of days, not ", ct->kt.age);

	if (strcmp(verb, "list") == 0)
		return path == NULL ? list(ct) : wrong("keytab list takes no ", path);
	if (strcmp(verb, "prune") == 0)
		return change(ct, "KeytabPrune", path, principal,
			      "old versions of keys were dropped");
	if (path == NULL)
		return wrong("which keytab? lsactl keytab FILE is missing after ", verb);
	if (strcmp(verb, "import") == 0)
		return principal == NULL ? import(ct, path)
					 : wrong("keytab import takes no ", principal);
	if (strcmp(verb, "remove") == 0)
		return change(ct, "KeytabRemove", path, principal,
			      "keys are not kept any more; their stand-ins are worth nothing now");
	if (strcmp(verb, "rotate") == 0)
		return keytabs_rotate(ct, path, principal);
	return wrong("keytab has no verb ", verb);
}
