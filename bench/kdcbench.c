/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sample of the endpoint's benchmark: N processes ask for service tickets
 * with the TGT of a FILE ccache, at whatever KDC KRB5_CONFIG names.
 *
 *   wire      requests are libkrb5's, made beforehand; what is measured is from
 *             the connection to the whole answer and nothing of the client's
 *   datagram  the same by UDP, with requests that fit
 *   get       krb5_get_credentials() into no cache, the whole of it
 *
 * Every answer is looked at: a TGS-REP, or the sample is void. Prints one line
 * of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <krb5.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "latency.h"

#define CLIENTS_MAX  64
#define REQUESTS_MAX 20000
#define NAMES	     200 /* svc/n000.test.local ... in the test realm */
#define TAG_TGS_REP  0x6d
#define REPLY_MAX    65536

struct result {
	struct latency latency;
	uint64_t cpu_ns, elapsed_ns;
	char error[160];
};

struct client {
	const char *mode;
	struct sockaddr_in kdc;
	double seconds;
	unsigned int number, n;
	krb5_context ctx;
	krb5_ccache file, memory;
	krb5_principal me;
	krb5_data *requests;
	struct result *res;
	int *go; /* how many are ready; shared */
	unsigned int clients;
};

static uint8_t reply[REPLY_MAX];

static int
failed(struct client *cl, const char *what, krb5_error_code code)
{
	const char *text = code == 0 ? strerror(errno) : krb5_get_error_message(cl->ctx, code);

	(void)snprintf(cl->res->error, sizeof(cl->res->error), "%s: %s", what, text);
	return -1;
}

/* A cache in memory with the TGT only: a service ticket is never found in it. */
static int
prepare(struct client *cl, const char *cache)
{
	krb5_error_code code = krb5_init_context(&cl->ctx);

	if (code != 0)
		errx(1, "krb5_init_context: %d", code);
	code = krb5_cc_resolve(cl->ctx, cache, &cl->file);
	if (code == 0)
		code = krb5_cc_get_principal(cl->ctx, cl->file, &cl->me);
	if (code == 0)
		code = krb5_cc_new_unique(cl->ctx, "MEMORY", NULL, &cl->memory);
	if (code == 0)
		code = krb5_cc_initialize(cl->ctx, cl->memory, cl->me);
	if (code == 0)
		code = krb5_cc_copy_creds(cl->ctx, cl->file, cl->memory);
	return code == 0 ? 0 : failed(cl, cache, code);
}

static krb5_error_code
wanted(struct client *cl, unsigned int i, krb5_creds *creds)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "n%03u.test.local", (cl->number * 31 + i) % NAMES);
	*creds = (krb5_creds){ .client = cl->me };
	return krb5_build_principal(cl->ctx, &creds->server, cl->me->realm.length,
				    cl->me->realm.data, "svc", name, (char *)NULL);
}

static krb5_error_code
one_request(struct client *cl, unsigned int i)
{
	krb5_tkt_creds_context tkt = NULL;
	krb5_data none = { 0 }, realm = { 0 };
	unsigned int flags = 0;
	krb5_creds creds;
	krb5_error_code code = wanted(cl, i, &creds);

	if (code == 0)
		code = krb5_tkt_creds_init(cl->ctx, cl->memory, &creds, 0, &tkt);
	if (code == 0)
		code = krb5_tkt_creds_step(cl->ctx, tkt, &none, &cl->requests[i], &realm, &flags);
	krb5_free_data_contents(cl->ctx, &realm);
	krb5_tkt_creds_free(cl->ctx, tkt);
	krb5_free_principal(cl->ctx, creds.server);
	return code;
}

static int
make_requests(struct client *cl)
{
	cl->requests = calloc(cl->n, sizeof(*cl->requests));
	if (cl->requests == NULL)
		return failed(cl, "memory", 0);
	for (unsigned int i = 0; i < cl->n; i++) {
		krb5_error_code code = one_request(cl, i);

		if (code != 0)
			return failed(cl, "krb5_tkt_creds_step", code);
	}
	return 0;
}

/* ---- one exchange */

static int
take(int fd, uint8_t *at, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, at, n, 0);

		if (got <= 0)
			return -1;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

static int
over_stream(int fd, const krb5_data *request)
{
	uint8_t head[4];
	uint32_t len = htonl(request->length);
	struct iovec part[2] = { { &len, 4 }, { request->data, request->length } };
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 2 };

	if (sendmsg(fd, &m, MSG_NOSIGNAL) != (ssize_t)request->length + 4 || take(fd, head, 4) != 0)
		return -1;
	memcpy(&len, head, 4);
	len = ntohl(len);
	errno = EMSGSIZE;
	return len > 0 && len <= sizeof(reply) ? take(fd, reply, len) : -1;
}

static int
over_datagram(int fd, const krb5_data *request)
{
	return send(fd, request->data, request->length, 0) == (ssize_t)request->length &&
		       recv(fd, reply, sizeof(reply), 0) > 0
		   ? 0
		   : -1;
}

static int
wire(struct client *cl, unsigned int i)
{
	bool datagram = strcmp(cl->mode, "datagram") == 0;
	struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_INET, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), status;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (const struct sockaddr *)&cl->kdc, sizeof(cl->kdc)) != 0)
		return failed(cl, "connect", 0);
	status = datagram ? over_datagram(fd, &cl->requests[i]) : over_stream(fd, &cl->requests[i]);
	if (status != 0)
		(void)failed(cl, "exchange", 0);
	(void)close(fd);
	if (status == 0 && reply[0] != TAG_TGS_REP) {
		errno = EPROTO;
		return failed(cl, "no TGS-REP", 0);
	}
	return status;
}

static int
get(struct client *cl, unsigned int i)
{
	krb5_creds creds, *out = NULL;
	krb5_error_code code = wanted(cl, i, &creds);

	if (code == 0)
		code = krb5_get_credentials(cl->ctx, KRB5_GC_NO_STORE, cl->memory, &creds, &out);
	krb5_free_principal(cl->ctx, creds.server);
	krb5_free_creds(cl->ctx, out);
	return code == 0 ? 0 : failed(cl, "krb5_get_credentials", code);
}

/* ---- a process */

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
work(struct client *cl)
{
	bool whole = strcmp(cl->mode, "get") == 0;
	uint64_t start, end, before, since;

	__atomic_add_fetch(cl->go, 1, __ATOMIC_SEQ_CST);
	while ((unsigned int)__atomic_load_n(cl->go, __ATOMIC_SEQ_CST) < cl->clients)
		(void)usleep(100);
	since = cpu_ns();
	start = before = now_ns();
	end = start + (uint64_t)(cl->seconds * 1e9);
	/* Requests that were made beforehand may be all sent before the time is up. */
	for (unsigned int i = 0; before < end && (whole || i < cl->n); i++) {
		uint64_t after;

		if ((whole ? get(cl, i) : wire(cl, i)) != 0)
			break;
		after = now_ns();
		latency_add(&cl->res->latency, after - before);
		before = now_ns();
	}
	cl->res->elapsed_ns = now_ns() - start;
	cl->res->cpu_ns = cpu_ns() - since;
}

static void
child(struct client *cl, const char *cache)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (prepare(cl, cache) != 0 || (strcmp(cl->mode, "get") != 0 && make_requests(cl) != 0))
		__atomic_add_fetch(cl->go, 1, __ATOMIC_SEQ_CST);
	else
		work(cl);
	_exit(0);
}

static int
print(const struct result *res, unsigned int clients)
{
	struct latency all = { 0 };
	uint64_t cpu = 0;
	double rate = 0;

	for (unsigned int i = 0; i < clients; i++) {
		if (res[i].error[0] != '\0') {
			(void)printf("{\"error\": \"%s\"}\n", res[i].error);
			return 1;
		}
		latency_merge(&all, &res[i].latency);
		cpu += res[i].cpu_ns;
		if (res[i].elapsed_ns > 0)
			rate += (double)res[i].latency.count * 1e9 / (double)res[i].elapsed_ns;
	}
	if (all.count == 0)
		return puts("{\"error\": \"nothing was done\"}") < 0;
	(void)printf("{\"rate\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"ops\": %llu, "
		     "\"client_cpu_us\": %.2f}\n",
		     rate, latency_at(&all, 0.5), latency_at(&all, 0.99),
		     (unsigned long long)all.count, (double)cpu / 1000.0 / (double)all.count);
	return 0;
}

/* kdcbench MODE CACHE PORT CLIENTS SECONDS UID REQUESTS */
static unsigned int
number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

int
main(int argc, char **argv)
{
	struct client cl = { .kdc = { .sin_family = AF_INET } };
	struct result *res;
	const char *cache;
	uid_t uid;

	if (argc != 8)
		errx(2,
		     "usage: kdcbench wire|datagram|get CACHE PORT CLIENTS SECONDS UID REQUESTS");
	cl.mode = argv[1];
	cache = argv[2];
	cl.kdc.sin_port = htons((uint16_t)number(argv[3]));
	cl.kdc.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cl.clients = number(argv[4]);
	cl.seconds = strtod(argv[5], NULL);
	uid = number(argv[6]);
	cl.n = number(argv[7]);
	if (cl.clients < 1 || cl.clients > CLIENTS_MAX || cl.n > REQUESTS_MAX)
		errx(2, "too many");
	if (uid != getuid() && (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0))
		err(1, "setuid");
	res = mmap(NULL, CLIENTS_MAX * sizeof(*res) + sizeof(int), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (res == MAP_FAILED)
		err(1, "mmap");
	cl.go = (int *)(void *)(res + CLIENTS_MAX);
	for (unsigned int i = 0; i < cl.clients; i++) {
		cl.number = i;
		cl.res = &res[i];
		if (fork() == 0)
			child(&cl, cache);
	}
	while (wait(NULL) > 0)
		;
	return print(res, cl.clients);
}
