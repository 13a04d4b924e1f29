/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sample of the channel benchmark: what a call to lsaiso costs, beside
 * the two bare ways to carry the same octets between two processes.
 *
 *   socket   a stream socket pair, 8 octets there and 12 back
 *   sleep    a futex and shared memory, both sides sleep at once
 *   spin     the same, both sides first look for SPIN_NS
 *   ping     the lsaiso executable itself, asked "ping" by the broker's own
 *            code (lsass/ask.c); its frames are 8 and 12 octets
 *   absorb   the same, cred_absorb: what KCM STORE of a TGT costs
 *   seal     the same, krb_tgs_seal: an authenticator
 *   session  the same, session_open and session_close
 *   box      the same, what brings a password in: logon_challenge, a box
 *            sealed as lsactl does, logon_absorb
 *   ntlm     the same, ntlm_authenticate: a whole message with its MIC
 *   start    from before fork to the first answer, --count times
 *
 * lsaiso is started as lsainit starts it: its channel at descriptors 3 and
 * 4, an empty environment; but not as another user and in no namespaces.
 * With --image it is level vm: --iso is lsavmm, which gets KVM and that image.
 * With --stream it is level hypervisor: --iso is lsalink, connected to that
 * socket of a running lsaiso-host, whose lsaiso has its policy already.
 *
 * --cpus free   the kernel places both sides
 * --cpus apart  one CPU each; lsaiso is moved there after its start, so that
 *               it and ask.c know that there are two
 * --cpus same   both on one CPU, from the start: nobody spins
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"
#include "latency.h"
#include "lib/box.h"
#include "lib/mailbox.h"
#include "lsass/ask.h"
#include "lsavmm/vmm.h"
#include "rpc/mailbox.h"

#define REQUEST	 8 /* octets of a ping's frames */
#define REPLY	 12
#define SPIN_NS	 50000u
#define WARM_UP	 2000 /* operations before the clock starts */
#define LIFETIME 36000
#define OWNER	 1000
#define ETYPE	 18

enum place { FREE, APART, SAME };

struct bench {
	const char *mode, *iso, *memory, *image, *stream;
	enum place place;
	double seconds;
	unsigned int count;
	pid_t peer;
	struct latency latency;
	/* socket */
	int fd;
	/* sleep, spin */
	struct shared *shared;
	bool spin;
	/* lsaiso */
	struct iso_rep_session_open session;
	struct iso_rep_cred_absorb tgt;
	uint8_t public_key[ISO_PUBLIC];
	long iso_rss; /* KiB after the sample */
};

typedef void operation(struct bench *be);

/* ---- placing */

static void
pin(pid_t pid, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) != 0)
		err(1, "cannot pin to CPU %u", cpu);
}

/* Before the peer exists: it inherits the place. */
static void
place_before(const struct bench *be)
{
	if (be->place == SAME)
		pin(0, 0);
}

static void
place_after(const struct bench *be)
{
	if (be->place != APART)
		return;
	pin(0, 0);
	pin(be->peer, 1);
}

static pid_t
peer_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void
peer_end(struct bench *be)
{
	kill(be->peer, SIGKILL);
	waitpid(be->peer, NULL, 0);
	be->peer = 0;
}

/* ---- a bare socket pair */

static bool
whole(ssize_t got, size_t wanted)
{
	return got >= 0 && (size_t)got == wanted;
}

static void
socket_peer(int fd)
{
	char octets[REPLY] = { 0 };

	while (whole(read(fd, octets, REQUEST), REQUEST) && whole(write(fd, octets, REPLY), REPLY))
		;
	_exit(0);
}

static void
socket_start(struct bench *be)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		err(1, "socketpair");
	be->peer = peer_fork();
	if (be->peer == 0)
		socket_peer(pair[1]);
	close(pair[1]);
	be->fd = pair[0];
}

static void
socket_once(struct bench *be)
{
	char octets[REPLY] = { 0 };

	if (!whole(write(be->fd, octets, REQUEST), REQUEST) ||
	    !whole(read(be->fd, octets, REPLY), REPLY))
		errx(1, "socket: peer is gone");
}

/* ---- bare shared memory with a futex on each side */

struct side {
	uint32_t word;
	uint32_t sleeps; /* whoever awaits the word */
	uint8_t octets[REPLY];
	uint8_t pad[64 - 8 - REPLY];
};
struct shared {
	struct side asked, answered;
};

static void
await(struct side *si, uint32_t old, bool spin)
{
	uint64_t until = spin ? now_ns() + SPIN_NS : 0;

	do {
		for (int i = 0; spin && i < 16; i++) {
			if (__atomic_load_n(&si->word, __ATOMIC_ACQUIRE) != old)
				return;
			__builtin_ia32_pause();
		}
	} while (spin && now_ns() < until);
	__atomic_store_n(&si->sleeps, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&si->word, __ATOMIC_SEQ_CST) == old)
		syscall(SYS_futex, &si->word, FUTEX_WAIT, old, NULL, NULL, 0);
	__atomic_store_n(&si->sleeps, 0, __ATOMIC_RELAXED);
}

static void
ring(struct side *si)
{
	__atomic_add_fetch(&si->word, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&si->sleeps, __ATOMIC_SEQ_CST) != 0)
		syscall(SYS_futex, &si->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void __attribute__((noreturn)) shared_peer(struct shared *sh, bool spin)
{
	uint8_t octets[REPLY] = { 0 };

	for (uint32_t n = 0;; n++) {
		await(&sh->asked, n, spin);
		memcpy(octets, sh->asked.octets, REQUEST);
		memcpy(sh->answered.octets, octets, REPLY);
		ring(&sh->answered);
	}
}

static void
shared_start(struct bench *be)
{
	be->shared = mmap(NULL, sizeof(*be->shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (be->shared == MAP_FAILED)
		err(1, "mmap");
	be->spin = strcmp(be->mode, "spin") == 0;
	be->peer = peer_fork();
	if (be->peer == 0)
		shared_peer(be->shared, be->spin);
}

static void
shared_once(struct bench *be)
{
	struct shared *sh = be->shared;
	uint8_t octets[REPLY] = { 0 };
	uint32_t n = sh->answered.word;

	memcpy(sh->asked.octets, octets, REQUEST);
	ring(&sh->asked);
	await(&sh->answered, n, be->spin);
	memcpy(octets, sh->answered.octets, REPLY);
}

/* ---- lsaiso */

/* Where lsalink finds it: the next free descriptor. */
static void
connect_stream(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd != ISO_FD_LIFE + 1 || strlen(path) >= sizeof(at.sun_path))
		_exit(97);
	memcpy(at.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
		_exit(96);
}

static void __attribute__((noreturn)) iso_exec(const struct bench *be, int box, int life)
{
	char *argv[] = { (char *)(uintptr_t) "lsaiso", NULL, NULL }, *env[] = { NULL };
	int high_box = fcntl(box, F_DUPFD, 10), high_life = fcntl(life, F_DUPFD, 10);

	if (be->memory != NULL)
		argv[1] = (char *)(uintptr_t)be->memory;
	if (high_box < 0 || high_life < 0 || dup2(high_box, ISO_FD_MAILBOX) < 0 ||
	    dup2(high_life, ISO_FD_LIFE) < 0)
		_exit(99);
	for (int fd = ISO_FD_LIFE + 1; fd < 64; fd++)
		close(fd);
	if (be->image != NULL &&
	    (open("/dev/kvm", O_RDWR) != VMM_FD_KVM || open(be->image, O_RDONLY) != VMM_FD_IMAGE))
		_exit(97);
	if (be->stream != NULL)
		connect_stream(be->stream);
	execve(be->iso, argv, env);
	_exit(98);
}

static void
must(enum iso_status st, const char *what)
{
	if (st != ISO_OK)
		errx(1, "lsaiso: %s: %s", what, rpc_status_text(st));
}

/* Say why it is not there, as lsainit would. */
static void
iso_gone(const struct bench *be)
{
	int status = 0;

	waitpid(be->peer, &status, 0);
	if (WIFEXITED(status) && rpc_exit_text(WEXITSTATUS(status)) != NULL)
		errx(3, "lsaiso: %s", rpc_exit_text(WEXITSTATUS(status)));
	errx(3, "lsaiso: ended with wait status %d", status);
}

/* Start lsaiso and get its first answer. */
static void
iso_spawn(struct bench *be)
{
	static const uint8_t no_boot_id[ISO_BOOT_ID];
	struct iso_req_ping ask = { 0 };
	struct iso_rep_ping rep;
	int box = mailbox_make(), life[2];

	if (box < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) != 0)
		err(1, "channel");
	be->peer = peer_fork();
	if (be->peer == 0)
		iso_exec(be, box, life[1]);
	close(life[1]);
	if (ask_attach(box, life[0], no_boot_id) != 0)
		err(1, "ask_attach");
	if (ask_ping(&ask, &rep) != ISO_OK)
		iso_gone(be);
}

static void
iso_start(struct bench *be)
{
	struct iso_req_configure conf = { .policy = ISO_POLICY_NTLM,
					  .rate = 1000000,
					  .burst = 1000000 };
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = LIFETIME };
	struct iso_rep_configure rep;

	iso_spawn(be);
	if (be->stream == NULL)
		must(ask_configure(&conf, &rep), "configure");
	must(ask_session_open(&open, &be->session), "session_open");
}

static void
ping_once(struct bench *be)
{
	struct iso_req_ping ask = { 0 };
	struct iso_rep_ping rep;

	(void)be;
	must(ask_ping(&ask, &rep), "ping");
}

static const char client_der[] = "\xa1\x0c\x1b\x0aTEST.LOCAL"
				 "\xa2\x12\x30\x10\xa0\x03\x02\x01\x01"
				 "\xa1\x09\x30\x07\x1b\x05"
				 "alice";

/* KDC-REQ-BODY (RFC 4120 5.4.1) as libkrb5 makes it for host/svc.test.local. */
static const char body_der[] =
    "\x30\x65"
    "\xa0\x07\x03\x05\x00\x40\x81\x00\x00" /* forwardable, renewable, canonicalize */
    "\xa2\x0c\x1b\x0aTEST.LOCAL"
    "\xa3\x21\x30\x1f\xa0\x03\x02\x01\x02\xa1\x18\x30\x16\x1b\x04host\x1b\x0esvc.test.local"
    "\xa5\x11\x18\x0f"
    "20370101000000Z"
    "\xa7\x06\x02\x04\x12\x34\x56\x78"
    "\xa8\x0e\x30\x0c\x02\x01\x12\x02\x01\x11\x02\x01\x14\x02\x01\x13";
_Static_assert(sizeof(body_der) - 1 == 0x65 + 2, "the outer length is right");

static struct rd
octets_of(const char *der, size_t size)
{
	return (struct rd){ (const uint8_t *)der, size - 1 };
}

static void
absorb_once(struct bench *be)
{
	static uint8_t key[32];
	struct iso_req_cred_absorb ask = {
		.session = be->session.session,
		.generation = be->session.generation,
		.owner = OWNER,
		.kind = ISO_KIND_TGT,
		.etype = ETYPE,
		.endtime = (int64_t)time(NULL) + LIFETIME,
		.client = octets_of(client_der, sizeof(client_der)),
		.key = { key, sizeof(key) },
	};

	if (key[0] == 0 && getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		err(1, "getrandom");
	must(ask_cred_absorb(&ask, &be->tgt), "cred_absorb");
}

static void
seal_once(struct bench *be)
{
	struct iso_req_krb_tgs_seal ask = {
		.session = be->session.session,
		.generation = be->session.generation,
		.owner = OWNER,
		.blob = { be->tgt.blob.at, be->tgt.blob.len },
		.client = octets_of(client_der, sizeof(client_der)),
		.body = octets_of(body_der, sizeof(body_der)),
	};
	struct iso_rep_krb_tgs_seal rep;

	must(ask_krb_tgs_seal(&ask, &rep), "krb_tgs_seal");
}

static void
seal_start(struct bench *be)
{
	iso_start(be);
	absorb_once(be);
}

static void
session_once(struct bench *be)
{
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = LIFETIME };
	struct iso_req_session_close shut = { .owner = OWNER };
	struct iso_rep_session_open opened;
	struct iso_rep_session_close rep;

	(void)be;
	must(ask_session_open(&open, &opened), "session_open");
	shut.session = opened.session;
	shut.generation = opened.generation;
	must(ask_session_close(&shut, &rep), "session_close");
}

static void
box_start(struct bench *be)
{
	struct iso_req_status ask = { 0 };
	struct iso_rep_status rep;

	iso_start(be);
	must(ask_status(&ask, &rep), "status");
	memcpy(be->public_key, rep.public_key, sizeof(be->public_key));
}

static void
box_once(struct bench *be)
{
	struct iso_req_logon_challenge ask = { .session = be->session.session,
					       .generation = be->session.generation,
					       .owner = OWNER };
	struct iso_rep_logon_challenge got;
	struct iso_req_logon_absorb in = { .session = be->session.session,
					   .generation = be->session.generation,
					   .owner = OWNER };
	struct iso_rep_logon_absorb kept;
	static struct box box;
	uint8_t sealed[ISO_BOX];

	must(ask_logon_challenge(&ask, &got), "logon_challenge");
	if (box_fill(&box, "alice@TEST.LOCAL", octets_of("a password", sizeof("a password")), 0) !=
	    0)
		err(1, "box_fill");
	box.challenge = got.challenge;
	box.session = be->session.session;
	box.generation = be->session.generation;
	box.owner = OWNER;
	if (box_seal(be->public_key, &box, sealed) != 0)
		err(1, "box_seal");
	in.box = (struct rd){ sealed, sizeof(sealed) };
	must(ask_logon_absorb(&in, &kept), "logon_absorb");
}

static void
ntlm_start(struct bench *be)
{
	struct iso_req_cred_absorb ask = {
		.owner = OWNER,
		.kind = ISO_KIND_NTLM,
		.endtime = (int64_t)time(NULL) + LIFETIME,
		.client = octets_of(client_der, sizeof(client_der)),
		.key = { ntlm_hash, 16 },
	};

	iso_start(be);
	ask.session = be->session.session;
	ask.generation = be->session.generation;
	must(ask_cred_absorb(&ask, &be->tgt), "cred_absorb");
}

static void
ntlm_once(struct bench *be)
{
	struct iso_req_ntlm_authenticate ask = ntlm_request();
	static struct iso_rep_ntlm_authenticate rep;

	ask.session = be->session.session;
	ask.generation = be->session.generation;
	ask.owner = OWNER;
	ask.key = (struct rd){ be->tgt.blob.at, be->tgt.blob.len };
	ask.name = octets_of(client_der, sizeof(client_der));
	must(ask_ntlm_authenticate(&ask, &rep), "ntlm_authenticate");
	if (rep.session_key.len != 16)
		errx(1, "lsaiso: no session key");
}

static void
note_rss(struct bench *be)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)be->peer);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			be->iso_rss = strtol(line + 6, NULL, 10);
	fclose(f);
}

/* ---- running */

static void
starts(struct bench *be)
{
	uint64_t at;

	for (unsigned int i = 0; i < be->count; i++) {
		at = now_ns();
		iso_spawn(be);
		latency_add(&be->latency, now_ns() - at);
		note_rss(be);
		ask_detach();
		peer_end(be);
	}
}

static void
run(struct bench *be, operation *start, operation *once)
{
	uint64_t at, until;

	place_before(be);
	start(be);
	place_after(be);
	for (int i = 0; i < WARM_UP; i++)
		once(be);
	at = now_ns();
	until = at + (uint64_t)(be->seconds * 1e9);
	while (at < until) {
		uint64_t then = at;

		once(be);
		at = now_ns();
		latency_add(&be->latency, at - then);
	}
	note_rss(be);
	peer_end(be);
}

static const struct mode {
	const char *name;
	operation *start, *once;
} modes[] = {
	{ "socket", socket_start, socket_once }, { "sleep", shared_start, shared_once },
	{ "spin", shared_start, shared_once },	 { "ping", iso_start, ping_once },
	{ "absorb", iso_start, absorb_once },	 { "seal", seal_start, seal_once },
	{ "session", iso_start, session_once },	 { "box", box_start, box_once },
	{ "ntlm", ntlm_start, ntlm_once },
};

static __attribute__((noreturn)) void
usage(void)
{
	fprintf(stderr, "usage: pingbench --mode MODE [--iso PROGRAM] [--memory memory=WHICH]\n"
			"       [--image FILE] [--stream SOCKET]\n"
			"       [--cpus free|apart|same] [--seconds S] [--count N]\n"
			"modes: socket sleep spin ping absorb seal session box ntlm start\n");
	exit(2);
}

static enum place
place_of(const char *word)
{
	if (strcmp(word, "apart") == 0)
		return APART;
	if (strcmp(word, "same") == 0)
		return SAME;
	if (strcmp(word, "free") != 0)
		usage();
	return FREE;
}

static void
parse(int argc, char **argv, struct bench *be)
{
	static const struct option list[] = {
		{ "mode", 1, NULL, 'm' },    { "iso", 1, NULL, 'i' },	 { "memory", 1, NULL, 'M' },
		{ "image", 1, NULL, 'I' },   { "stream", 1, NULL, 'S' }, { "cpus", 1, NULL, 'c' },
		{ "seconds", 1, NULL, 's' }, { "count", 1, NULL, 'k' },	 { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		switch (c) {
		case 'm':
			be->mode = optarg;
			break;
		case 'i':
			be->iso = optarg;
			break;
		case 'I':
			be->image = optarg;
			break;
		case 'S':
			be->stream = optarg;
			break;
		case 'M':
			be->memory = optarg;
			break;
		case 'c':
			be->place = place_of(optarg);
			break;
		case 's':
			be->seconds = strtod(optarg, NULL);
			break;
		case 'k':
			be->count = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
}

int
main(int argc, char **argv)
{
	static struct bench be = { .mode = "none", .seconds = 1.0, .count = 20 };
	const struct latency *la = &be.latency;
	bool found = false;

	parse(argc, argv, &be);
	if (strcmp(be.mode, "start") == 0) {
		starts(&be);
		found = true;
	}
	for (size_t i = 0; !found && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(be.mode, modes[i].name) == 0) {
			run(&be, modes[i].start, modes[i].once);
			found = true;
		}
	}
	if (!found)
		usage();
	printf("{\"ops\": %llu, \"rate\": %.1f, \"p50_us\": %.3f, \"p99_us\": %.3f, "
	       "\"max_us\": %.3f, \"rss_kib\": %ld}\n",
	       (unsigned long long)la->count, 1e9 * (double)la->count / (double)la->sum_ns,
	       latency_at(la, 0.50), latency_at(la, 0.99), latency_at(la, 1.0), be.iso_rss);
	return 0;
}
