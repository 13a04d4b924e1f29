/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does a ticket that was got with a stand-in key work, and does every
 * refusal come out as what it is?
 *
 * Run by tgs_live.py, which makes two realms with real KDCs and fills these:
 *   LSAISO       the program
 *   TGT_ALICE    FILE ccache with alice's TGT and nothing else
 *   TGT_BOB      the same of bob
 *   KEYTAB       keys of HTTP/localhost and HTTP/web.other.local
 *   KRB5_CONFIG  realms TEST.LOCAL, OTHER.LOCAL and SLOW.LOCAL, whose KDC
 *                takes requests and never answers
 *   CONFIG_TCP   krb5.conf of a KDC of TEST.LOCAL that sends no reply of
 *                more than 300 octets by UDP
 *   CONFIG_DOWN  krb5.conf of a KDC of TEST.LOCAL that does not run
 *   CONFIG_RELAYED  krb5.conf whose KDC of TEST.LOCAL is at RELAY_PORT, where
 *                nobody listens: the test itself does, before the one at KDC_PORT
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/tgs/der.h"
#include "lsass/wire.h"
#include "tests/unit/tgs_iso.h"
#include "tests/unit/tgs_logon.h"

static pid_t iso;
static void *volatile left_behind; /* so that its memory counts as reachable */
static struct logon alice, bob;

/* ---- tickets that work */

static void
test_service_ticket(void **state)
{
	const int32_t types[] = { KRB5_NT_UNKNOWN, KRB5_NT_PRINCIPAL, KRB5_NT_SRV_HST };
	struct answer an;

	for (size_t i = 0; i < 3; i++) {
		struct want want = { "HTTP/localhost@TEST.LOCAL", types[i], 0, 100 + i, NULL, 0 };

		assert_int_equal(logon_ask(&alice, &want, &an), 0);
		assert_int_equal(an.n, 1);
		assert_false(an.last_has_blob);
		logon_works(an.creds, NULL);
		logon_forget(&an);
	}
}

static void
test_etypes(void **state)
{
	const int32_t etypes[] = { 17, 18, 19, 20 };
	struct answer an;

	for (size_t i = 0; i < 4; i++) {
		struct want want = { "HTTP/localhost@TEST.LOCAL", 3, etypes[i], 1, NULL, 0 };

		assert_int_equal(logon_ask(&alice, &want, &an), 0);
		assert_int_equal(an.creds->keyblock.enctype, etypes[i]);
		logon_works(an.creds, NULL);
		logon_forget(&an);
	}
}

static void
test_empty_realm(void **state)
{
	const int32_t types[] = { KRB5_NT_UNKNOWN, KRB5_NT_SRV_HST };
	struct answer an;

	for (size_t i = 0; i < 2; i++) {
		struct want want = { "HTTP/localhost@", types[i], 0, 200 + i, NULL, 0 };

		assert_int_equal(logon_ask(&alice, &want, &an), 0);
		logon_works(an.creds, NULL);
		logon_forget(&an);
	}
}

/* The cross-realm TGT comes first, with its blob and a key that is no use elsewhere. */
static void
cross_realm(const char *server)
{
	struct want want = { server, KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	struct creds_view first;
	struct answer an;
	char *name;

	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	assert_int_equal(an.n, 2);
	assert_true(an.first_has_blob);
	assert_false(an.last_has_blob);
	assert_int_equal(creds_view_cred((struct rd){ an.first.at, an.first.len }, &first), 0);
	assert_int_equal(krb5_unparse_name(live_ctx, first.creds.server, &name), 0);
	assert_string_equal(name, "krbtgt/OTHER.LOCAL@TEST.LOCAL");
	krb5_free_unparsed_name(live_ctx, name);
	assert_true(first.creds.times.endtime > time(NULL));
	logon_works(an.creds, NULL);
	logon_forget(&an);
}

static void
test_cross_realm(void **state)
{
	cross_realm("HTTP/web.other.local@OTHER.LOCAL");
	cross_realm("HTTP/web.other.local@"); /* the KDC refers us */
}

/* Straight at the KDC with what the broker gives out. */
static krb5_error_code
without_broker(krb5_creds *tgt, const char *server)
{
	krb5_creds in = { 0 }, *out = NULL;
	krb5_error_code code;
	krb5_ccache cc;

	assert_int_equal(krb5_cc_new_unique(live_ctx, "MEMORY", NULL, &cc), 0);
	assert_int_equal(krb5_cc_initialize(live_ctx, cc, tgt->client), 0);
	assert_int_equal(krb5_cc_store_cred(live_ctx, cc, tgt), 0);
	in.client = tgt->client;
	assert_int_equal(krb5_parse_name(live_ctx, server, &in.server), 0);
	code = krb5_get_credentials(live_ctx, 0, cc, &in, &out);
	krb5_free_creds(live_ctx, out);
	krb5_free_principal(live_ctx, in.server);
	krb5_cc_destroy(live_ctx, cc);
	return code;
}

/* The stand-ins of alice's TGT and of a cross-realm TGT are no keys: KDCs refuse them. */
static void
test_keys_stay(void **state)
{
	struct want want = { "krbtgt/OTHER.LOCAL@TEST.LOCAL", KRB5_NT_SRV_INST, 0, 1, NULL, 0 };
	struct creds_view own;
	struct answer an;

	assert_int_equal(creds_view_cred((struct rd){ alice.cred.at, alice.cred.len }, &own), 0);
	assert_int_equal(without_broker(&own.creds, "HTTP/localhost@TEST.LOCAL"),
			 KRB5KRB_AP_ERR_BAD_INTEGRITY);
	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	assert_int_equal(an.n, 1);
	assert_true(an.last_has_blob);
	assert_int_equal(without_broker(an.creds, "HTTP/web.other.local@OTHER.LOCAL"),
			 KRB5KRB_AP_ERR_BAD_INTEGRITY);
	logon_forget(&an);
}

static void
test_user_to_user(void **state)
{
	struct want want = { "bob@TEST.LOCAL", KRB5_NT_PRINCIPAL, 0, 1, &bob, 0 };
	struct answer an;

	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	assert_true(an.creds->is_skey);
	assert_false(an.last_has_blob);
	logon_works(an.creds, &bob.real);
	logon_forget(&an);
}

/* ---- refusals */

static void
test_unknown_service(void **state)
{
	struct want want = { "HTTP/nobody@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	struct tgs_stats before = logon_stats(), after;
	struct answer an;

	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN);
	assert_int_equal(an.n, 0);
	/* Again: from memory. Another cache: not. */
	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN);
	after = logon_stats();
	assert_int_equal(after.exchanged - before.exchanged, 1);
	assert_int_equal(after.from_negative - before.from_negative, 1);
	want.cache_id = 2;
	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN);
	assert_int_equal(logon_stats().exchanged - before.exchanged, 2);
}

static void
test_policy_of_kdc(void **state)
{
	struct want want = { "nosvr/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	struct answer an;

	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KDC_ERR_MUST_USE_USER2USER);
}

static void
test_wrong_stand_in(void **state)
{
	struct want want = { "ldap/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	struct logon other = alice;
	struct answer an;

	/* A blob that is not this ticket's: the KDC notices. */
	other.absorbed = bob.absorbed;
	other.session = bob.session;
	other.generation = bob.generation;
	assert_int_not_equal(logon_ask(&other, &want, &an), 0);
	/* A blob that nobody sealed. */
	other = alice;
	other.absorbed.blob.at[other.absorbed.blob.len / 2] ^= 1;
	want.server = "nfs/localhost@TEST.LOCAL";
	assert_int_equal(logon_ask(&other, &want, &an), KRB5KRB_AP_ERR_TKT_EXPIRED);
	assert_int_equal(logon_ask(&alice, &want, &an), 0); /* not remembered */
	logon_forget(&an);
}

static void
test_closed_session(void **state)
{
	struct want want = { "imap/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 77, NULL, 0 };
	struct iso_req_session_close req = { 0 };
	struct iso_rep_session_close rep;
	struct logon gone;
	struct answer an;

	logon_on(&gone, getenv("TGT_ALICE"));
	assert_int_equal(logon_ask(&gone, &want, &an), 0);
	logon_forget(&an);
	req.session = gone.session;
	req.generation = gone.generation;
	req.owner = OWNER;
	assert_int_equal(ask_session_close(&req, &rep), ISO_OK);
	assert_int_equal(logon_ask(&gone, &want, &an), KRB5KRB_AP_ERR_TKT_EXPIRED);
	logon_off(&gone);
}

static void
test_no_tgt(void **state)
{
	struct want want = { "HTTP/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 5, NULL, 0 };
	struct creds_octets server = logon_princ(want.server, want.type);
	struct tgs_request req = { .uid = OWNER, .cache_id = 5 };
	struct answer an = { 0 };

	req.client = (struct rd){ alice.client.at, alice.client.len };
	req.server = (struct rd){ server.at, server.len };
	tgs_submit(live_pool, &req, logon_take, &an);
	logon_wait(&an, 10);
	assert_int_equal(an.code, KRB5_CC_NOTFOUND);
	/* Octets that are no principal. */
	memset(&an, 0, sizeof(an));
	req.server.len--;
	tgs_submit(live_pool, &req, logon_take, &an);
	logon_wait(&an, 10);
	assert_int_equal(an.code, KRB5_CC_FORMAT);
	creds_free(&server);
}

/* The offset goes into lsaiso's authenticator: a wrong one is noticed. */
static void
test_clock(void **state)
{
	struct want want = { "HTTP/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 21, NULL, 3600 };
	struct answer an;

	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KRB_AP_ERR_SKEW);
	want.offset = 20; /* not remembered: it says nothing about the service */
	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	logon_forget(&an);
	want.offset = 0;
	want.cache_id = 23;
	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	logon_forget(&an);
}

static void
test_no_kdc(void **state)
{
	struct want want = { "HTTP/x.nowhere@NOWHERE.LOCAL", KRB5_NT_SRV_HST, 0, 5, NULL, 0 };
	struct answer an;

	assert_int_not_equal(logon_ask(&alice, &want, &an), 0);
}

/* ---- the live_pool */

static struct tgs *
new_pool(const char *krb5_config, unsigned int workers, unsigned int queue, int *fd)
{
	struct config cf = { 0 };
	char file[4096];
	struct tgs *t;

	(void)snprintf(file, sizeof(file), "%s", krb5_config);
	cf.tgs_workers = workers;
	cf.tgs_workers_per_realm = 4;
	cf.tgs_queue = queue;
	cf.tgs_negative_seconds = 10;
	cf.krb5_config = file;
	t = tgs_start(&cf, fd);
	assert_non_null(t);
	return t;
}

static void
start_pool(void)
{
	live_pool = new_pool("", 8, 1024, &live_event_fd);
}

/* Use another live_pool for a while. */
static struct tgs *
swap_pool(struct tgs *other, int *fd)
{
	struct tgs *was = live_pool;
	int was_fd = live_event_fd;

	live_pool = other;
	live_event_fd = *fd;
	*fd = was_fd;
	return was;
}

/* The KDC answers RESPONSE_TOO_BIG over UDP: libkrb5 comes again over TCP. */
static void
test_too_big_for_udp(void **state)
{
	struct want want = { "HTTP/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	struct answer an;
	struct tgs *main_pool;
	int fd;

	main_pool = new_pool(getenv("CONFIG_TCP"), 1, 4, &fd);
	main_pool = swap_pool(main_pool, &fd);
	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	logon_works(an.creds, NULL);
	logon_forget(&an);
	tgs_stop(live_pool);
	swap_pool(main_pool, &fd);
}

/* krb5.conf changes under a running live_pool: the next request goes by the new one. */
static void
test_config_changes(void **state)
{
	struct want want = { "HTTP/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	struct answer an;
	struct tgs *main_pool;
	char line[256];
	FILE *from, *to;
	int fd;

	main_pool = new_pool(getenv("CONFIG_DOWN"), 1, 4, &fd);
	main_pool = swap_pool(main_pool, &fd);
	assert_int_equal(logon_ask(&alice, &want, &an), KRB5_KDC_UNREACH);
	from = fopen(getenv("KRB5_CONFIG"), "r");
	to = fopen(getenv("CONFIG_DOWN"), "w");
	assert_non_null(from);
	assert_non_null(to);
	while (fgets(line, sizeof(line), from) != NULL)
		assert_true(fputs(line, to) >= 0);
	fclose(from);
	fclose(to);
	want.cache_id = 2; /* the failure is remembered for two seconds */
	assert_int_equal(logon_ask(&alice, &want, &an), 0);
	logon_forget(&an);
	tgs_stop(live_pool);
	swap_pool(main_pool, &fd);
}

/* ---- what lsaiso forgets */

#define RING 1024 /* requests that lsaiso remembers (PENDING_MAX) */

static int
port_of(const char *name, bool bound)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = 30 };
	const char *port = getenv(name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	at.sin_port = htons((uint16_t)(port != NULL ? strtoul(port, NULL, 10) : 0));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(bound ? bind(fd, (struct sockaddr *)&at, sizeof(at))
			       : connect(fd, (struct sockaddr *)&at, sizeof(at)),
			 0);
	return fd;
}

/* So many requests that nobody needs push out all that are older. */
static void
crowd(struct rd message)
{
	struct iso_req_krb_tgs_seal ask = { .owner = OWNER };
	struct iso_rep_krb_tgs_seal is;
	struct rd name = { bob.client.at, bob.client.len };
	uint8_t der[ISO_CLIENT_MAX];
	struct der_tgs_req req;
	struct wire_princ wire;

	assert_int_equal(der_read_tgs_req(message, &req), 0);
	assert_int_equal(wire_princ(&name, &wire), 0);
	ask.session = bob.session;
	ask.generation = bob.generation;
	ask.blob = (struct rd){ bob.absorbed.blob.at, bob.absorbed.blob.len };
	ask.client = (struct rd){ der, wire_client_der(&wire, der, sizeof(der)) };
	ask.body = req.body;
	for (size_t i = 0; i < RING; i++)
		assert_int_equal(ask_krb_tgs_seal(&ask, &is), ISO_OK);
}

/*
 * Be the way to the KDC for n requests; a crowd comes before each answer of the
 * first `crowds`, and one bit of the answers of the first `flips` is another.
 */
static void
relay(int from, int to, size_t n, size_t crowds, size_t flips)
{
	static uint8_t message[65536], answer[65536];
	ssize_t len = 0, got;
	struct sockaddr_in whose;

	for (size_t i = 0; i < n;) {
		static uint8_t next[65536];
		socklen_t room = sizeof(whose);

		got = recvfrom(from, next, sizeof(next), 0, (struct sockaddr *)&whose, &room);
		assert_true(got > 0);
		if (got == len && memcmp(next, message, (size_t)len) == 0)
			continue; /* libkrb5 has waited for a second */
		memcpy(message, next, (size_t)got);
		len = got;
		if (i < crowds)
			crowd((struct rd){ message, (size_t)len });
		assert_true(send(to, message, (size_t)len, 0) == len);
		got = recv(to, answer, sizeof(answer), 0);
		assert_true(got > 20);
		answer[got - 20] ^= i < flips ? 4 : 0;
		assert_true(sendto(from, answer, (size_t)got, 0, (struct sockaddr *)&whose, room) ==
			    got);
		i++;
	}
}

/* The code in the end; requests are how often the KDC is asked. */
static int32_t
ask_relayed(const char *server, size_t requests, size_t crowds, size_t flips)
{
	struct want want = { server, KRB5_NT_SRV_HST, 0, 1, NULL, 0 };
	int from = port_of("RELAY_PORT", true), to = port_of("KDC_PORT", false), fd;
	struct tgs *main_pool = new_pool(getenv("CONFIG_RELAYED"), 1, 4, &fd);
	struct answer an = { 0 };
	int32_t code;

	main_pool = swap_pool(main_pool, &fd);
	assert_int_not_equal(logon_submit(&alice, &want, &an), 0);
	relay(from, to, requests, crowds, flips);
	logon_wait(&an, 20);
	code = an.code;
	if (code == 0)
		logon_works(an.creds, NULL);
	logon_forget(&an);
	tgs_stop(live_pool);
	swap_pool(main_pool, &fd);
	close(from);
	close(to);
	return code;
}

/* Three times it is asked for anew, as by the KDC endpoint; there is an end to it. */
static void
test_forgotten(void **state)
{
	assert_int_equal(ask_relayed("HTTP/localhost@TEST.LOCAL", 2, 1, 0), 0);
	assert_int_equal(ask_relayed("HTTP/localhost@TEST.LOCAL", 4, 3, 0), 0);
	assert_int_equal(ask_relayed("HTTP/localhost@TEST.LOCAL", 4, 4, 0),
			 KRB5KDC_ERR_SVC_UNAVAILABLE);
}

/* An answer that is not to it: once. */
static void
test_stray(void **state)
{
	assert_int_equal(ask_relayed("HTTP/localhost@TEST.LOCAL", 2, 0, 1), 0);
	assert_int_equal(ask_relayed("HTTP/localhost@TEST.LOCAL", 2, 0, 2),
			 KRB5KRB_AP_ERR_BAD_INTEGRITY);
}

static void
test_merge(void **state)
{
	struct want want = { "svc/n001.test.local@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 9, NULL, 0 };
	struct tgs_stats before = logon_stats(), after;
	struct answer an[20];
	uint64_t numbers[20];

	memset(an, 0, sizeof(an));
	for (size_t i = 0; i < 20; i++)
		numbers[i] = logon_submit(&alice, &want, &an[i]);
	tgs_cancel(live_pool, numbers[3]);
	for (size_t i = 0; i < 20; i++) {
		if (i != 3)
			logon_wait(&an[i], 10);
	}
	assert_false(an[3].came);
	after = logon_stats();
	assert_int_equal(after.exchanged - before.exchanged, 1);
	assert_int_equal(after.merged - before.merged, 19);
	for (size_t i = 0; i < 20; i++) {
		if (i != 3) {
			assert_int_equal(an[i].code, 0);
			logon_forget(&an[i]);
		}
	}
}

static void
test_many(void **state)
{
	enum { N = 150 };
	static struct answer an[N];
	static char names[N][64];

	memset(an, 0, sizeof(an));
	for (size_t i = 0; i < N; i++) {
		struct want want = { names[i], KRB5_NT_SRV_HST, 0, 10, NULL, 0 };

		(void)snprintf(names[i], sizeof(names[i]), "svc/n%03zu.test.local@TEST.LOCAL", i);
		logon_submit(&alice, &want, &an[i]);
	}
	for (size_t i = 0; i < N; i++) {
		logon_wait(&an[i], 20);
		assert_int_equal(an[i].code, 0);
		logon_forget(&an[i]);
	}
}

/* A TGT of a realm whose KDC is silent, made up: only its KDC could tell. */
static void
slow_logon(struct logon *lo)
{
	struct creds_view view;
	struct creds_octets octets;
	struct wire_cred wire;
	struct rd rd;

	assert_int_equal(creds_view_cred((struct rd){ alice.cred.at, alice.cred.len }, &view), 0);
	*lo = alice;
	view.server.comp[1].data = (char *)(uintptr_t) "SLOW.LOCAL";
	view.server.comp[1].length = 10;
	assert_int_equal(creds_put(&view.creds, &octets), 0);
	rd = (struct rd){ octets.at, octets.len };
	assert_int_equal(wire_cred(&rd, &wire), 0);
	lo->cred = octets;
	logon_absorb(lo, &wire);
}

/* A full queue refuses at once, and a job that nobody waits for makes room. */
static void
test_queue_full(void **state)
{
	static struct answer an[9];
	static char names[9][64];
	uint64_t numbers[9], start;
	struct tgs *main_pool;
	struct logon lo;
	int fd;

	slow_logon(&lo);
	main_pool = new_pool("", 1, 8, &fd);
	main_pool = swap_pool(main_pool, &fd);
	for (size_t i = 0; i < 9; i++) {
		struct want w = { names[i], KRB5_NT_SRV_HST, 0, 12, NULL, 0 };

		(void)snprintf(names[i], sizeof(names[i]), "HTTP/n%zu@SLOW.LOCAL", i);
		numbers[i] = logon_submit(&lo, &w, &an[i]);
		for (start = logon_now_ms();
		     i == 0 && logon_stats().running == 0 && logon_now_ms() - start < 5000;)
			usleep(1000); /* the first is out of the queue */
		/* All of one user: half of the queue is theirs. */
		assert_int_equal(numbers[i] == 0, i > 4);
		assert_int_equal(an[i].code, i > 4 ? KRB5KDC_ERR_SVC_UNAVAILABLE : 0);
	}
	assert_int_equal(logon_stats().refused, 4);
	tgs_cancel(live_pool, numbers[2]);
	memset(&an[5], 0, sizeof(an[5]));
	struct want again = { names[5], KRB5_NT_SRV_HST, 0, 12, NULL, 0 };
	assert_int_not_equal(logon_submit(&lo, &again, &an[5]), 0);
	left_behind = live_pool;
	tgs_stop(live_pool);
	swap_pool(main_pool, &fd);
	creds_free(&lo.cred);
}

/* One silent KDC must not hold the whole live_pool; also shows that stopping ends in time. */
static void
test_slow_realm(void **state)
{
	static struct answer slow[12], fast;
	static char names[12][64];
	struct want want = { "svc/n180.test.local@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 11, NULL, 0 };
	struct logon lo;
	uint64_t start, last = 0;

	slow_logon(&lo);
	for (size_t i = 0; i < 12; i++) {
		struct want w = { names[i], KRB5_NT_SRV_HST, 0, 12, NULL, 0 };

		(void)snprintf(names[i], sizeof(names[i]), "HTTP/n%zu@SLOW.LOCAL", i);
		last = logon_submit(&lo, &w, &slow[i]);
	}
	start = logon_now_ms();
	assert_int_equal(logon_ask(&alice, &want, &fast), 0);
	assert_true(logon_now_ms() - start < 1000);
	assert_false(slow[0].came);
	assert_int_equal(logon_stats().running, 4);
	assert_int_equal(logon_stats().waiting, 8);
	tgs_cancel(live_pool, last); /* not begun: it leaves the queue */
	assert_int_equal(logon_stats().waiting, 7);
	logon_forget(&fast);
	start = logon_now_ms();
	tgs_stop(live_pool);
	assert_true(logon_now_ms() - start < 1500);
	creds_free(&lo.cred);
}

/* ---- */

static int
set_up(void **state)
{
	log_open("tgs_live", LOG_ERR);
	assert_int_equal(krb5_init_context(&live_ctx), 0);
	iso = tgs_iso_start(getenv("LSAISO"), 100000, 100000);
	assert_true(iso > 0);
	logon_on(&alice, getenv("TGT_ALICE"));
	logon_on(&bob, getenv("TGT_BOB"));
	start_pool();
	return 0;
}

static int
tear_down(void **state)
{
	tgs_iso_stop(iso);
	logon_off(&alice);
	logon_off(&bob);
	krb5_free_context(live_ctx);
	return 0;
}

/* No lsaiso: not available. Another one: as if the tickets had expired. Then its rate limit. */
static void
test_iso_gone(void **state)
{
	struct want want = { "smtp/localhost@TEST.LOCAL", KRB5_NT_SRV_HST, 0, 13, NULL, 0 };
	struct answer an;
	int32_t last = 0;

	tgs_iso_stop(iso);
	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KDC_ERR_SVC_UNAVAILABLE);
	iso = tgs_iso_start(getenv("LSAISO"), 1, 3);
	assert_true(iso > 0);
	assert_int_equal(logon_ask(&alice, &want, &an), KRB5KRB_AP_ERR_TKT_EXPIRED);
	logon_off(&alice);
	logon_on(&alice, getenv("TGT_ALICE"));
	for (int i = 0; i < 6 && last == 0; i++) {
		want.cache_id++;
		last = logon_ask(&alice, &want, &an);
		logon_forget(&an);
	}
	assert_int_equal(last, KRB5KDC_ERR_SVC_UNAVAILABLE);
	tgs_iso_stop(iso);
	iso = tgs_iso_start(getenv("LSAISO"), 100000, 100000);
	logon_off(&alice);
	logon_on(&alice, getenv("TGT_ALICE"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_ticket),	cmocka_unit_test(test_etypes),
		cmocka_unit_test(test_empty_realm),	cmocka_unit_test(test_cross_realm),
		cmocka_unit_test(test_keys_stay),	cmocka_unit_test(test_user_to_user),
		cmocka_unit_test(test_unknown_service), cmocka_unit_test(test_policy_of_kdc),
		cmocka_unit_test(test_wrong_stand_in),	cmocka_unit_test(test_closed_session),
		cmocka_unit_test(test_no_tgt),		cmocka_unit_test(test_no_kdc),
		cmocka_unit_test(test_merge),		cmocka_unit_test(test_many),
		cmocka_unit_test(test_clock),		cmocka_unit_test(test_too_big_for_udp),
		cmocka_unit_test(test_config_changes),	cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_stray),		cmocka_unit_test(test_iso_gone),
		cmocka_unit_test(test_queue_full),	cmocka_unit_test(test_slow_realm),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
