/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Change of password: is the request what RFC 3244 and RFC 4120 ask for, and
 * is an answer believed only if it is the server's, to this request? The
 * server's cryptography is libkrb5's.
 */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "der.h"
#include "iso_world.h"

#define NAME	 "alice@EXAMPLE.TEST"
#define PASSWORD "a new password, longer than a key of AES-256 is"

static krb5_context ctx;

/* What goes back and forth. */
struct change {
	struct world w;
	struct iso_rep_krb_s2k key;	      /* the ticket's, as krb_as_open keeps it */
	struct iso_rep_logon_absorb password; /* the new one */
	struct iso_req_krb_passwd_seal ask;
	struct iso_rep_krb_passwd_seal sealed;
	uint8_t subkey[ISO_KEY_MAX];
	int64_t ctime, cusec, seq;
	struct rd password_seen;
	/* the answer, to be bent */
	struct rd ap_key, priv_key; /* under which they are */
	int32_t ap_etype, priv_etype, usage;
	struct rd sub; /* EncryptionKey of the AP-REP, or empty */
	struct rd ap_rep, priv;
};

static struct rd
text(const char *t)
{
	return (struct rd){ (const uint8_t *)t, strlen(t) };
}

static uint32_t
blob_of(struct change *c, uint8_t kind, uint16_t may, int32_t etype, struct rd client,
	struct rd secret, struct wr out)
{
	struct blob b = { .kind = kind, .may = may, .etype = etype };
	uint32_t len = 0;

	b.expires_ms = iso_now(c->w.iso) + 300000;
	blob_client_hash(client, b.client);
	assert_int_equal(
	    blob_seal(c->w.iso, &c->w.iso->session[c->w.s.session], &b, secret, out, &len), ISO_OK);
	return len;
}

static struct change
change_with(uint32_t policy, int32_t etype)
{
	static const uint8_t address[16] = { 127, 0, 0, 1 };
	struct change c = { .w = world_with(policy, etype) };

	c.key.blob.len = blob_of(&c, ISO_KIND_TGT, ISO_MAY_CHANGE, etype, d_client(),
				 (struct rd){ c.w.key, c.w.key_len },
				 (struct wr){ c.key.blob.at, ISO_BLOB_MAX });
	c.password.blob.len = blob_of(&c, ISO_KIND_PASSWORD, ISO_MAY_NEW, 0, text(NAME),
				      text(PASSWORD),
				      (struct wr){ c.password.blob.at, ISO_SEALED_MAX });
	c.ask = (struct iso_req_krb_passwd_seal){
		.session = c.w.s.session,
		.generation = c.w.s.generation,
		.owner = OWNER,
		.client = d_client(),
		.name = text(NAME),
		.address = { address, 4 },
	};
	return c;
}

/* Views into c: it must not have moved. */
static enum iso_status
ask(struct change *c)
{
	c->ask.blob = (struct rd){ c->key.blob.at, c->key.blob.len };
	c->ask.password = (struct rd){ c->password.blob.at, c->password.blob.len };
	memset(&c->sealed, 0, sizeof(c->sealed));
	return iso_call(c->w.iso, ISO_OP_krb_passwd_seal, &c->ask, &c->sealed);
}

static struct rd
decrypt(int32_t etype, struct rd key, krb5_keyusage usage, const void *cipher, uint32_t len)
{
	krb5_keyblock k = { .enctype = etype,
			    .length = (unsigned int)key.len,
			    .contents = (krb5_octet *)(uintptr_t)key.at };
	krb5_enc_data enc = { .enctype = etype };
	uint8_t plain[ISO_AUTH_MAX];
	krb5_data out = { .data = (char *)plain, .length = sizeof(plain) };

	enc.ciphertext.data = (char *)(uintptr_t)cipher;
	enc.ciphertext.length = len;
	assert_int_equal(krb5_c_decrypt(ctx, &k, usage, NULL, &enc, &out), 0);
	return d_raw(plain, out.length);
}

static struct rd
encrypt(int32_t etype, struct rd key, krb5_keyusage usage, struct rd plain)
{
	krb5_keyblock k = { .enctype = etype,
			    .length = (unsigned int)key.len,
			    .contents = (krb5_octet *)(uintptr_t)key.at };
	uint8_t cipher[4096];
	krb5_enc_data enc = { 0 };
	krb5_data in = { .data = (char *)(uintptr_t)plain.at, .length = (unsigned int)plain.len };

	enc.ciphertext.data = (char *)cipher;
	enc.ciphertext.length = sizeof(cipher);
	assert_int_equal(krb5_c_encrypt(ctx, &k, usage, NULL, &in, &enc), 0);
	return d_raw(cipher, enc.ciphertext.length);
}

/* The server reads both parts of the request, every field of them. */
static void
server_reads(struct change *c)
{
	struct rd client = d_client();
	bool bad = false;
	struct der all = { .bad = &bad }, app, in, key, host;

	all.rest = decrypt(c->w.etype, (struct rd){ c->w.key, c->w.key_len }, 11,
			   c->sealed.authenticator.at, c->sealed.authenticator.len);
	app = der_take(&all, DER_APP(2));
	in = der_take(&app, DER_SEQUENCE);
	der_end(&all);
	der_end(&app);
	assert_int_equal(der_field_int(&in, 0), 5);
	assert_memory_equal(in.rest.at, client.at, client.len);
	in.rest.at += client.len;
	in.rest.len -= client.len;
	c->cusec = der_field_int(&in, 4); /* no checksum before it: RFC 3244 asks for none */
	c->ctime = der_field_time(&in, 5);
	key = der_field(&in, 6, DER_SEQUENCE);
	assert_int_equal(der_field_int(&key, 0), c->w.etype);
	key = der_field(&key, 1, DER_OCTETS);
	assert_int_equal(key.rest.len, c->w.key_len);
	memcpy(c->subkey, key.rest.at, key.rest.len);
	c->seq = der_field_int(&in, 7);
	der_end(&in);

	all.rest = decrypt(c->w.etype, (struct rd){ c->subkey, c->w.key_len }, 13,
			   c->sealed.priv.at, c->sealed.priv.len);
	app = der_take(&all, DER_APP(28));
	in = der_take(&app, DER_SEQUENCE);
	der_end(&all);
	der_end(&app);
	c->password_seen = der_field(&in, 0, DER_OCTETS).rest;
	assert_int_equal(der_field_time(&in, 1), c->ctime);
	assert_int_equal(der_field_int(&in, 2), c->cusec);
	assert_int_equal(der_field_int(&in, 3), c->seq);
	host = der_field(&in, 4, DER_SEQUENCE);
	assert_int_equal(der_field_int(&host, 0), c->ask.address.len == 4 ? 2 : 24);
	host = der_field(&host, 1, DER_OCTETS);
	assert_int_equal(host.rest.len, c->ask.address.len);
	assert_memory_equal(host.rest.at, c->ask.address.at, host.rest.len);
	der_end(&in);
	assert_false(bad);
	/* a good answer, to begin with */
	c->ap_key = (struct rd){ c->w.key, c->w.key_len };
	c->priv_key = (struct rd){ c->subkey, c->w.key_len };
	c->ap_etype = c->priv_etype = c->w.etype;
	c->usage = 13;
	c->sub = (struct rd){ 0 };
}

static struct rd
ap_rep(const struct change *c, int64_t ctime, int64_t cusec)
{
	struct rd sub = c->sub.len > 0 ? d_ctx(2, c->sub) : (struct rd){ 0 };

	return d_tlv(DER_APP(27), d_seq(d_join(4, d_ctx(0, d_time(ctime)), d_ctx(1, d_int(cusec)),
					       sub, d_ctx(3, d_int(4711)))));
}

static struct rd
priv_data(int64_t seq, struct rd data)
{
	static const uint8_t home[4] = { 127, 0, 0, 1 };
	struct rd host = d_seq(
	    d_join(2, d_ctx(0, d_int(2)), d_ctx(1, d_octets((struct rd){ home, 4 }))));

	return d_tlv(DER_APP(28), d_seq(d_join(3, d_ctx(0, d_octets(data)), d_ctx(3, d_int(seq)),
					       d_ctx(4, host))));
}

static struct rd
result(unsigned int code, const char *words)
{
	const uint8_t octets[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	return d_join(2, d_raw(octets, 2), d_raw(words, strlen(words)));
}

/* Encrypt what is in c->ap_rep and c->priv, and have it opened. */
static struct iso_req_krb_passwd_open
answer_req(struct change *c)
{
	return (struct iso_req_krb_passwd_open){
		.pending = c->sealed.pending,
		.owner = OWNER,
		.blob = { c->key.blob.at, c->key.blob.len },
		.client = d_client(),
		.etype = c->ap_etype,
		.ap_rep = encrypt(c->ap_etype, c->ap_key, 12, c->ap_rep),
		.priv_etype = c->priv_etype,
		.priv = encrypt(c->priv_etype, c->priv_key, (krb5_keyusage)c->usage, c->priv),
	};
}

static enum iso_status
take_answer(struct change *c, struct iso_rep_krb_passwd_open *rep)
{
	struct iso_req_krb_passwd_open req = answer_req(c);

	memset(rep, 0, sizeof(*rep));
	return iso_call(c->w.iso, ISO_OP_krb_passwd_open, &req, rep);
}

/* Ask, and have a good answer ready. */
static void
begin(struct change *c)
{
	assert_int_equal(ask(c), ISO_OK);
	server_reads(c);
	c->ap_rep = ap_rep(c, c->ctime, c->cusec);
	c->priv = priv_data(4711, result(0, "Password changed"));
}

static void
changes(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20, 23 };
	static const uint8_t v6[16] = { [15] = 1 };
	struct iso_rep_krb_passwd_open rep = { 0 };

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		struct change c = change_with(ISO_POLICY_RC4, etypes[e]);

		if (e % 2 == 1)
			c.ask.address = (struct rd){ v6, 16 };
		begin(&c);
		assert_int_equal(c.ctime, TEST_NOW);
		assert_int_equal(c.password_seen.len, strlen(PASSWORD));
		assert_memory_equal(c.password_seen.at, PASSWORD, strlen(PASSWORD));
		assert_int_equal(take_answer(&c, &rep), ISO_OK);
		assert_int_equal(rep.result, 0);
		assert_int_equal(rep.text.len, 16);
		assert_memory_equal(rep.text.at, "Password changed", 16);
		/* once */
		assert_int_equal(take_answer(&c, &rep), ISO_E_PENDING);
	}
}

/* The longest password in the longest message, the longest answer. */
static void
lengths(void **state)
{
	static char longest[ISO_SECRET_MAX + 1], words[1600];
	struct change c = change_with(0, 20);
	struct iso_rep_krb_passwd_open rep = { 0 };

	(void)state;
	memset(longest, 'x', ISO_SECRET_MAX);
	memset(words, 'y', sizeof(words) - 1);
	c.password.blob.len = blob_of(&c, ISO_KIND_PASSWORD, ISO_MAY_NEW, 0, text(NAME),
				      text(longest),
				      (struct wr){ c.password.blob.at, ISO_SEALED_MAX });
	begin(&c);
	assert_int_equal(c.password_seen.len, ISO_SECRET_MAX);
	c.priv = priv_data(1, result(4, words)); /* more than there is room for: cut */
	assert_int_equal(take_answer(&c, &rep), ISO_OK);
	assert_int_equal(rep.result, 4);
	assert_int_equal(rep.text.len, ISO_TEXT_MAX);
	begin(&c);
	c.priv = priv_data(1, result(0xfffe, ""));
	assert_int_equal(take_answer(&c, &rep), ISO_OK);
	assert_int_equal(rep.result, 0xfffe);
	assert_int_equal(rep.text.len, 0);
	begin(&c);
	c.priv = priv_data(1, text("x"));
	assert_int_equal(take_answer(&c, &rep), ISO_E_DER);
	c.ask.skew = 3600;
	begin(&c);
	assert_int_equal(c.ctime, TEST_NOW + 3600);
}

static void
subkeys(void **state)
{
	static const uint8_t theirs[32] = "a subkey that the server chose..";
	struct change c = change_with(0, 18);
	struct iso_rep_krb_passwd_open rep = { 0 };
	struct rd octets = d_octets((struct rd){ theirs, 32 });

	(void)state;
	for (int32_t etype = 18; etype <= 20; etype += 2) {
		begin(&c);
		c.sub = d_seq(d_join(2, d_ctx(0, d_int(etype)), d_ctx(1, octets)));
		c.ap_rep = ap_rep(&c, c.ctime, c.cusec);
		c.priv_key = (struct rd){ theirs, 32 };
		c.priv_etype = etype;
		assert_int_equal(take_answer(&c, &rep), ISO_OK);
	}
	/* theirs was named, ours was used */
	begin(&c);
	c.sub = d_seq(d_join(2, d_ctx(0, d_int(18)), d_ctx(1, octets)));
	c.ap_rep = ap_rep(&c, c.ctime, c.cusec);
	assert_int_equal(take_answer(&c, &rep), ISO_E_INTEGRITY);
	static const int32_t bad[] = { 17, 23, 3, 0 };
	for (size_t i = 0; i < COUNT(bad); i++) {
		begin(&c);
		c.sub = d_seq(d_join(2, d_ctx(0, d_int(bad[i])), d_ctx(1, octets)));
		c.ap_rep = ap_rep(&c, c.ctime, c.cusec);
		assert_int_equal(take_answer(&c, &rep), ISO_E_ETYPE);
	}
	begin(&c);
	c.priv_etype = 17;
	c.priv_key.len = 16;
	assert_int_equal(take_answer(&c, &rep), ISO_E_MISMATCH);
}

/* Who carries the messages sends ours back: they must not be read to it. */
static void
nothing_comes_back(void **state)
{
	struct change c = change_with(0, 18), other;
	struct iso_rep_krb_passwd_open rep = { 0 };
	struct iso_req_krb_passwd_open req;

	(void)state;
	begin(&c);
	req = answer_req(&c);
	req.priv = (struct rd){ c.sealed.priv.at, c.sealed.priv.len };
	assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep), ISO_E_MISMATCH);
	assert_null(memmem(&rep, sizeof(rep), PASSWORD, 8));
	begin(&c);
	req = answer_req(&c);
	req.ap_rep = (struct rd){ c.sealed.authenticator.at, c.sealed.authenticator.len };
	req.ap_rep.len = req.ap_rep.len < 512 ? req.ap_rep.len : 512;
	assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep), ISO_E_INTEGRITY);
	/* of another request of the same ticket */
	begin(&c);
	other = c;
	begin(&c);
	req = answer_req(&c);
	req.priv = (struct rd){ other.sealed.priv.at, other.sealed.priv.len };
	assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep), ISO_E_INTEGRITY);
	c.sealed.pending = other.sealed.pending;
	assert_int_equal(take_answer(&c, &rep), ISO_E_MISMATCH);
}

static void
answers_refused(void **state)
{
	struct change c = change_with(0, 18);
	struct iso_rep_krb_passwd_open rep = { 0 };
	struct iso_req_krb_passwd_open req;
	struct rd other = d_raw("the session key of somebody else", 32);

	(void)state;
	begin(&c);
	c.ap_rep = ap_rep(&c, c.ctime + 1, c.cusec);
	assert_int_equal(take_answer(&c, &rep), ISO_E_MISMATCH);
	begin(&c);
	c.ap_rep = ap_rep(&c, c.ctime, c.cusec ^ 1);
	assert_int_equal(take_answer(&c, &rep), ISO_E_MISMATCH);
	begin(&c);
	c.ap_key = other;
	assert_int_equal(take_answer(&c, &rep), ISO_E_INTEGRITY);
	begin(&c);
	c.priv_key = other;
	assert_int_equal(take_answer(&c, &rep), ISO_E_INTEGRITY);
	begin(&c);
	c.usage = 14;
	assert_int_equal(take_answer(&c, &rep), ISO_E_INTEGRITY);
	begin(&c);
	c.ap_rep = d_join(2, c.ap_rep, d_int(1));
	assert_int_equal(take_answer(&c, &rep), ISO_E_DER);
	begin(&c);
	c.priv = d_join(2, c.priv, d_int(1));
	assert_int_equal(take_answer(&c, &rep), ISO_E_DER);
	begin(&c); /* no sequence number */
	c.priv = d_tlv(DER_APP(28), d_seq(d_ctx(0, d_octets(result(0, "")))));
	assert_int_equal(take_answer(&c, &rep), ISO_E_DER);
	/* shorter by each number of octets, each octet of both changed */
	for (size_t n = 0; n < 60; n++) {
		begin(&c);
		req = answer_req(&c);
		req.ap_rep.len = n;
		assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep),
				 ISO_E_INTEGRITY);
		begin(&c);
		req = answer_req(&c);
		req.priv.len = n;
		assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep),
				 ISO_E_INTEGRITY);
		begin(&c);
		req = answer_req(&c);
		((uint8_t *)(uintptr_t)req.priv.at)[n] ^= 1;
		assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep),
				 ISO_E_INTEGRITY);
	}
	/* another owner, client, blob, lock, time */
	begin(&c);
	req = answer_req(&c);
	req.owner++;
	assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep), ISO_E_OWNER);
	begin(&c);
	req = answer_req(&c);
	req.blob = (struct rd){ c.w.blob.blob.at, c.w.blob.blob.len }; /* may ISO_MAY_TGS */
	assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_passwd_open, &req, &rep), ISO_E_KIND);
	begin(&c);
	c.w.iso->session[c.w.s.session].flags |= SESSION_LOCKED;
	assert_int_equal(take_answer(&c, &rep), ISO_E_LOCKED);
	c.w.iso->session[c.w.s.session].flags = 0;
	assert_int_equal(take_answer(&c, &rep), ISO_OK);
	begin(&c);
	pass_ms(ISO_PENDING_MS);
	assert_int_equal(take_answer(&c, &rep), ISO_E_PENDING);
}

static void
requests_refused(void **state)
{
	struct change c = change_with(0, 18);
	struct iso_req_krb_tgs_open tgs = { .owner = OWNER, .etype = 18 };
	struct iso_req_krb_passwd_seal good = c.ask;

	(void)state;
	c.ask.address.len = 0;
	assert_int_equal(ask(&c), ISO_E_RANGE);
	c.ask.address.len = 5;
	assert_int_equal(ask(&c), ISO_E_RANGE);
	c.ask = good;
	c.ask.skew = 86401;
	assert_int_equal(ask(&c), ISO_E_RANGE);
	c.ask = good;
	c.ask.owner++;
	assert_int_equal(ask(&c), ISO_E_OWNER);
	c.ask = good;
	c.ask.generation++;
	assert_int_equal(ask(&c), ISO_E_SESSION);
	c.ask = good;
	c.ask.name.len--;
	assert_int_equal(ask(&c), ISO_E_OWNER);
	c.ask = good;
	c.ask.client = d_join(2, d_ctx(1, d_text("EXAMPLE.TEST")),
			      d_ctx(2, d_name(1, "bob", NULL, NULL)));
	assert_int_equal(ask(&c), ISO_E_OWNER);
	c.ask = good;
	c.key.blob.at[3] ^= 1;
	assert_int_equal(ask(&c), ISO_E_BLOB);
	c.key.blob.at[3] ^= 1;
	/* a TGT's key, a password that logs on */
	struct iso_rep_krb_s2k key = c.key;

	c.key.blob.len = c.w.blob.blob.len;
	memcpy(c.key.blob.at, c.w.blob.blob.at, c.w.blob.blob.len);
	assert_int_equal(ask(&c), ISO_E_KIND);
	c.key = key;
	c.password.blob.len = blob_of(&c, ISO_KIND_PASSWORD, ISO_MAY_S2K, 0, text(NAME),
				      text(PASSWORD),
				      (struct wr){ c.password.blob.at, ISO_SEALED_MAX });
	assert_int_equal(ask(&c), ISO_E_KIND);
	c.password.blob.len = blob_of(&c, ISO_KIND_PASSWORD, ISO_MAY_NEW, 0, text(NAME),
				      text(PASSWORD),
				      (struct wr){ c.password.blob.at, ISO_SEALED_MAX });
	/* its pending is no TGS request's */
	assert_int_equal(ask(&c), ISO_OK);
	tgs.pending = c.sealed.pending;
	assert_int_equal(iso_call(c.w.iso, ISO_OP_krb_tgs_open, &tgs, NULL), ISO_E_PENDING);
	test_host.no_entropy = true;
	assert_int_equal(ask(&c), ISO_E_ENTROPY);
	test_host.no_entropy = false;
	pass_ms(300001);
	assert_int_equal(ask(&c), ISO_E_EXPIRED);
}

static int
setup(void **state)
{
	return world_setup(state) != 0 ? -1 : (int)krb5_init_context(&ctx);
}

static int
teardown(void **state)
{
	krb5_free_context(ctx);
	return world_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),	   cmocka_unit_test(lengths),
		cmocka_unit_test(subkeys),	   cmocka_unit_test(nothing_comes_back),
		cmocka_unit_test(answers_refused), cmocka_unit_test(requests_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
