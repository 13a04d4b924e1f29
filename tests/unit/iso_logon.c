/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso_logon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "tgs.h"

#define PA_CHECKSUM 149

static krb5_context ctx;

int
logon_setup(void **state)
{
	int failed = world_setup(state);

	return failed != 0 ? failed : krb5_init_context(&ctx);
}

int
logon_teardown(void **state)
{
	krb5_free_context(ctx);
	return world_teardown(state);
}

/* ---- the KDC's cryptography */

struct key
new_key(int32_t etype)
{
	struct key k = { .etype = etype, .len = krb_type(etype)->key_len };

	test_random(k.octets, k.len);
	return k;
}

struct rd
octets_of(const struct key *k)
{
	return (struct rd){ k->octets, k->len };
}

static krb5_keyblock
keyblock(const struct key *k)
{
	return (krb5_keyblock){ .enctype = k->etype,
				.length = (unsigned int)k->len,
				.contents = (krb5_octet *)(uintptr_t)k->octets };
}

struct rd
kdc_encrypt(const struct key *k, krb5_keyusage usage, struct rd plain)
{
	static uint8_t cipher[70000];
	krb5_keyblock block = keyblock(k);
	krb5_data in = { .data = (char *)(uintptr_t)plain.at, .length = (unsigned int)plain.len };
	krb5_enc_data enc = { 0 };

	enc.ciphertext.data = (char *)cipher;
	enc.ciphertext.length = sizeof(cipher);
	assert_int_equal(krb5_c_encrypt(ctx, &block, usage, NULL, &in, &enc), 0);
	return d_raw(cipher, enc.ciphertext.length);
}

struct rd
kdc_decrypt(const struct key *k, krb5_keyusage usage, struct rd cipher)
{
	static uint8_t plain[ISO_PART_MAX];
	krb5_keyblock block = keyblock(k);
	krb5_enc_data enc = { .enctype = k->etype };
	krb5_data out = { .data = (char *)plain, .length = sizeof(plain) };

	enc.ciphertext.data = (char *)(uintptr_t)cipher.at;
	enc.ciphertext.length = (unsigned int)cipher.len;
	assert_int_equal(krb5_c_decrypt(ctx, &block, usage, NULL, &enc, &out), 0);
	return d_raw(plain, out.length);
}

struct key
kdc_mix(const struct key *a, const char *pepper_a, const struct key *b, const char *pepper_b)
{
	krb5_keyblock one = keyblock(a), two = keyblock(b), *made = NULL;
	struct key k = { .etype = a->etype, .len = a->len };

	assert_int_equal(krb5_c_fx_cf2_simple(ctx, &one, pepper_a, &two, pepper_b, &made), 0);
	assert_int_equal(made->enctype, a->etype);
	assert_int_equal(made->length, a->len);
	memcpy(k.octets, made->contents, k.len);
	krb5_free_keyblock(ctx, made);
	return k;
}

struct rd
word_for(const struct key *k, struct rd of)
{
	krb5_keyblock block = keyblock(k);
	krb5_data in = { .data = (char *)(uintptr_t)of.at, .length = (unsigned int)of.len };
	krb5_checksum sum;
	struct rd value;

	assert_int_equal(krb5_c_make_checksum(ctx, 0, &block, 56, &in, &sum), 0);
	value = d_seq(d_join(2, d_ctx(0, d_int(sum.checksum_type)),
			     d_ctx(1, d_octets(d_raw(sum.contents, sum.length)))));
	krb5_free_checksum_contents(ctx, &sum);
	return d_padata(PA_CHECKSUM, value);
}

/* ---- a logon whose long-term key is in lsaiso */

struct rd
blob_of(const struct logon *l)
{
	return (struct rd){ l->blob, l->len };
}

struct rd
text(const char *of)
{
	return (struct rd){ (const uint8_t *)of, strlen(of) };
}

void
put_key(struct logon *l, uint8_t kind, uint16_t may, const struct key *k, const char *name)
{
	struct iso *iso = l->w.iso;
	struct blob b = {
		.kind = kind, .may = may, .etype = k->etype, .expires_ms = iso->now_ms + ISO_BOX_MS
	};

	blob_client_hash(text(name), b.client);
	assert_int_equal(blob_seal(iso, &iso->session[l->w.s.session], &b, octets_of(k),
				   (struct wr){ l->blob, sizeof(l->blob) }, &l->len),
			 ISO_OK);
}

struct logon
logon_with(uint32_t policy, int32_t etype)
{
	struct logon l = { .w = world_with(policy, 18), .key = new_key(etype) };

	l.next = new_key(18);
	put_key(&l, ISO_KIND_KEY, ISO_MAY_AS, &l.key, NAME);
	return l;
}

struct part_spec
part_of(const struct logon *l)
{
	return (struct part_spec){
		.tag = 0x79,
		.etype = l->next.etype,
		.key = octets_of(&l->next),
		.nonce = NONCE,
		.flags = TGS_FLAG_ENC_PA_REP,
		.sname = d_name(2, "krbtgt", "EXAMPLE.TEST", NULL),
		.padata = word_for(&l->key, text(REQUEST)),
	};
}

struct iso_req_krb_as_open
open_req_of(const struct logon *l, struct rd part)
{
	return (struct iso_req_krb_as_open){
		.session = l->w.s.session,
		.generation = l->w.s.generation,
		.owner = OWNER,
		.key = blob_of(l),
		.name = text(NAME),
		.client = d_client(),
		.nonce = NONCE,
		.etype = l->key.etype,
		.cipher = kdc_encrypt(&l->key, 3, part),
		.request = text(REQUEST),
	};
}

struct iso_req_krb_armor
armor_req_of(const struct logon *l)
{
	return (struct iso_req_krb_armor){
		.session = l->w.s.session,
		.generation = l->w.s.generation,
		.owner = OWNER,
		.blob = { opened.blob.at, opened.blob.len },
		.client = d_client(),
	};
}
struct iso_rep_krb_as_open opened;

enum iso_status
as_open(const struct logon *l, const struct iso_req_krb_as_open *req)
{
	memset(&opened, 0, sizeof(opened));
	return iso_call(l->w.iso, ISO_OP_krb_as_open, req, &opened);
}

enum iso_status
open_part(const struct logon *l, const struct part_spec *part)
{
	struct iso_req_krb_as_open req = open_req_of(l, d_part(part));

	return as_open(l, &req);
}

struct world
with_ticket(const struct logon *l)
{
	struct world w = l->w;

	w.etype = l->next.etype;
	w.key_len = l->next.len;
	memcpy(w.key, l->next.octets, l->next.len);
	memcpy(w.blob.blob.at, opened.blob.at, opened.blob.len);
	w.blob.blob.len = opened.blob.len;
	return w;
}
