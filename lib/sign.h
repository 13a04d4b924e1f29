/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ed25519 signatures (RFC 8032) and the files that hold keys and signatures.
 * lsasign makes them; lsainit and lsactl check them.
 *
 * A file is two lines: a fixed first line that says what it is, and one line
 * of base64 (RFC 4648 section 4, padded) of
 *
 *   "Ed"      2 octets, the algorithm
 *   id        8 octets: the first of SHA-256 of the public key
 *   and       32 octets of public key, 32 of private key (the seed of RFC
 *             8032 section 5.1.5), or 64 of signature
 *
 * There is no free text in it and one way only to write each: whatever is
 * changed in such a file makes it invalid.
 *
 * What is signed is a domain, which ends in a zero octet, and then the octets
 * themselves. So a signature made for one purpose is none for another.
 */
#ifndef LIB_SIGN_H
#define LIB_SIGN_H

#include <stddef.h>
#include <stdint.h>

#define SIGN_ID	       8
#define SIGN_KEY       32
#define SIGN_SIGNATURE 64
#define SIGN_TEXT      256   /* a whole file of any kind, and a zero octet */
#define SIGN_DATA_MAX  65536 /* octets that can be signed */
#define SIGN_NAME      64    /* of a key: its file's name without .pub */
#define SIGN_ID_TEXT   (2 * SIGN_ID + 1)
#define SIGN_BOOT_ID   36 /* /proc/sys/kernel/random/boot_id without its newline */

enum sign_domain {
	SIGN_MANIFEST, /* "lsaiso manifest 1\0" */
	SIGN_RELEASE,  /* "lsaiso guard release 1\0" */
};

struct sign_public {
	uint8_t id[SIGN_ID], key[SIGN_KEY];
	char name[SIGN_NAME]; /* for people; "" if it has none */
};

/* Secret: sign_wipe it after use. */
struct sign_private {
	uint8_t seed[SIGN_KEY];
	struct sign_public its;
};

enum sign_result {
	SIGN_GOOD,
	SIGN_MALFORMED, /* not a signature file */
	SIGN_UNKNOWN,	/* made by a key that is not among those given */
	SIGN_BAD,	/* not of these octets */
	SIGN_FAILED,	/* out of memory, or too many octets */
};

/* ---- keys */
/* A new one of the kernel's entropy. 0, or -1 with errno. */
int sign_make(struct sign_private *key) __attribute__((warn_unused_result));
/* The one of this seed. */
void sign_from_seed(const uint8_t seed[SIGN_KEY], struct sign_private *key);
void sign_wipe(struct sign_private *key);

/* ---- files: readers return 0, or -1 when the octets are not such a file */
int sign_read_public(const char *text, size_t len, struct sign_public *key)
    __attribute__((warn_unused_result));
int sign_read_private(const char *text, size_t len, struct sign_private *key)
    __attribute__((warn_unused_result));
void sign_write_public(const struct sign_public *key, char text[SIGN_TEXT]);
void sign_write_private(const struct sign_private *key, char text[SIGN_TEXT]);
/* "1a2b3c4d5e6f7081" */
void sign_id_text(const uint8_t id[SIGN_ID], char text[SIGN_ID_TEXT]);

/* ---- signatures */
/*
 * Sign len octets at data; text gets the signature file.
 * 0, or -1: out of memory, or more than SIGN_DATA_MAX octets.
 */
int sign_data(const struct sign_private *key, enum sign_domain domain, const void *data, size_t len,
	      char text[SIGN_TEXT]) __attribute__((warn_unused_result));

/*
 * Is text, textlen octets, the signature file of these octets by one of n keys?
 *
 * by  out: that key, when SIGN_GOOD; else NULL
 * id  out: the id that the signature names, unless SIGN_MALFORMED
 */
enum sign_result sign_check(const struct sign_public *keys, size_t n, enum sign_domain domain,
			    const void *data, size_t len, const char *text, size_t textlen,
			    const struct sign_public **by, uint8_t id[SIGN_ID])
    __attribute__((warn_unused_result));

#endif
