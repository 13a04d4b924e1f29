/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sample of the credential cache benchmark: N processes of an ordinary
 * libkrb5 client do one kind of operation for some time. The type of cache
 * is part of its name (KCM:x, FILE:/x, MEMORY:x) and nothing else differs,
 * so every daemon and every type is measured by the same octets of code.
 *
 * Tickets are made up, of realistic size, except for "tgs" and "kinit",
 * which ask the KDC of KRB5_CONFIG. Every answer is checked: a ticket that
 * comes back carries its number, a list must be complete. Prints one line
 * of JSON; a client that fails says so in it and the sample is void.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <krb5.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "latency.h"

#define TICKET_OCTETS 900 /* a service ticket with a small PAC */
#define CLIENTS_MAX   256
#define STORE_ROUND   100 /* tickets stored before the cache is emptied again */
#define TGS_ROUND     50  /* tickets fetched before the cache is emptied again */
#define ETYPE	      ENCTYPE_AES256_CTS_HMAC_SHA1_96
#define KEY_OCTETS    32
#define TICKET_NUMBER 32 /* where in a made-up ticket its number is */

struct options {
	const char *mode, *cache, *realm, *password, *keytab;
	unsigned int tickets, clients, count;
	double seconds;
	uid_t uid;
	bool fill;
};

/* What a client process leaves in shared memory. */
struct result {
	struct latency latency;
	uint64_t cpu_ns; /* the client's own, user and kernel, while it ran */
	char error[160]; /* empty: none */
};

struct client {
	const struct options *op;
	struct result *res;
	unsigned int number;
	krb5_context ctx;
	krb5_ccache cache;
	krb5_principal alice;
	krb5_creds tgt;	   /* tgs: a real one; else made up */
	krb5_creds ticket; /* made up; server is replaced before use */
	krb5_principal *servers;
	uint32_t random;
	uint64_t until;
};

typedef krb5_error_code step(struct client *cl);

/* One kind of operation: prepare runs untimed, then run until the time is up. */
struct mode {
	const char *name;
	step *prepare;
	step *run;
	bool own_cache; /* every client has a cache of its own */
};

static void
note(struct client *cl, const char *what, krb5_error_code code)
{
	const char *text = code == 0 ? "wrong answer" : krb5_get_error_message(cl->ctx, code);

	if (cl->res->error[0] == '\0')
		snprintf(cl->res->error, sizeof(cl->res->error), "%s: %s", what, text);
}

#define TRY(cl, what, call)                                                                        \
	do {                                                                                       \
		krb5_error_code try_code_ = (call);                                                \
		if (try_code_ != 0) {                                                              \
			note(cl, what, try_code_);                                                 \
			return try_code_;                                                          \
		}                                                                                  \
	} while (0)

static void
done(struct client *cl, uint64_t since)
{
	latency_add(&cl->res->latency, now_ns() - since);
}

static bool
more(const struct client *cl)
{
	return now_ns() < cl->until;
}

/* xorshift: which ticket next; the same sequence for every daemon. */
static unsigned int
pick(struct client *cl, unsigned int below)
{
	cl->random ^= cl->random << 13;
	cl->random ^= cl->random >> 17;
	cl->random ^= cl->random << 5;
	return cl->random % below;
}

/* ---- made-up tickets */

/* DER tag and length in front, as a Ticket has, and its number inside. */
static void
number_ticket(krb5_creds *cred, uint32_t number)
{
	memcpy(cred->ticket.data + TICKET_NUMBER, &number, sizeof(number));
}

static bool
ticket_is(const krb5_creds *cred, uint32_t number)
{
	return cred->ticket.length == TICKET_OCTETS &&
	       memcmp(cred->ticket.data + TICKET_NUMBER, &number, sizeof(number)) == 0;
}

static krb5_error_code
make_cred(struct client *cl, krb5_creds *cred)
{
	krb5_timestamp now;

	memset(cred, 0, sizeof(*cred));
	TRY(cl, "time", krb5_timeofday(cl->ctx, &now));
	cred->client = cl->alice;
	cred->times.authtime = cred->times.starttime = now;
	cred->times.endtime = cred->times.renew_till = (krb5_timestamp)((uint32_t)now + 36000u);
	cred->ticket_flags = TKT_FLG_FORWARDABLE | TKT_FLG_PRE_AUTH;
	cred->keyblock.enctype = ETYPE;
	cred->keyblock.length = KEY_OCTETS;
	cred->keyblock.contents = malloc(KEY_OCTETS);
	cred->ticket.length = TICKET_OCTETS;
	cred->ticket.data = malloc(TICKET_OCTETS);
	if (cred->keyblock.contents == NULL || cred->ticket.data == NULL)
		return ENOMEM;
	for (unsigned int i = 0; i < KEY_OCTETS; i++)
		cred->keyblock.contents[i] = (krb5_octet)(random() & 255);
	for (unsigned int i = 0; i < TICKET_OCTETS; i++)
		cred->ticket.data[i] = (char)(random() & 255);
	memcpy(cred->ticket.data, "\x61\x82\x03\x80\x30\x82\x03\x7c", 8);
	return 0;
}

static krb5_error_code
make_principals(struct client *cl)
{
	const char *realm = cl->op->realm;
	unsigned int n = cl->op->tickets > STORE_ROUND ? cl->op->tickets : STORE_ROUND;
	char name[32];

	TRY(cl, "principal",
	    krb5_build_principal(cl->ctx, &cl->alice, (unsigned int)strlen(realm), realm, "alice",
				 (char *)NULL));
	cl->servers = calloc(n, sizeof(krb5_principal));
	if (cl->servers == NULL)
		return ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%03u.test.local", i);
		TRY(cl, "principal",
		    krb5_build_principal(cl->ctx, &cl->servers[i], (unsigned int)strlen(realm),
					 realm, "svc", name, (char *)NULL));
	}
	return 0;
}

/* Context, names and made-up tickets; no cache yet. */
static krb5_error_code
client_init(struct client *cl, const struct options *op, struct result *res)
{
	memset(cl, 0, sizeof(*cl));
	cl->op = op;
	cl->res = res;
	cl->random = 2463534242u;
	if (krb5_init_context(&cl->ctx) != 0)
		errx(1, "krb5_init_context: is KRB5_CONFIG right?");
	TRY(cl, "principals", make_principals(cl));
	TRY(cl, "made-up ticket", make_cred(cl, &cl->ticket));
	TRY(cl, "made-up TGT", make_cred(cl, &cl->tgt));
	TRY(cl, "principal",
	    krb5_build_principal(cl->ctx, &cl->tgt.server, (unsigned int)strlen(op->realm),
				 op->realm, "krbtgt", op->realm, (char *)NULL));
	return 0;
}

static krb5_error_code
open_cache(struct client *cl, bool own)
{
	char name[512];

	if (own)
		snprintf(name, sizeof(name), "%s.%u", cl->op->cache, cl->number);
	else
		snprintf(name, sizeof(name), "%s", cl->op->cache);
	TRY(cl, "resolve", krb5_cc_resolve(cl->ctx, name, &cl->cache));
	return 0;
}

/* ---- fill: a cache as a user has after a day's work */

static krb5_error_code
fill(struct client *cl)
{
	TRY(cl, "initialize", krb5_cc_initialize(cl->ctx, cl->cache, cl->alice));
	TRY(cl, "store TGT", krb5_cc_store_cred(cl->ctx, cl->cache, &cl->tgt));
	for (unsigned int i = 0; i < cl->op->tickets; i++) {
		cl->ticket.server = cl->servers[i];
		number_ticket(&cl->ticket, i);
		TRY(cl, "store", krb5_cc_store_cred(cl->ctx, cl->cache, &cl->ticket));
	}
	return 0;
}

/* ---- retrieve: a cached ticket, asked for as krb5_get_credentials does */

static krb5_error_code
retrieve_one(struct client *cl, unsigned int i)
{
	krb5_creds want = { 0 }, got;

	want.client = cl->alice;
	want.server = cl->servers[i];
	want.times.endtime = cl->ticket.times.authtime;
	TRY(cl, "retrieve",
	    krb5_cc_retrieve_cred(cl->ctx, cl->cache, KRB5_TC_MATCH_TIMES | KRB5_TC_MATCH_AUTHDATA,
				  &want, &got));
	if (!ticket_is(&got, i))
		note(cl, "retrieve", 0);
	krb5_free_cred_contents(cl->ctx, &got);
	return 0;
}

static krb5_error_code
retrieve_prepare(struct client *cl)
{
	return retrieve_one(cl, 0);
}

static krb5_error_code
retrieve_run(struct client *cl)
{
	uint64_t at;

	while (more(cl)) {
		at = now_ns();
		TRY(cl, "retrieve", retrieve_one(cl, pick(cl, cl->op->tickets)));
		done(cl, at);
	}
	return 0;
}

/* ---- list: the whole cache, as klist does */

static krb5_error_code
list_one(struct client *cl)
{
	krb5_cc_cursor cursor;
	krb5_creds cred;
	unsigned int n = 0;

	TRY(cl, "list", krb5_cc_start_seq_get(cl->ctx, cl->cache, &cursor));
	while (krb5_cc_next_cred(cl->ctx, cl->cache, &cursor, &cred) == 0) {
		n++;
		krb5_free_cred_contents(cl->ctx, &cred);
	}
	TRY(cl, "list", krb5_cc_end_seq_get(cl->ctx, cl->cache, &cursor));
	if (n != cl->op->tickets + 1)
		note(cl, "list", 0);
	return 0;
}

static krb5_error_code
list_run(struct client *cl)
{
	uint64_t at;

	do {
		at = now_ns();
		TRY(cl, "list", list_one(cl));
		done(cl, at);
	} while (more(cl));
	return 0;
}

/* ---- store: service tickets, as a client does after its TGS exchange */

static krb5_error_code
store_prepare(struct client *cl)
{
	TRY(cl, "initialize", krb5_cc_initialize(cl->ctx, cl->cache, cl->alice));
	return 0;
}

static krb5_error_code
store_run(struct client *cl)
{
	uint64_t at;

	for (unsigned int i = 0; more(cl); i++) {
		if (i % STORE_ROUND == 0)
			TRY(cl, "empty", store_prepare(cl));
		cl->ticket.server = cl->servers[i % STORE_ROUND];
		number_ticket(&cl->ticket, i % STORE_ROUND);
		at = now_ns();
		TRY(cl, "store", krb5_cc_store_cred(cl->ctx, cl->cache, &cl->ticket));
		done(cl, at);
	}
	return 0;
}

static krb5_error_code
destroy_cache(struct client *cl)
{
	krb5_error_code code = krb5_cc_destroy(cl->ctx, cl->cache);

	cl->cache = NULL;
	return code;
}

/* ---- logon: what kinit writes, in one go: a TGT and two config entries */

static krb5_error_code
logon_one(struct client *cl, krb5_ccache cache, uint64_t *took)
{
	krb5_data yes = { .magic = KV5M_DATA, .length = 3, .data = (char *)"yes" };
	krb5_data two = { .magic = KV5M_DATA, .length = 1, .data = (char *)"2" };
	krb5_ccache fresh;
	uint64_t at;

	TRY(cl, "memory cache", krb5_cc_new_unique(cl->ctx, "MEMORY", NULL, &fresh));
	TRY(cl, "memory cache", krb5_cc_initialize(cl->ctx, fresh, cl->alice));
	TRY(cl, "config", krb5_cc_set_config(cl->ctx, fresh, cl->tgt.server, "fast_avail", &yes));
	TRY(cl, "config", krb5_cc_set_config(cl->ctx, fresh, cl->tgt.server, "pa_type", &two));
	TRY(cl, "memory cache", krb5_cc_store_cred(cl->ctx, fresh, &cl->tgt));
	at = now_ns();
	TRY(cl, "move", krb5_cc_move(cl->ctx, fresh, cache)); /* frees fresh */
	*took = now_ns() - at;
	return 0;
}

static krb5_error_code
logon_run(struct client *cl)
{
	uint64_t took;

	while (more(cl)) {
		TRY(cl, "logon", logon_one(cl, cl->cache, &took));
		latency_add(&cl->res->latency, took);
	}
	return destroy_cache(cl);
}

/* ---- create: a new cache of the type, with a principal */

static krb5_error_code
create_run(struct client *cl)
{
	const char *type = krb5_cc_get_type(cl->ctx, cl->cache);
	krb5_ccache cache;
	uint64_t at;

	while (more(cl)) {
		at = now_ns();
		TRY(cl, "new", krb5_cc_new_unique(cl->ctx, type, NULL, &cache));
		TRY(cl, "initialize", krb5_cc_initialize(cl->ctx, cache, cl->alice));
		done(cl, at);
		TRY(cl, "destroy", krb5_cc_destroy(cl->ctx, cache));
	}
	return 0;
}

/* ---- tgs: tickets that are not in the cache, from the KDC */

/* A real TGT, once, before the clients fork. */
static krb5_error_code
tgs_logon(struct client *cl)
{
	krb5_creds tgt;

	TRY(cl, "logon",
	    krb5_get_init_creds_password(cl->ctx, &tgt, cl->alice, cl->op->password, NULL, NULL, 0,
					 NULL, NULL));
	cl->tgt = tgt;
	return 0;
}

static krb5_error_code
tgs_prepare(struct client *cl)
{
	TRY(cl, "initialize", krb5_cc_initialize(cl->ctx, cl->cache, cl->alice));
	TRY(cl, "store TGT", krb5_cc_store_cred(cl->ctx, cl->cache, &cl->tgt));
	return 0;
}

static krb5_error_code
tgs_one(struct client *cl, unsigned int i)
{
	krb5_creds want = { 0 }, *got;

	want.client = cl->alice;
	want.server = cl->servers[i];
	TRY(cl, "ticket", krb5_get_credentials(cl->ctx, 0, cl->cache, &want, &got));
	if (!krb5_principal_compare(cl->ctx, got->server, cl->servers[i]) ||
	    got->ticket.length == 0)
		note(cl, "ticket", 0);
	krb5_free_creds(cl->ctx, got);
	return 0;
}

static krb5_error_code
tgs_run(struct client *cl)
{
	uint64_t at;

	for (unsigned int i = 0; more(cl); i++) {
		if (i % TGS_ROUND == 0)
			TRY(cl, "empty", tgs_prepare(cl));
		at = now_ns();
		TRY(cl, "ticket", tgs_one(cl, i % TGS_ROUND));
		done(cl, at);
	}
	return destroy_cache(cl);
}

static krb5_error_code
store_and_destroy_run(struct client *cl)
{
	TRY(cl, "store", store_run(cl));
	return destroy_cache(cl);
}

/* ---- kinit: AS exchange with a keytab, straight into the cache */

static krb5_error_code
kinit_run(struct client *cl)
{
	krb5_get_init_creds_opt *opt;
	krb5_keytab keytab;
	krb5_creds tgt;
	uint64_t at;

	TRY(cl, "keytab", krb5_kt_resolve(cl->ctx, cl->op->keytab, &keytab));
	TRY(cl, "options", krb5_get_init_creds_opt_alloc(cl->ctx, &opt));
	TRY(cl, "options", krb5_get_init_creds_opt_set_out_ccache(cl->ctx, opt, cl->cache));
	while (more(cl)) {
		at = now_ns();
		TRY(cl, "kinit",
		    krb5_get_init_creds_keytab(cl->ctx, &tgt, cl->alice, keytab, 0, NULL, opt));
		done(cl, at);
		krb5_free_cred_contents(cl->ctx, &tgt);
	}
	krb5_get_init_creds_opt_free(cl->ctx, opt);
	return destroy_cache(cl);
}

/* ---- grow: --count caches, each as after kinit; not timed, they stay */

static krb5_error_code
each_cache(struct client *cl, bool make)
{
	krb5_ccache cache;
	char name[512];
	uint64_t took;

	for (unsigned int i = 0; i < cl->op->count; i++) {
		snprintf(name, sizeof(name), "%s.m%u", cl->op->cache, i);
		TRY(cl, "resolve", krb5_cc_resolve(cl->ctx, name, &cache));
		if (make) {
			TRY(cl, "logon", logon_one(cl, cache, &took));
			latency_add(&cl->res->latency, took);
			TRY(cl, "close", krb5_cc_close(cl->ctx, cache));
		} else {
			TRY(cl, "destroy", krb5_cc_destroy(cl->ctx, cache));
		}
	}
	return 0;
}

static krb5_error_code
grow_run(struct client *cl)
{
	return each_cache(cl, true);
}

static krb5_error_code
shrink_run(struct client *cl)
{
	return each_cache(cl, false);
}

static krb5_error_code
nothing(struct client *cl)
{
	(void)cl;
	return 0;
}

static const struct mode modes[] = {
	{ "fill", nothing, fill, false },
	{ "destroy", nothing, destroy_cache, false },
	{ "retrieve", retrieve_prepare, retrieve_run, false },
	{ "list", list_one, list_run, false },
	{ "store", store_prepare, store_and_destroy_run, true },
	{ "logon", nothing, logon_run, true },
	{ "create", nothing, create_run, false },
	{ "tgs", tgs_prepare, tgs_run, true },
	{ "kinit", nothing, kinit_run, true },
	{ "grow", nothing, grow_run, false },
	{ "shrink", nothing, shrink_run, false },
};

/* ---- processes */

static uint64_t
own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* In the child: get ready, wait for the others, run. */
static int
client_main(struct client *cl, const struct mode *mode, int ready, int go)
{
	char c = 0;
	int failed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cl->random += cl->number * 2654435761u;
	if (open_cache(cl, mode->own_cache) != 0)
		return 1;
	if (mode->prepare(cl) != 0)
		return 1;
	if (write(ready, &c, 1) != 1)
		return 1;
	close(ready);
	if (read(go, &c, 1) != 0) /* end of file is the signal */
		return 1;
	cl->res->cpu_ns = own_cpu_ns();
	cl->until = now_ns() + (uint64_t)(cl->op->seconds * 1e9);
	failed = mode->run(cl) != 0;
	cl->res->cpu_ns = own_cpu_ns() - cl->res->cpu_ns;
	return failed;
}

/* Waits until n clients are ready or gone, then lets all go at once. */
static void
start_together(const int ready[2], const int go[2], unsigned int n)
{
	char c;

	close(ready[1]);
	close(go[0]);
	while (n > 0 && read(ready[0], &c, 1) == 1)
		n--;
	close(go[1]);
	close(ready[0]);
}

static void
run_clients(struct client *cl, const struct mode *mode, struct result *results)
{
	int ready[2], go[2], status;
	pid_t pid[CLIENTS_MAX];

	if (pipe(ready) != 0 || pipe(go) != 0)
		err(1, "pipe");
	for (unsigned int i = 0; i < cl->op->clients; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			err(1, "fork");
		if (pid[i] == 0) {
			close(ready[0]);
			close(go[1]);
			cl->number = i;
			cl->res = &results[i];
			_exit(client_main(cl, mode, ready[1], go[0]));
		}
	}
	start_together(ready, go, cl->op->clients);
	for (unsigned int i = 0; i < cl->op->clients; i++) {
		if (waitpid(pid[i], &status, 0) == pid[i] && status != 0 &&
		    results[i].error[0] == '\0')
			snprintf(results[i].error, sizeof(results[i].error),
				 "client ended with wait status %d", status);
	}
}

/*
 * The rate is the sum over clients of operations per second of their own
 * timed operations, so untimed work between two of them does not count.
 */
static int
report(const struct options *op, const struct result *results)
{
	static struct latency all;
	const char *error = "";
	double rate = 0.0;
	unsigned int failed = 0;
	uint64_t cpu_ns = 0;

	for (unsigned int i = 0; i < op->clients; i++) {
		cpu_ns += results[i].cpu_ns;
		latency_merge(&all, &results[i].latency);
		if (results[i].latency.sum_ns > 0)
			rate += 1e9 * (double)results[i].latency.count /
				(double)results[i].latency.sum_ns;
		if (results[i].error[0] != '\0') {
			failed++;
			error = results[i].error;
		}
	}
	printf("{\"ops\": %llu, \"rate\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
	       "\"client_cpu_us\": %.2f, \"failed\": %u, \"error\": \"",
	       (unsigned long long)all.count, rate, latency_at(&all, 0.50), latency_at(&all, 0.99),
	       all.count > 0 ? (double)cpu_ns / 1000.0 / (double)all.count : 0.0, failed);
	for (; *error != '\0'; error++)
		putchar(*error == '"' || *error == '\\' || *error < ' ' ? '\'' : *error);
	printf("\"}\n");
	return failed != 0;
}

/* ---- command line */

static __attribute__((noreturn)) void
usage(void)
{
	fprintf(stderr, "usage: kcmbench --mode MODE --cache NAME --realm REALM [--fill]\n"
			"       [--tickets N] [--clients N] [--seconds S] [--count N] [--uid UID]\n"
			"       [--password WORD] [--keytab FILE]\nmodes:");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		fprintf(stderr, " %s", modes[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

static void
parse(int argc, char **argv, struct options *op)
{
	static const struct option list[] = {
		{ "mode", 1, NULL, 'm' },     { "cache", 1, NULL, 'c' },
		{ "realm", 1, NULL, 'r' },    { "tickets", 1, NULL, 't' },
		{ "clients", 1, NULL, 'n' },  { "seconds", 1, NULL, 's' },
		{ "count", 1, NULL, 'k' },    { "uid", 1, NULL, 'u' },
		{ "password", 1, NULL, 'p' }, { "keytab", 1, NULL, 'f' },
		{ "fill", 0, NULL, 'F' },     { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		switch (c) {
		case 'm':
			op->mode = optarg;
			break;
		case 'c':
			op->cache = optarg;
			break;
		case 'r':
			op->realm = optarg;
			break;
		case 't':
			op->tickets = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			op->clients = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 's':
			op->seconds = strtod(optarg, NULL);
			break;
		case 'k':
			op->count = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'u':
			op->uid = (uid_t)strtoul(optarg, NULL, 10);
			break;
		case 'p':
			op->password = optarg;
			break;
		case 'f':
			op->keytab = optarg;
			break;
		case 'F':
			op->fill = true;
			break;
		default:
			usage();
		}
	}
	if (op->mode == NULL || op->cache == NULL || op->realm == NULL || op->clients < 1 ||
	    op->clients > CLIENTS_MAX || op->tickets < 1)
		usage();
}

/* Become the user whose caches these are; nothing to do for one's own uid. */
static void
become(uid_t uid)
{
	if (uid == getuid())
		return;
	if (setgroups(0, NULL) != 0 || setgid((gid_t)uid) != 0 || setuid(uid) != 0)
		err(1, "uid %u", (unsigned int)uid);
}

int
main(int argc, char **argv)
{
	struct options op = { .tickets = 10, .clients = 1, .seconds = 1.0, .uid = getuid() };
	const struct mode *mode = NULL;
	struct result *results;
	struct client cl;

	parse(argc, argv, &op);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(op.mode, modes[i].name) == 0)
			mode = &modes[i];
	if (mode == NULL)
		usage();
	become(op.uid);
	results = mmap(NULL, CLIENTS_MAX * sizeof(results[0]), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		err(1, "mmap");
	/* A failure before the fork is the first client's. No cache is open
	 * across the fork: its socket would be shared. */
	if (client_init(&cl, &op, &results[0]) == 0 &&
	    (strcmp(op.mode, "tgs") != 0 || tgs_logon(&cl) == 0) &&
	    (!op.fill || (open_cache(&cl, false) == 0 && fill(&cl) == 0 &&
			  krb5_cc_close(cl.ctx, cl.cache) == 0)))
		run_clients(&cl, mode, results);
	return report(&op, results);
}
