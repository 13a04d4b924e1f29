/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long-term keys that outlive a restart: do they come back, for a logon of
 * their own principal, under their own root key, and in no other case?
 */
#include <krb5/krb5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_vectors.h"
#include "iso_world.h"

#define NAME "HTTP/web.example.test@EXAMPLE.TEST"

static const uint8_t root[ISO_ROOT_KEY] = "a root key that outlives starts",
		     other_root[ISO_ROOT_KEY] = "another one";
static const uint8_t real[ISO_KEY_MAX] = "the key that was in the keytab.";
static const int32_t etypes[] = { 17, 18, 19, 20, 23 };

/* An lsaiso, a session in it, and what lsass keeps. */
struct place {
	struct iso *iso;
	struct iso_rep_session_open s;
	struct iso_rep_key_keep kept;
	struct iso_rep_key_take taken;
};

static struct rd
text(const char *t)
{
	return (struct rd){ (const uint8_t *)t, strlen(t) };
}

static void
session(struct place *p, uint32_t owner)
{
	struct iso_req_session_open open = { .owner = owner, .lifetime = 8640000 };

	assert_int_equal(iso_call(p->iso, ISO_OP_session_open, &open, &p->s), ISO_OK);
}

/* (Re)start lsaiso; key: of the root, NULL: a random one. What is kept stays. */
static void
start(struct place *p, uint32_t policy, const uint8_t *key)
{
	struct iso_req_root_set set = { .key = { key, ISO_ROOT_KEY } };
	struct iso_req_configure conf = { .policy = policy, .rate = 1000, .burst = 1000 };

	p->iso = iso_fresh();
	if (key != NULL)
		assert_int_equal(iso_call(p->iso, ISO_OP_root_set, &set, NULL), ISO_OK);
	assert_int_equal(iso_call(p->iso, ISO_OP_configure, &conf, NULL), ISO_OK);
	session(p, OWNER);
}

/* The real key as it comes out of a box, or as something that it is not. */
static struct iso_rep_logon_absorb
given(struct place *p, uint8_t kind, uint16_t may, int32_t etype, const char *name)
{
	struct blob b = { .kind = kind, .may = may, .etype = etype };
	struct iso_rep_logon_absorb out = { 0 };
	const struct krb_type *type = krb_type(etype);

	b.expires_ms = iso_now(p->iso) + ISO_BOX_MS;
	blob_client_hash(text(name), b.client);
	assert_int_equal(blob_seal(p->iso, &p->iso->session[p->s.session], &b,
				   (struct rd){ real, type != NULL ? type->key_len : 16 },
				   (struct wr){ out.blob.at, sizeof(out.blob.at) }, &out.blob.len),
			 ISO_OK);
	return out;
}

static enum iso_status
keep_blob(struct place *p, struct rd blob, const char *name, uint32_t owner)
{
	struct iso_req_key_keep req = { .session = p->s.session,
					.generation = p->s.generation,
					.owner = owner,
					.key = blob,
					.name = text(name) };
	struct iso_rep_key_keep rep = { 0 };
	enum iso_status st = iso_call(p->iso, ISO_OP_key_keep, &req, &rep);

	assert_int_equal(rep.kept.len, st == ISO_OK ? SEAL_OVER + sizeof(struct kept) : 0);
	if (st == ISO_OK)
		p->kept = rep;
	return st;
}

static enum iso_status
keep(struct place *p, int32_t etype)
{
	struct iso_rep_logon_absorb in = given(p, ISO_KIND_KEY, ISO_MAY_AS | ISO_MAY_CHECK, etype,
					       NAME);

	return keep_blob(p, (struct rd){ in.blob.at, in.blob.len }, NAME, OWNER);
}

static enum iso_status
take_as(struct place *p, const char *name, uint32_t owner)
{
	struct iso_req_key_take req = { .session = p->s.session,
					.generation = p->s.generation,
					.owner = owner,
					.kept = { p->kept.kept.at, p->kept.kept.len },
					.name = text(name) };

	memset(&p->taken, 0, sizeof(p->taken));
	return iso_call(p->iso, ISO_OP_key_take, &req, &p->taken);
}

static enum iso_status
take(struct place *p)
{
	return take_as(p, NAME, OWNER);
}

/* ---- the KDC's side of a logon, by libkrb5 */

static krb5_context ctx;

static krb5_keyblock
block(int32_t etype, const uint8_t *octets)
{
	return (krb5_keyblock){ .enctype = etype,
				.length = krb_type(etype)->key_len,
				.contents = (krb5_octet *)(uintptr_t)octets };
}

/* The taken key makes a timestamp that the real key opens. */
static enum iso_status
logs_on(struct place *p, int32_t etype)
{
	struct iso_req_krb_as_seal req = { .session = p->s.session,
					   .generation = p->s.generation,
					   .owner = OWNER,
					   .key = { p->taken.blob.at, p->taken.blob.len },
					   .name = text(NAME) };
	struct iso_rep_krb_as_seal rep = { 0 };
	enum iso_status st = iso_call(p->iso, ISO_OP_krb_as_seal, &req, &rep);
	krb5_keyblock key = block(etype, real);
	krb5_enc_data in = { .enctype = etype,
			     .ciphertext = { .length = rep.cipher.len,
					     .data = (char *)rep.cipher.at } };
	char octets[128];
	krb5_data plain = { .length = rep.cipher.len, .data = octets };

	if (st == ISO_OK)
		assert_int_equal(
		    krb5_c_decrypt(ctx, &key, KRB5_KEYUSAGE_AS_REQ_PA_ENC_TS, NULL, &in, &plain),
		    0);
	return st;
}

/* An AS-REP under the real key; its ticket's key stays, and the next request can be made. */
static enum iso_status
opens_reply(struct place *p, int32_t etype)
{
	static const uint8_t ticket_key[32] = "of the TGT, thirty-two octets...";
	static uint8_t cipher[ISO_PART_MAX];
	struct part_spec spec = { .tag = 0x79,
				  .etype = etype,
				  .key = { ticket_key, krb_type(etype)->key_len },
				  .nonce = NONCE,
				  .sname = d_name(2, "krbtgt", "EXAMPLE.TEST", NULL) };
	struct rd part = d_part(&spec);
	krb5_keyblock key = block(etype, real);
	krb5_data plain = { .length = (unsigned int)part.len, .data = (char *)(uintptr_t)part.at };
	krb5_enc_data out = { .enctype = etype,
			      .ciphertext = { .length = sizeof(cipher), .data = (char *)cipher } };
	struct iso_req_krb_as_open req = { .session = p->s.session,
					   .generation = p->s.generation,
					   .owner = OWNER,
					   .key = { p->taken.blob.at, p->taken.blob.len },
					   .name = text(NAME),
					   .client = d_client(),
					   .nonce = NONCE,
					   .etype = etype };
	static struct iso_rep_krb_as_open rep;
	struct body_spec body = { .nonce = NONCE };
	struct iso_req_krb_tgs_seal next = { .session = p->s.session,
					     .generation = p->s.generation,
					     .owner = OWNER,
					     .client = d_client(),
					     .body = d_body(&body) };
	enum iso_status st;

	assert_int_equal(
	    krb5_c_encrypt(ctx, &key, KRB5_KEYUSAGE_AS_REP_ENCPART, NULL, &plain, &out), 0);
	req.cipher = (struct rd){ cipher, out.ciphertext.length };
	st = iso_call(p->iso, ISO_OP_krb_as_open, &req, &rep);
	if (st != ISO_OK)
		return st;
	assert_false(contains(&rep, sizeof(rep), ticket_key, 8));
	next.blob = (struct rd){ rep.blob.at, rep.blob.len };
	return iso_call(p->iso, ISO_OP_krb_tgs_seal, &next, NULL);
}

/* ---- */

static void
outlives_a_restart(void **state)
{
	struct place p = { 0 };

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		start(&p, ISO_POLICY_RC4, root);
		assert_int_equal(keep(&p, etypes[e]), ISO_OK);
		assert_false(contains(&p.kept, sizeof(p.kept), real, 8));
		/* in the same run, in another session, after a restart: the same octets */
		for (int when = 0; when < 3; when++) {
			if (when == 1)
				session(&p, OWNER);
			if (when == 2)
				start(&p, ISO_POLICY_RC4, root);
			assert_int_equal(take(&p), ISO_OK);
			assert_int_equal(p.taken.etype, etypes[e]);
			assert_int_equal(p.taken.blob.len,
					 BLOB_OVER + krb_type(etypes[e])->key_len);
			assert_false(contains(&p.taken, sizeof(p.taken), real, 8));
			assert_int_equal(logs_on(&p, etypes[e]), ISO_OK);
			assert_int_equal(opens_reply(&p, etypes[e]), ISO_OK);
		}
		/* as long as the session, far longer than what came in a box */
		pass_ms(ISO_BOX_MS * UINT64_C(100));
		assert_int_equal(logs_on(&p, etypes[e]), ISO_OK);
		pass_ms(UINT64_C(8640000000));
		assert_int_equal(logs_on(&p, etypes[e]), ISO_E_EXPIRED);
	}
}

/*
 * Files outlive versions, too: what one makes, the next must open. This was made
 * with HMAC-SHA256 and AESSIV of Python's cryptography, from seal.h alone.
 */
#define VECTOR                                                                                     \
	"000102030405060708090a0b0c0d0e0fc19453ecffbf0726a4d8086653ff4bca"                         \
	"851206554e73a977f10da90b4d8bb42d90d848679b836d4fcb7618c023ba613d209c6cb0"
static void
octets_stay_what_they_are(void **state)
{
	struct place p = { 0 };
	struct rd was = hex(VECTOR);

	(void)state;
	start(&p, 0, root);
	memcpy(p.kept.kept.at, was.at, was.len);
	p.kept.kept.len = (uint32_t)was.len;
	assert_int_equal(take(&p), ISO_OK);
	assert_int_equal(p.taken.etype, 18);
	assert_int_equal(logs_on(&p, 18), ISO_OK);
}

static void
only_under_a_kept_root(void **state)
{
	struct place p = { 0 };

	(void)state;
	start(&p, 0, NULL);
	assert_int_equal(keep(&p, 18), ISO_E_POLICY);
	/* what was kept opens under no other */
	start(&p, 0, root);
	assert_int_equal(keep(&p, 18), ISO_OK);
	start(&p, 0, NULL);
	assert_int_equal(take(&p), ISO_E_BLOB);
	start(&p, 0, other_root);
	assert_int_equal(take(&p), ISO_E_BLOB);
	assert_int_equal(p.taken.blob.len, 0);
	start(&p, 0, root);
	assert_int_equal(take(&p), ISO_OK);
}

static void
bound_to_its_name(void **state)
{
	static const char *const names[] = { "HTTP/web.example.test@EXAMPLE.TES", "",
					     "http/web.example.test@EXAMPLE.TEST",
					     "host/web.example.test@EXAMPLE.TEST" };
	struct place p = { 0 };
	struct iso_rep_logon_absorb in;

	(void)state;
	start(&p, 0, root);
	in = given(&p, ISO_KIND_KEY, ISO_MAY_AS, 18, NAME);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(
		    keep_blob(&p, (struct rd){ in.blob.at, in.blob.len }, names[i], OWNER),
		    ISO_E_OWNER);
	assert_int_equal(keep(&p, 18), ISO_OK);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(take_as(&p, names[i], OWNER), ISO_E_BLOB);
	/* of which user the session is, is not the key's business */
	session(&p, OWNER + 1);
	assert_int_equal(take_as(&p, NAME, OWNER + 1), ISO_OK);
	assert_int_equal(take_as(&p, NAME, OWNER), ISO_E_OWNER);
}

static void
every_bit_and_length(void **state)
{
	struct place p = { 0 };
	uint32_t len;

	(void)state;
	start(&p, 0, root);
	assert_int_equal(keep(&p, 18), ISO_OK);
	len = p.kept.kept.len;
	for (uint32_t i = 0; i < len * 8; i++) {
		p.kept.kept.at[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(take(&p), ISO_E_BLOB);
		assert_int_equal(p.taken.blob.len, 0);
		p.kept.kept.at[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (p.kept.kept.len = 0; p.kept.kept.len <= ISO_KEPT_MAX; p.kept.kept.len++) {
		if (p.kept.kept.len != len)
			assert_int_equal(take(&p), ISO_E_BLOB);
	}
	p.kept.kept.len = len;
	assert_int_equal(take(&p), ISO_OK);
}

/* Each is sealed anew, and none tells what is in it by its length. */
static void
all_look_alike(void **state)
{
	struct place p = { 0 }, first;

	(void)state;
	start(&p, ISO_POLICY_RC4, root);
	assert_int_equal(keep(&p, 18), ISO_OK);
	first = p;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		assert_int_equal(keep(&p, etypes[e]), ISO_OK);
		assert_int_equal(p.kept.kept.len, first.kept.kept.len);
		assert_memory_not_equal(p.kept.kept.at, first.kept.kept.at, SEAL_NONCE);
		assert_memory_not_equal(p.kept.kept.at + SEAL_OVER, first.kept.kept.at + SEAL_OVER,
					sizeof(struct kept));
	}
}

/* What an offline verifier is sealed with does not open it, nor the other way. */
static void
kinds_are_apart(void **state)
{
	struct place p = { 0 };
	uint8_t who[ISO_HASH], octets[sizeof(struct kept)];
	struct seal how = { .kind = SEAL_VERIFIER, .with = { who, sizeof(who) } };
	const struct kept k = { .etype = 18 };

	(void)state;
	start(&p, 0, root);
	blob_client_hash(text(NAME), who);
	assert_int_equal(seal_put(p.iso, &how, (struct rd){ (const uint8_t *)&k, sizeof(k) },
				  p.kept.kept.at, &p.kept.kept.len),
			 ISO_OK);
	assert_int_equal(take(&p), ISO_E_BLOB);
	assert_int_equal(keep(&p, 18), ISO_OK);
	assert_int_equal(seal_open(p.iso, &how, (struct rd){ p.kept.kept.at, p.kept.kept.len },
				   (struct wr){ octets, sizeof(octets) }),
			 ISO_E_BLOB);
	how.kind = SEAL_KEPT;
	assert_int_equal(seal_open(p.iso, &how, (struct rd){ p.kept.kept.at, p.kept.kept.len },
				   (struct wr){ octets, sizeof(octets) }),
			 ISO_OK);
}

static void
only_keys_to_log_on_with(void **state)
{
	static const struct {
		uint8_t kind;
		uint16_t may;
		enum iso_status want;
	} rows[] = {
		{ ISO_KIND_KEY, ISO_MAY_AS, ISO_OK },
		{ ISO_KIND_KEY, ISO_MAY_AS | ISO_MAY_CHECK, ISO_OK },
		{ ISO_KIND_KEY, 0, ISO_E_KIND },
		{ ISO_KIND_KEY, ISO_MAY_CHECK, ISO_E_KIND },
		{ ISO_KIND_KEY, ISO_MAY_UNLOCK, ISO_E_KIND },
		{ ISO_KIND_TGT, ISO_MAY_TGS | ISO_MAY_ARMOR, ISO_E_KIND },
		{ ISO_KIND_TGT, ISO_MAY_AS, ISO_E_KIND },
		{ ISO_KIND_PASSWORD, ISO_MAY_S2K, ISO_E_KIND },
		{ ISO_KIND_NTLM, 0, ISO_E_KIND },
	};
	struct place p = { 0 };

	(void)state;
	start(&p, 0, root);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct iso_rep_logon_absorb in = given(&p, rows[i].kind, rows[i].may, 18, NAME);

		assert_int_equal(keep_blob(&p, (struct rd){ in.blob.at, in.blob.len }, NAME, OWNER),
				 rows[i].want);
	}
}

/* It comes back to log on with and to know the KDC by, and for nothing else. */
static void
taken_logs_on(void **state)
{
	struct place p = { 0 };
	struct iso_req_krb_ticket_check check = { .owner = OWNER, .name = text(NAME) };
	struct iso_req_krb_tgs_seal tgs = { .owner = OWNER, .client = text(NAME) };
	struct iso_req_session_unlock unlock = { .owner = OWNER, .name = text(NAME) };
	struct body_spec body = { .nonce = NONCE };
	struct rd blob;

	(void)state;
	start(&p, 0, root);
	assert_int_equal(keep(&p, 18), ISO_OK);
	assert_int_equal(take(&p), ISO_OK);
	blob = (struct rd){ p.taken.blob.at, p.taken.blob.len };
	check.session = tgs.session = unlock.session = p.s.session;
	check.generation = tgs.generation = unlock.generation = p.s.generation;
	check.key = tgs.blob = unlock.anchor = unlock.key = blob;
	tgs.body = d_body(&body);
	/* as what came in a box: for the keytab of a machine */
	assert_int_equal(iso_call(p.iso, ISO_OP_krb_ticket_check, &check, NULL), ISO_E_INTEGRITY);
	assert_int_equal(iso_call(p.iso, ISO_OP_krb_tgs_seal, &tgs, NULL), ISO_E_KIND);
	assert_int_equal(iso_call(p.iso, ISO_OP_session_unlock, &unlock, NULL), ISO_E_KIND);
	/* it may be kept again, and is the same key */
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_OK);
	assert_int_equal(take(&p), ISO_OK);
	assert_int_equal(logs_on(&p, 18), ISO_OK);
	/* in its own session alone */
	session(&p, OWNER);
	assert_int_equal(logs_on(&p, 18), ISO_E_BLOB);
}

static void
weak_types_by_policy(void **state)
{
	struct place p = { 0 };

	(void)state;
	start(&p, ISO_POLICY_ALL & ~ISO_POLICY_RC4, root);
	assert_int_equal(keep(&p, 23), ISO_E_ETYPE);
	start(&p, ISO_POLICY_RC4, root);
	assert_int_equal(keep(&p, 23), ISO_OK);
	assert_int_equal(take(&p), ISO_OK);
	start(&p, 0, root);
	assert_int_equal(take(&p), ISO_E_ETYPE);
	assert_int_equal(p.taken.blob.len, 0);
	assert_int_equal(p.taken.etype, 0);
}

static void
refused(void **state)
{
	struct place p = { 0 };
	struct iso_rep_logon_absorb in;
	struct rd blob;

	(void)state;
	start(&p, 0, root);
	in = given(&p, ISO_KIND_KEY, ISO_MAY_AS, 18, NAME);
	blob = (struct rd){ in.blob.at, in.blob.len };
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER + 1), ISO_E_OWNER);
	in.blob.at[60] ^= 1;
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_E_BLOB);
	in.blob.at[60] ^= 1;
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_OK);
	assert_int_equal(keep_blob(&p, (struct rd){ 0 }, NAME, OWNER), ISO_E_BLOB);
	test_host.no_entropy = true;
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_E_ENTROPY);
	assert_int_equal(take(&p), ISO_E_ENTROPY);
	assert_int_equal(p.taken.blob.len, 0);
	test_host.no_entropy = false;
	p.iso->session[p.s.session].flags |= SESSION_LOCKED;
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_E_LOCKED);
	assert_int_equal(take(&p), ISO_E_LOCKED);
	p.iso->session[p.s.session].flags = 0;
	p.s.generation++;
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_E_SESSION);
	assert_int_equal(take(&p), ISO_E_SESSION);
	p.s.generation--;
	pass_ms(ISO_BOX_MS);
	assert_int_equal(keep_blob(&p, blob, NAME, OWNER), ISO_E_EXPIRED);
	assert_int_equal(take(&p), ISO_OK);
	pass_ms(UINT64_C(8640000000));
	assert_int_equal(take(&p), ISO_E_EXPIRED);
}

/* Both are in the use log, with the principal, also when they were refused. */
static void
is_recorded(void **state)
{
	struct place p = { 0 };
	const struct record *re;

	(void)state;
	start(&p, 0, root);
	assert_int_equal(keep(&p, 18), ISO_OK);
	re = &p.iso->used[(p.iso->records - 1) % ISO_RECORDS].of;
	assert_int_equal(re->op, ISO_OP_key_keep);
	assert_int_equal(re->owner, OWNER);
	assert_int_equal(re->target_len, strlen(NAME));
	assert_memory_equal(re->target, NAME, strlen(NAME));
	p.kept.kept.at[3] ^= 1;
	assert_int_equal(take(&p), ISO_E_BLOB);
	re = &p.iso->used[(p.iso->records - 1) % ISO_RECORDS].of;
	assert_int_equal(re->op, ISO_OP_key_take);
	assert_int_equal(re->status, ISO_E_BLOB);
	assert_memory_equal(re->target, NAME, strlen(NAME));
}

static int
setup(void **state)
{
	(void)state;
	return (int)krb5_init_context(&ctx);
}

static int
teardown(void **state)
{
	(void)state;
	krb5_free_context(ctx);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outlives_a_restart),
		cmocka_unit_test(octets_stay_what_they_are),
		cmocka_unit_test(only_under_a_kept_root),
		cmocka_unit_test(bound_to_its_name),
		cmocka_unit_test(every_bit_and_length),
		cmocka_unit_test(all_look_alike),
		cmocka_unit_test(kinds_are_apart),
		cmocka_unit_test(only_keys_to_log_on_with),
		cmocka_unit_test(taken_logs_on),
		cmocka_unit_test(weak_types_by_policy),
		cmocka_unit_test(refused),
		cmocka_unit_test(is_recorded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
