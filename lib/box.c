/* SPDX-License-Identifier: LGPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/chacha-poly1305.h>
#include <nettle/curve25519.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "lib/prove.h"

/* ---- HPKE, RFC 9180; the sender's side */

#define HASH	SHA256_DIGEST_SIZE
#define KEYS	(2 * ISO_PUBLIC)
#define CONTEXT (1 + 2 * HASH)

/* Suite identifiers of sections 4.1 and 5.1, with their lengths. */
static const struct rd kem_id = { (const uint8_t *)"KEM\0\x20", 5 };
static const struct rd hpke_id = { (const uint8_t *)"HPKE\0\x20\0\1\0\3", 10 };

/* Text under construction, of the longest: two lengths, labels, a context. */
struct text {
	uint8_t at[160];
	size_t len;
};

static void
add(struct text *t, const void *at, size_t len)
{
	memcpy(t->at + t->len, at, len);
	t->len += len;
}

static void
add_labeled(struct text *t, struct rd id, const char *label, struct rd input)
{
	add(t, "HPKE-v1", 7);
	add(t, id.at, id.len);
	add(t, label, strlen(label));
	add(t, input.at, input.len);
}

static void
extract(struct rd id, struct rd salt, const char *label, struct rd input, uint8_t prk[HASH])
{
	struct text t = { .len = 0 };
	struct hmac_sha256_ctx ctx;

	add_labeled(&t, id, label, input);
	hmac_sha256_set_key(&ctx, salt.len, salt.at);
	hkdf_extract(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, HASH, t.len, t.at, prk);
	explicit_bzero(&ctx, sizeof(ctx));
	explicit_bzero(&t, sizeof(t));
}

static void
expand(struct rd id, const uint8_t prk[HASH], const char *label, struct rd info, struct wr out)
{
	const uint8_t length[2] = { 0, (uint8_t)out.left };
	struct text t = { .len = 0 };
	struct hmac_sha256_ctx ctx;

	add(&t, length, sizeof(length));
	add_labeled(&t, id, label, info);
	hmac_sha256_set_key(&ctx, HASH, prk);
	hkdf_expand(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, HASH, t.len, t.at, out.left,
		    out.at);
	explicit_bzero(&ctx, sizeof(ctx));
}

/* Encap; false if what is shared is what everybody knows. */
static bool
encap(const uint8_t ephemeral[ISO_PUBLIC], const uint8_t to[ISO_PUBLIC], uint8_t enc[ISO_PUBLIC],
      uint8_t shared[HASH])
{
	static const uint8_t zero[ISO_PUBLIC];
	uint8_t dh[ISO_PUBLIC], prk[HASH], keys[KEYS];
	bool good;

	curve25519_mul_g(enc, ephemeral);
	curve25519_mul(dh, ephemeral, to);
	good = memeql_sec(dh, zero, sizeof(zero)) == 0;
	memcpy(keys, enc, ISO_PUBLIC);
	memcpy(keys + ISO_PUBLIC, to, ISO_PUBLIC);
	extract(kem_id, (struct rd){ zero, 0 }, "eae_prk", (struct rd){ dh, sizeof(dh) }, prk);
	expand(kem_id, prk, "shared_secret", (struct rd){ keys, sizeof(keys) },
	       (struct wr){ shared, HASH });
	explicit_bzero(dh, sizeof(dh));
	explicit_bzero(prk, sizeof(prk));
	return good;
}

int
box_hpke(const uint8_t ephemeral[ISO_PUBLIC], const uint8_t to[ISO_PUBLIC],
	 const struct box_message *m, uint8_t *out)
{
	uint8_t shared[HASH], secret[HASH], context[CONTEXT] = { 0 /* mode_base */ };
	uint8_t key[CHACHA_POLY1305_KEY_SIZE], nonce[CHACHA_POLY1305_NONCE_SIZE];
	const struct rd whole = { context, sizeof(context) }, none = { context, 0 };
	struct chacha_poly1305_ctx aead;
	bool good = m->info.len <= 64 && encap(ephemeral, to, out, shared);

	if (!good) {
		errno = EINVAL;
		return -1;
	}
	extract(hpke_id, none, "psk_id_hash", none, context + 1);
	extract(hpke_id, none, "info_hash", m->info, context + 1 + HASH);
	extract(hpke_id, (struct rd){ shared, HASH }, "secret", none, secret);
	expand(hpke_id, secret, "key", whole, (struct wr){ key, sizeof(key) });
	expand(hpke_id, secret, "base_nonce", whole, (struct wr){ nonce, sizeof(nonce) });
	chacha_poly1305_set_key(&aead, key);
	chacha_poly1305_set_nonce(&aead, nonce);
	chacha_poly1305_update(&aead, m->aad.len, m->aad.at);
	chacha_poly1305_encrypt(&aead, m->plain.len, out + BOX_ENC, m->plain.at);
	chacha_poly1305_digest(&aead, BOX_TAG, out + BOX_ENC + m->plain.len);
	explicit_bzero(&aead, sizeof(aead));
	explicit_bzero(shared, sizeof(shared));
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(key, sizeof(key));
	return 0;
}

/* ---- boxes */

int
box_fill(struct box *box, const char *name, struct rd secret, int32_t etype)
{
	struct sha256_ctx ctx;

	if (secret.len < 1 || secret.len > sizeof(box->secret) ||
	    (etype == 0 && secret.at[secret.len - 1] == 0)) {
		errno = EINVAL;
		return -1;
	}
	box->kind = etype == 0 ? ISO_KIND_PASSWORD : ISO_KIND_KEY;
	box->etype = etype;
	box->len = (uint32_t)secret.len;
	memset(box->pad_, 0, sizeof(box->pad_));
	box->endtime = 0;
	sha256_init(&ctx);
	sha256_update(&ctx, strlen(name), (const uint8_t *)name);
	sha256_digest(&ctx, sizeof(box->name), box->name);
	memset(box->secret, 0, sizeof(box->secret));
	memcpy(box->secret, secret.at, secret.len);
	return 0;
}

int
box_fill_tgt(struct box *box, struct rd client, struct rd key, int32_t etype, int64_t endtime)
{
	struct sha256_ctx ctx;

	if (etype == 0 || box_fill(box, "", key, etype) != 0) {
		errno = EINVAL;
		return -1;
	}
	box->kind = ISO_KIND_TGT;
	box->endtime = endtime;
	sha256_init(&ctx);
	sha256_update(&ctx, client.len, client.at);
	sha256_digest(&ctx, sizeof(box->name), box->name);
	return 0;
}

int
box_seal(const uint8_t to[ISO_PUBLIC], const struct box *box, uint8_t out[ISO_BOX])
{
	static const char info[] = BOX_INFO;
	const struct box_message m = {
		.info = { (const uint8_t *)info, sizeof(info) - 1 },
		.aad = { (const uint8_t *)info, 0 },
		.plain = { (const uint8_t *)box, sizeof(*box) },
	};
	uint8_t ephemeral[ISO_PUBLIC];
	int bad = -1;

	if (getrandom(ephemeral, sizeof(ephemeral), 0) == (ssize_t)sizeof(ephemeral))
		bad = box_hpke(ephemeral, to, &m, out);
	explicit_bzero(ephemeral, sizeof(ephemeral));
	return bad;
}

/* ---- the file of the public key */

static const char *
objection(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != 0 && (geteuid() == 0 || st->st_uid != geteuid()))
		return "it is not root's";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others may write to it";
	return NULL;
}

int
box_public_key(const char *path, uint8_t key[ISO_PUBLIC], char *error, size_t n)
{
	/* O_NONBLOCK: what is there may be a FIFO, which is refused then */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	char text[2 * ISO_PUBLIC + 2] = { 0 };
	struct stat st;
	const char *why = NULL;
	ssize_t got = -1;

	error[0] = '\0';
	if (fd < 0) {
		(void)snprintf(error, n, "%s: %s%s", path, strerror(errno),
			       errno == ENOENT ? "; is lsaiso running? Look at lsactl status" : "");
		return -1;
	}
	why = fstat(fd, &st) != 0 ? strerror(errno) : objection(&st);
	if (why == NULL)
		got = read(fd, text, sizeof(text));
	(void)close(fd);
	if (why == NULL && (got != (ssize_t)sizeof(text) - 1 || text[got - 1] != '\n' ||
			    strspn(text, "0123456789abcdef") != sizeof(text) - 2 ||
			    prove_pin(text, key, error, n) != 0))
		why = "it does not have a public key in it";
	if (why == NULL)
		return 0;
	(void)snprintf(error, n,
		       "%s: %s, so no secret is sealed to it; lsainit writes it anew "
		       "when it starts lsaiso",
		       path, why);
	return -1;
}
