/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* memmem */
#include "iso_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "der.h"

static krb5_context ctx;

int
world_setup(void **state)
{
	(void)state;
	setenv("KRB5_CONFIG", "/dev/null", 1);
	return krb5_init_context(&ctx);
}

int
world_teardown(void **state)
{
	(void)state;
	krb5_free_context(ctx);
	return 0;
}

struct world
world_with(uint32_t policy, int32_t etype)
{
	struct world w = { .iso = iso_running(policy), .etype = etype };
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct iso_req_cred_absorb absorb = { .owner = OWNER,
					      .kind = ISO_KIND_TGT,
					      .endtime = TEST_NOW + 36000 };

	assert_int_equal(iso_call(w.iso, ISO_OP_session_open, &open, &w.s), ISO_OK);
	w.key_len = krb_type(etype)->key_len;
	test_random(w.key, w.key_len);
	absorb.session = w.s.session;
	absorb.generation = w.s.generation;
	absorb.etype = etype;
	absorb.client = d_client();
	absorb.key = (struct rd){ w.key, w.key_len };
	assert_int_equal(iso_call(w.iso, ISO_OP_cred_absorb, &absorb, &w.blob), ISO_OK);
	return w;
}

struct iso_req_krb_tgs_seal
seal_req(const struct world *w, struct rd body)
{
	return (struct iso_req_krb_tgs_seal){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.blob = { w->blob.blob.at, w->blob.blob.len },
		.client = d_client(),
		.body = body,
	};
}

enum iso_status
seal(struct world *w, struct rd body)
{
	struct iso_req_krb_tgs_seal req = seal_req(w, body);

	return iso_call(w->iso, ISO_OP_krb_tgs_seal, &req, &w->sealed);
}

/* ---- the KDC's side */

/* Read the authenticator with libkrb5's cryptography and check every field. */
void
kdc_reads(struct world *w, struct rd body)
{
	krb5_keyblock k = { .enctype = w->etype,
			    .length = (unsigned int)w->key_len,
			    .contents = w->key };
	krb5_enc_data enc = { .enctype = w->etype };
	uint8_t plain[ISO_AUTH_MAX];
	krb5_data out = { .data = (char *)plain, .length = sizeof(plain) };
	krb5_data over = { .data = (char *)(uintptr_t)body.at, .length = (unsigned int)body.len };
	bool bad = false;
	struct der all = { .bad = &bad }, app, seq, sum, key;
	struct rd sum_octets, key_octets, client = d_client();
	krb5_checksum cksum = { 0 };
	krb5_boolean valid = 0;

	enc.ciphertext.data = (char *)w->sealed.authenticator.at;
	enc.ciphertext.length = w->sealed.authenticator.len;
	assert_int_equal(krb5_c_decrypt(ctx, &k, 7, NULL, &enc, &out), 0);
	all.rest = (struct rd){ plain, out.length };
	app = der_take(&all, DER_APP(2));
	der_end(&all);
	seq = der_take(&app, DER_SEQUENCE);
	der_end(&app);
	assert_int_equal(der_field_int(&seq, 0), 5);
	assert_true(seq.rest.len > client.len);
	assert_memory_equal(seq.rest.at, client.at, client.len);
	seq.rest.at += client.len;
	seq.rest.len -= client.len;
	sum = der_field(&seq, 3, DER_SEQUENCE);
	cksum.checksum_type = (krb5_cksumtype)der_field_int(&sum, 0);
	sum_octets = der_field(&sum, 1, DER_OCTETS).rest;
	cksum.length = (unsigned int)sum_octets.len;
	cksum.contents = (krb5_octet *)(uintptr_t)sum_octets.at;
	assert_int_equal(krb5_c_verify_checksum(ctx, &k, 6, &over, &cksum, &valid), 0);
	assert_true(valid);
	w->cusec = der_field_int(&seq, 4);
	w->ctime = der_field_time(&seq, 5);
	key = der_field(&seq, 6, DER_SEQUENCE);
	assert_int_equal(der_field_int(&key, 0), w->etype);
	key_octets = der_field(&key, 1, DER_OCTETS).rest;
	assert_int_equal(key_octets.len, w->key_len);
	memcpy(w->subkey, key_octets.at, key_octets.len);
	assert_memory_not_equal(w->subkey, w->key, w->key_len);
	w->seq = der_field_int(&seq, 7);
	assert_in_range(w->seq, 0, INT32_MAX);
	der_end(&seq);
	assert_false(bad);
}

/* Encrypt a part under the subkey and let lsaiso open it. */
enum iso_status
answer_as(struct world *w, struct rd part, uint32_t owner, int32_t etype, krb5_keyusage usage,
	  struct iso_rep_krb_tgs_open *rep)
{
	static uint8_t cipher[ISO_PART_MAX + 64];
	krb5_keyblock k = { .enctype = w->etype,
			    .length = (unsigned int)w->key_len,
			    .contents = w->subkey };
	krb5_enc_data enc = { 0 };
	krb5_data in = { .data = (char *)(uintptr_t)part.at, .length = (unsigned int)part.len };
	struct iso_req_krb_tgs_open req = { .pending = w->sealed.pending,
					    .owner = owner,
					    .etype = etype };

	enc.ciphertext.data = (char *)cipher;
	enc.ciphertext.length = sizeof(cipher);
	assert_int_equal(krb5_c_encrypt(ctx, &k, usage, NULL, &in, &enc), 0);
	req.cipher = (struct rd){ cipher, enc.ciphertext.length };
	return iso_call(w->iso, ISO_OP_krb_tgs_open, &req, rep);
}

enum iso_status
answer(struct world *w, struct rd part, struct iso_rep_krb_tgs_open *rep)
{
	return answer_as(w, part, OWNER, w->etype, 9, rep);
}

const uint8_t service_key[32] = "the session key of a new ticket.";

/* A whole exchange: a request with these options for a service, this part. */
enum iso_status
exchange(struct world *w, const struct body_spec *body, struct part_spec part,
	 struct iso_rep_krb_tgs_open *rep)
{
	struct body_spec b = *body;
	struct rd der;

	b.nonce = NONCE;
	der = d_body(&b);
	assert_int_equal(seal(w, der), ISO_OK);
	kdc_reads(w, der);
	part.nonce = NONCE;
	if (part.etype == 0)
		part.etype = 18;
	if (part.key.len == 0)
		part.key = (struct rd){ service_key, krb_type((int32_t)part.etype)->key_len };
	memset(rep, 0, sizeof(*rep));
	return answer(w, d_part(&part), rep);
}

bool
contains(const void *hay, size_t n, const void *needle, size_t len)
{
	return memmem(hay, n, needle, len) != NULL;
}
