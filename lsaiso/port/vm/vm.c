/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the first instruction to the server, and the host functions behind
 * it. Nothing secret exists before the image is read-only. There is no way
 * to a kernel here: what is wrong ends in a fault, which ends the machine.
 */
#include "port/vm/vm.h"

#include <string.h>

#include "iso.h"
#include "wipe.h"

/* A clock that was read so long ago is asked for anew. */
#define CLOCK_MS 10u

struct vm_clock {
	uint64_t at;	/* ticks, when boot_us and real_us were refreshed */
	uint64_t boot;	/* never goes back, whatever the host says */
	uint64_t stale; /* ticks: CLOCK_MS; 0: ask each time */
	uint64_t ticks_per_ms;
};

/* All that is written after the seal, beside the stack and the two shared places. */
static struct {
	struct arch_tls tls; /* first: FS points here */
	struct vm_clock clock;
	struct vm_pool pool;
	struct server server;
	struct iso iso;
} state __attribute__((section(".state"), aligned(4096)));

#define STACK_SIZE 65536u
static uint8_t stack[STACK_SIZE] __attribute__((section(".stack"), aligned(4096), used));

static struct vm_info *const info = (struct vm_info *)(uintptr_t)VM_INFO;
static struct mailbox *const mailbox = (struct mailbox *)(uintptr_t)VM_MAILBOX;

/* ---- the doorbell: the only OUT instructions there are, on a page of their own */

#define BELL(port)                                                                                 \
	static __attribute__((noinline, section(".bell"))) void bell_##port(uint32_t value)        \
	{                                                                                          \
		__asm__ volatile("out %0, %1" : : "a"(value), "N"(VM_BELL_##port) : "memory");     \
	}
BELL(SLEEP)
BELL(WAKE)
BELL(CLOCK)
BELL(SEAL)
BELL(EXIT)

void
port_exit(enum iso_exit code)
{
	for (;;)
		bell_EXIT(code);
}

void
port_sleep(const struct mailbox *box, uint32_t seq)
{
	(void)box;
	bell_SLEEP(seq);
	state.clock.at = arch_ticks();
}

void
port_wake(const struct mailbox *box)
{
	(void)box;
	bell_WAKE(0);
	state.clock.at = arch_ticks();
}

/* ---- the processor */

void
vm_cpuid(uint32_t leaf, uint32_t said[4])
{
	for (size_t i = 0; i < 4; i++)
		said[i] = leaf < VM_LEAVES ? info->cpuid[leaf][i] : 0;
}

/* In place of nettle's own, by which it chooses the code for this processor. */
void _nettle_cpuid(uint32_t leaf, uint32_t said[4]) __attribute__((alias("vm_cpuid")));

/* ---- host.h */

enum iso_status
iso_host_entropy(struct wr into)
{
	return vm_pool_draw(&state.pool, into);
}

/*
 * What the host said at the last stop, and the ticks since: at most CLOCK_MS
 * of them, so neither a counter that runs wrong nor one that began anew (the
 * host slept) puts it off by more.
 */
uint64_t
iso_host_clock(enum iso_clock which)
{
	struct vm_clock *clock = &state.clock;
	uint64_t since = arch_ticks() - clock->at, us;

	if (since >= clock->stale) {
		bell_CLOCK(0);
		clock->at = arch_ticks();
		since = 0;
	}
	us = clock->ticks_per_ms != 0 ? since * 1000 / clock->ticks_per_ms : 0;
	if (which == ISO_CLOCK_REAL)
		return __atomic_load_n(&info->real_us, __ATOMIC_RELAXED) + us;
	us += __atomic_load_n(&info->boot_us, __ATOMIC_RELAXED);
	if (us > clock->boot)
		clock->boot = us;
	return clock->boot;
}

/* ---- the way in */

typedef void constructor(int argc, char **argv, char **envp);
extern constructor *const __init_array_start[] __attribute__((visibility("hidden")));
extern constructor *const __init_array_end[] __attribute__((visibility("hidden")));

static void
start_clock(struct vm_clock *clock)
{
	uint64_t per_ms = info->ticks_per_ms;

	clock->ticks_per_ms = per_ms <= UINT32_MAX ? per_ms : 0; /* so that no product overflows */
	clock->stale = CLOCK_MS * clock->ticks_per_ms;
	clock->at = arch_ticks() - clock->stale;
	state.server.spin_ticks = info->spins != 0 ? SPIN_US * clock->ticks_per_ms / 1000 : 0;
}

static enum iso_status
start_pool(void)
{
	uint8_t seed[VM_SEED];
	enum iso_status st;

	memcpy(seed, info->seed, sizeof(seed));
	wipe(info->seed, sizeof(info->seed));
	st = vm_pool_fill(&state.pool, seed);
	wipe(seed, sizeof(seed));
	return st;
}

static __attribute__((noinline, noreturn)) void
serve(void)
{
	if (start_pool() != ISO_OK || iso_start(&state.iso) != ISO_OK)
		port_exit(ISO_EXIT_ENTROPY);
	iso_run(&state.iso);
}

__attribute__((used, no_stack_protector, noreturn)) void vm_start(void);

/* Also of the stack protector's guard: no function that checks it has run yet. */
void
vm_start(void)
{
	static char *const none[] = { NULL };
	unsigned char good = 0;

	__asm__ volatile("rdrand %0; setc %1" : "=r"(state.tls.guard), "=qm"(good) : : "cc");
	if (good == 0)
		port_exit(ISO_EXIT_ENTROPY);
	state.tls.guard &= ~(uint64_t)0xff; /* a zero octet stops string overruns */
	for (constructor *const *c = __init_array_start; c != __init_array_end; c++)
		(*c)(0, (char **)(uintptr_t)none, (char **)(uintptr_t)none);
	if (info->magic != VM_MAGIC || info->version != VM_VERSION ||
	    mailbox->magic != MAILBOX_MAGIC || mailbox->version != RPC_VERSION)
		port_exit(ISO_EXIT_CHANNEL);
	start_clock(&state.clock);
	state.server.box = mailbox;
	state.server.seq = __atomic_load_n(&mailbox->rep_seq, __ATOMIC_ACQUIRE);
	server_start(&state.server);
	bell_SEAL(0);
	serve();
}

__asm__(".pushsection .text\n"
	".globl _start\n"
	"_start:\n\t"
	"xor %ebp, %ebp\n\t"
	"call vm_start\n\t"
	"ud2\n"
	".popsection\n");
