/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real lsaiso, started as lsainit starts it: does it answer, does it
 * survive a hostile mailbox, is the process shut as it should be, and does
 * each wrong start end with the right exit code?
 *
 * usage: boundary_process LSAISO [basic]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "iso_process.h"

static const char *path;
static struct iso_process iso;

static void
start(const struct iso_how *how)
{
	struct iso_how h = *how;

	h.path = path;
	assert_true(iso_start_process(&iso, &h));
}

static int
secret_or_skip(void **state)
{
	long fd = syscall(SYS_memfd_secret, 0);

	(void)state;
	if (fd < 0) {
		print_message("SKIP: memfd_secret: %s\n", strerror(errno));
		return 1;
	}
	close((int)fd);
	return 0;
}

static void
configure(void)
{
	struct iso_req_configure req = { .rate = 1000, .burst = 1000 };

	assert_int_equal(iso_ask(&iso, ISO_OP_configure, &req, NULL), ISO_OK);
}

/* ---- operations over the mailbox */

static void
use(void)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	/* crealm "R", cname type 1 "u" */
	static const uint8_t client[] = { 0xa1, 3, 0x1b, 1,    'R', 0xa2, 14, 0x30, 12, 0xa0, 3,
					  2,	1, 1,	 0xa1, 5,   0x30, 3,  0x1b, 1,	'u' };
	union iso_req none = { 0 };
	struct iso_req_session_open open = { .owner = 7, .lifetime = 60 };
	struct iso_rep_session_open s = { 0 };
	struct iso_req_cred_absorb absorb = { .owner = 7,
					      .kind = ISO_KIND_TGT,
					      .etype = 18,
					      .endtime = (int64_t)time(NULL) + 60,
					      .client = { client, sizeof(client) },
					      .key = { key, 32 } };
	struct iso_rep_cred_absorb blob = { 0 };
	struct iso_req_krb_tgs_seal seal = { .owner = 7, .client = { client, sizeof(client) } };
	struct iso_req_krb_tgs_open answer = { .pending = 1, .owner = 7, .etype = 18 };
	struct iso_req_session_close end = { .owner = 7 };
	struct iso_rep_status st = { 0 };
	struct iso_req_prove prove = { .public = { 9 } };
	struct iso_rep_prove proof = { 0 };

	assert_int_equal(iso_ask(&iso, ISO_OP_ping, &none, NULL), ISO_OK);
	assert_int_equal(iso_ask(&iso, ISO_OP_prove, &prove, &proof), ISO_OK);
	assert_int_equal(iso_ask(&iso, ISO_OP_session_open, &open, NULL), ISO_E_PHASE);
	configure();
	assert_int_equal(iso_ask(&iso, ISO_OP_session_open, &open, &s), ISO_OK);
	absorb.session = seal.session = end.session = s.session;
	absorb.generation = seal.generation = end.generation = s.generation;
	assert_int_equal(iso_ask(&iso, ISO_OP_cred_absorb, &absorb, &blob), ISO_OK);
	seal.blob = (struct rd){ blob.blob.at, blob.blob.len };
	assert_int_equal(iso_ask(&iso, ISO_OP_krb_tgs_seal, &seal, NULL), ISO_E_DER);
	blob.blob.at[blob.blob.len - 1] ^= 1;
	assert_int_equal(iso_ask(&iso, ISO_OP_krb_tgs_seal, &seal, NULL), ISO_E_BLOB);
	assert_int_equal(iso_ask(&iso, ISO_OP_krb_tgs_open, &answer, NULL), ISO_E_PENDING);
	assert_int_equal(iso_ask(&iso, ISO_OP_session_close, &end, NULL), ISO_OK);
	assert_int_equal(iso_ask(&iso, ISO_OP_status, &none, &st), ISO_OK);
	assert_int_equal(st.absorbed, 1);
	assert_int_equal(st.sessions, 0);
	assert_int_equal(st.refused, 4);
	assert_int_equal(st.served, 6);
	assert_memory_equal(st.public_key, proof.public, sizeof(st.public_key));
}

static void
answers_secret(void **state)
{
	(void)state;
	start(&(struct iso_how){ 0 });
	use();
	iso_end_process(&iso);
	start(&(struct iso_how){ .arg1 = "memory=secret" });
	use();
	iso_end_process(&iso);
}

static void
answers_ordinary(void **state)
{
	(void)state;
	start(&(struct iso_how){ .arg1 = "memory=ordinary" });
	use();
	iso_end_process(&iso);
}

/* With what an ordinary user may lock on Debian: 8 MiB. */
static void
answers_as_ordinary_user(void **state)
{
	(void)state;
	start(&(struct iso_how){ .other_user = true, .memlock = 8 << 20 });
	use();
	iso_end_process(&iso);
	start(
	    &(struct iso_how){ .arg1 = "memory=ordinary", .other_user = true, .memlock = 8 << 20 });
	use();
	iso_end_process(&iso);
}

/* ---- a hostile mailbox */

static uint32_t
answer_status(void)
{
	uint32_t st;

	assert_int_equal(iso.box->rep_len, RPC_REP_HDR);
	memcpy(&st, iso.box->rep + 4, sizeof(st));
	return st;
}

static void
hostile_lengths(void **state)
{
	static const uint32_t claimed[] = {
		0, 1, 7, RPC_REQ_MAX, RPC_REQ_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff
	};
	static const uint8_t ping[8] = { 1, 0, 1, 0, 0, 0, 0, 0 };
	static uint8_t junk[RPC_REQ_MAX];

	(void)state;
	start(&(struct iso_how){ 0 });
	for (size_t i = 0; i < sizeof(claimed) / sizeof(claimed[0]); i++) {
		assert_true(iso_raw(&iso, ping, sizeof(ping), claimed[i]));
		assert_int_equal(answer_status(), ISO_E_FRAME);
		assert_true(iso_raw(&iso, ping, sizeof(ping), sizeof(ping)));
		assert_int_equal(answer_status(), ISO_OK);
	}
	configure();
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t len = i % 300;

		if (getrandom(junk, len, 0) != (ssize_t)len)
			fail();
		if (i % 2 && len >= 8) { /* a good header, so that the fields are reached */
			uint8_t head[8] = { 1,
					    0,
					    (uint8_t)(i % (ISO_OP_END + 1)),
					    0,
					    (uint8_t)(len - 8),
					    (uint8_t)((len - 8) >> 8),
					    0,
					    0 };

			memcpy(junk, head, sizeof(head));
		}
		assert_true(iso_raw(&iso, junk, len, len));
	}
	assert_true(iso_raw(&iso, ping, sizeof(ping), sizeof(ping)));
	assert_int_equal(answer_status(), ISO_OK);
	iso_end_process(&iso);
}

static volatile bool scribble_on;

static void *
scribble(void *arg)
{
	uint8_t *at = iso.box->req;
	uint32_t x = 1;

	(void)arg;
	while (scribble_on) {
		x = x * 1664525 + 1013904223;
		at[x % 200] = (uint8_t)(x >> 24);
		__atomic_store_n(&iso.box->req_len, x >> (x % 32), __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Everything changes while it is being looked at. */
static void
changing_memory(void **state)
{
	static const uint8_t ping[8] = { 1, 0, 1, 0, 0, 0, 0, 0 };
	struct timespec from, now;
	pthread_t thread;

	(void)state;
	start(&(struct iso_how){ 0 });
	configure();
	scribble_on = true;
	assert_int_equal(pthread_create(&thread, NULL, scribble, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		if (!iso_raw(&iso, ping, sizeof(ping), sizeof(ping)))
			fail_msg("no answer");
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - from.tv_sec < 2);
	scribble_on = false;
	pthread_join(thread, NULL);
	assert_true(iso_raw(&iso, ping, sizeof(ping), sizeof(ping)));
	assert_int_equal(answer_status(), ISO_OK);
	iso_end_process(&iso);
}

/* Numbers that jump, also back; and every moment of falling asleep. */
static void
no_lost_wakeup(void **state)
{
	static const uint8_t ping[8] = { 1, 0, 1, 0, 0, 0, 0, 0 };

	(void)state;
	start(&(struct iso_how){ 0 });
	for (uint32_t i = 0; i < 2000; i++) {
		struct timespec pause = { 0, (long)(i * 7919 % 120) * 1000 };

		if (i % 100 == 0)
			__atomic_fetch_add(&iso.box->req_seq, i - 1000, __ATOMIC_RELAXED);
		nanosleep(&pause, NULL);
		if (!iso_raw(&iso, ping, sizeof(ping), sizeof(ping)))
			fail_msg("request %u: no answer", i);
	}
	usleep(300000);
	assert_int_equal(iso.box->iso_sleeps, 1);
	assert_true(iso_raw(&iso, ping, sizeof(ping), sizeof(ping)));
	iso_end_process(&iso);
}

/* ---- the process from outside */

static long
status_number(const char *name)
{
	char file[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(file, sizeof(file), "/proc/%d/status", (int)iso.pid);
	f = fopen(file, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	}
	fclose(f);
	return value;
}

static void
the_process_is_shut(void **state)
{
	char name[64];
	struct dirent *e;
	unsigned int fds = 0;
	DIR *dir;

	(void)state;
	start(&(struct iso_how){ 0 });
	use();
	assert_int_equal(status_number("Seccomp"), 2);
	assert_int_equal(status_number("NoNewPrivs"), 1);
	assert_int_equal(status_number("Threads"), 1);
	assert_in_range(status_number("VmRSS"), 1, 1024); /* KiB; the goal is 4 MiB */
	snprintf(name, sizeof(name), "/proc/%d/fd", (int)iso.pid);
	dir = opendir(name);
	if (dir == NULL) {
		print_message("SKIP: %s: %s\n", name, strerror(errno));
		iso_end_process(&iso);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(strtol(e->d_name, NULL, 10), ISO_FD_LIFE);
		fds++;
	}
	closedir(dir);
	assert_int_equal(fds, 1);
	iso_end_process(&iso);
}

/* One line of /proc/PID/maps, judged. Returns true for secret memory. */
static bool
judge_map(const char *line, int mem)
{
	const unsigned long from = strtoul(line, NULL, 16);
	const char *perms = strchr(line, ' '), *what = strpbrk(line, "/[");
	uint8_t octets[64];

	if (perms == NULL) {
		fail_msg("maps: %s", line);
		return false;
	}
	perms++;
	what = what != NULL ? what : "";
	assert_false(perms[1] == 'w' && perms[2] == 'x');
	if (strstr(what, "secretmem") == NULL) {
		/* no writable memory but the old stack and the mailbox */
		if (perms[1] == 'w' && strncmp(what, "[stack]", 7) != 0 &&
		    strstr(what, "memfd:test") == NULL)
			fail_msg("writable: %s", line);
		return false;
	}
	if (pread(mem, octets, sizeof(octets), (off_t)from) > 0)
		fail_msg("root reads %s", line);
	return true;
}

static void
secret_memory_is_secret(void **state)
{
	char name[64], line[512];
	unsigned int secret = 0;
	int mem;
	FILE *maps;

	(void)state;
	start(&(struct iso_how){ 0 });
	use();
	snprintf(name, sizeof(name), "/proc/%d/mem", (int)iso.pid);
	mem = open(name, O_RDONLY);
	snprintf(name, sizeof(name), "/proc/%d/maps", (int)iso.pid);
	maps = fopen(name, "r");
	if (mem < 0 || maps == NULL) {
		print_message("SKIP: cannot open memory of lsaiso: %s\n", strerror(errno));
		iso_end_process(&iso);
		return;
	}
	while (fgets(line, sizeof(line), maps) != NULL)
		secret += judge_map(line, mem);
	assert_in_range(secret, 2, 5); /* stack, state, and their guard pages */
	fclose(maps);
	close(mem);
	iso_end_process(&iso);
}

/* Locked: the image cannot come back changed, nothing goes out to swap. */
static void
no_page_leaves_memory(void **state)
{
	char name[64], line[512], what[512] = "";
	unsigned int locked = 0;
	FILE *maps;

	(void)state;
	start(&(struct iso_how){ 0 });
	use();
	snprintf(name, sizeof(name), "/proc/%d/smaps", (int)iso.pid);
	maps = fopen(name, "r");
	if (maps == NULL) {
		print_message("SKIP: %s: %s\n", name, strerror(errno));
		iso_end_process(&iso);
		return;
	}
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (strtoul(line, NULL, 16) > 0xffff && strchr(line, '-') != NULL)
			memcpy(what, line, sizeof(what));
		else if (strncmp(line, "Swap:", 5) == 0)
			assert_int_equal(strtol(line + 5, NULL, 10), 0);
		else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " lo") != NULL)
			locked++;
		else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(what, "[stack]") == NULL &&
			 strstr(what, "[v") == NULL)
			fail_msg("not locked: %s", what);
	}
	fclose(maps);
	assert_in_range(locked, 6, 12); /* image 4, mailbox, secret region */
	iso_end_process(&iso);
}

/*
 * What the kernel keeps of a sleeping process outside its secret memory, and
 * shows to a debugger: its registers. General ones: only what a sleep needs.
 */
static void
registers_are_clean_at_rest(void **state)
{
	struct user_fpregs_struct vectors = { 0 };
	struct user_regs_struct general = { 0 };
	int status;

	(void)state;
	start(&(struct iso_how){ 0 });
	use();
	usleep(200000);
	assert_int_equal(iso.box->iso_sleeps, 1);
	if (ptrace(PTRACE_SEIZE, iso.pid, NULL, NULL) != 0) {
		print_message("SKIP: ptrace: %s\n", strerror(errno));
		iso_end_process(&iso);
		return;
	}
	assert_int_equal(ptrace(PTRACE_INTERRUPT, iso.pid, NULL, NULL), 0);
	assert_int_equal(waitpid(iso.pid, &status, 0), iso.pid);
	assert_int_equal(ptrace(PTRACE_GETREGS, iso.pid, NULL, &general), 0);
	assert_int_equal(ptrace(PTRACE_GETFPREGS, iso.pid, NULL, &vectors), 0);
	assert_int_equal(general.orig_rax, SYS_futex);
	for (size_t i = 0; i < sizeof(vectors.xmm_space) / sizeof(vectors.xmm_space[0]); i++)
		assert_int_equal(vectors.xmm_space[i], 0);
	for (size_t i = 0; i < sizeof(vectors.st_space) / sizeof(vectors.st_space[0]); i++)
		assert_int_equal(vectors.st_space[i], 0);
	assert_int_equal(general.r10 | general.r8 | general.r9, 0);
	iso_end_process(&iso);
}

static void
dies_with_its_parent(void **state)
{
	static const uint8_t ping[8] = { 1, 0, 1, 0, 0, 0, 0, 0 };
	char octet;

	(void)state;
	start(&(struct iso_how){ .orphan = true });
	assert_true(iso_raw(&iso, ping, sizeof(ping), sizeof(ping)));
	assert_int_equal(iso_wait_exit(&iso), 0); /* the parent */
	/* our end of the socket pair tells, as it tells the broker */
	assert_int_equal(read(iso.life, &octet, 1), 0);
	iso_end_process(&iso);
}

/* ---- wrong starts */

static void
exit_codes(void **state)
{
	static const struct {
		struct iso_how how;
		int code;
	} rows[] = {
		{ { .no_mailbox = true }, ISO_EXIT_ARGS },
		{ { .no_life = true }, ISO_EXIT_ARGS },
		{ { .arg1 = "memory=" }, ISO_EXIT_ARGS },
		{ { .arg1 = "memory=secrets" }, ISO_EXIT_ARGS },
		{ { .arg1 = "memory=ordinary " }, ISO_EXIT_ARGS },
		{ { .arg1 = "" }, ISO_EXIT_ARGS },
		{ { .arg1 = "memory=secret", .arg2 = "x" }, ISO_EXIT_ARGS },
		{ { .bad_magic = 1 }, ISO_EXIT_CHANNEL },
		{ { .bad_version = 1 }, ISO_EXIT_CHANNEL },
		{ { .resize = 4096 }, ISO_EXIT_CHANNEL },
		{ { .resize = -1 }, ISO_EXIT_CHANNEL },
		{ { .resize = 1 }, ISO_EXIT_CHANNEL },
		{ { .other_user = true, .memlock = 65536 }, ISO_EXIT_MEMLOCK },
		{ { .other_user = true, .memlock = 65536, .arg1 = "memory=ordinary" },
		  ISO_EXIT_MEMLOCK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code;

		start(&rows[i].how);
		code = iso_wait_exit(&iso);
		iso_end_process(&iso);
		if (code != rows[i].code)
			fail_msg("row %zu: exit code %d", i, code);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest basic[] = { cmocka_unit_test(answers_secret) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_secret),
		cmocka_unit_test(answers_ordinary),
		cmocka_unit_test(answers_as_ordinary_user),
		cmocka_unit_test(hostile_lengths),
		cmocka_unit_test(changing_memory),
		cmocka_unit_test(no_lost_wakeup),
		cmocka_unit_test(the_process_is_shut),
		cmocka_unit_test(secret_memory_is_secret),
		cmocka_unit_test(no_page_leaves_memory),
		cmocka_unit_test(registers_are_clean_at_rest),
		cmocka_unit_test(dies_with_its_parent),
		cmocka_unit_test(exit_codes),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: %s LSAISO [basic]\n", argv[0]);
		return 2;
	}
	path = argv[1];
	if (secret_or_skip(NULL) != 0)
		return 77;
	if (argc > 2)
		return cmocka_run_group_tests(basic, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
