/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What krb.c shares with the files of the three profiles; for nobody else.
 * Texts are sealed and opened in place: confounder first, mac apart.
 */
#ifndef LSAISO_KRB_IMPL_H
#define LSAISO_KRB_IMPL_H

#include "krb.h"

/* Kinds of derived key, RFC 3961 section 5.3, also used by RFC 8009. */
#define KRB_KC 0x99u /* checksum */
#define KRB_KE 0xaau /* encryption */
#define KRB_KI 0x55u /* integrity */

/* A derived key, wiped by who asked for it. Longest: Ke of etype 18 and 20. */
struct krb_derived {
	uint8_t octets[ISO_KEY_MAX];
	uint8_t len;
};

/* ---- krb_aes.c: AES in CBC mode with ciphertext stealing, RFC 3962 section 5 */

/* text.left is 16 or more; the initial vector is zero. */
void krb_cts_encrypt(const struct krb_derived *key, struct wr text);
void krb_cts_decrypt(const struct krb_derived *key, struct wr text);

/* One block. */
void krb_aes_block(const uint8_t *key, size_t key_len, const uint8_t in[16], uint8_t out[16]);

/* ---- krb_sha1.c: etypes 17, 18 */

/* RFC 3961 section 5.1; out.left at most 32. */
void krb_nfold(struct rd in, struct wr out);
void krb_sha1_derive(const struct krb_key *base, uint32_t usage, uint8_t kind,
		     struct krb_derived *key);
/* DK of RFC 3961 section 5.1; constant: at most a block, folded to one. */
void krb_sha1_dk(const struct krb_key *base, struct rd constant, struct krb_derived *key);
void krb_sha1_mac(const struct krb_derived *key, struct rd data, uint8_t mac[KRB_MAC_MAX]);

/* ---- krb_sha2.c: etypes 19, 20 */

void krb_sha2_derive(const struct krb_key *base, uint32_t usage, uint8_t kind,
		     struct krb_derived *key);
/* RFC 8009 section 3, label and context together at most 50 octets. */
void krb_sha2_kdf(const struct krb_key *base, struct rd label, struct rd context, struct wr out);
/* iv: prepend a zero block, as the integrity tag of an encryption does. */
void krb_sha2_mac(const struct krb_derived *key, int iv, struct rd data, uint8_t mac[KRB_MAC_MAX]);

/* ---- krb_rc4.c: etype 23; its mac comes first on the wire */

void krb_rc4_encrypt(const struct krb_key *key, uint32_t usage, struct wr text, uint8_t mac[16]);
void krb_rc4_decrypt(const struct krb_key *key, uint32_t usage, struct wr text,
		     const uint8_t mac[16], uint8_t expected[16]);

#endif
