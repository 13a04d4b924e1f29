/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/front/kdc/proof.h"

#include <string.h>

#include "lsass/tgs/creds.h"
#include "lsass/tgs/der_fast.h"
#include "lsass/tgs/der_parts.h"

#define PLAIN_MAX 4096 /* of an Authenticator; real ones are some 200 octets */

#define APP_AUTHENTICATOR 0x62 /* [APPLICATION 2] */

/* RFC 4120 7.5.1, [MS-SFU] 2.2.1 */
#define USAGE_TGS_REQ_CHECKSUM 6
#define USAGE_TGS_REQ_AUTH     7
#define USAGE_FOR_USER	       17

#define SUM_HMAC_MD5 (-138) /* RFC 4757 section 4 */
#define HMAC_MD5_LEN 16

krb5_keyblock
proof_keyblock(const struct proof_key *key)
{
	krb5_keyblock block = { .magic = KV5M_KEYBLOCK, .enctype = key->etype };

	block.length = key->len;
	block.contents = (krb5_octet *)(uintptr_t)key->octets;
	return block;
}

/* ---- reading */

struct authenticator {
	struct wire_princ client;
	bool has_sum;
	struct der_checksum sum;
	uint32_t ctime;
	bool has_subkey;
	int32_t subkey_etype;
	struct rd subkey;
};

static int
read_sum(struct rd *in, uint8_t n, struct der_checksum *sum)
{
	struct der el, octets;

	if (der_field(in, n, DER_SEQUENCE, &el) != 0 ||
	    der_field_int(&el.body, 0, &sum->type) != 0 ||
	    der_field(&el.body, 1, DER_OCTETS, &octets) != 0 || el.body.len != 0)
		return -1;
	sum->octets = octets.body;
	return 0;
}

static int
read_subkey(struct rd *in, uint8_t n, struct authenticator *a)
{
	struct der el, octets;

	if (der_field(in, n, DER_SEQUENCE, &el) != 0 ||
	    der_field_int(&el.body, 0, &a->subkey_etype) != 0 ||
	    der_field(&el.body, 1, DER_OCTETS, &octets) != 0 || el.body.len != 0)
		return -1;
	a->subkey = octets.body;
	return 0;
}

/* Authenticator, RFC 4120 5.5.1 */
static int
read_authenticator(struct rd plain, struct authenticator *a)
{
	struct der el, seq, realm;

	memset(a, 0, sizeof(*a));
	if (der_only(plain, APP_AUTHENTICATOR, &el) != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0 ||
	    der_field_is(&seq.body, 0, DER_PVNO) != 0 ||
	    der_field(&seq.body, 1, DER_GEN_STRING, &realm) != 0 ||
	    der_field_name(&seq.body, 2, &a->client) != 0)
		return -1;
	a->client.realm = realm.body;
	a->has_sum = der_next_is(&seq.body, 3);
	if (a->has_sum && read_sum(&seq.body, 3, &a->sum) != 0)
		return -1;
	if (der_skip(&seq.body, 4) != 0 || der_field_time(&seq.body, 5, &a->ctime) != 0)
		return -1;
	a->has_subkey = der_next_is(&seq.body, 6);
	if (a->has_subkey && read_subkey(&seq.body, 6, a) != 0)
		return -1;
	return der_skip(&seq.body, 7) == 0 && der_skip(&seq.body, 8) == 0 && seq.body.len == 0 ? 0
											       : -1;
}

/* ---- judging */

static bool
sum_holds(krb5_context ctx, const struct proof_key *key, krb5_keyusage usage,
	  const struct der_checksum *sum, struct rd over)
{
	krb5_keyblock block = proof_keyblock(key);
	krb5_checksum theirs = { .magic = KV5M_CHECKSUM, .checksum_type = sum->type };
	krb5_data data = creds_data(over);
	krb5_boolean holds = FALSE;

	theirs.length = (unsigned int)sum->octets.len;
	theirs.contents = (krb5_octet *)(uintptr_t)sum->octets.at;
	return krb5_c_verify_checksum(ctx, &block, usage, &data, &theirs, &holds) == 0 && holds;
}

/*
 * One that is there must be keyed, as KDCs ask for. Some clients send none (impacket), and
 * Active Directory lets them: the body is then proven by nothing but the socket that it came
 * through, whose user is known. What goes to the KDC has one in any case.
 */
static int32_t
judge_sum(krb5_context ctx, const struct proof_key *standin, const struct authenticator *a,
	  struct rd body)
{
	if (!a->has_sum)
		return 0;
	if (!krb5_c_is_keyed_cksum(a->sum.type))
		return PROOF_INAPP_CKSUM;
	return sum_holds(ctx, standin, USAGE_TGS_REQ_CHECKSUM, &a->sum, body) ? 0 : PROOF_MODIFIED;
}

static int32_t
take_subkey(krb5_context ctx, const struct authenticator *a, struct proof_key *subkey)
{
	size_t octets, len;

	if (!a->has_subkey)
		return 0;
	if (!krb5_c_valid_enctype(a->subkey_etype) ||
	    krb5_c_keylengths(ctx, a->subkey_etype, &octets, &len) != 0 || a->subkey.len != len ||
	    len > sizeof(subkey->octets))
		return PROOF_ETYPE_NOSUPP;
	subkey->etype = a->subkey_etype;
	subkey->len = (uint8_t)len;
	memcpy(subkey->octets, a->subkey.at, len);
	return 0;
}

static int32_t
judge(krb5_context ctx, const struct proof_key *standin, const struct wire_princ *client,
      const struct der_tgs_req *req, int64_t now, struct rd plain, struct proof_key *subkey)
{
	struct authenticator a;
	int64_t apart;
	int32_t code;

	if (read_authenticator(plain, &a) != 0)
		return PROOF_MSG_TYPE;
	if (!wire_princ_equal(&a.client, client))
		return PROOF_BAD_MATCH;
	code = judge_sum(ctx, standin, &a, req->body);
	if (code != 0)
		return code;
	apart = (int64_t)a.ctime - now;
	if (apart > PROOF_SKEW_MAX || apart < -PROOF_SKEW_MAX)
		return PROOF_SKEW;
	return take_subkey(ctx, &a, subkey);
}

int32_t
proof_check(krb5_context ctx, const struct proof_key *standin, const struct wire_princ *client,
	    const struct der_tgs_req *req, int64_t now, struct proof_key *subkey)
{
	krb5_keyblock block = proof_keyblock(standin);
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA, .enctype = req->authenticator.etype };
	uint8_t plain[PLAIN_MAX];
	krb5_data out = { .magic = KV5M_DATA, .length = sizeof(plain), .data = (char *)plain };
	int32_t code = PROOF_OTHER_KEY;

	memset(subkey, 0, sizeof(*subkey));
	if (req->authenticator.etype != standin->etype ||
	    req->authenticator.cipher.len > sizeof(plain))
		return code;
	enc.ciphertext = creds_data(req->authenticator.cipher);
	out.length = enc.ciphertext.length;
	if (krb5_c_decrypt(ctx, &block, USAGE_TGS_REQ_AUTH, NULL, &enc, &out) == 0)
		code = judge(ctx, standin, client, req, now, creds_rd(&out), subkey);
	explicit_bzero(plain, enc.ciphertext.length);
	return code;
}

/* ---- PA-FOR-USER */

static int
put(struct wr *to, const void *octets, size_t n)
{
	if (n > to->left)
		return -1;
	memcpy(to->at, octets, n);
	to->at += n;
	to->left -= n;
	return 0;
}

/* S4UByteArray: name type, little-endian; components; realm; package */
static int
put_text(const struct wire_princ *user, struct rd package, struct wr *to)
{
	const uint32_t type = (uint32_t)user->type;
	const uint8_t head[] = { (uint8_t)type, (uint8_t)(type >> 8), (uint8_t)(type >> 16),
				 (uint8_t)(type >> 24) };

	if (put(to, head, sizeof(head)) != 0)
		return -1;
	for (uint32_t i = 0; i < user->ncomp; i++) {
		if (put(to, user->comp[i].at, user->comp[i].len) != 0)
			return -1;
	}
	if (put(to, user->realm.at, user->realm.len) != 0)
		return -1;
	return put(to, package.at, package.len);
}

int32_t
proof_for_user(krb5_context ctx, const struct proof_key *standin, struct rd value, struct wr *text,
	       struct rd *mac)
{
	struct wr room = *text;
	struct wire_princ user = { 0 };
	struct der_checksum sum;
	struct der seq, realm, package;

	if (der_only(value, DER_SEQUENCE, &seq) != 0 || der_field_name(&seq.body, 0, &user) != 0 ||
	    der_field(&seq.body, 1, DER_GEN_STRING, &realm) != 0 ||
	    read_sum(&seq.body, 2, &sum) != 0 ||
	    der_field(&seq.body, 3, DER_GEN_STRING, &package) != 0 || seq.body.len != 0)
		return PROOF_MSG_TYPE;
	user.realm = realm.body;
	if (put_text(&user, package.body, &room) != 0)
		return PROOF_MSG_TYPE;
	text->left -= room.left;
	if (sum.type != SUM_HMAC_MD5 || sum.octets.len != HMAC_MD5_LEN)
		return PROOF_INAPP_CKSUM;
	*mac = sum.octets;
	return sum_holds(ctx, standin, USAGE_FOR_USER, &sum, (struct rd){ text->at, text->left })
		   ? 0
		   : PROOF_MODIFIED;
}
