/* SPDX-License-Identifier: LGPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/prove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <nettle/curve25519.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "lib/mailbox.h"

#define FILE_MAX 256 /* 64 digits, and room for what firmware puts around them */

/* The key pair of one call. */
struct pair {
	uint8_t private[ISO_PUBLIC], public[ISO_PUBLIC];
};

static bool
draw(void *at, size_t len)
{
	return getrandom(at, len, 0) == (ssize_t)len;
}

static bool
is_zero(const uint8_t at[ISO_PUBLIC])
{
	static const uint8_t zero[ISO_PUBLIC];

	return memeql_sec(at, zero, sizeof(zero)) != 0;
}

/* What lsaiso should have answered; false if the key pinned is of low order. */
static bool
expect(const struct pair *own, const struct iso_req_prove *req, const struct iso_rep_prove *rep,
       const uint8_t pinned[ISO_PUBLIC], uint8_t proof[ISO_HASH])
{
	static const char label[] = "lsaiso prove";
	struct hmac_sha256_ctx ctx;
	uint8_t shared[ISO_PUBLIC], sequence[8];
	bool good;

	curve25519_mul(shared, own->private, pinned);
	good = !is_zero(shared); /* RFC 7748 section 6.1 */
	hmac_sha256_set_key(&ctx, sizeof(shared), shared);
	hmac_sha256_update(&ctx, sizeof(label) - 1, (const uint8_t *)label);
	hmac_sha256_update(&ctx, sizeof(req->public), req->public);
	hmac_sha256_update(&ctx, ISO_PUBLIC, pinned);
	hmac_sha256_update(&ctx, sizeof(req->nonce), req->nonce);
	hmac_sha256_update(&ctx, sizeof(rep->boot_id), rep->boot_id);
	for (size_t i = 0; i < sizeof(sequence); i++)
		sequence[i] = (uint8_t)(rep->sequence >> 8 * i);
	hmac_sha256_update(&ctx, sizeof(sequence), sequence);
	hmac_sha256_update(&ctx, sizeof(rep->chain), rep->chain);
	hmac_sha256_digest(&ctx, ISO_HASH, proof);
	explicit_bzero(&ctx, sizeof(ctx));
	explicit_bzero(shared, sizeof(shared));
	return good;
}

static void
hex(const uint8_t *at, char text[PROVE_TEXT])
{
	for (size_t i = 0; i < ISO_PUBLIC; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", at[i]);
}

/* Judge an answer; 0 if it proves. */
static int
judge(const struct pair *own, const struct iso_req_prove *req, const struct iso_rep_prove *rep,
      const uint8_t pinned[ISO_PUBLIC], char *error, size_t n)
{
	uint8_t proof[ISO_HASH];
	char has[PROVE_TEXT], wants[PROVE_TEXT];
	bool good = expect(own, req, rep, pinned, proof);

	good = memeql_sec(proof, rep->proof, sizeof(proof)) != 0 && good;
	explicit_bzero(proof, sizeof(proof));
	if (good && memeql_sec(rep->public, pinned, ISO_PUBLIC) != 0)
		return 0;
	hex(rep->public, has);
	hex(pinned, wants);
	if (strcmp(has, wants) != 0)
		(void)snprintf(
		    error, n,
		    "lsaiso has the public key %s, not %s of [isolation] host_key; if "
		    "the host was given another root key, pin what lsactl key says there",
		    has, wants);
	else
		(void)snprintf(error, n,
			       "lsaiso names the public key %s, but does not prove that it has the "
			       "private one: somebody else answers",
			       wants);
	return -1;
}

int
prove_check(prove_ask *ask, void *to, const uint8_t pinned[ISO_PUBLIC],
	    uint8_t boot_id[ISO_BOOT_ID], char *error, size_t n)
{
	struct iso_req_prove req = { 0 };
	struct iso_rep_prove rep = { 0 };
	struct pair own = { 0 };
	enum iso_status st;
	int bad = -1;

	memset(boot_id, 0, ISO_BOOT_ID);
	if (!draw(own.private, sizeof(own.private)) || !draw(req.nonce, sizeof(req.nonce))) {
		(void)snprintf(error, n, "no random octets from the kernel: %s", strerror(errno));
	} else {
		curve25519_mul_g(own.public, own.private);
		memcpy(req.public, own.public, sizeof(req.public));
		st = ask(to, &req, &rep);
		if (st == ISO_OK)
			bad = judge(&own, &req, &rep, pinned, error, n);
		else if (st == (enum iso_status)ISO_GONE)
			(void)snprintf(error, n, "lsaiso did not prove its key: %s",
				       errno == ETIMEDOUT ? "no answer in time" : "it is gone");
		else
			(void)snprintf(error, n, "lsaiso did not prove its key: %s",
				       rpc_status_text(st));
	}
	if (bad == 0) {
		memcpy(boot_id, rep.boot_id, ISO_BOOT_ID);
		error[0] = '\0';
	}
	explicit_bzero(&own, sizeof(own));
	return bad;
}

/* ---- over a mailbox */

struct line {
	struct mailbox *mb;
	int life_fd, timeout_ms;
};

static enum iso_status
ask_mailbox(void *to, const struct iso_req_prove *req, struct iso_rep_prove *rep)
{
	const struct line *li = to;

	return mailbox_call(li->mb, li->life_fd, ISO_OP_prove, req, rep, li->timeout_ms);
}

int
prove_mailbox(struct mailbox *mb, int life_fd, int timeout_ms, const uint8_t pinned[ISO_PUBLIC],
	      uint8_t boot_id[ISO_BOOT_ID], char *error, size_t n)
{
	struct line li = { mb, life_fd, timeout_ms };

	return prove_check(ask_mailbox, &li, pinned, boot_id, error, n);
}

/* ---- the pin */

/* Zero-terminated; 0 or -1 with errno. */
static int
read_file(const char *path, char text[FILE_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = -1;
	size_t len = 0;

	if (fd < 0)
		return -1;
	do {
		got = read(fd, text + len, FILE_MAX - len);
		len += got > 0 ? (size_t)got : 0;
	} while ((got > 0 && len < FILE_MAX) || (got < 0 && errno == EINTR));
	(void)close(fd);
	while (len > 0 && text[len - 1] == '\0') /* firmware tables end with some */
		len--;
	text[len] = '\0';
	if (strlen(text) != len) /* more behind a zero octet: no digits at all */
		text[0] = '\0';
	return got < 0 ? -1 : 0;
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c)
				   : NULL;

	return at == NULL ? -1 : (int)(at - digits);
}

static int
parse(const char *text, uint8_t key[ISO_PUBLIC])
{
	static const char space[] = " \t\r\n";

	text += strspn(text, space);
	for (size_t i = 0; i < ISO_PUBLIC; i++, text += 2) {
		int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);

		if (low < 0)
			return -1;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return text[strspn(text, space)] == '\0' ? 0 : -1;
}

int
prove_pin(const char *text, uint8_t key[ISO_PUBLIC], char *error, size_t n)
{
	static const uint8_t any[ISO_PUBLIC] = { 8 };
	char file[FILE_MAX + 1] = { 0 };
	uint8_t shared[ISO_PUBLIC];
	const char *from = text;

	if (strncmp(text, "file:", 5) == 0) {
		if (text[5] != '/' || read_file(text + 5, file) != 0) {
			(void)snprintf(error, n, "[isolation] host_key: %s: %s", text + 5,
				       text[5] != '/' ? "not an absolute path" : strerror(errno));
			return -1;
		}
		from = file;
	}
	if (parse(from, key) != 0) {
		(void)snprintf(error, n,
			       "[isolation] host_key: %s is not 64 hexadecimal digits, as lsactl "
			       "key prints on the host",
			       from == file ? text + 5 : "the value");
		return -1;
	}
	curve25519_mul(shared, any, key);
	if (is_zero(shared)) {
		(void)snprintf(error, n,
			       "[isolation] host_key is a key that everybody has: pin what lsactl "
			       "key prints on the host");
		return -1;
	}
	return 0;
}
