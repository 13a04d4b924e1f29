/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do credentials come through libkrb5's structs octet for octet, and does
 * the negative cache answer for exactly what was refused?
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsass/tgs/creds.h"
#include "lsass/tgs/job.h"
#include "lsass/tgs/negative.h"
#include "tests/unit/tgs_vectors.h"

static krb5_data
data(const char *text)
{
	return creds_data((struct rd){ (const uint8_t *)text, strlen(text) });
}

/* A credential with something in every part. */
struct full {
	krb5_creds creds;
	krb5_principal_data client, server;
	krb5_data ccomp[1], scomp[2];
	krb5_address address[2], *addresses[3];
	uint8_t key[32], v4[4], v6[16];
};

static void
fill(struct full *f)
{
	memset(f, 0, sizeof(*f));
	memset(f->key, 0x5a, sizeof(f->key));
	f->ccomp[0] = data("alice");
	f->scomp[0] = data("HTTP");
	f->scomp[1] = data("localhost");
	f->client = (krb5_principal_data){
		.realm = data("TEST.LOCAL"), .data = f->ccomp, .length = 1, .type = 1
	};
	f->server = (krb5_principal_data){
		.realm = data("TEST.LOCAL"), .data = f->scomp, .length = 2, .type = 3
	};
	f->address[0] = (krb5_address){ .addrtype = 2, .length = 4, .contents = f->v4 };
	f->address[1] = (krb5_address){ .addrtype = 24, .length = 16, .contents = f->v6 };
	f->addresses[0] = &f->address[0];
	f->addresses[1] = &f->address[1];
	f->creds.client = &f->client;
	f->creds.server = &f->server;
	f->creds.keyblock = (krb5_keyblock){ .enctype = 18, .length = 32, .contents = f->key };
	f->creds.times = (krb5_ticket_times){ 1, 2, (krb5_timestamp)0xf0000000, 4 };
	f->creds.is_skey = 1;
	f->creds.ticket_flags = (krb5_flags)0xc0610000;
	f->creds.addresses = f->addresses;
	f->creds.ticket = data("a ticket");
	f->creds.second_ticket = data("another ticket");
}

static void
test_round_trip(void **state)
{
	struct creds_octets one, two;
	struct creds_view view;
	struct full f;

	fill(&f);
	assert_int_equal(creds_put(&f.creds, &one), 0);
	assert_int_equal(creds_view_cred((struct rd){ one.at, one.len }, &view), 0);
	assert_int_equal(view.creds.keyblock.enctype, 18);
	assert_int_equal((uint32_t)view.creds.times.endtime, 0xf0000000u);
	assert_non_null(view.creds.addresses);
	assert_int_equal(view.creds.addresses[1]->length, 16);
	assert_null(view.creds.addresses[2]);
	assert_int_equal(creds_put(&view.creds, &two), 0);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.at, two.at, one.len);
	creds_free(&one);
	creds_free(&two);
	assert_null(one.at);
}

/* No prefix of a credential is one, nor one with more behind it. */
static void
test_damaged(void **state)
{
	struct creds_octets octets;
	struct creds_view view;
	struct full f;

	fill(&f);
	assert_int_equal(creds_put(&f.creds, &octets), 0);
	for (size_t n = 0; n < octets.len; n++) {
		uint8_t *exact = malloc(n + 1);

		assert_non_null(exact);
		memcpy(exact, octets.at, n);
		exact = realloc(exact, n != 0 ? n : 1);
		assert_int_equal(creds_view_cred((struct rd){ exact, n }, &view), -1);
		free(exact);
	}
	octets.at = realloc(octets.at, octets.len + 1);
	octets.at[octets.len++] = 0;
	assert_int_equal(creds_view_cred((struct rd){ octets.at, octets.len }, &view), -1);
	creds_free(&octets);
}

static void
test_refused(void **state)
{
	struct creds_octets octets;
	struct full f;

	fill(&f);
	f.creds.client = NULL;
	assert_int_equal(creds_put(&f.creds, &octets), -1);
	fill(&f);
	f.creds.keyblock.enctype = 70000;
	assert_int_equal(creds_put(&f.creds, &octets), -1);
}

static struct creds_octets
princ_of_full(void)
{
	struct creds_octets octets;
	struct wire_princ wire;
	struct rd rest;
	struct full f;

	fill(&f);
	assert_int_equal(creds_put(&f.creds, &octets), 0);
	rest = (struct rd){ octets.at, octets.len };
	assert_int_equal(wire_princ(&rest, &wire), 0);
	octets.len -= rest.len;
	return octets;
}

/* A TGT that came by, from the part that lsaiso opened. */
static void
test_part(void **state)
{
	struct creds_octets client = princ_of_full(), octets;
	struct rd part_octets = vector_octets("part-cross"), reply = vector_octets("reply-cross");
	struct der_part part;
	struct der_tgs_rep rep;
	struct creds_view view;

	assert_int_equal(der_read_part(part_octets, &part), 0);
	assert_int_equal(der_read_tgs_rep(reply, &rep), 0);
	assert_int_equal(
	    creds_put_part((struct rd){ client.at, client.len }, &part, rep.ticket, &octets), 0);
	assert_int_equal(creds_view_cred((struct rd){ octets.at, octets.len }, &view), 0);
	assert_int_equal(view.server.princ.length, 2);
	assert_memory_equal(view.server.comp[0].data, "krbtgt", 6);
	assert_memory_equal(view.server.comp[1].data, "OTHER.LOCAL", 11);
	assert_int_equal(view.creds.keyblock.length, part.key.len);
	assert_memory_equal(view.creds.keyblock.contents, part.key.at, part.key.len);
	assert_int_equal(view.creds.ticket.length, rep.ticket.len);
	assert_int_equal((uint32_t)view.creds.times.endtime, part.endtime);
	assert_true(view.creds.times.starttime != 0);
	creds_free(&octets);
	/* A client that is no principal. */
	assert_int_equal(
	    creds_put_part((struct rd){ client.at, client.len - 1 }, &part, rep.ticket, &octets),
	    -1);
	creds_free(&client);
	free((void *)(uintptr_t)part_octets.at);
	free((void *)(uintptr_t)reply.at);
}

/* ---- what makes two requests the same */

static void
test_job_is(void **state)
{
	static const uint8_t name[] = "server octets", other[] = "server octetz", ticket[] = { 1 };
	struct tgs_request req = { .uid = 1, .cache_id = 2, .etype = 18, .endtime = 9 };
	struct tgs_request no;
	uint64_t hash;
	struct job *job;

	req.server = (struct rd){ name, sizeof(name) };
	hash = job_hash(&req, 42);
	job = job_new(&req, hash);
	assert_non_null(job);
	assert_true(job->req.server.at != name); /* a copy */
	assert_true(job_is(job, &req, hash));
#define DIFFERS(change)                                                                            \
	no = req;                                                                                  \
	change;                                                                                    \
	assert_false(job_is(job, &no, job_hash(&no, 42)))
	DIFFERS(no.uid = 2);
	DIFFERS(no.cache_id = 3);
	DIFFERS(no.etype = 0);
	DIFFERS(no.endtime = 10);
	DIFFERS(no.user_to_user = true);
	DIFFERS(no.server.at = other);
	DIFFERS(no.second_ticket = ((struct rd){ ticket, 1 }));
#undef DIFFERS
	job_free(job);
}

static void
test_negative(void **state)
{
	static const uint8_t name[] = "server octets", other[] = "server octetz";
	struct tgs_request req = { .uid = 1, .cache_id = 2, .etype = 18 };
	struct negative *ne = negative_new();

	assert_non_null(ne);
	req.server = (struct rd){ name, sizeof(name) };
	negative_add(ne, &req, 7, -5, 1000, 100);
	assert_int_equal(negative_find(ne, &req, 7, 1000), -5);
	assert_int_equal(negative_find(ne, &req, 7, 1099), -5);
	assert_int_equal(negative_find(ne, &req, 7, 1100), 0);
	/* Even if hashes collide. */
	req.uid = 2;
	assert_int_equal(negative_find(ne, &req, 7, 1000), 0);
	req.uid = 1;
	req.server.at = other;
	assert_int_equal(negative_find(ne, &req, 7, 1000), 0);
	req.server.at = name;
	req.cache_id = 3;
	assert_int_equal(negative_find(ne, &req, 7, 1000), 0);
	req.cache_id = 2;
	req.etype = 17;
	assert_int_equal(negative_find(ne, &req, 7, 1000), 0);
	req.etype = 18;
	req.user_to_user = true;
	assert_int_equal(negative_find(ne, &req, 7, 1000), 0);
	negative_add(ne, &req, 8, -6, 1000, 100);
	req.user_to_user = false;
	assert_int_equal(negative_find(ne, &req, 8, 1000), 0);
	/* Switched off. */
	negative_add(ne, &req, 9, -6, 1000, 0);
	assert_int_equal(negative_find(ne, &req, 9, 1000), 0);
	negative_free(ne);
}

/* Full: the one that ends first makes room. */
static void
test_negative_full(void **state)
{
	struct negative *ne = negative_new();
	struct tgs_request req = { .uid = 1 };
	uint32_t name;

	assert_non_null(ne);
	req.server = (struct rd){ (const uint8_t *)&name, sizeof(name) };
	for (name = 0; name < NEGATIVE_MAX; name++)
		negative_add(ne, &req, name, -5, 1000, name == 500 ? 50 : 100);
	negative_add(ne, &req, name, -6, 1000, 100);
	assert_int_equal(negative_find(ne, &req, name, 1000), -6);
	for (name = 0; name < NEGATIVE_MAX; name++)
		assert_int_equal(negative_find(ne, &req, name, 1000), name == 500 ? 0 : -5);
	/* Added again: one entry, the new code. */
	name = 3;
	negative_add(ne, &req, name, -7, 1000, 200);
	assert_int_equal(negative_find(ne, &req, name, 1150), -7);
	negative_free(ne);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_part),
		cmocka_unit_test(test_job_is),	      cmocka_unit_test(test_negative),
		cmocka_unit_test(test_negative_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
