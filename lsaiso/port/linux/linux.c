/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the first instruction to the door, in one readable sequence (main
 * part at the end). Nothing secret exists before the seccomp filter is in
 * force, and then only in the secret region, on the stack that lies in it.
 */
#include "port/linux/linux.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "host.h"
#include "iso.h"

#define PAGE	   4096u
#define STACK_SIZE 65536u

/* The secret region, whole pages. An 8 MiB RLIMIT_MEMLOCK must do. */
struct region {
	uint8_t guard_low[PAGE];
	uint8_t stack[STACK_SIZE];
	uint8_t guard_high[PAGE];
	struct arch_tls tls;
	struct server server;
	uint64_t start_ticks, start_us; /* before set-up, to time the counter by it */
	struct iso iso;
};
#define REGION_SIZE ((sizeof(struct region) + PAGE - 1) & ~(size_t)(PAGE - 1))
_Static_assert(REGION_SIZE < 6u << 20, "fits beside what else is locked");
_Static_assert(offsetof(struct region, stack) % PAGE == 0, "guards are whole pages");

/* ---- argv[1]: "memory=secret" (also when absent) or "memory=ordinary" */

static bool
same(const char *a, const char *b)
{
	while (*a != 0 && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool
wants_ordinary(const uintptr_t *stack)
{
	const char *arg = stack[0] >= 2 ? (const char *)stack[2] : "memory=secret";

	if (stack[0] <= 2 && same(arg, "memory=secret"))
		return false;
	if (stack[0] <= 2 && same(arg, "memory=ordinary"))
		return true;
	port_exit(ISO_EXIT_ARGS);
}

/* ---- steps, in their order */

static void
check_descriptors(void)
{
	if (CALL2(fcntl, ISO_FD_MAILBOX, F_GETFD) < 0 || CALL2(fcntl, ISO_FD_LIFE, F_GETFD) < 0)
		port_exit(ISO_EXIT_ARGS);
}

static void
harden_process(void)
{
	const struct rlimit none = { 0, 0 };

	/* Executed from a descriptor, whose number older kernels take as the name. */
	if (CALL2(prctl, PR_SET_NAME, "lsaiso") != 0 || CALL2(prctl, PR_SET_DUMPABLE, 0) != 0 ||
	    CALL2(prctl, PR_SET_NO_NEW_PRIVS, 1) != 0 ||
	    CALL2(prctl, PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    CALL3(prlimit64, 0, RLIMIT_CORE, &none) != 0)
		port_exit(ISO_EXIT_PRCTL);
}

static long
map(size_t size, int flags, long fd)
{
	return arch_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* Pages that the kernel itself takes out of its map. The descriptor goes. */
static long
map_secret(void)
{
	long fd = CALL1(memfd_secret, 0);
	long at;

	if (fd < 0)
		port_exit(ISO_EXIT_SECRET);
	if (CALL2(ftruncate, fd, REGION_SIZE) != 0)
		port_exit(ISO_EXIT_SECRET);
	at = map(REGION_SIZE, MAP_SHARED, fd);
	CALL1(close, fd);
	return at;
}

/* Weaker, only when configured: out of swap and dumps, but readable by root. */
static long
map_ordinary(void)
{
	long at = map(REGION_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (at < 0)
		return at;
	if (CALL3(mlock2, at, REGION_SIZE, MLOCK_ONFAULT) != 0 ||
	    CALL3(madvise, at, REGION_SIZE, MADV_DONTDUMP) != 0 ||
	    CALL3(madvise, at, REGION_SIZE, MADV_DONTFORK) != 0)
		return -EAGAIN;
	return at;
}

static struct region *
map_region(bool ordinary)
{
	long at = ordinary ? map_ordinary() : map_secret();
	struct region *r = (struct region *)at;

	if (at < 0 && at > -(long)PAGE)
		port_exit(ISO_EXIT_MEMLOCK);
	if (CALL3(mprotect, r->guard_low, PAGE, PROT_NONE) != 0 ||
	    CALL3(mprotect, r->guard_high, PAGE, PROT_NONE) != 0)
		port_exit(ISO_EXIT_SECRET);
	return r;
}

static struct mailbox *
map_mailbox(void)
{
	struct stat st = { 0 };
	struct mailbox *box = NULL;
	long at;

	if (CALL2(fstat, ISO_FD_MAILBOX, &st) != 0 || st.st_size != MAILBOX_SIZE)
		port_exit(ISO_EXIT_CHANNEL);
	at = map(MAILBOX_SIZE, MAP_SHARED, ISO_FD_MAILBOX);
	if (at < 0 && at > -(long)PAGE)
		port_exit(ISO_EXIT_CHANNEL);
	box = (struct mailbox *)at;
	if (box->magic != MAILBOX_MAGIC || box->version != RPC_VERSION)
		port_exit(ISO_EXIT_CHANNEL);
	if (CALL2(mlock, at, MAILBOX_SIZE) != 0) /* what is under way is not swapped out */
		port_exit(ISO_EXIT_MEMLOCK);
	CALL1(close, ISO_FD_MAILBOX);
	return box;
}

/* Ticks to spin: set-up took long enough to time the counter by the clock. */
static uint64_t
spin_ticks(const struct region *r)
{
	uint64_t mask[128] = { 0 }; /* 8192 processors, the kernel's most */
	long octets = CALL3(sched_getaffinity, 0, sizeof(mask), mask);
	uint64_t us = iso_host_clock(ISO_CLOCK_BOOT) - r->start_us;
	int processors = 0;

	for (long i = 0; i < octets / (long)sizeof(mask[0]); i++) {
		for (uint64_t left = mask[i]; left != 0; left &= left - 1)
			processors++;
	}
	if (processors < 2 || us == 0)
		return 0;
	return (arch_ticks() - r->start_ticks) * SPIN_US / us;
}

static void
check_entropy(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	if (iso_host_entropy((struct wr){ a, sizeof(a) }) != ISO_OK ||
	    iso_host_entropy((struct wr){ b, sizeof(b) }) != ISO_OK || memcmp(a, b, sizeof(a)) == 0)
		port_exit(ISO_EXIT_ENTROPY);
}

static void
close_others(void)
{
	if (CALL3(close_range, 0, ISO_FD_LIFE - 1, 0) != 0 ||
	    CALL3(close_range, ISO_FD_LIFE + 1, ~0u, 0) != 0)
		port_exit(ISO_EXIT_CHANNEL);
}

/* A fresh stack guard at *tls. No protected function may be running. */
static __attribute__((no_stack_protector)) void
set_guard(struct arch_tls *tls)
{
	if (CALL3(getrandom, &tls->guard, sizeof(tls->guard), 0) != sizeof(tls->guard))
		port_exit(ISO_EXIT_ENTROPY);
	tls->guard &= ~(uint64_t)0xff; /* a zero octet stops string overruns */
	if (CALL2(arch_prctl, ARCH_SET_FS, tls) != 0)
		port_exit(ISO_EXIT_PRCTL);
}

/* ---- on the secret stack: shut the door, then serve */

static __attribute__((no_stack_protector, noreturn)) void
serve(void *arg)
{
	struct region *r = arg;

	set_guard(&r->tls);
	check_entropy();
	close_others();
	r->server.spin_ticks = spin_ticks(r);
	if (filter_install() != 0)
		port_exit(ISO_EXIT_SECCOMP);
	if (iso_start(&r->iso) != ISO_OK)
		port_exit(ISO_EXIT_ENTROPY);
	iso_run(&r->iso);
}

/* ---- on the kernel's stack, of which nothing is kept */

__attribute__((used, no_stack_protector, noreturn)) void linux_start(const uintptr_t *stack,
								     const void *dynamic);

void
linux_start(const uintptr_t *stack, const void *dynamic)
{
	struct arch_tls first = { 0 };
	struct region *r = NULL;

	image_relocate(dynamic);
	set_guard(&first);
	image_construct();
	bool ordinary = wants_ordinary(stack);
	uint64_t us = iso_host_clock(ISO_CLOCK_BOOT);
	uint64_t ticks = arch_ticks();

	check_descriptors();
	harden_process();
	r = map_region(ordinary);
	r->start_ticks = ticks;
	r->start_us = us;
	r->server.box = map_mailbox();
	r->server.seq = __atomic_load_n(&r->server.box->rep_seq, __ATOMIC_ACQUIRE);
	server_start(&r->server);
	if (image_seal() != 0)
		port_exit(ISO_EXIT_MEMLOCK);
	arch_on_stack(r->stack + STACK_SIZE, serve, r);
}

ARCH_ENTRY(linux_start);
