/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl keytab rotate: new keys behind stand-ins that stay. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <stdlib.h>
#include <string.h>

#include "lsactl/keytabs.h"
#include "lsactl/secret.h"

#define ROTATE_SECONDS 180 /* as long as libkrb5 may look for a KDC, and a server after that */

/* Has that keytab a stand-in of that type and principal? */
static bool
has(const struct opened *op, const char *path, const char *principal, int32_t etype)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(op->known, "keys"), i, one)
	{
		if (strcmp(get_text(one, "path"), path) == 0 &&
		    strcmp(get_text(one, "principal"), principal) == 0 &&
		    (etype == 0 || get_number(one, "etype") == etype))
			return true;
	}
	return false;
}

/* ---- --from */

/* What is not behind a stand-in of path, or not the newest, is left out. Returns how many stay. */
static size_t
leave(struct opened *from, const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < from->kf.n; i++) {
		struct kt_entry *en = &from->kf.entries[i];
		uint32_t newest = en->kvno;

		if (en->what != KT_REAL)
			continue;
		for (size_t j = 0; j < from->kf.n; j++) {
			const struct kt_entry *other = &from->kf.entries[j];

			if (strcmp(other->name, en->name) == 0 && other->kvno > newest)
				newest = other->kvno;
		}
		if (newest == en->kvno && has(from, path, en->name, en->etype)) {
			n++;
			continue;
		}
		if (newest == en->kvno)
			(void)fprintf(
			    stderr,
			    "lsactl: %s, type %d: %s has no stand-in of that type; to have "
			    "it, too: lsactl keytab import\n",
			    en->name, (int)en->etype, path);
		en->what = KT_WEAK;
	}
	return n;
}

static int
send_all(const struct ctl *ct, const struct opened *from, const char *path)
{
	for (size_t i = 0; i < from->kf.n; i++) {
		const char *name = from->kf.entries[i].name;
		bool first = from->kf.entries[i].what == KT_REAL;
		json_t *is;

		for (size_t j = 0; j < i && first; j++)
			first = from->kf.entries[j].what != KT_REAL ||
				strcmp(from->kf.entries[j].name, name) != 0;
		if (!first)
			continue;
		is = keytabs_send(ct, from, name, path, true);
		if (is == NULL)
			return -1;
		json_decref(is);
	}
	return 0;
}

static int
rotate_from(struct ctl *ct, const char *path)
{
	char error[5000] = "";
	struct opened op = { 0 }, from = { 0 };
	int code = EXIT_FAILED;
	size_t n;

	from.re.fd = from.re.folder = -1;
	if (keytabs_open(ct, &op, path, REPLACE_LOOK) != 0 ||
	    keytabs_open(ct, &from, ct->kt.from, 0) != 0)
		goto out;
	n = leave(&from, op.re.path);
	if (n == 0) {
		(void)fprintf(stderr, "lsactl: %s has no key for a stand-in of %s\n", ct->kt.from,
			      op.re.path);
		goto out;
	}
	if (send_all(ct, &from, op.re.path) != 0)
		goto out;
	(void)printf("%s: %zu new keys are behind the stand-ins, the old ones still after them\n",
		     op.re.path, n);
	code = EXIT_DONE;
	if (replace_write(&from.re, (struct rd){ (const uint8_t *)"\5\2", 2 }, true, error,
			  sizeof(error)) != 0 ||
	    replace_remove(&from.re, error, sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s; it has the real keys: remove it (shred -u)\n",
			      error);
		code = EXIT_FAILED;
	}
out:
	keytabs_close(&op);
	keytabs_close(&from);
	return code;
}

/* ---- by a change of the password */

static int
rotate_one(struct ctl *ct, const char *path, const char *principal)
{
	char hex[SECRET_HEX], new_hex[SECRET_HEX];
	struct start one, two;
	json_t *is;

	if (secret_start(ct, json_pack("{s:s}", "principal", principal), &one) != 0 ||
	    secret_start(ct, json_pack("{s:s}", "session", one.session), &two) != 0 ||
	    secret_random(ct, &one, &two, hex, new_hex) != 0)
		return EXIT_FAILED;
	ct->wait = ROTATE_SECONDS;
	is = call(ct, "KeytabRotate",
		  json_pack("{s:s, s:s, s:s, s:s, s:s}", "session", one.session, "principal",
			    principal, "path", path, "box", hex, "new_box", new_hex));
	if (is == NULL)
		return EXIT_FAILED;
	if (ct->json)
		print_json(is);
	else
		(void)printf("%s: %lld new keys, version %lld; the stand-ins in %s are the same\n",
			     principal, get_number(is, "keys"), get_number(is, "kvno"), path);
	json_decref(is);
	return EXIT_DONE;
}

/* The keys of this machine are others now: lsass is told which, as lsainit does at a start. */
static void
tell_machine(struct ctl *ct, const char *path)
{
	char full[4096];

	if (realpath(ct->cf.logon_keytab, full) == NULL || strcmp(full, path) != 0)
		return;
	ct->keytab = full;
	(void)keytab_machine(ct);
}

/* Of several principals of the file each is rotated; some are other names of one account. */
static int
which(const struct opened *op, const char **principal)
{
	const json_t *one;
	size_t i;

	if (*principal != NULL) {
		if (has(op, op->re.path, *principal, 0))
			return 0;
		(void)fprintf(stderr, "lsactl: %s has no stand-ins of %s\n", op->re.path,
			      *principal);
		return -1;
	}
	json_array_foreach(json_object_get(op->known, "keys"), i, one)
	{
		const char *name = get_text(one, "principal");

		if (strcmp(get_text(one, "path"), op->re.path) != 0)
			continue;
		if (*principal != NULL && strcmp(*principal, name) != 0) {
			(void)fprintf(stderr,
				      "lsactl: %s has several principals; name the one whose "
				      "password is to change: lsactl keytab list\n",
				      op->re.path);
			return -1;
		}
		*principal = name;
	}
	if (*principal != NULL)
		return 0;
	(void)fprintf(stderr, "lsactl: %s has no stand-ins; first: lsactl keytab import\n",
		      op->re.path);
	return -1;
}

int
keytabs_rotate(struct ctl *ct, const char *path, const char *principal)
{
	struct opened op;
	int code = EXIT_FAILED;

	if (ct->kt.from != NULL)
		return rotate_from(ct, path);
	if (keytabs_open(ct, &op, path, REPLACE_LOOK) == 0 && which(&op, &principal) == 0)
		code = rotate_one(ct, op.re.path, principal);
	if (code == EXIT_DONE)
		tell_machine(ct, op.re.path);
	keytabs_close(&op);
	return code;
}
