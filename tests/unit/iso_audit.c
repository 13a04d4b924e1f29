/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The use log of lsaiso: is there a record of each call that it should have
 * one of, with what it should say; is the chain what rpc/record.h says; what
 * is read from where, before and after the ring is full?
 */
#include "rpc/record.h"

#include <nettle/sha2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso_world.h"

#define LONG  ((size_t)RECORD_TARGET * 2)
#define BATCH (ISO_RECORDS_MAX / RECORD_SIZE)

static struct iso_rep_audit_read
read_from(struct iso *iso, uint64_t from)
{
	struct iso_req_audit_read req = { .from = from };
	static struct iso_rep_audit_read rep;

	assert_int_equal(iso_call(iso, ISO_OP_audit_read, &req, &rep), ISO_OK);
	assert_int_equal(rep.records.len % RECORD_SIZE, 0);
	return rep;
}

static struct record
record_of(const struct iso_rep_audit_read *rep, size_t i)
{
	struct record re;

	assert_true((i + 1) * RECORD_SIZE <= rep->records.len);
	memcpy(&re, rep->records.at + i * RECORD_SIZE, sizeof(re));
	return re;
}

static struct record
latest(struct iso *iso)
{
	struct iso_rep_audit_read rep = read_from(iso, iso->records);

	assert_int_equal(rep.first, iso->records);
	assert_int_equal(rep.records.len, RECORD_SIZE);
	return record_of(&rep, 0);
}

static void
chain_start(const struct iso *iso, uint8_t chain[ISO_HASH])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, 14, (const uint8_t *)"lsaiso audit 1");
	sha256_update(&ctx, 16, iso->boot_id);
	sha256_digest(&ctx, ISO_HASH, chain);
}

static void
chain_add(uint8_t chain[ISO_HASH], const uint8_t record[RECORD_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, ISO_HASH, chain);
	sha256_update(&ctx, RECORD_SIZE, record);
	sha256_digest(&ctx, ISO_HASH, chain);
}

static enum iso_status
open_session(struct iso *iso, uint32_t owner, uint32_t lifetime, struct iso_rep_session_open *rep)
{
	struct iso_req_session_open req = { .owner = owner, .lifetime = lifetime };

	return iso_call(iso, ISO_OP_session_open, &req, rep);
}

static enum iso_status
close_session(struct iso *iso, const struct iso_rep_session_open *s, uint32_t owner)
{
	struct iso_req_session_close req = { .session = s->session,
					     .generation = s->generation,
					     .owner = owner };

	return iso_call(iso, ISO_OP_session_close, &req, NULL);
}

/* A call that leaves a record and costs nothing: the close of no session. */
static void
make_one(struct iso *iso)
{
	const struct iso_rep_session_open none = { .session = 7, .generation = 9 };

	assert_int_equal(close_session(iso, &none, OWNER), ISO_E_SESSION);
}

/* ---- which calls, and what of them */

static void
says(const struct record *re, uint32_t op, enum iso_status st, uint32_t session,
     uint32_t generation, uint32_t owner)
{
	assert_int_equal(re->op, op);
	assert_int_equal(re->status, st);
	assert_int_equal(re->session, session);
	assert_int_equal(re->generation, generation);
	assert_int_equal(re->owner, owner);
}

static void
targets(const struct record *re, const char *name)
{
	static const uint8_t zero[RECORD_TARGET];
	size_t len = strlen(name), kept = len < RECORD_TARGET ? len : RECORD_TARGET;

	assert_int_equal(re->target_len, len);
	assert_memory_equal(re->target, name, kept);
	assert_memory_equal(re->target + kept, zero, RECORD_TARGET - kept);
}

static void
by_effect(void **state)
{
	static union iso_req req;
	struct iso *iso;
	size_t n = 0;

	(void)state;
	for (uint32_t op = 1; op < ISO_OP_END; op++) {
		uint64_t before, made = rpc_op(op)->effect != ISO_FX_NONE;
		enum iso_status st;

		memset(&req, 0, sizeof(req));
		iso = iso_running(0);
		before = iso->records;
		st = iso_call(iso, op, &req, NULL);
		assert_int_equal(iso->records, before + made);
		if (made != 0)
			says(&iso->used[before].of, op, st, 0, 0, 0);
		n += made;
	}
	assert_true(n >= 6);
}

static void
out_of_phase(void **state)
{
	struct iso *iso = iso_fresh();
	struct iso_req_root_set root = { .key = { (const uint8_t *)"", 0 } };
	struct iso_req_configure conf = { .rate = 0 };

	(void)state;
	assert_int_equal(open_session(iso, OWNER, 60, NULL), ISO_E_PHASE);
	says(&iso->used[0].of, ISO_OP_session_open, ISO_E_PHASE, 0, 0, 0);
	assert_int_equal(iso_call(iso, ISO_OP_root_set, &root, NULL), ISO_E_RANGE);
	says(&iso->used[1].of, ISO_OP_root_set, ISO_E_RANGE, 0, 0, 0);
	assert_int_equal(iso_call(iso, ISO_OP_configure, &conf, NULL), ISO_E_RANGE);
	assert_int_equal(iso->records, 2);
}

/* A frame that is none: recorded once it names an operation that has an effect. */
static void
malformed(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_req_session_close req = { 0 };
	size_t len = 0;

	(void)state;
	assert_int_equal(rpc_encode_req(ISO_OP_session_close, &req,
					(struct wr){ iso->frame, sizeof(iso->frame) }, &len),
			 ISO_OK);
	for (size_t cut = 0; cut < len; cut++) {
		uint64_t before = iso->records;

		assert_int_equal(rpc_encode_req(ISO_OP_session_close, &req,
						(struct wr){ iso->frame, sizeof(iso->frame) },
						&len),
				 ISO_OK);
		assert_true(iso_serve(iso, cut) > 0);
		assert_int_equal(iso->records, before + (cut >= RPC_REQ_HDR));
		if (cut >= RPC_REQ_HDR)
			says(&iso->used[before].of, ISO_OP_session_close, ISO_E_FRAME, 0, 0, 0);
	}
}

static void
sessions(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_rep_session_open s = { 0 };
	struct record re;

	(void)state;
	assert_int_equal(open_session(iso, OWNER, 60, &s), ISO_OK);
	re = latest(iso);
	says(&re, ISO_OP_session_open, ISO_OK, s.session, s.generation, OWNER);
	assert_int_equal(re.time_us, UINT64_C(1000000) * TEST_NOW);
	assert_int_equal(re.verdict, 0);
	targets(&re, "");
	pass_ms(1500);
	assert_int_equal(open_session(iso, OWNER, 0, NULL), ISO_E_RANGE);
	re = latest(iso);
	says(&re, ISO_OP_session_open, ISO_E_RANGE, 0, 0, OWNER);
	assert_int_equal(re.time_us, UINT64_C(1000000) * TEST_NOW + 1500000);
	/* another user's: the record has what the caller said */
	assert_int_equal(close_session(iso, &s, OWNER + 1), ISO_E_OWNER);
	re = latest(iso);
	says(&re, ISO_OP_session_close, ISO_E_OWNER, s.session, s.generation, OWNER + 1);
	s.generation++;
	assert_int_equal(close_session(iso, &s, OWNER), ISO_E_SESSION);
	re = latest(iso);
	says(&re, ISO_OP_session_close, ISO_E_SESSION, s.session, s.generation, OWNER);
	s.generation--;
	assert_int_equal(close_session(iso, &s, OWNER), ISO_OK);
	re = latest(iso);
	says(&re, ISO_OP_session_close, ISO_OK, s.session, s.generation, OWNER);
}

static void
tickets(void **state)
{
	struct world w = world_with(0, 18);
	struct iso_rep_krb_tgs_open rep = { 0 };
	struct body_spec body = { .nonce = NONCE, .sname = d_name(2, "HTTP", "web.test", NULL) };
	struct part_spec part = { .etype = 18,
				  .nonce = NONCE,
				  .sname = d_name(2, "HTTP", "other.test", NULL) };
	struct record re = latest(w.iso);

	(void)state;
	says(&re, ISO_OP_cred_absorb, ISO_OK, w.s.session, w.s.generation, OWNER);
	targets(&re, "user@EXAMPLE.TEST");
	assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
	re = w.iso->used[w.iso->records - 2].of;
	says(&re, ISO_OP_krb_tgs_seal, ISO_OK, w.s.session, w.s.generation, OWNER);
	targets(&re, "HTTP/web.test"); /* as it was asked for */
	re = latest(w.iso);
	says(&re, ISO_OP_krb_tgs_open, ISO_OK, w.s.session, w.s.generation, OWNER);
	targets(&re, "HTTP/other.test"); /* as it was decrypted */
	assert_int_equal(re.verdict, ISO_RELEASED);

	part.sname = d_name(2, "krbtgt", "OTHER.TEST", NULL);
	assert_int_equal(exchange(&w, &body, part, &rep), ISO_OK);
	re = latest(w.iso);
	targets(&re, "krbtgt/OTHER.TEST");
	assert_int_equal(re.verdict, ISO_WITHHELD);

	part.nonce = NONCE + 1; /* an answer to something else: nobody's name */
	part.key = (struct rd){ service_key, sizeof(service_key) };
	assert_int_equal(seal(&w, d_body(&body)), ISO_OK);
	kdc_reads(&w, d_body(&body));
	assert_int_equal(answer(&w, d_part(&part), &rep), ISO_E_MISMATCH);
	re = latest(w.iso);
	says(&re, ISO_OP_krb_tgs_open, ISO_E_MISMATCH, w.s.session, w.s.generation, OWNER);
	targets(&re, "");

	body.options = UINT32_C(1) << 29; /* FORWARDED: refused, and for what */
	assert_int_equal(seal(&w, d_body(&body)), ISO_E_POLICY);
	re = latest(w.iso);
	says(&re, ISO_OP_krb_tgs_seal, ISO_E_POLICY, w.s.session, w.s.generation, OWNER);
	targets(&re, "HTTP/web.test");
}

/* Names of every length around the end, of three parts, of octets that terminals obey. */
static void
names(void **state)
{
	struct world w = world_with(0, 18);

	(void)state;
	for (size_t len = 1; len < LONG; len++) {
		char first[LONG + 1] = { 0 }, want[LONG + 8];
		struct body_spec body = { .nonce = NONCE };
		struct record re;

		memset(first, 'a', len);
		if (len > 2)
			first[0] = '\x1b';
		body.sname = d_name(2, first, "b", "");
		assert_int_equal(seal(&w, d_body(&body)), ISO_OK);
		(void)snprintf(want, sizeof(want), "%s/b/", first);
		re = latest(w.iso);
		targets(&re, want);
	}
}

/* ---- the chain, and the ring */

static void
chain(void **state)
{
	struct iso *iso = iso_running(0);
	uint8_t want[ISO_HASH];
	struct iso_rep_audit_read rep = read_from(iso, 0);

	(void)state;
	chain_start(iso, want);
	assert_int_equal(rep.first, 1);
	assert_int_equal(rep.next, 1);
	assert_int_equal(rep.records.len, 0);
	assert_memory_equal(rep.chain, want, sizeof(want));
	for (unsigned int i = 1; i <= 250; i++) {
		struct record re;

		make_one(iso);
		rep = read_from(iso, i);
		assert_int_equal(rep.next, i + 1);
		assert_memory_equal(rep.chain, want, sizeof(want));
		re = record_of(&rep, 0);
		assert_int_equal(re.sequence, i);
		chain_add(want, rep.records.at);
		assert_memory_equal(iso->chain, want, sizeof(want));
	}
}

/* Read all there is from here as the collector does, and check every link. */
static size_t
follow(struct iso *iso, uint64_t from, uint64_t first)
{
	uint8_t want[ISO_HASH];
	struct iso_rep_audit_read rep;
	size_t n = 0;

	do {
		rep = read_from(iso, n == 0 ? from : first + n);
		assert_int_equal(rep.first, first + n);
		assert_int_equal(rep.next, iso->records + 1);
		if (n > 0)
			assert_memory_equal(rep.chain, want, sizeof(want));
		memcpy(want, rep.chain, sizeof(want));
		for (size_t i = 0; i * RECORD_SIZE < rep.records.len; i++, n++) {
			assert_int_equal(record_of(&rep, i).sequence, first + n);
			chain_add(want, rep.records.at + i * RECORD_SIZE);
		}
	} while (rep.records.len > 0);
	assert_memory_equal(want, iso->chain, sizeof(want));
	return n;
}

static void
ring(void **state)
{
	struct iso *iso = iso_running(0);

	(void)state;
	for (uint64_t made = 0; made <= 2 * ISO_RECORDS + 3; made++) {
		uint64_t lost = made > ISO_RECORDS ? made - ISO_RECORDS : 0;

		if (made > 0)
			make_one(iso);
		if (made % 997 > 3 && made % ISO_RECORDS > 3 &&
		    made % ISO_RECORDS < ISO_RECORDS - 3)
			continue;
		assert_int_equal(follow(iso, 0, lost + 1), made - lost);
		assert_int_equal(follow(iso, 1, lost + 1), made - lost);
		if (made > lost) {
			assert_int_equal(follow(iso, lost + 1, lost + 1), made - lost);
			assert_int_equal(follow(iso, lost + 2, lost + 2), made - lost - 1);
			assert_int_equal(follow(iso, made, made), 1);
		}
		assert_int_equal(follow(iso, made + 1, made + 1), 0);
		/* beyond what there is: where the log ends, so that the asker sees */
		assert_int_equal(follow(iso, made + 2, made + 1), 0);
		assert_int_equal(follow(iso, UINT64_MAX, made + 1), 0);
	}
	assert_int_equal(read_from(iso, 0).records.len, BATCH * RECORD_SIZE);
}

/* Another start, another chain, from 1 again. */
static void
another_start(void **state)
{
	uint8_t first[ISO_HASH];
	struct iso *iso = iso_running(0);

	(void)state;
	make_one(iso);
	memcpy(first, iso->chain, sizeof(first));
	iso = iso_running(0);
	assert_int_equal(iso->records, 0);
	make_one(iso);
	assert_int_equal(iso->records, 1);
	assert_memory_not_equal(iso->chain, first, sizeof(first));
}

/* What prove tells is the head before its own record. */
static void
proved_head(void **state)
{
	struct iso *iso = iso_running(0);
	struct iso_req_prove req = { .public = { 9 } };
	struct iso_rep_prove rep = { 0 };
	uint8_t before[ISO_HASH];

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		make_one(iso);
		memcpy(before, iso->chain, sizeof(before));
		assert_int_equal(iso_call(iso, ISO_OP_prove, &req, &rep), ISO_OK);
		assert_int_equal(rep.sequence, 2 * i + 1);
		assert_memory_equal(rep.chain, before, sizeof(before));
		assert_int_equal(latest(iso).op, ISO_OP_prove);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_effect),	 cmocka_unit_test(out_of_phase),
		cmocka_unit_test(malformed),	 cmocka_unit_test(sessions),
		cmocka_unit_test(tickets),	 cmocka_unit_test(names),
		cmocka_unit_test(chain),	 cmocka_unit_test(ring),
		cmocka_unit_test(another_start), cmocka_unit_test(proved_head),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
