/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people do once, or after a disaster: enroll, recover, forget; and the floor. */
#include <errno.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/ask.h"
#include "lsaseal/tpm.h"
#include "lsaseal/wrap.h"

static const enum file_kind kinds[] = { FILE_TPM, FILE_RECOVERY, FILE_KEY };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool
wants_file(const struct seal *se)
{
	return se->file || strcmp(se->root, "file") == 0;
}

static enum seal_exit
draw(void *at, size_t n)
{
	if (getrandom(at, n, 0) == (ssize_t)n)
		return SEAL_OK;
	complain("no entropy: %s", strerror(errno));
	return SEAL_SYSTEM;
}

static void
label(struct file *fi, enum file_kind kind, const uint8_t key[ISO_ROOT_KEY])
{
	*fi = (struct file){ .kind = kind, .created = (uint64_t)time(NULL) };
	root_id(key, fi->id);
	file_host(fi->host);
}

/* ---- storing the key, for enroll and recover */

/* Seal it, and see that it opens again, before anything is written. */
static enum seal_exit
seal_and_try(const struct seal *se, struct tpm *tpm, struct secrets *s, struct file *fi)
{
	enum seal_exit ex = SEAL_OK;

	label(fi, FILE_TPM, s->key);
	if (pcrs_parse(se->pcrs, &fi->pcrs) != 0)
		return SEAL_USAGE;
	ex = tpm_seal(tpm, s->key, fi);
	if (ex == SEAL_OK)
		ex = tpm_unseal(tpm, fi, s->tpm);
	if (ex == SEAL_OK && memcmp(s->tpm, s->key, ISO_ROOT_KEY) != 0)
		ex = SEAL_TPM;
	explicit_bzero(s->tpm, sizeof(s->tpm));
	return ex;
}

/* One of root.tpm and root.key is written; the other, of an older key, goes. */
static enum seal_exit
store(const struct seal *se, struct secrets *s, struct file *fi)
{
	enum file_kind other = FILE_TPM;
	enum seal_exit ex;

	if (wants_file(se)) {
		label(fi, FILE_KEY, s->key);
		memcpy(fi->key, s->key, ISO_ROOT_KEY);
	} else {
		other = FILE_KEY;
	}
	ex = file_write(se->directory, fi);
	explicit_bzero(fi->key, sizeof(fi->key));
	return ex == SEAL_OK ? file_remove(se->directory, other) : ex;
}

static void
say_next(const struct seal *se, const struct file *fi)
{
	const char *root = wants_file(se) ? "file" : "tpm";
	char id[2 * ISO_ROOT_ID + 1];

	hex_text(fi->id, sizeof(fi->id), id);
	(void)fprintf(stderr, "Root key %s is in %s/%s", id, se->directory, file_name(fi->kind));
	if (fi->kind == FILE_KEY)
		(void)fputs(", in the clear: weaker, see lsaseal(8).\n", stderr);
	else
		(void)fprintf(stderr, ", sealed to the TPM and PCR %s.\n", se->pcrs);
	if (strcmp(se->root, root) != 0)
		(void)fprintf(stderr,
			      "Next: write \"root = %s\" to [seal] of lsaiso.conf, then restart "
			      "lsaiso.\n",
			      root);
	else
		(void)fputs("Next: restart lsaiso. All users log on again.\n", stderr);
}

/* ---- the passphrase */

static enum seal_exit
own_passphrase(struct secrets *s)
{
	long len = ask_line("Recovery passphrase of your own", s->passphrase,
			    sizeof(s->passphrase));

	if (len < (long)WRAP_OWN_MIN) {
		complain("a passphrase of your own needs %u characters at least", WRAP_OWN_MIN);
		return SEAL_INPUT;
	}
	if (!isatty(STDIN_FILENO))
		return SEAL_OK;
	if (ask_line("The same again", s->again, sizeof(s->again)) != len ||
	    memcmp(s->passphrase, s->again, (size_t)len) != 0) {
		complain("the two are not the same");
		return SEAL_INPUT;
	}
	return SEAL_OK;
}

static enum seal_exit
make_passphrase(struct secrets *s)
{
	enum seal_exit ex = draw(s->wrap, WRAP_BITS / 8);

	if (ex == SEAL_OK)
		wrap_passphrase(s->wrap, s->passphrase);
	return ex;
}

/* Once, on standard output alone; what is told about it goes to stderr. */
static enum seal_exit
show_passphrase(const struct secrets *s)
{
	size_t n = strlen(s->passphrase);

	(void)fputs("The recovery passphrase, shown this once. Write it down and keep it away from "
		    "this\nmachine; it brings the root key back when the TPM or the start of the "
		    "machine\nhas changed:\n\n    ",
		    stderr);
	if (write(STDOUT_FILENO, s->passphrase, n) != (ssize_t)n ||
	    write(STDOUT_FILENO, "\n", 1) != 1) {
		complain("the recovery passphrase could not be shown: %s; nothing was changed",
			 strerror(errno));
		return SEAL_FILES;
	}
	(void)fputc('\n', stderr);
	return SEAL_OK;
}

static enum seal_exit
wrap(const struct seal *se, struct secrets *s, struct file *fi)
{
	enum seal_exit ex = se->own ? own_passphrase(s) : make_passphrase(s);

	label(fi, FILE_RECOVERY, s->key);
	fi->made = se->own ? 0 : 1;
	fi->iterations = WRAP_ITERATIONS;
	if (ex == SEAL_OK)
		ex = draw(fi->salt, sizeof(fi->salt));
	if (ex != SEAL_OK)
		return ex;
	wrap_derive(s->passphrase, (struct rd){ fi->salt, sizeof(fi->salt) }, fi->iterations,
		    s->wrap);
	return wrap_seal(fi, s->wrap, s->key) == 0 ? SEAL_OK : SEAL_SYSTEM;
}

/* ---- enroll */

/* Of the kernel, and of the TPM if there is one to be used: either suffices. */
static enum seal_exit
new_key(struct secrets *s, struct tpm *tpm)
{
	static const char name[] = "lsaiso root key";
	struct hmac_sha256_ctx ctx;
	enum seal_exit ex = draw(s->wrap, ISO_ROOT_KEY);

	if (ex == SEAL_OK && tpm->esys != NULL)
		ex = tpm_random(tpm, s->tpm);
	hmac_sha256_set_key(&ctx, ISO_ROOT_KEY, s->wrap);
	hmac_sha256_update(&ctx, sizeof(name), (const uint8_t *)name);
	hmac_sha256_update(&ctx, sizeof(s->tpm), s->tpm);
	hmac_sha256_digest(&ctx, ISO_ROOT_KEY, s->key);
	explicit_bzero(&ctx, sizeof(ctx));
	return ex;
}

/* Also a damaged one is one: nobody loses a key unasked. */
static enum seal_exit
nothing_there(const struct seal *se)
{
	struct file fi;

	for (size_t i = 0; i < NKINDS; i++) {
		enum seal_exit ex = file_read(se->directory, kinds[i], &fi, false);

		explicit_bzero(&fi, sizeof(fi));
		if (ex != SEAL_MISSING) {
			complain("%s/%s exists", se->directory, file_name(kinds[i]));
			return SEAL_EXISTS;
		}
	}
	return SEAL_OK;
}

static enum seal_exit
enroll(const struct seal *se, struct secrets *s, struct tpm *tpm)
{
	struct file sealed = { 0 }, recovery = { 0 };
	enum seal_exit ex = SEAL_OK;

	if (!wants_file(se)) {
		ex = tpm_open(tpm, se->tcti, true);
		if (ex == SEAL_OK)
			ex = tpm_start(tpm, false);
	}
	if (ex == SEAL_OK)
		ex = new_key(s, tpm);
	if (ex == SEAL_OK && !wants_file(se))
		ex = seal_and_try(se, tpm, s, &sealed);
	if (ex == SEAL_OK)
		ex = wrap(se, s, &recovery);
	if (ex == SEAL_OK && !se->own)
		ex = show_passphrase(s);
	if (ex == SEAL_OK)
		ex = file_write(se->directory, &recovery);
	if (ex == SEAL_OK)
		ex = store(se, s, &sealed);
	if (ex == SEAL_OK)
		say_next(se, &sealed);
	return ex;
}

enum seal_exit
seal_enroll(const struct seal *se)
{
	struct secrets *s = secrets_open();
	struct tpm tpm = { 0 };
	enum seal_exit ex = s == NULL ? SEAL_SYSTEM : file_directory(se->directory, true);

	if (ex == SEAL_OK && !se->replace)
		ex = nothing_there(se);
	if (ex == SEAL_OK)
		ex = enroll(se, s, &tpm);
	tpm_close(&tpm);
	secrets_wipe(s);
	return ex;
}

/* ---- recover */

static enum seal_exit
read_passphrase(const struct file *fi, struct secrets *s)
{
	int group = 0;

	if (ask_line("Recovery passphrase", s->passphrase, sizeof(s->passphrase)) <= 0)
		return SEAL_INPUT;
	if (fi->made != 0)
		group = wrap_read(s->passphrase);
	if (group > 0)
		complain("group %d of the recovery passphrase is mistyped", group);
	else if (group < 0)
		complain("the recovery passphrase has eight groups of five letters and digits");
	return group == 0 ? SEAL_OK : SEAL_INPUT;
}

static enum seal_exit
unwrap(const struct seal *se, struct secrets *s)
{
	struct file fi;
	uint8_t id[ISO_ROOT_ID];
	enum seal_exit ex = file_read(se->directory, FILE_RECOVERY, &fi, true);

	if (ex == SEAL_MISSING || ex == SEAL_DAMAGED)
		complain("without it nothing brings the root key back: put back its copy, or give "
			 "the root key up with \"lsactl seal enroll --replace\"");
	if (ex == SEAL_OK)
		ex = read_passphrase(&fi, s);
	if (ex != SEAL_OK)
		return ex;
	wrap_derive(s->passphrase, (struct rd){ fi.salt, sizeof(fi.salt) }, fi.iterations, s->wrap);
	if (wrap_open(&fi, s->wrap, s->key) != 0)
		return SEAL_PASSPHRASE;
	root_id(s->key, id);
	return memcmp(id, fi.id, sizeof(id)) == 0 ? SEAL_OK : SEAL_DAMAGED;
}

enum seal_exit
seal_recover(const struct seal *se)
{
	struct secrets *s = secrets_open();
	struct tpm tpm = { 0 };
	struct file sealed = { 0 };
	enum seal_exit ex = s == NULL ? SEAL_SYSTEM : unwrap(se, s);

	if (ex == SEAL_OK && !wants_file(se)) {
		ex = tpm_open(&tpm, se->tcti, true);
		if (ex == SEAL_OK)
			ex = tpm_start(&tpm, false);
		if (ex == SEAL_OK)
			ex = seal_and_try(se, &tpm, s, &sealed);
	}
	if (ex == SEAL_OK)
		ex = store(se, s, &sealed);
	if (ex == SEAL_OK)
		say_next(se, &sealed);
	tpm_close(&tpm);
	secrets_wipe(s);
	return ex;
}

/* ---- forget */

static bool
confirmed(void)
{
	char line[16];

	if (!isatty(STDIN_FILENO))
		return true;
	(void)fputs("This removes the root key and its recovery file; what was sealed with it is "
		    "lost.\nType yes to go on: ",
		    stderr);
	return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

enum seal_exit
seal_forget(const struct seal *se)
{
	enum seal_exit ex = file_directory(se->directory, false);

	if (ex != SEAL_OK)
		return ex;
	if (!confirmed()) {
		complain("nothing was removed");
		return SEAL_INPUT;
	}
	for (size_t i = 0; i < NKINDS && ex == SEAL_OK; i++)
		ex = file_remove(se->directory, kinds[i]);
	if (ex == SEAL_OK && strcmp(se->root, "random") != 0)
		(void)fputs("Next: write \"root = random\" to [seal] of lsaiso.conf, or enroll "
			    "anew; lsaiso does\nnot start as it is.\n",
			    stderr);
	return ex;
}

/* ---- the count of security versions */

enum seal_exit
seal_floor(const struct seal *se, bool raise, uint32_t to, int out)
{
	struct tpm tpm = { 0 };
	int floor = -1;
	enum seal_exit ex = tpm_open(&tpm, se->tcti, true);

	if (ex == SEAL_OK)
		ex = tpm_start(&tpm, false);
	if (ex == SEAL_OK && raise)
		ex = tpm_floor_raise(&tpm, to);
	if (ex == SEAL_OK)
		ex = tpm_floor_read(&tpm, &floor);
	tpm_close(&tpm);
	if (ex == SEAL_OK &&
	    (floor < 0 ? dprintf(out, "none\n") : dprintf(out, "%d\n", floor)) < 0) {
		complain("the count could not be written: %s", strerror(errno));
		ex = SEAL_FILES;
	}
	return ex;
}
