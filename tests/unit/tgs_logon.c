/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/random.h>
#include <time.h>

#include "lsass/ask.h"
#include "tests/unit/tgs_logon.h"

krb5_context live_ctx;
struct tgs *live_pool;
int live_event_fd;

struct creds_octets
logon_princ(const char *name, int32_t type)
{
	struct creds_octets out;
	krb5_creds creds = { 0 };
	struct rd all, princ;
	struct wire_princ wire;

	assert_int_equal(krb5_parse_name(live_ctx, name, &creds.client), 0);
	creds.client->type = type;
	creds.server = creds.client;
	assert_int_equal(creds_put(&creds, &out), 0);
	krb5_free_principal(live_ctx, creds.client);
	all = (struct rd){ out.at, out.len };
	princ = all;
	assert_int_equal(wire_princ(&princ, &wire), 0);
	out.len -= princ.len; /* the client, which is the front of it */
	return out;
}

static void
first_cred(const char *name, krb5_creds *creds)
{
	krb5_ccache cc;
	krb5_cc_cursor cursor;

	assert_int_equal(krb5_cc_resolve(live_ctx, name, &cc), 0);
	assert_int_equal(krb5_cc_start_seq_get(live_ctx, cc, &cursor), 0);
	assert_int_equal(krb5_cc_next_cred(live_ctx, cc, &cursor, creds), 0);
	while (krb5_is_config_principal(live_ctx, creds->server)) {
		krb5_free_cred_contents(live_ctx, creds);
		assert_int_equal(krb5_cc_next_cred(live_ctx, cc, &cursor, creds), 0);
	}
	krb5_cc_end_seq_get(live_ctx, cc, &cursor);
	krb5_cc_close(live_ctx, cc);
}

void
logon_absorb(struct logon *lo, const struct wire_cred *wire)
{
	struct iso_req_cred_absorb req = { 0 };
	uint8_t client[ISO_CLIENT_MAX];

	req.session = lo->session;
	req.generation = lo->generation;
	req.owner = OWNER;
	req.kind = ISO_KIND_TGT;
	req.etype = wire->etype;
	req.endtime = wire->endtime;
	req.client.at = client;
	req.client.len = wire_client_der(&wire->client, client, sizeof(client));
	req.key = wire->key;
	assert_int_equal(ask_cred_absorb(&req, &lo->absorbed), ISO_OK);
	/* From here on there is only the stand-in. */
	assert_int_equal(getrandom((uint8_t *)(uintptr_t)wire->key.at, wire->key.len, 0),
			 wire->key.len);
}

void
logon_on(struct logon *lo, const char *ccache)
{
	struct iso_req_session_open req = { .owner = OWNER, .lifetime = 3600 };
	struct iso_rep_session_open rep;
	struct wire_cred wire;
	krb5_creds creds;
	struct rd view;

	memset(lo, 0, sizeof(*lo));
	first_cred(ccache, &creds);
	assert_int_equal(krb5_copy_keyblock_contents(live_ctx, &creds.keyblock, &lo->real), 0);
	assert_int_equal(creds_put(&creds, &lo->cred), 0);
	krb5_free_cred_contents(live_ctx, &creds);
	assert_int_equal(ask_session_open(&req, &rep), ISO_OK);
	lo->session = rep.session;
	lo->generation = rep.generation;
	view = (struct rd){ lo->cred.at, lo->cred.len };
	assert_int_equal(wire_cred(&view, &wire), 0);
	logon_absorb(lo, &wire);
	lo->ticket = wire.ticket;
	lo->client.at = malloc(wire.client.octets.len);
	assert_non_null(lo->client.at);
	memcpy(lo->client.at, wire.client.octets.at, wire.client.octets.len);
	lo->client.len = wire.client.octets.len;
}

void
logon_off(struct logon *lo)
{
	creds_free(&lo->cred);
	creds_free(&lo->client);
	krb5_free_keyblock_contents(live_ctx, &lo->real);
}

struct tgs_tgt
logon_tgt(const struct logon *lo)
{
	struct tgs_tgt tgt = { { lo->cred.at, lo->cred.len },
			       lo->session,
			       lo->generation,
			       { lo->absorbed.blob.at, lo->absorbed.blob.len } };

	return tgt;
}

void
logon_take(void *arg, int32_t code, const struct tgs_ticket *tickets, size_t n)
{
	struct answer *an = arg;
	struct creds_view view;

	assert_false(an->came);
	an->came = true;
	an->code = code;
	an->n = n;
	if (n == 0)
		return;
	assert_int_equal(creds_view_cred(tickets[n - 1].cred, &view), 0);
	assert_int_equal(krb5_copy_creds(live_ctx, &view.creds, &an->creds), 0);
	an->last_has_blob = tickets[n - 1].blob.len != 0;
	an->first_has_blob = tickets[0].blob.len != 0;
	an->first.at = malloc(tickets[0].cred.len);
	assert_non_null(an->first.at);
	memcpy(an->first.at, tickets[0].cred.at, tickets[0].cred.len);
	an->first.len = tickets[0].cred.len;
}

void
logon_forget(struct answer *an)
{
	krb5_free_creds(live_ctx, an->creds);
	creds_free(&an->first);
	memset(an, 0, sizeof(*an));
}

uint64_t
logon_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/* Run the loop until an answer is there. */
void
logon_wait(const struct answer *an, unsigned int seconds)
{
	struct pollfd p = { .fd = live_event_fd, .events = POLLIN };
	uint64_t end = logon_now_ms() + seconds * (uint64_t)1000;

	while (!an->came && logon_now_ms() < end) {
		if (poll(&p, 1, 100) > 0)
			tgs_collect(live_pool);
	}
	assert_true(an->came);
}

uint64_t
logon_submit(const struct logon *lo, const struct want *want, struct answer *an)
{
	struct creds_octets server = logon_princ(want->server, want->type);
	struct tgs_tgt tgt = logon_tgt(lo);
	struct tgs_request req = {
		.uid = OWNER, .cache_id = want->cache_id, .tgts = &tgt, .ntgts = 1
	};
	uint64_t number;

	req.client = (struct rd){ lo->client.at, lo->client.len };
	req.server = (struct rd){ server.at, server.len };
	req.etype = want->etype;
	req.kdc_offset = want->offset;
	if (want->second != NULL) {
		req.user_to_user = true;
		req.second_ticket = want->second->ticket;
	}
	number = tgs_submit(live_pool, &req, logon_take, an);
	creds_free(&server);
	return number;
}

int32_t
logon_ask(const struct logon *lo, const struct want *want, struct answer *an)
{
	memset(an, 0, sizeof(*an));
	logon_submit(lo, want, an);
	logon_wait(an, 30);
	return an->code;
}

/* Make an AP-REQ with it and have the service's own key read it. */
void
logon_works(krb5_creds *creds, const krb5_keyblock *user_key)
{
	krb5_auth_context mine = NULL, theirs = NULL;
	krb5_data message = { 0 };
	krb5_ticket *ticket = NULL;
	krb5_keytab kt = NULL;

	assert_int_equal(krb5_mk_req_extended(live_ctx, &mine,
					      user_key != NULL ? AP_OPTS_USE_SESSION_KEY : 0, NULL,
					      creds, &message),
			 0);
	assert_int_equal(krb5_auth_con_init(live_ctx, &theirs), 0);
	if (user_key != NULL) {
		krb5_keyblock *copy;

		assert_int_equal(krb5_copy_keyblock(live_ctx, user_key, &copy), 0);
		assert_int_equal(krb5_auth_con_setuseruserkey(live_ctx, theirs, copy), 0);
		krb5_free_keyblock(live_ctx, copy);
	} else {
		assert_int_equal(krb5_kt_resolve(live_ctx, getenv("KEYTAB"), &kt), 0);
	}
	assert_int_equal(krb5_rd_req(live_ctx, &theirs, &message, NULL, kt, NULL, &ticket), 0);
	assert_true(krb5_principal_compare(live_ctx, ticket->enc_part2->client, creds->client));
	krb5_free_ticket(live_ctx, ticket);
	krb5_free_data_contents(live_ctx, &message);
	krb5_auth_con_free(live_ctx, mine);
	krb5_auth_con_free(live_ctx, theirs);
	if (kt != NULL)
		krb5_kt_close(live_ctx, kt);
}

struct tgs_stats
logon_stats(void)
{
	struct tgs_stats s;

	tgs_stats(live_pool, &s);
	return s;
}
