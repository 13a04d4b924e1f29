/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of one principal:
 *
 *   "LSAKEYT" 1 | data name | u32 keys | key... | SHA-256 of all before
 *   key      u32 etype | u32 kvno | u32 owner | data path | data stand-in | u32 versions |
 * version... version  u32 state | u32 kvno | u64 since | data kept
 *
 * Integers are big-endian, data is u32 length and octets (lsass/wire.h). The hash is
 * against accidents: what is kept is sealed, and who can write here is lsass.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsass/keytab/keytab.h"

#define MAGIC	   "LSAKEYT\1"
#define MAGIC_LEN  8u
#define NAME_SIZE  80
#define KEY_OVER   (7u * 4 + ISO_KEY_MAX)
#define KEPT_ROOM  (5u * 4 + ISO_KEPT_MAX)
#define FAMILY_LOW (MAGIC_LEN + 8u + ISO_NAME_MAX + SHA256_DIGEST_SIZE)

/* ---- writing; there is room, which was counted */

static void
put_u32(uint8_t **at, uint32_t value)
{
	wire_set_u32(*at, value);
	*at += 4;
}

static void
put_data(uint8_t **at, const void *octets, size_t n)
{
	put_u32(at, (uint32_t)n);
	memcpy(*at, octets, n);
	*at += n;
}

static void
put_key(uint8_t **at, const struct standin_key *sk)
{
	put_u32(at, (uint32_t)sk->etype);
	put_u32(at, sk->kvno);
	put_u32(at, (uint32_t)sk->owner);
	put_data(at, sk->path, strlen(sk->path));
	put_data(at, sk->key, sk->key_len);
	put_u32(at, (uint32_t)sk->nversions);
	for (size_t i = 0; i < sk->nversions; i++) {
		const struct kept_key *kk = &sk->versions[i];

		put_u32(at, (uint32_t)kk->state);
		put_u32(at, kk->kvno);
		put_u32(at, (uint32_t)((uint64_t)kk->since >> 32));
		put_u32(at, (uint32_t)kk->since);
		put_data(at, kk->kept, kk->len);
	}
}

uint8_t *
family_write(const struct standin_key *first, size_t *n)
{
	size_t room = FAMILY_LOW;
	uint32_t keys = 0;
	struct sha256_ctx ctx;
	uint8_t *buf, *at;

	if (first == NULL)
		return NULL;
	for (const struct standin_key *sk = first; sk != NULL; sk = sk->next) {
		room += KEY_OVER + strlen(sk->path) + sk->nversions * KEPT_ROOM;
		keys++;
	}
	buf = at = malloc(room);
	if (buf == NULL)
		return NULL;
	memcpy(at, MAGIC, MAGIC_LEN);
	at += MAGIC_LEN;
	put_data(&at, first->name, strlen(first->name));
	put_u32(&at, keys);
	for (const struct standin_key *sk = first; sk != NULL; sk = sk->next)
		put_key(&at, sk);
	sha256_init(&ctx);
	sha256_update(&ctx, (size_t)(at - buf), buf);
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, at);
	*n = (size_t)(at - buf) + SHA256_DIGEST_SIZE;
	return buf;
}

/* ---- reading */

static int
get_version(struct rd *in, struct kept_key *kk)
{
	uint32_t state, high, low;
	struct rd kept;

	if (wire_u32(in, &state) != 0 || wire_u32(in, &kk->kvno) != 0 || wire_u32(in, &high) != 0 ||
	    wire_u32(in, &low) != 0 || wire_data(in, &kept) != 0 || state > KEPT_OLD ||
	    kept.len == 0 || kept.len > sizeof(kk->kept))
		return -1;
	kk->state = (enum kept_state)state;
	kk->since = (int64_t)((uint64_t)high << 32 | low);
	kk->len = (uint16_t)kept.len;
	memcpy(kk->kept, kept.at, kept.len);
	return 0;
}

static int
get_key(struct rd *in, struct standin_key *sk)
{
	uint32_t etype, owner, n;
	struct rd path, key;

	if (wire_u32(in, &etype) != 0 || wire_u32(in, &sk->kvno) != 0 ||
	    wire_u32(in, &owner) != 0 || wire_data(in, &path) != 0 || wire_data(in, &key) != 0 ||
	    wire_u32(in, &n) != 0 || path.len == 0 || path.len >= KEYTAB_PATH_MAX ||
	    memchr(path.at, '\0', path.len) != NULL || key.len == 0 || key.len > sizeof(sk->key) ||
	    n > KEYTAB_VERSIONS_MAX)
		return -1;
	sk->etype = (int32_t)etype;
	sk->owner = (uid_t)owner;
	sk->key_len = (uint8_t)key.len;
	memcpy(sk->key, key.at, key.len);
	sk->path = strndup((const char *)path.at, path.len);
	if (sk->path == NULL)
		return -1;
	for (; sk->nversions < n; sk->nversions++) {
		if (get_version(in, &sk->versions[sk->nversions]) != 0)
			return -1;
	}
	return 0;
}

void
standin_free(struct standin_key *sk)
{
	if (sk == NULL)
		return;
	free(sk->path);
	explicit_bzero(sk, sizeof(*sk));
	free(sk);
}

/* What is before the hash, if that is right. */
static int
whole(struct rd *in)
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	if (in->len < MAGIC_LEN + sizeof(hash) || memcmp(in->at, MAGIC, MAGIC_LEN) != 0)
		return -1;
	in->len -= sizeof(hash);
	sha256_init(&ctx);
	sha256_update(&ctx, in->len, in->at);
	sha256_digest(&ctx, sizeof(hash), hash);
	if (memcmp(in->at + in->len, hash, sizeof(hash)) != 0)
		return -1;
	in->at += MAGIC_LEN;
	in->len -= MAGIC_LEN;
	return 0;
}

int
family_read(struct rd in, struct standin_key **first)
{
	struct standin_key **end = first;
	struct rd name;
	uint32_t n;

	*first = NULL;
	if (whole(&in) != 0 || wire_data(&in, &name) != 0 || wire_u32(&in, &n) != 0 ||
	    name.len == 0 || name.len > ISO_NAME_MAX || memchr(name.at, '\0', name.len) != NULL ||
	    n == 0 || n > KEYTAB_FAMILY_MAX)
		return -1;
	for (; n > 0; n--) {
		*end = calloc(1, sizeof(**end));
		if (*end == NULL)
			goto bad;
		memcpy((*end)->name, name.at, name.len);
		if (get_key(&in, *end) != 0)
			goto bad;
		end = &(*end)->next;
	}
	if (in.len == 0)
		return 0;
bad:
	while (*first != NULL) {
		struct standin_key *sk = *first;

		*first = sk->next;
		standin_free(sk);
	}
	return -1;
}

/* ---- the disk */

static int
write_all(int fd, struct rd octets)
{
	while (octets.len > 0) {
		ssize_t n = write(fd, octets.at, octets.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		octets.at += n;
		octets.len -= (size_t)n;
	}
	return fsync(fd);
}

int
family_store(int folder, const char *name, struct rd octets)
{
	char fresh[NAME_SIZE];
	int fd, error = 0;

	if (octets.len == 0) {
		if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
			return errno;
		return fsync(folder) == 0 ? 0 : errno;
	}
	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	if (write_all(fd, octets) != 0)
		error = errno != 0 ? errno : EIO;
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && renameat(folder, fresh, folder, name) != 0)
		error = errno;
	if (error != 0) {
		(void)unlinkat(folder, fresh, 0);
		return error;
	}
	return fsync(folder) == 0 ? 0 : errno;
}
