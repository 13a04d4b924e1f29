/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/ask.h"
#include "lib/hex.h"
#include "lsactl/secret.h"

#define RANDOM_CHARS 48 /* of a password that nobody types: 288 bits */

/* What is typed, and the box with it, in memory that is not swapped out. */
static struct {
	char text[ISO_SECRET_MAX + 1], again[ISO_SECRET_MAX + 1];
	struct box box;
} secret;

int
secret_start(const struct ctl *ct, json_t *ask, struct start *st)
{
	json_t *is = call(ct, "LogonStart", ask);
	const char *challenge = get_text(is, "challenge");
	char *end = NULL;
	bool whole;

	if (is == NULL)
		return -1;
	*st = (struct start){ .generation = (uint32_t)get_number(is, "generation"),
			      .owner = (uint32_t)get_number(is, "owner") };
	(void)snprintf(st->session, sizeof(st->session), "%s", get_text(is, "session"));
	(void)snprintf(st->name, sizeof(st->name), "%s", get_text(is, "name"));
	st->number = (uint32_t)strtoul(st->session, NULL, 10);
	st->challenge = strtoull(challenge, &end, 16);
	whole = end != NULL && *end == '\0' && st->session[0] != '\0';
	json_decref(is);
	if (whole)
		return 0;
	(void)fputs("lsactl: lsass answered something else than a challenge\n", stderr);
	return -1;
}

/* The public key that root's file has; lsass is not asked. */
static int
public_key(const struct ctl *ct, uint8_t key[ISO_PUBLIC])
{
	char path[4096], error[512] = "";

	(void)snprintf(path, sizeof(path), "%s/%s", ct->cf.run_directory, BOX_KEY_FILE);
	if (box_public_key(path, key, error, sizeof(error)) == 0)
		return 0;
	(void)fprintf(stderr, "lsactl: %s\n", error);
	return -1;
}

static int
seal(const struct start *st, const uint8_t key[ISO_PUBLIC], size_t len, uint32_t flags,
     char hex[SECRET_HEX])
{
	uint8_t sealed[ISO_BOX];

	secret.box.challenge = st->challenge;
	secret.box.session = st->number;
	secret.box.generation = st->generation;
	secret.box.owner = st->owner;
	secret.box.flags = flags;
	if (box_fill(&secret.box, st->name, (struct rd){ (const uint8_t *)secret.text, len }, 0) !=
		0 ||
	    box_seal(key, &secret.box, sealed) != 0) {
		(void)fprintf(stderr, "lsactl: the password cannot be sealed: %s\n",
			      strerror(errno));
		return -1;
	}
	hex_put(sealed, sizeof(sealed), hex);
	return 0;
}

/* One line that is a password; 0: there is none. */
static size_t
type(const char *prompt, char *text, size_t n)
{
	long len = ask_line(prompt, text, n);

	if (len > 0)
		return (size_t)len;
	(void)fprintf(stderr, "lsactl: no password was given%s\n",
		      len < 0 ? ", or one longer than 512 octets" : "");
	return 0;
}

static void
lock(void)
{
	if (mlock(&secret, sizeof(secret)) != 0)
		(void)fprintf(stderr,
			      "lsactl: memory cannot be locked: %s; the password might be swapped "
			      "out\n",
			      strerror(errno));
}

int
secret_ask(const struct ctl *ct, const char *prompt, const struct start *st, uint32_t flags,
	   char hex[SECRET_HEX])
{
	uint8_t key[ISO_PUBLIC];
	size_t len;
	int ret = -1;

	if (public_key(ct, key) != 0)
		return -1;
	lock();
	len = type(prompt, secret.text, sizeof(secret.text));
	if (len != 0)
		ret = seal(st, key, len, flags, hex);
	explicit_bzero(&secret, sizeof(secret));
	return ret;
}

int
secret_ask_new(const struct ctl *ct, const char *prompt, const struct start *st,
	       char hex[SECRET_HEX])
{
	uint8_t key[ISO_PUBLIC];
	size_t len;
	bool same;
	int ret = -1;

	if (public_key(ct, key) != 0)
		return -1;
	lock();
	len = type(prompt, secret.text, sizeof(secret.text));
	same = len != 0;
	if (same && isatty(STDIN_FILENO)) {
		same = type("Again", secret.again, sizeof(secret.again)) == len &&
		       memcmp(secret.text, secret.again, len) == 0;
		if (!same)
			(void)fputs("lsactl: the two differ; nothing was changed\n", stderr);
	}
	if (same)
		ret = seal(st, key, len, BOX_NEW, hex);
	explicit_bzero(&secret, sizeof(secret));
	return ret;
}

/* The box that was begun, for st; wiped. */
static int
seal_key(const struct ctl *ct, const struct start *st, bool filled, char hex[SECRET_HEX])
{
	uint8_t key[ISO_PUBLIC], sealed[ISO_BOX];
	int ret = -1;

	secret.box.challenge = st->challenge;
	secret.box.session = st->number;
	secret.box.generation = st->generation;
	secret.box.owner = st->owner;
	if (!filled || public_key(ct, key) != 0) {
		if (!filled)
			(void)fputs("lsactl: that is no key\n", stderr);
	} else if (box_seal(key, &secret.box, sealed) == 0) {
		hex_put(sealed, sizeof(sealed), hex);
		ret = 0;
	} else {
		(void)fprintf(stderr, "lsactl: the key cannot be sealed: %s\n", strerror(errno));
	}
	explicit_bzero(&secret, sizeof(secret));
	return ret;
}

int
secret_key(const struct ctl *ct, const struct start *st, const char *name, int32_t etype,
	   struct rd octets, char hex[SECRET_HEX])
{
	bool filled;

	(void)mlock(&secret, sizeof(secret)); /* it came out of a file: no word about it */
	filled = box_fill(&secret.box, name, octets, etype) == 0;
	secret.box.flags = BOX_KEEP;
	return seal_key(ct, st, filled, hex);
}

int
secret_tgt(const struct ctl *ct, const struct start *st, struct rd client, int32_t etype,
	   struct rd octets, int64_t endtime, char hex[SECRET_HEX])
{
	(void)mlock(&secret, sizeof(secret));
	return seal_key(ct, st, box_fill_tgt(&secret.box, client, octets, etype, endtime) == 0,
			hex);
}

int
secret_random(const struct ctl *ct, const struct start *one, const struct start *two,
	      char hex[SECRET_HEX], char new_hex[SECRET_HEX])
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t octets[RANDOM_CHARS], key[ISO_PUBLIC];
	int ret = -1;

	if (public_key(ct, key) != 0)
		return -1;
	lock();
	if (getrandom(octets, sizeof(octets), 0) != (ssize_t)sizeof(octets)) {
		(void)fputs("lsactl: no random octets\n", stderr);
		return -1;
	}
	for (size_t i = 0; i < sizeof(octets); i++) /* 64 of them: each as likely */
		secret.text[i] = letters[octets[i] % 64];
	/* Of each class that a policy may want one, whatever was drawn. */
	memcpy(secret.text + RANDOM_CHARS, "aA1-", 4);
	explicit_bzero(octets, sizeof(octets));
	if (seal(one, key, RANDOM_CHARS + 4, 0, hex) == 0)
		ret = seal(two, key, RANDOM_CHARS + 4, BOX_NEW, new_hex);
	explicit_bzero(&secret, sizeof(secret));
	return ret;
}
