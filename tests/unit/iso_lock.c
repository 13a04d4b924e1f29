/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A locked session: does it refuse everything that uses it, lose nothing
 * meanwhile, and open for the password it began with, typed after the lock,
 * and for nothing else?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_world.h"
#include "pending.h"
#include "session.h"

#define NAME "alice@EXAMPLE.TEST"

static const uint8_t right[32] = "the key of what was typed first.", wrong[32] = "another";

static struct rd
octets(const void *at, size_t len)
{
	return (struct rd){ at, len };
}

/* What krb_s2k gives: a blob of this key, in whatever session. */
static struct iso_rep_krb_s2k
sealed(struct world *w, uint32_t session, uint16_t may, int32_t etype, const uint8_t *key,
       const char *name)
{
	struct blob b = { .kind = ISO_KIND_KEY, .may = may, .etype = etype };
	struct iso_rep_krb_s2k out = { 0 };

	b.expires_ms = w->iso->now_ms + 3600000;
	blob_client_hash(octets(name, strlen(name)), b.client);
	assert_int_equal(blob_seal(w->iso, &w->iso->session[session], &b,
				   octets(key, krb_type(etype)->key_len),
				   (struct wr){ out.blob.at, sizeof(out.blob.at) }, &out.blob.len),
			 ISO_OK);
	return out;
}

static enum iso_status
lock_as(struct world *w, uint32_t owner)
{
	struct iso_req_session_lock req = { .session = w->s.session,
					    .generation = w->s.generation,
					    .owner = owner };

	return iso_call(w->iso, ISO_OP_session_lock, &req, NULL);
}

/* Lock, then let a moment pass: nobody types within the same millisecond. */
static void
lock(struct world *w)
{
	assert_int_equal(lock_as(w, OWNER), ISO_OK);
	pass_ms(1);
	iso_now(w->iso);
}

static struct iso_req_session_unlock
unlock_req(struct world *w, const struct iso_rep_krb_s2k *anchor, const struct iso_rep_krb_s2k *key)
{
	return (struct iso_req_session_unlock){
		.session = w->s.session,
		.generation = w->s.generation,
		.owner = OWNER,
		.anchor = { anchor->blob.at, anchor->blob.len },
		.key = { key->blob.at, key->blob.len },
		.name = { (const uint8_t *)NAME, strlen(NAME) },
	};
}

static enum iso_status
unlock(struct world *w, const struct iso_rep_krb_s2k *anchor, const struct iso_rep_krb_s2k *key)
{
	struct iso_req_session_unlock req = unlock_req(w, anchor, key);

	return iso_call(w->iso, ISO_OP_session_unlock, &req, NULL);
}

static bool
is_locked(struct world *w)
{
	struct iso_req_session_info req = { .session = w->s.session,
					    .generation = w->s.generation,
					    .owner = OWNER };
	struct iso_rep_session_info rep = { 0 };

	assert_int_equal(iso_call(w->iso, ISO_OP_session_info, &req, &rep), ISO_OK);
	return rep.locked == 1;
}

static struct iso_rep_krb_s2k
anchor_of(struct world *w)
{
	return sealed(w, w->s.session, ISO_MAY_UNLOCK, 18, right, NAME);
}

static struct iso_rep_krb_s2k
typed(struct world *w, const uint8_t *key)
{
	return sealed(w, w->s.session, ISO_MAY_AS, 18, key, NAME);
}

static void
locks_and_unlocks(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_rep_krb_s2k anchor = anchor_of(&w), key;
	struct body_spec body = { .nonce = NONCE };

	(void)state;
	assert_false(is_locked(&w));
	lock(&w);
	assert_true(is_locked(&w));
	assert_int_equal(seal(&w, d_body(&body)), ISO_E_LOCKED);
	assert_int_equal(lock_as(&w, OWNER), ISO_OK);
	assert_int_equal(lock_as(&w, OWNER + 1), ISO_E_OWNER);
	w.s.generation++;
	assert_int_equal(lock_as(&w, OWNER), ISO_E_SESSION);
	w.s.generation--;
	key = typed(&w, right);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_OK);
	assert_false(is_locked(&w));
	assert_int_equal(seal(&w, d_body(&body)), ISO_OK);
}

/* Every operation that names a session, but those that a lock lets through. */
static void
refuses_everything_else(void **state)
{
	static const uint32_t through[] = { ISO_OP_session_close,   ISO_OP_session_info,
					    ISO_OP_session_lock,    ISO_OP_session_unlock,
					    ISO_OP_logon_challenge, ISO_OP_logon_absorb,
					    ISO_OP_krb_s2k };
	struct world w = world_with(ISO_POLICY_ALL, 18);
	static union iso_req req;
	const uint32_t who[3] = { w.s.session, w.s.generation, OWNER };
	unsigned int tried = 0;
	enum iso_status st;

	(void)state;
	lock(&w);
	for (uint32_t op = 1; op < ISO_OP_END; op++) {
		const struct rpc_op *row = rpc_op(op);
		bool passes = row->req_fields < 3 ||
			      strcmp(rpc_field_name(op, 0, 0), "session") != 0;

		for (size_t i = 0; i < COUNT(through); i++)
			passes |= op == through[i];
		if (passes)
			continue;
		memset(&req, 0, sizeof(req));
		for (size_t i = 0; i < COUNT(who); i++)
			memcpy((uint8_t *)&req + row->req[i].offset, &who[i], sizeof(who[i]));
		st = iso_call(w.iso, op, &req, NULL);
		if (st != ISO_E_LOCKED)
			fail_msg("operation %u: %d", op, (int)st);
		tried += st == ISO_E_LOCKED;
	}
	assert_int_equal(tried, 13);
	assert_true(is_locked(&w));
}

static void
answer_waits_for_the_unlock(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_rep_krb_s2k anchor = anchor_of(&w), key;
	struct body_spec body = { .nonce = NONCE };
	struct part_spec part = { .etype = 18, .key = { service_key, 32 }, .nonce = NONCE };
	struct iso_rep_krb_tgs_open rep = { 0 };
	struct rd der = d_body(&body);

	(void)state;
	assert_int_equal(seal(&w, der), ISO_OK);
	kdc_reads(&w, der);
	lock(&w);
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_E_LOCKED);
	assert_int_equal(rep.part.len, 0);
	assert_int_equal(answer_as(&w, d_part(&part), OWNER + 1, 18, 9, &rep), ISO_E_LOCKED);
	key = typed(&w, right);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_OK);
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_OK);
	assert_true(contains(rep.part.at, rep.part.len, service_key, 32));
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_E_PENDING);
}

/* What was typed before the lock: a key that lsass kept, a challenge that it has. */
static void
only_what_was_typed_since(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_rep_krb_s2k anchor = anchor_of(&w), old = typed(&w, right), key;
	struct pending early = { .kind = PENDING_BOX,
				 .session = w.s.session,
				 .generation = w.s.generation,
				 .owner = OWNER },
		       late = early, p = { 0 };

	(void)state;
	assert_int_equal(pending_put(w.iso, &early), ISO_OK);
	pass_ms(5);
	iso_now(w.iso);
	lock(&w);
	assert_int_equal(unlock(&w, &anchor, &old), ISO_E_LOCKED);
	assert_int_equal(w.iso->session[w.s.session].tries, 0);
	assert_int_equal(pending_put(w.iso, &late), ISO_OK);
	assert_int_equal(pending_take(w.iso, early.id, PENDING_BOX, &p), ISO_E_PENDING);
	assert_int_equal(pending_take(w.iso, late.id, PENDING_BOX, &p), ISO_OK);
	/* a second lock later does not make what came in between too old */
	key = typed(&w, right);
	pass_ms(1000);
	lock(&w);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_OK);
	/* the next lock does, also after the clock's low half came round */
	lock(&w);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_E_LOCKED);
	assert_true(is_locked(&w));
	test_host.boot_us += (UINT64_C(1) << 32) * 1000;
	w.iso->session[w.s.session].expires_ms += (UINT64_C(1) << 33);
	key = typed(&w, right);
	assert_int_equal(unlock(&w, &anchor, &old), ISO_E_EXPIRED);
	pass_ms(1);
	iso_now(w.iso);
	key = typed(&w, right);
	anchor = anchor_of(&w);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_OK);
}

static void
wrong_ones_end_it(void **state)
{
	static const uint8_t none[ISO_SESSION_KEY];
	struct world w = world_with(0, 18);
	struct iso_rep_krb_s2k anchor = anchor_of(&w), good, bad;

	(void)state;
	lock(&w);
	good = typed(&w, right);
	bad = typed(&w, wrong);
	for (unsigned int i = 1; i < ISO_UNLOCK_TRIES; i++)
		assert_int_equal(unlock(&w, &anchor, &bad), ISO_E_SECRET);
	assert_true(is_locked(&w));
	assert_int_equal(unlock(&w, &anchor, &good), ISO_OK); /* begins anew */
	lock(&w);
	bad = typed(&w, wrong);
	for (unsigned int i = 1; i <= ISO_UNLOCK_TRIES; i++)
		assert_int_equal(unlock(&w, &anchor, &bad), ISO_E_SECRET);
	assert_int_equal(unlock(&w, &anchor, &good), ISO_E_SESSION);
	assert_memory_equal(w.iso->session[w.s.session].key, none, sizeof(none));
	assert_int_equal(w.iso->session[w.s.session].flags, 0);
	assert_int_equal(w.iso->session[w.s.session].tries, 0);
}

/* No way to ask as often as one likes: a kept key gives no tries back. */
static void
open_one_counts_too(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_rep_krb_s2k anchor = anchor_of(&w), good = typed(&w, right),
			       bad = typed(&w, wrong);

	(void)state;
	for (unsigned int i = 1; i < ISO_UNLOCK_TRIES; i++) {
		assert_int_equal(unlock(&w, &anchor, &bad), ISO_E_SECRET);
		assert_int_equal(unlock(&w, &anchor, &good), ISO_OK);
	}
	assert_false(is_locked(&w));
	assert_int_equal(unlock(&w, &anchor, &bad), ISO_E_SECRET);
	assert_int_equal(unlock(&w, &anchor, &good), ISO_E_SESSION);
}

static void
every_bit_of_the_key(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_rep_krb_s2k anchor, key;
	uint8_t bent[32];

	(void)state;
	for (size_t bit = 0; bit < 256; bit++) {
		if (bit % (ISO_UNLOCK_TRIES - 1) == 0) {
			w = world_with(0, 18);
			anchor = anchor_of(&w);
			lock(&w);
		}
		for (size_t at = 0; at < sizeof(bent); at++)
			bent[at] = right[at];
		bent[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		key = typed(&w, bent);
		assert_int_equal(unlock(&w, &anchor, &key), ISO_E_SECRET);
		assert_true(is_locked(&w));
	}
}

/* Blobs that are not what they should be; none of them counts as a try. */
static void
wrong_blobs(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 3600 };
	struct iso_rep_session_open other = { 0 };
	struct iso_rep_krb_s2k anchor = anchor_of(&w), key, elsewhere, carol;
	struct iso_req_session_unlock req;

	(void)state;
	assert_int_equal(iso_call(w.iso, ISO_OP_session_open, &open, &other), ISO_OK);
	lock(&w);
	key = typed(&w, right);
	elsewhere = sealed(&w, other.session, ISO_MAY_AS, 18, right, NAME);
	carol = sealed(&w, w.s.session, ISO_MAY_AS, 18, right, "carol@EXAMPLE.TEST");
	assert_int_equal(unlock(&w, &key, &key), ISO_E_KIND);
	assert_int_equal(unlock(&w, &anchor, &anchor), ISO_E_KIND);
	assert_int_equal(unlock(&w, &anchor, &elsewhere), ISO_E_BLOB);
	assert_int_equal(unlock(&w, &anchor, &carol), ISO_E_OWNER);
	req = unlock_req(&w, &anchor, &key);
	req.owner++;
	assert_int_equal(iso_call(w.iso, ISO_OP_session_unlock, &req, NULL), ISO_E_OWNER);
	req = unlock_req(&w, &anchor, &key);
	req.anchor.len = 0;
	assert_int_equal(iso_call(w.iso, ISO_OP_session_unlock, &req, NULL), ISO_E_BLOB);
	req = unlock_req(&w, &anchor, &key);
	req.key.len--;
	assert_int_equal(iso_call(w.iso, ISO_OP_session_unlock, &req, NULL), ISO_E_BLOB);
	req = unlock_req(&w, &anchor, &key);
	req.name = octets(NAME, strlen(NAME) - 1);
	assert_int_equal(iso_call(w.iso, ISO_OP_session_unlock, &req, NULL), ISO_E_OWNER);
	for (size_t i = 0; i < (size_t)key.blob.len * 8; i++) {
		key.blob.at[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(unlock(&w, &anchor, &key), ISO_E_BLOB);
		key.blob.at[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	assert_int_equal(w.iso->session[w.s.session].tries, 0);
	/* the same octets as a key of another type: another secret */
	key = sealed(&w, w.s.session, ISO_MAY_AS, 20, right, NAME);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_E_SECRET);
	assert_true(is_locked(&w));
	/* of half the length */
	key = sealed(&w, w.s.session, ISO_MAY_AS, 17, right, NAME);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_E_SECRET);
	key = typed(&w, right);
	pass_ms(3600001);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_E_EXPIRED);
}

static void
ends_as_any_other(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_req_session_close req = { .session = w.s.session,
					     .generation = w.s.generation,
					     .owner = OWNER };
	struct iso_rep_session_info info = { 0 };
	struct iso_req_session_info ask = { .session = w.s.session,
					    .generation = w.s.generation,
					    .owner = OWNER };

	(void)state;
	lock(&w);
	assert_int_equal(iso_call(w.iso, ISO_OP_session_close, &req, NULL), ISO_OK);
	assert_int_equal(iso_call(w.iso, ISO_OP_session_info, &ask, &info), ISO_E_SESSION);
	w = world_with(0, 18);
	lock(&w);
	pass_ms(36000000);
	assert_int_equal(lock_as(&w, OWNER), ISO_E_EXPIRED);
}

/* The bucket stands still meanwhile, and fills up afterwards. */
static void
bucket_waits(void **state)
{
	struct world w = world_with(0, 18);
	struct session *s = &w.iso->session[w.s.session];
	struct iso_rep_krb_s2k anchor = anchor_of(&w), key;

	(void)state;
	w.iso->rate = w.iso->burst = 100;
	s->millitokens = 1000;
	lock(&w);
	pass_ms(10000);
	assert_true(is_locked(&w));
	assert_int_equal(session_tokens(w.iso, s), 1);
	iso_now(w.iso);
	key = typed(&w, right);
	assert_int_equal(unlock(&w, &anchor, &key), ISO_OK);
	assert_int_equal(session_tokens(w.iso, s), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locks_and_unlocks),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(answer_waits_for_the_unlock),
		cmocka_unit_test(only_what_was_typed_since),
		cmocka_unit_test(wrong_ones_end_it),
		cmocka_unit_test(open_one_counts_too),
		cmocka_unit_test(every_bit_of_the_key),
		cmocka_unit_test(wrong_blobs),
		cmocka_unit_test(ends_as_any_other),
		cmocka_unit_test(bucket_waits),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
