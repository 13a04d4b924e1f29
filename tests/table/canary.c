/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does a key that must stay ever show in a reply? Known keys are loaded, then
 * every operation runs with random, with valid and with bent input; every
 * reply is searched for any eight consecutive octets of any of them: keys of
 * TGTs and of users, passwords, NT hashes and what NTLM makes of them, keys
 * withheld from replies, subkeys, session keys, the root key and the private key
 * made of it.
 */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nettle/hmac.h>

#include "blob.h"
#include "iso_host.h"
#include "krb.h"
#include "lib/box.h"
#include "ntlm_verify.h"

#define OWNER	 1000u
#define NONCE	 77u
#define ROUNDS	 3000
#define WINDOW	 8u
#define CANARIES 4096u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Windows of eight octets of every key, sorted before a search. */
static uint64_t canary[CANARIES];
static size_t canaries;
static bool sorted;

static uint64_t searched, replies_ok[ISO_OP_END];

static void
watch(const uint8_t *key, size_t len)
{
	for (size_t i = 0; i + WINDOW <= len; i++) {
		assert_true(canaries < CANARIES);
		memcpy(&canary[canaries++], key + i, WINDOW);
	}
	sorted = false;
}

static int
order(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static bool
leaks(const uint8_t *at, size_t len)
{
	if (!sorted)
		qsort(canary, canaries, sizeof(canary[0]), order);
	sorted = true;
	searched++;
	for (size_t i = 0; i + WINDOW <= len; i++) {
		uint64_t window;

		memcpy(&window, at + i, sizeof(window));
		if (bsearch(&window, canary, canaries, sizeof(canary[0]), order) != NULL)
			return true;
	}
	return false;
}

/* The same for the subkey that this call may have made. */
static bool
leaks_subkey(const struct iso *iso, size_t len)
{
	const struct pending *last = &iso->pending[(iso->next - 1) & (ISO_PENDINGS - 1)];

	if (last->id == 0 || last->kind == PENDING_BOX) /* a challenge has none */
		return false;
	for (size_t i = 0; i + WINDOW <= krb_type(last->etype)->key_len; i++) {
		if (memmem(iso->out, len, last->subkey + i, WINDOW) != NULL)
			return true;
	}
	return false;
}

/* A call whose reply frame is searched as it would leave. */
static enum iso_status
call(struct iso *iso, uint32_t op, const void *req, void *rep)
{
	static union iso_rep ignored;
	enum iso_status st = ISO_OK;
	size_t n = 0;

	assert_int_equal(rpc_encode_req(op, req, (struct wr){ iso->frame, sizeof(iso->frame) }, &n),
			 ISO_OK);
	n = iso_serve(iso, n);
	assert_false(leaks(iso->out, n));
	assert_false(leaks_subkey(iso, n));
	assert_int_equal(
	    rpc_decode_rep((struct rd){ iso->out, n }, op, &st, rep != NULL ? rep : &ignored),
	    ISO_OK);
	if (st == ISO_OK)
		replies_ok[op]++;
	return st;
}

static uint32_t
below(uint32_t n)
{
	uint32_t r;

	test_random(&r, sizeof(r));
	return r % n;
}

/* Everything that a caller can have, to be used as it is or bent. */
struct world {
	struct iso *iso;
	struct iso_rep_session_open s;
	struct iso_req_cred_absorb absorb;
	struct iso_rep_cred_absorb blob, ntlm;
	struct iso_req_krb_tgs_seal seal;
	char typed[25];			      /* a password */
	struct iso_rep_logon_absorb password; /* the same, in */
	uint8_t sealed[ISO_BLOB_MAX];	      /* the long-term key */
	uint32_t sealed_len;
	int32_t etype;
	uint8_t key[ISO_KEY_MAX], user[ISO_KEY_MAX], hash[16], next[ISO_KEY_MAX],
	    root[ISO_ROOT_KEY];
};

static void
watch_private(const struct iso *iso)
{
	uint8_t key[ISO_PUBLIC];

	iso_derive(iso, ISO_PRIVATE, (struct wr){ key, sizeof(key) });
	watch(key, sizeof(key));
}

/* The boot phase: every second lsaiso gets a kept root key. */
static void
boot(struct world *w)
{
	struct iso_req_root_set root = { .key = { w->root, sizeof(w->root) } };
	struct iso_req_configure conf = { .policy = ISO_POLICY_ALL,
					  .rate = 1000000,
					  .burst = 1000000 };
	struct iso_req_status ask = { 0 };

	w->iso = iso_fresh();
	test_random(w->root, sizeof(w->root));
	watch(w->root, sizeof(w->root));
	watch(w->iso->root, sizeof(w->iso->root));
	watch_private(w->iso);
	if (below(2) == 0) {
		assert_int_equal(call(w->iso, ISO_OP_root_set, &root, NULL), ISO_OK);
		assert_memory_equal(w->iso->root, w->root, sizeof(w->root));
		watch_private(w->iso);
		assert_int_equal(call(w->iso, ISO_OP_root_set, &root, NULL), ISO_E_PHASE);
	}
	assert_int_equal(call(w->iso, ISO_OP_status, &ask, NULL), ISO_OK);
	assert_int_equal(call(w->iso, ISO_OP_configure, &conf, NULL), ISO_OK);
}

/* A long-term key. Its name is the client octets, so that random calls have it. */
static void
seal_user(struct world *w)
{
	struct blob b = { .kind = ISO_KIND_KEY,
			  .may = ISO_MAY_AS | ISO_MAY_CHECK,
			  .etype = w->etype,
			  .expires_ms = w->iso->now_ms + ISO_BOX_MS };

	test_random(w->user, sizeof(w->user));
	watch(w->user, krb_type(w->etype)->key_len);
	blob_client_hash(d_client(), b.client);
	assert_int_equal(blob_seal(w->iso, &w->iso->session[w->s.session], &b,
				   (struct rd){ w->user, krb_type(w->etype)->key_len },
				   (struct wr){ w->sealed, sizeof(w->sealed) }, &w->sealed_len),
			 ISO_OK);
}

/* A password comes in. Its name is the client octets here, too. */
static void
give_password(struct world *w)
{
	struct iso_req_logon_challenge ask = { .session = w->s.session,
					       .generation = w->s.generation,
					       .owner = OWNER };
	struct iso_rep_logon_challenge got = { 0 };
	uint8_t sealed[ISO_BOX];
	struct iso_req_logon_absorb req = { .session = w->s.session,
					    .generation = w->s.generation,
					    .owner = OWNER,
					    .box = { sealed, sizeof(sealed) } };
	struct box box = { .session = w->s.session, .generation = w->s.generation, .owner = OWNER };

	for (size_t i = 0; i + 1 < sizeof(w->typed); i++)
		w->typed[i] = (char)('!' + below('~' - '!'));
	watch((const uint8_t *)w->typed, sizeof(w->typed) - 1);
	assert_int_equal(call(w->iso, ISO_OP_logon_challenge, &ask, &got), ISO_OK);
	assert_int_equal(
	    box_fill(&box, "", (struct rd){ (const uint8_t *)w->typed, sizeof(w->typed) - 1 }, 0),
	    0);
	box.challenge = got.challenge;
	blob_client_hash(d_client(), box.name);
	assert_int_equal(box_seal(w->iso->public, &box, sealed), 0);
	assert_int_equal(call(w->iso, ISO_OP_logon_absorb, &req, &w->password), ISO_OK);
	assert_int_equal(call(w->iso, ISO_OP_logon_absorb, &req, NULL), ISO_E_PENDING);
}

/* The keys of the password, and its NT hash. */
static void
make_keys(struct world *w)
{
	const struct rd typed = { (const uint8_t *)w->typed, sizeof(w->typed) - 1 };
	struct krb_key key = { .type = krb_type(w->etype) };
	uint8_t hash[KRB_NT_HASH];
	struct iso_req_krb_s2k req = {
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.password = { w->password.blob.at, w->password.blob.len },
		.name = d_client(),
		.etype = w->etype,
		.salt = d_client(),
	};

	assert_int_equal(krb_string_to_key(typed, req.salt,
					   key.type->profile == KRB_SHA2 ? ISO_ITERATIONS_SHA2
									 : ISO_ITERATIONS_SHA1,
					   &key),
			 ISO_OK);
	assert_int_equal(krb_nt_hash(typed, hash), ISO_OK);
	watch(key.octets, key.type->key_len);
	watch(hash, sizeof(hash));
	assert_int_equal(call(w->iso, ISO_OP_krb_s2k, &req, NULL), ISO_OK);
	req.etype = 0;
	assert_int_equal(call(w->iso, ISO_OP_krb_s2k, &req, NULL), ISO_OK);
}

static void
build(struct world *w, int32_t etype)
{
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct body_spec spec = { .nonce = NONCE };

	canaries = 0;
	boot(w);
	w->etype = etype;
	test_random(w->key, sizeof(w->key));
	test_random(w->hash, sizeof(w->hash));
	test_random(w->next, sizeof(w->next));
	watch(w->key, krb_type(etype)->key_len);
	watch(w->hash, sizeof(w->hash));
	watch(w->next, krb_type(etype)->key_len);
	assert_int_equal(call(w->iso, ISO_OP_session_open, &open, &w->s), ISO_OK);
	watch(w->iso->session[w->s.session].key, ISO_SESSION_KEY);
	seal_user(w);
	give_password(w);
	w->absorb = (struct iso_req_cred_absorb){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.kind = ISO_KIND_NTLM,
		.endtime = TEST_NOW + 36000,
		.client = d_client(),
		.key = { w->hash, 16 },
	};
	assert_int_equal(call(w->iso, ISO_OP_cred_absorb, &w->absorb, &w->ntlm), ISO_OK);
	w->absorb.kind = ISO_KIND_TGT;
	w->absorb.etype = etype;
	w->absorb.key = (struct rd){ w->key, krb_type(etype)->key_len };
	assert_int_equal(call(w->iso, ISO_OP_cred_absorb, &w->absorb, &w->blob), ISO_OK);
	w->seal = (struct iso_req_krb_tgs_seal){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.blob = { w->blob.blob.at, w->blob.blob.len },
		.client = d_client(),
		.body = d_body(&spec),
	};
}

/* An exchange whose reply carries the key `next` of a TGT-class ticket. */
static void
referral(struct world *w, bool bend)
{
	static uint8_t cipher[ISO_PART_MAX];
	struct iso_rep_krb_tgs_seal sealed = { 0 };
	struct iso_req_krb_tgs_open open = { .owner = OWNER, .etype = w->etype };
	struct iso_rep_krb_tgs_open opened = { 0 };
	struct krb_key sub = { .type = krb_type(w->etype) };
	struct part_spec part = { .etype = w->etype,
				  .key = { w->next, sub.type->key_len },
				  .nonce = NONCE,
				  .sname = d_name(2, "krbtgt", "OTHER.TEST", NULL) };
	struct rd der;
	uint8_t *bent;
	size_t n = 0;

	assert_int_equal(call(w->iso, ISO_OP_krb_tgs_seal, &w->seal, &sealed), ISO_OK);
	open.pending = sealed.pending;
	memcpy(sub.octets, w->iso->pending[sealed.pending & (ISO_PENDINGS - 1)].subkey,
	       sizeof(sub.octets));
	/* the NT hash comes as PA-DATA 162, KERB-KEY-LIST-REP */
	part.padata = d_padata(162, (struct rd){ w->hash, 16 });
	der = d_part(&part);
	bent = (uint8_t *)(uintptr_t)der.at;
	if (bend)
		bent[below((uint32_t)der.len)] ^= (uint8_t)(1u << below(8));
	assert_int_equal(krb_encrypt(&sub, KRB_USAGE_TGS_REP_SUB, der,
				     (struct wr){ cipher, sizeof(cipher) }, &n),
			 ISO_OK);
	open.cipher = (struct rd){ cipher, n };
	/*
	 * A KDC that names the ticket a service may have the key released: that
	 * is the rule. Bent names are skipped; all else must not leak.
	 */
	if (bend) {
		struct iso_req_krb_tgs_open req = open;
		size_t len = 0;
		enum iso_status st = ISO_OK;

		assert_int_equal(rpc_encode_req(ISO_OP_krb_tgs_open, &req,
						(struct wr){ w->iso->frame, sizeof(w->iso->frame) },
						&len),
				 ISO_OK);
		len = iso_serve(w->iso, len);
		assert_int_equal(rpc_decode_rep((struct rd){ w->iso->out, len },
						ISO_OP_krb_tgs_open, &st, &opened),
				 ISO_OK);
		if (st != ISO_OK || opened.verdict == ISO_WITHHELD)
			assert_false(leaks(w->iso->out, len));
		return;
	}
	assert_int_equal(call(w->iso, ISO_OP_krb_tgs_open, &open, &opened), ISO_OK);
	assert_int_equal(opened.verdict, ISO_WITHHELD);
}

static struct rd
seal_as(const struct world *w, const uint8_t *octets, uint32_t usage, struct rd plain)
{
	static uint8_t cipher[ISO_PART_MAX];
	struct krb_key key = { .type = krb_type(w->etype) };
	size_t n = 0;

	memcpy(key.octets, octets, key.type->key_len);
	assert_int_equal(krb_encrypt(&key, usage, plain, (struct wr){ cipher, sizeof(cipher) }, &n),
			 ISO_OK);
	return (struct rd){ cipher, n };
}

/* Is there a ticket for us, with a key that its reader knows anyway? */
static void
ticket_check(struct world *w)
{
	struct rd given = d_raw("sixteen octets!", 16);
	struct rd key = d_seq(d_join(2, d_ctx(0, d_int(17)), d_ctx(1, d_octets(given))));
	struct rd part = d_tlv(0x63, d_seq(d_join(2, d_ctx(0, d_flags(0)), d_ctx(1, key))));
	struct iso_req_krb_ticket_check req = {
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.key = { w->sealed, w->sealed_len },
		.name = d_client(),
		.etype = w->etype,
		.cipher = seal_as(w, w->user, KRB_USAGE_TICKET, part),
		.given = given,
	};

	assert_int_equal(call(w->iso, ISO_OP_krb_ticket_check, &req, NULL), ISO_OK);
}

/* A logon with the long-term key; the ticket has the key `next`, and is FAST armour. */
static void
logon(struct world *w)
{
	static struct iso_rep_krb_as_open opened;
	struct iso_req_krb_as_seal ask = { .session = w->s.session,
					   .generation = w->s.generation,
					   .owner = OWNER,
					   .key = { w->sealed, w->sealed_len },
					   .name = d_client() };
	struct part_spec part = { .tag = 0x79,
				  .etype = w->etype,
				  .key = { w->next, krb_type(w->etype)->key_len },
				  .nonce = NONCE,
				  .sname = d_name(2, "krbtgt", "EXAMPLE.TEST", NULL),
				  .padata = d_padata(162, (struct rd){ w->hash, 16 }) };
	struct iso_req_krb_as_open open = { .session = w->s.session,
					    .generation = w->s.generation,
					    .owner = OWNER,
					    .key = ask.key,
					    .name = ask.name,
					    .client = d_client(),
					    .nonce = NONCE,
					    .etype = w->etype };
	struct iso_req_krb_armor armor = { .session = w->s.session,
					   .generation = w->s.generation,
					   .owner = OWNER,
					   .client = d_client() };

	assert_int_equal(call(w->iso, ISO_OP_krb_as_seal, &ask, NULL), ISO_OK);
	ask.armor_etype = w->etype;
	ask.armor = (struct rd){ w->hash, sizeof(w->hash) };
	if (krb_type(w->etype)->key_len == sizeof(w->hash))
		assert_int_equal(call(w->iso, ISO_OP_krb_as_seal, &ask, NULL), ISO_OK);
	open.cipher = seal_as(w, w->user, KRB_USAGE_AS_REP, d_part(&part));
	assert_int_equal(call(w->iso, ISO_OP_krb_as_open, &open, &opened), ISO_OK);
	armor.blob = (struct rd){ opened.blob.at, opened.blob.len };
	assert_int_equal(call(w->iso, ISO_OP_krb_armor, &armor, NULL), ISO_OK);
	ticket_check(w);
}

/* Any secret as it is kept; its name is the client octets. */
static struct rd
keep(struct world *w, uint8_t kind, uint16_t may, int32_t etype, struct rd secret)
{
	struct blob b = {
		.kind = kind, .may = may, .etype = etype, .expires_ms = iso_now(w->iso) + ISO_BOX_MS
	};
	uint8_t out[ISO_SEALED_MAX];
	uint32_t len = 0;

	watch(secret.at, secret.len);
	blob_client_hash(d_client(), b.client);
	assert_int_equal(blob_seal(w->iso, &w->iso->session[w->s.session], &b, secret,
				   (struct wr){ out, sizeof(out) }, &len),
			 ISO_OK);
	return d_raw(out, len);
}

static struct rd
secret(size_t len)
{
	uint8_t octets[ISO_KEY_MAX];

	test_random(octets, len);
	return d_raw(octets, len);
}

/* A change of password, answered; and one whose request comes back as its answer. */
static void
change(struct world *w)
{
	const struct rd key = secret(krb_type(w->etype)->key_len);
	struct iso_req_krb_passwd_seal ask = {
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.blob = keep(w, ISO_KIND_TGT, ISO_MAY_CHANGE, w->etype, key),
		.client = d_client(),
		.password = keep(w, ISO_KIND_PASSWORD, ISO_MAY_NEW, 0, secret(24)),
		.name = d_client(),
		.address = { (const uint8_t *)"\177\0\0\1", 4 },
	};
	struct iso_req_krb_passwd_open open = { .owner = OWNER,
						.blob = ask.blob,
						.client = d_client(),
						.etype = w->etype,
						.priv_etype = w->etype };
	struct iso_rep_krb_passwd_seal sealed;

	for (int back = 0; back < 2; back++) {
		const struct pending *p;
		struct rd rep, priv;

		assert_int_equal(call(w->iso, ISO_OP_krb_passwd_seal, &ask, &sealed), ISO_OK);
		p = &w->iso->pending[sealed.pending & (ISO_PENDINGS - 1)];
		rep = d_tlv(
		    0x7b, d_seq(d_join(2, d_ctx(0, d_time(p->ctime)), d_ctx(1, d_int(p->cusec)))));
		priv = d_tlv(0x7c, d_seq(d_join(2, d_ctx(0, d_octets(d_raw("\0\0", 2))),
						d_ctx(3, d_int(p->nonce ^ 1)))));
		open.pending = sealed.pending;
		open.ap_rep = seal_as(w, key.at, KRB_USAGE_AP_REP, rep);
		open.ap_rep = d_raw(open.ap_rep.at, open.ap_rep.len);
		open.priv = back ? (struct rd){ sealed.priv.at, sealed.priv.len }
				 : seal_as(w, p->subkey, KRB_USAGE_PRIV, priv);
		assert_int_equal(call(w->iso, ISO_OP_krb_passwd_open, &open, NULL),
				 back ? ISO_E_MISMATCH : ISO_OK);
	}
}

static void
lock(struct world *w)
{
	const struct rd key = secret(krb_type(w->etype)->key_len);
	struct iso_req_session_lock req = { .session = w->s.session,
					    .generation = w->s.generation,
					    .owner = OWNER };
	struct iso_req_session_unlock unlock = { .session = w->s.session,
						 .generation = w->s.generation,
						 .owner = OWNER,
						 .name = d_client() };

	unlock.anchor = keep(w, ISO_KIND_KEY, ISO_MAY_UNLOCK, w->etype, key);
	assert_int_equal(call(w->iso, ISO_OP_session_lock, &req, NULL), ISO_OK);
	assert_int_equal(call(w->iso, ISO_OP_krb_tgs_seal, &w->seal, NULL), ISO_E_LOCKED);
	pass_ms(1);
	unlock.key = keep(w, ISO_KIND_KEY, ISO_MAY_AS, w->etype, secret(key.len));
	assert_int_equal(call(w->iso, ISO_OP_session_unlock, &unlock, NULL), ISO_E_SECRET);
	unlock.key = keep(w, ISO_KIND_KEY, ISO_MAY_AS, w->etype, key);
	assert_int_equal(call(w->iso, ISO_OP_session_unlock, &unlock, NULL), ISO_OK);
}

/* The key that seals under the root key alone; made as it is there, by other means. */
static void
watch_sealing(const struct iso *iso, uint8_t kind)
{
	uint8_t info[] = "lsaiso blob\0k\1", prk[32], key[64];
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, sizeof(iso->root), iso->root);
	hmac_sha256_digest(&ctx, sizeof(prk), prk);
	watch(prk, sizeof(prk));
	info[12] = kind;
	hmac_sha256_set_key(&ctx, sizeof(prk), prk);
	for (size_t i = 0; i < 2; i++) {
		hmac_sha256_update(&ctx, i * 32, key);
		info[13] = (uint8_t)(i + 1);
		hmac_sha256_update(&ctx, 14, info);
		hmac_sha256_digest(&ctx, 32, key + 32 * i);
	}
	watch(key, sizeof(key));
}

static void
offline(struct world *w)
{
	struct iso_req_offline_make make = { .session = w->s.session,
					     .generation = w->s.generation,
					     .owner = OWNER,
					     .name = d_client() };
	struct iso_rep_offline_make made;
	struct iso_req_offline_try try = { .session = w->s.session,
					   .generation = w->s.generation,
					   .owner = OWNER,
					   .name = d_client() };
	struct iso_rep_offline_try tried;

	watch_sealing(w->iso, SEAL_VERIFIER);
	make.password = try.password = keep(w, ISO_KIND_PASSWORD, ISO_MAY_S2K, 0, secret(24));
	assert_int_equal(call(w->iso, ISO_OP_offline_make, &make, &made), ISO_OK);
	try.verifier = (struct rd){ made.verifier.at, made.verifier.len };
	pass_ms(5000);
	assert_int_equal(call(w->iso, ISO_OP_offline_try, &try, &tried), ISO_OK);
	assert_int_equal(tried.verdict, 1);
	try.password = keep(w, ISO_KIND_PASSWORD, ISO_MAY_S2K, 0, secret(24));
	assert_int_equal(call(w->iso, ISO_OP_offline_try, &try, &tried), ISO_OK);
	assert_int_equal(tried.verdict, 0);
}

/* A key kept over a restart, where the root key is; and the checksum of PA-FOR-USER. */
static void
kept(struct world *w)
{
	struct iso_req_key_keep ask = { .session = w->s.session,
					.generation = w->s.generation,
					.owner = OWNER,
					.key = { w->sealed, w->sealed_len },
					.name = d_client() };
	struct iso_req_key_take back = { .session = w->s.session,
					 .generation = w->s.generation,
					 .owner = OWNER,
					 .name = d_client() };
	struct iso_req_krb_for_user user = { .session = w->s.session,
					     .generation = w->s.generation,
					     .owner = OWNER,
					     .blob = w->seal.blob,
					     .client = d_client(),
					     .text = d_client() };
	const bool lasts = w->iso->root_kind == ISO_ROOT_KEPT;
	struct iso_rep_key_keep rep = { 0 };

	watch_sealing(w->iso, SEAL_KEPT);
	assert_int_equal(call(w->iso, ISO_OP_key_keep, &ask, &rep), lasts ? ISO_OK : ISO_E_POLICY);
	back.kept = (struct rd){ rep.kept.at, rep.kept.len };
	assert_int_equal(call(w->iso, ISO_OP_key_take, &back, NULL), lasts ? ISO_OK : ISO_E_BLOB);
	assert_int_equal(call(w->iso, ISO_OP_krb_for_user, &user, NULL), ISO_OK);
}

#define N16(s)                                                                                     \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	} /* its NUL ends the last unit */

/*
 * An answer of NTLM. Its keys are those that a server finds in it: NTOWFv2,
 * which is ResponseKeyNT, and SessionBaseKey, which is KeyExchangeKey. Bit 1 of
 * how: with a NEGOTIATE_MESSAGE, bit 2: KEY_EXCH and SIGN.
 */
static void
ntlm(struct world *w, unsigned int how)
{
	static struct iso_rep_ntlm_authenticate rep;
	static uint8_t negotiate[16] = "NTLMSSP\0\1";
	static uint8_t challenge[] =
	    "NTLMSSP\0\2\0\0\0\0\0\0\0\0\0\0\0....\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0\0\0\0\0"
	    "\x0c\0\x0c\0\x30\0\0\0\1\0\4\0S\0V\0\0\0\0";
	const uint32_t flags = 0x00888201u | ((how & 2) != 0 ? 0x40000010u : 0);
	struct iso_req_ntlm_authenticate req = { .session = w->s.session,
						 .generation = w->s.generation,
						 .owner = OWNER,
						 .key = { w->ntlm.blob.at, w->ntlm.blob.len },
						 .name = d_client(),
						 .user = N16("u\0"),
						 .upper = N16("U\0"),
						 .domain = N16("D\0"),
						 .challenge = { challenge, sizeof(challenge) } };
	struct v_exchange x = { .upper = req.upper,
				.domain = req.domain,
				.challenge = req.challenge };
	struct v_seen seen;

	memcpy(challenge + 20, &flags, sizeof(flags));
	memcpy(negotiate + 12, &flags, sizeof(flags));
	if ((how & 1) != 0)
		x.negotiate = req.negotiate = (struct rd){ negotiate, sizeof(negotiate) };
	memcpy(x.hash, w->hash, sizeof(x.hash));
	/* Twice: what the first answer was made with may not be in the second either. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(call(w->iso, ISO_OP_ntlm_authenticate, &req, &rep), ISO_OK);
		assert_null(v_check(&x, (struct rd){ rep.message.at, rep.message.len }, &seen));
		watch(seen.owf, sizeof(seen.owf));
		watch(seen.base, sizeof(seen.base));
		assert_int_equal(rep.session_key.len, (how & 2) != 0 ? 16 : 0);
		assert_false(leaks(rep.message.at, rep.message.len));
		assert_false(leaks(rep.session_key.at, rep.session_key.len));
	}
}

/* Any operation with random fields, some of them replaced by good ones. */
static void
random_call(struct world *w)
{
	static union iso_req req;
	static uint8_t octets[4096];
	uint32_t op = 1 + below(ISO_OP_END - 1);
	const struct rpc_op *row = rpc_op(op);

	if (op == ISO_OP_session_close && below(50) != 0)
		return;
	test_random(octets, 512);
	memset(&req, 0, sizeof(req));
	for (size_t i = 0; i < row->req_fields; i++) {
		const struct rpc_field *f = &row->req[i];
		uint8_t *at = (uint8_t *)&req + f->offset;
		uint32_t max = f->max < 512 ? f->max : 512;
		struct rd view = { octets, below(max + 1) };
		struct rd good[] = { w->absorb.key,
				     w->absorb.client,
				     w->seal.blob,
				     w->seal.body,
				     { w->ntlm.blob.at, w->ntlm.blob.len },
				     { w->sealed, w->sealed_len },
				     { w->password.blob.at, w->password.blob.len } };
		uint32_t small[] = {
			OWNER, w->s.session, w->s.generation, ISO_KIND_TGT, 17, 18, 1
		};

		if (f->kind >= RPC_VAR) {
			if (below(2) == 0)
				view = good[below(COUNT(good))];
			if (view.len > f->max)
				view.len = f->max;
			memcpy(at, &view, sizeof(view));
		} else if (f->kind == RPC_U32 || f->kind == RPC_I32) {
			memcpy(at, &small[below(COUNT(small))], 4);
		} else {
			test_random(at, f->kind == RPC_FIX ? f->max : 8);
		}
	}
	(void)!call(w->iso, op, &req, NULL);
}

/* The end of a logon, and what is left to ask about it. */
static void
end(struct world *w)
{
	struct iso_req_audit_read read = { 0 };
	struct iso_req_session_info info = { .session = w->s.session,
					     .generation = w->s.generation,
					     .owner = OWNER };
	struct iso_req_session_close close = { .session = w->s.session,
					       .generation = w->s.generation,
					       .owner = OWNER };

	assert_int_equal(call(w->iso, ISO_OP_session_info, &info, NULL), ISO_OK);
	assert_int_equal(call(w->iso, ISO_OP_session_close, &close, NULL), ISO_OK);
	for (read.from = 1; read.from <= w->iso->records; read.from += 100)
		assert_int_equal(call(w->iso, ISO_OP_audit_read, &read, NULL), ISO_OK);
	assert_int_equal(call(w->iso, ISO_OP_krb_tgs_seal, &w->seal, NULL), ISO_E_SESSION);
}

/* A good seal or absorb with one thing changed. */
static void
bent_call(struct world *w)
{
	struct iso_req_krb_tgs_seal seal = w->seal;
	uint8_t copy[ISO_BLOB_MAX];

	memcpy(copy, seal.blob.at, seal.blob.len);
	switch (below(4)) {
	case 0:
		copy[below((uint32_t)seal.blob.len)] ^= (uint8_t)(1u << below(8));
		seal.blob.at = copy;
		break;
	case 1:
		seal.blob.len = below((uint32_t)seal.blob.len);
		break;
	case 2:
		seal.body.len = below((uint32_t)seal.body.len);
		break;
	default:
		seal.blob = (struct rd){ w->ntlm.blob.at, w->ntlm.blob.len };
		break;
	}
	assert_int_not_equal(call(w->iso, ISO_OP_krb_tgs_seal, &seal, NULL), ISO_OK);
}

static void
no_key_leaves(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20, 23 };
	static struct world w;

	(void)state;
	for (size_t e = 0; e < COUNT(etypes); e++) {
		for (int round = 0; round < ROUNDS; round++) {
			if (round % 50 == 0)
				build(&w, etypes[e]);
			if (w.iso->session[w.s.session].generation != w.s.generation)
				build(&w, etypes[e]);
			random_call(&w);
		}
		for (int round = 0; round < 60; round++) {
			build(&w, etypes[e]);
			bent_call(&w);
			if (round % 6 == 0) /* it takes its time */
				make_keys(&w);
			logon(&w);
			change(&w);
			lock(&w);
			if (round == 0)
				offline(&w);
			ntlm(&w, (unsigned int)round);
			kept(&w);
			referral(&w, false);
			end(&w);
			build(&w, etypes[e]);
			referral(&w, true);
		}
	}
	assert_true(searched > 10000);
	/* the search is worth something only if operations also succeeded */
	for (uint32_t op = 1; op < ISO_OP_END; op++) {
		if (replies_ok[op] == 0)
			fail_msg("operation %u never succeeded", op);
	}
}

/* A search that cannot fail shows nothing: it must find a key that is there. */
static void
the_search_finds(void **state)
{
	static struct world w;
	uint8_t reply[600];

	(void)state;
	build(&w, 18);
	memset(reply, 0, sizeof(reply));
	for (size_t i = 0; i + WINDOW <= 32; i += 3) {
		assert_false(leaks(reply, sizeof(reply)));
		memcpy(reply + 100 + i, w.key + i, WINDOW);
		assert_true(leaks(reply, sizeof(reply)));
		memset(reply, 0, sizeof(reply));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds),
		cmocka_unit_test(no_key_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
