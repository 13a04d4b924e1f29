/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/manifest.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static const char digits[] = "0123456789";
static const char hex[] = "0123456789abcdef";
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
static const char name_octets[] = LETTERS "0123456789._-";
static const char version_octets[] = LETTERS "0123456789._-+~";

/* What is left to read. */
struct text {
	const char *at;
	size_t len;
};

/* ---- pieces; each takes what it reads, or says no */

static bool
take(struct text *t, const char *word)
{
	size_t n = strlen(word);

	if (t->len < n || memcmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	t->len -= n;
	return true;
}

/* 1 to most octets of a set, not beginning with any of not_first. */
static bool
take_word(struct text *t, const char *set, const char *not_first, size_t most, char *word)
{
	size_t n = 0;

	while (n < t->len && t->at[n] != '\0' && strchr(set, t->at[n]) != NULL)
		n++;
	if (n == 0 || n > most || strchr(not_first, t->at[0]) != NULL)
		return false;
	memcpy(word, t->at, n);
	word[n] = '\0';
	t->at += n;
	t->len -= n;
	return true;
}

/* Decimal, without leading zeros, at most most. */
static bool
take_number(struct text *t, uint64_t most, uint64_t *number)
{
	char word[21];
	uint64_t value = 0;

	if (!take_word(t, digits, "", sizeof(word) - 1, word) ||
	    (word[0] == '0' && word[1] != '\0'))
		return false;
	for (const char *at = word; *at != '\0'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (value > (most - digit) / 10 || digit > most)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

static bool
take_digest(struct text *t, uint8_t sha256[MANIFEST_SHA256])
{
	char word[2 * MANIFEST_SHA256 + 1];

	if (!take_word(t, hex, "", sizeof(word) - 1, word) || strlen(word) != sizeof(word) - 1)
		return false;
	for (size_t i = 0; i < MANIFEST_SHA256; i++)
		sha256[i] = (uint8_t)((strchr(hex, word[2 * i]) - hex) << 4 |
				      (strchr(hex, word[2 * i + 1]) - hex));
	return true;
}

/* 2026-11-24T10:42:00Z: the shape, as nothing depends on it. */
static bool
take_created(struct text *t, char created[MANIFEST_CREATED + 1])
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";

	if (t->len < MANIFEST_CREATED)
		return false;
	for (size_t i = 0; i < MANIFEST_CREATED; i++) {
		bool digit = t->at[i] >= '0' && t->at[i] <= '9';

		if (shape[i] == 'd' ? !digit : t->at[i] != shape[i])
			return false;
	}
	memcpy(created, t->at, MANIFEST_CREATED);
	created[MANIFEST_CREATED] = '\0';
	t->at += MANIFEST_CREATED;
	t->len -= MANIFEST_CREATED;
	return true;
}

static bool
take_program(struct text *t, struct manifest_program *p)
{
	uint64_t svn = 0;

	if (!take(t, "program ") || !take_word(t, name_octets, ".-", MANIFEST_NAME, p->name) ||
	    !take(t, " size ") || !take_number(t, MANIFEST_SIZE, &p->size) || p->size == 0 ||
	    !take(t, " sha256 ") || !take_digest(t, p->sha256) || !take(t, " version ") ||
	    !take_word(t, version_octets, ".-", MANIFEST_VERSION, p->version) ||
	    !take(t, " svn ") || !take_number(t, MANIFEST_SVN, &svn) || !take(t, "\n"))
		return false;
	p->svn = (unsigned int)svn;
	return true;
}

unsigned int
manifest_parse(const char *text, size_t len, struct manifest *m)
{
	struct text t = { text, len };
	unsigned int line = 1;

	memset(m, 0, sizeof(*m));
	if (len > MANIFEST_OCTETS || !take(&t, "lsaiso manifest 1\n"))
		return line;
	line++;
	if (!take(&t, "created ") || !take_created(&t, m->created) || !take(&t, "\n"))
		return line;
	do {
		struct manifest_program p = { 0 };

		line++;
		if (m->n == MANIFEST_PROGRAMS || !take_program(&t, &p) ||
		    manifest_find(m, p.name) != NULL)
			return line;
		m->programs[m->n++] = p;
	} while (t.len > 0);
	return 0;
}

const struct manifest_program *
manifest_find(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->programs[i].name, name) == 0)
			return &m->programs[i];
	}
	return NULL;
}

unsigned int
manifest_svn(const struct manifest *m)
{
	unsigned int lowest = MANIFEST_SVN;

	for (size_t i = 0; i < m->n; i++) {
		if (m->programs[i].svn < lowest)
			lowest = m->programs[i].svn;
	}
	return lowest;
}

int
manifest_write(const struct manifest *m, FILE *to)
{
	int bad = fprintf(to, "lsaiso manifest 1\ncreated %s\n", m->created) < 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct manifest_program *p = &m->programs[i];

		bad |= fprintf(to, "program %s size %" PRIu64 " sha256 ", p->name, p->size) < 0;
		for (size_t k = 0; k < MANIFEST_SHA256; k++)
			bad |= fprintf(to, "%02x", p->sha256[k]) < 0;
		bad |= fprintf(to, " version %s svn %u\n", p->version, p->svn) < 0;
	}
	return bad ? -1 : 0;
}

/* ---- with its signature */

static void
explain(enum sign_result result, const char *what, const uint8_t id[SIGN_ID], char *error,
	size_t size)
{
	char name[SIGN_ID_TEXT];

	switch (result) {
	case SIGN_GOOD:
		break;
	case SIGN_MALFORMED:
		(void)snprintf(error, size,
			       "the signature of the %s is damaged, or none at all; have it signed "
			       "again (lsasign(8))",
			       what);
		break;
	case SIGN_UNKNOWN:
		sign_id_text(id, name);
		(void)snprintf(error, size,
			       "the %s is signed by key %s, which is not among the trusted ones; "
			       "put its .pub into the folder of the keys if you trust it",
			       what, name);
		break;
	case SIGN_BAD:
		sign_id_text(id, name);
		(void)snprintf(error, size,
			       "the %s is not the one that key %s signed: it was changed; install "
			       "it again, or have it signed again (lsasign(8))",
			       what, name);
		break;
	case SIGN_FAILED:
		(void)snprintf(error, size, "the %s is too long, or memory is short", what);
		break;
	}
}

int
manifest_verify(const struct sign_public *keys, size_t n, const char *text, size_t len,
		const char *signature, size_t siglen, struct manifest *m,
		const struct sign_public **by, char *error, size_t size)
{
	uint8_t id[SIGN_ID] = { 0 };
	enum sign_result result = sign_check(keys, n, SIGN_MANIFEST, text, len, signature, siglen,
					     by, id);
	unsigned int line;

	memset(m, 0, sizeof(*m));
	if (result != SIGN_GOOD) {
		explain(result, "manifest", id, error, size);
		return -1;
	}
	line = manifest_parse(text, len, m);
	if (line != 0) {
		(void)snprintf(error, size,
			       "line %u of the manifest is not as this version writes it, though "
			       "it is signed; make it anew with this version's lsasign",
			       line);
		memset(m, 0, sizeof(*m));
		*by = NULL;
		return -1;
	}
	return 0;
}

int
token_verify(const struct sign_public *keys, size_t n, const char *token, size_t len,
	     const char *boot_id, char *error, size_t size)
{
	const struct sign_public *by = NULL;
	uint8_t id[SIGN_ID] = { 0 };
	enum sign_result result;

	if (strlen(boot_id) != SIGN_BOOT_ID) {
		(void)snprintf(error, size, "the boot id has not %d characters", SIGN_BOOT_ID);
		return -1;
	}
	result = sign_check(keys, n, SIGN_RELEASE, boot_id, SIGN_BOOT_ID, token, len, &by, id);
	if (result == SIGN_BAD) {
		(void)snprintf(error, size,
			       "the token is not for this boot of this machine; make one with "
			       "`lsasign token`");
		return -1;
	}
	explain(result, "token", id, error, size);
	return result == SIGN_GOOD ? 0 : -1;
}
