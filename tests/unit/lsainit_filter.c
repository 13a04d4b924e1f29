/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the system call filter of lsass refuse what it says, in a real
 * process, and let through what lsass lives on? Each case is a child of its
 * own that sets the filter; what it found comes back as its exit code.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lsainit/filter.h"

enum { WENT, REFUSED, OTHER, NO_FILTER };

static int
outcome(long ret)
{
	return ret >= 0 ? WENT : errno == EPERM ? REFUSED : OTHER;
}

/* Families are refused as if the kernel did not have them. */
static int
family(int domain)
{
	int fd = socket(domain, SOCK_RAW, 0);

	return fd >= 0 ? WENT : errno == EAFNOSUPPORT ? REFUSED : OTHER;
}

/* Run fn behind the filter; returns its outcome. */
static int
behind(int (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_lsass() != 0)
			_exit(NO_FILTER);
		_exit(fn());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
do_ptrace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static int
do_read_other(void)
{
	return outcome(syscall(SYS_process_vm_readv, getppid(), NULL, 0UL, NULL, 0UL, 0UL));
}

static int
do_bpf(void)
{
	return outcome(syscall(SYS_bpf, 0, NULL, 0));
}

static int
do_keyring(void)
{
	return outcome(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int
do_unshare(void)
{
	return outcome(syscall(SYS_unshare, 0));
}

static int
do_namespace(void)
{
	return outcome(syscall(SYS_clone, 0x10000000L /* CLONE_NEWUSER */, 0, 0, 0, 0));
}

static int
do_setuid(void)
{
	return outcome(syscall(SYS_setuid, getuid()));
}

static int
do_packet(void)
{
	return family(AF_PACKET);
}

static int
do_netlink(void)
{
	return family(AF_NETLINK);
}

static int
do_write_exec(void)
{
	void *at = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return outcome(at == MAP_FAILED ? -1 : 0);
}

static int
do_make_exec(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return OTHER;
	return outcome(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int
do_set_id(void)
{
	int fd = memfd_create("set-id", 0);

	return fd < 0 ? OTHER : outcome(fchmod(fd, S_ISUID | 0700));
}

static void
refuses(void **state)
{
	static int (*const cases[])(void) = {
		do_ptrace, do_read_other, do_bpf,     do_keyring,    do_unshare,   do_namespace,
		do_setuid, do_packet,	  do_netlink, do_write_exec, do_make_exec, do_set_id,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (behind(cases[i]) != REFUSED)
			fail_msg("case %zu was not refused", i);
	}
}

/* Without the filter the same calls are not all refused: the test can fail. */
static void
refused_by_the_filter_alone(void **state)
{
	(void)state;
	assert_int_equal(do_read_other(), WENT);
	assert_int_equal(do_unshare(), WENT);
	assert_int_equal(do_setuid(), WENT);
	assert_int_equal(do_netlink(), WENT);
	assert_int_equal(do_write_exec(), WENT);
	assert_int_equal(do_make_exec(), WENT);
	assert_int_equal(do_set_id(), WENT);
}

static void *
thread(void *arg)
{
	return arg;
}

/* What lsass lives on: sockets of three families, threads, files, memory. */
static int
do_daily_life(void)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
	pthread_t t;

	for (size_t i = 0; i < 3; i++) {
		int fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 && errno == EPERM)
			return REFUSED;
		if (fd >= 0)
			close(fd);
	}
	if (pthread_create(&t, NULL, thread, NULL) != 0 || pthread_join(t, NULL) != 0)
		return OTHER;
	if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED)
		return OTHER;
	return outcome(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void
lets_lsass_live(void **state)
{
	(void)state;
	assert_int_equal(behind(do_daily_life), WENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(refused_by_the_filter_alone),
		cmocka_unit_test(lets_lsass_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
