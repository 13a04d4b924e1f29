/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kerberos cryptography of five encryption types, over nettle:
 *
 *   17, 18  aes128/256-cts-hmac-sha1-96        RFC 3961, 3962
 *   19, 20  aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha384-192  RFC 8009
 *   23      rc4-hmac                           RFC 4757
 *
 * Whether a type may be used is policy and decided by the caller. No key
 * schedule or derived key outlives a call.
 */
#ifndef LSAISO_KRB_H
#define LSAISO_KRB_H

#include "rpc/rpc.h"

/* Key usages, RFC 4120 section 7.5.1, RFC 6113. No other exists here. */
#define KRB_USAGE_AS_REQ_TS	1u  /* PA-ENC-TIMESTAMP */
#define KRB_USAGE_TICKET	2u  /* enc-part of a Ticket */
#define KRB_USAGE_AS_REP	3u  /* enc-part of AS-REP */
#define KRB_USAGE_AP_REQ_AUTH	11u /* authenticator of an AP-REQ */
#define KRB_USAGE_AP_REP	12u /* enc-part of AP-REP */
#define KRB_USAGE_PRIV		13u /* enc-part of KRB-PRIV */
#define KRB_USAGE_CHALLENGE	54u /* encrypted challenge of the client */
#define KRB_USAGE_ENC_PA_REP	56u /* checksum of REQ-ENC-PA-REP, RFC 6806 section 11 */
#define KRB_USAGE_TGS_REQ_CKSUM 6u  /* checksum in the authenticator of a TGS-REQ */
#define KRB_USAGE_TGS_REQ_AUTH	7u  /* that authenticator */
#define KRB_USAGE_TGS_REP_SUB	9u  /* enc-part of TGS-REP under the subkey */
#define KRB_USAGE_FOR_USER	17u /* checksum of PA-FOR-USER */

#define KRB_ETYPE_AES128_SHA1 17
#define KRB_ETYPE_AES256_SHA1 18
#define KRB_ETYPE_AES128_SHA2 19
#define KRB_ETYPE_AES256_SHA2 20
#define KRB_ETYPE_RC4	      23

#define KRB_CONF_MAX 16u /* confounder */
#define KRB_MAC_MAX  24u /* integrity tag or checksum */

enum krb_profile { KRB_SHA1, KRB_SHA2, KRB_RC4 };

/* Lengths in octets. */
struct krb_type {
	int32_t etype;
	int32_t cksumtype; /* the mandatory checksum of the type */
	uint8_t profile;   /* enum krb_profile */
	uint8_t key_len;
	uint8_t conf_len;
	uint8_t mac_len; /* tag of an encryption, and of a checksum */
};

struct krb_key {
	const struct krb_type *type;
	uint8_t octets[ISO_KEY_MAX]; /* type->key_len of them */
};

/* The row of an encryption type, or NULL. etype comes off the wire. */
const struct krb_type *krb_type(int32_t etype);

/*
 * Encrypt with a fresh confounder.
 *
 * out  ciphertext as in EncryptedData.cipher; must not overlap plain
 * len  out, plain.len + conf_len + mac_len
 *
 * Returns ISO_OK, ISO_E_RANGE (out too small), ISO_E_ENTROPY.
 */
enum iso_status krb_encrypt(const struct krb_key *key, uint32_t usage, struct rd plain,
			    struct wr out, size_t *len) RPC_CHECKED;

/*
 * Decrypt, and verify in constant time. When that fails out is zero again.
 *
 * out  holds cipher.len octets, may be cipher's own; the plaintext ends up at
 *      its start
 * len  out, of the plaintext
 *
 * Returns ISO_OK, ISO_E_RANGE (out too small), ISO_E_INTEGRITY (also when
 * cipher is too short to be any).
 */
enum iso_status krb_decrypt(const struct krb_key *key, uint32_t usage, struct rd cipher,
			    struct wr out, size_t *len) RPC_CHECKED;

/*
 * The type's pseudo-random function, KRB_PRF octets or fewer: RFC 3962, RFC
 * 8009 section 5; of etype 23 HMAC-SHA1.
 *
 * data  at most KRB_PRF_IN octets
 * out   KRB_PRF octets, of which the type fills as many as are returned; the
 *       caller wipes it
 */
#define KRB_PRF	   48u
#define KRB_PRF_IN 33u
size_t krb_prf(const struct krb_key *key, struct rd data, uint8_t out[KRB_PRF]);

/*
 * KRB-FX-CF2 of RFC 6113 section 5.1: a key of a's type, made of two keys.
 * peppers  zero-terminated, less than KRB_PRF_IN octets each
 * out      may not be a or b; the caller wipes it
 */
void krb_cf2(const struct krb_key *a, const char *pepper_a, const struct krb_key *b,
	     const char *pepper_b, struct krb_key *out);

/*
 * String-to-key: the long-term key of a password.
 *
 * password    UTF-8, 1..ISO_SECRET_MAX octets
 * salt        as the KDC sent it, at most ISO_SALT_MAX octets; etype 23 has none
 * iterations  1 or more, the bounds are the caller's; etype 23 has none
 * key         type given; octets out
 *
 * Returns ISO_OK, ISO_E_RANGE (etype 23: a password that is not UTF-8).
 * Time depends on iterations and lengths, not on the password; but of etype
 * 23 on which of its characters are of how many octets.
 * RFC 3962 section 4, RFC 8009 section 4, RFC 4757 section 2 (MD4 of UTF-16LE).
 */
enum iso_status krb_string_to_key(struct rd password, struct rd salt, uint32_t iterations,
				  struct krb_key *key) RPC_CHECKED;

/*
 * NT hash: MD4 of the password as UTF-16LE. No character may be encoded
 * longer than it need be, and none may be half a surrogate pair (RFC 3629).
 * Returns ISO_OK, ISO_E_RANGE (not UTF-8).
 */
#define KRB_NT_HASH 16u
enum iso_status krb_nt_hash(struct rd password, uint8_t hash[KRB_NT_HASH]) RPC_CHECKED;

/* HMAC-MD5 (RFC 2104) of n parts after each other; and RC4, in place. */
void krb_hmac_md5(struct rd key, const struct rd *parts, size_t n, uint8_t mac[16]);
void krb_rc4(const uint8_t key[16], struct wr text);

/* HMAC-MD5 of RFC 4757 section 4, whatever type the key is of: 16 octets into mac. */
void krb_checksum_md5(const struct krb_key *key, uint32_t usage, struct rd data, uint8_t mac[16]);
/* The type's mandatory checksum of data: type->mac_len octets into mac. */
void krb_checksum(const struct krb_key *key, uint32_t usage, struct rd data,
		  uint8_t mac[KRB_MAC_MAX]);

#endif
