/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop. The guest may stop at its doorbell; any other stop is its end.
 *
 * Watchdog: a timer interrupts the guest after each second of processor time
 * that it took without a stop. A guest that is busy answers requests, one that
 * has nothing to do sleeps at the doorbell within SPIN_US; one that did neither
 * for a whole second loops. Time in which it could not run does not count.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "lsavmm/kvm.h"
#include "lsavmm/vmm.h"

#define WATCH_S 1

/* What a stop was. */
enum stop { STOP_BELL, STOP_PORT, STOP_FAULT, STOP_LOOP, STOP_OTHER };

static struct kvm_run *volatile the_run; /* for the signal handler */

static void
on_timer(int number)
{
	(void)number;
	the_run->immediate_exit = 1;
}

static void
watch(int seconds)
{
	const struct itimerval every = { { seconds, 0 }, { seconds, 0 } };

	(void)setitimer(ITIMER_PROF, &every, NULL);
}

static uint64_t
clock_us(clockid_t id)
{
	struct timespec now = { 0 };

	(void)clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void
refresh_clock(struct vm_info *info)
{
	__atomic_store_n(&info->boot_us, clock_us(CLOCK_BOOTTIME), __ATOMIC_RELAXED);
	__atomic_store_n(&info->real_us, clock_us(CLOCK_REALTIME), __ATOMIC_RELAXED);
}

static enum stop
judge(const struct kvm_run *run, uint32_t *port, uint32_t *value)
{
	const uint8_t *data = (const uint8_t *)run + run->io.data_offset;

	if (run->exit_reason == KVM_EXIT_SHUTDOWN)
		return STOP_FAULT;
	if (run->exit_reason != KVM_EXIT_IO)
		return STOP_OTHER;
	*port = run->io.port;
	if (run->io.direction != KVM_EXIT_IO_OUT || run->io.size != sizeof(*value) ||
	    run->io.count != 1)
		return STOP_PORT;
	memcpy(value, data, sizeof(*value));
	switch (*port) {
	case VM_BELL_SLEEP:
	case VM_BELL_WAKE:
	case VM_BELL_CLOCK:
	case VM_BELL_SEAL:
	case VM_BELL_EXIT:
		return STOP_BELL;
	default:
		return STOP_PORT;
	}
}

/* Run to the next stop. */
static enum stop
go(struct machine *ma, uint32_t *port, uint32_t *value)
{
	uint32_t last = __atomic_load_n(&ma->box->rep_seq, __ATOMIC_RELAXED), now;

	ma->run->immediate_exit = 0; /* a timer that came after the last stop */
	watch(WATCH_S);
	while (ioctl(ma->vcpu, KVM_RUN, 0) != 0) {
		if (errno == EAGAIN)
			continue;
		if (errno != EINTR)
			return STOP_OTHER;
		ma->run->immediate_exit = 0;
		now = __atomic_load_n(&ma->box->rep_seq, __ATOMIC_RELAXED);
		if (now == last)
			return STOP_LOOP;
		last = now;
	}
	watch(0);
	return judge(ma->run, port, value);
}

static long
futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

const char *
bell_start(struct machine *ma)
{
	const struct sigaction timer = { .sa_handler = on_timer };
	uint32_t port = 0, value = 0;

	the_run = ma->run;
	if (sigaction(SIGPROF, &timer, NULL) != 0)
		return "no watchdog";
	refresh_clock(ma->info);
	for (;;) {
		switch (go(ma, &port, &value)) {
		case STOP_BELL:
			break;
		case STOP_LOOP:
			return "it does not come up in time";
		case STOP_PORT:
		case STOP_FAULT:
		case STOP_OTHER:
			return "it stops before it is up";
		}
		if (port == VM_BELL_EXIT)
			_exit((int)value); /* ISO_EXIT_*: lsaiso itself does not want */
		if (port == VM_BELL_SEAL)
			return machine_seal(ma) != 0 ? "its image cannot be made read-only" : NULL;
		refresh_clock(ma->info);
	}
}

static void
serve_bell(struct machine *ma, uint32_t port, uint32_t value)
{
	switch (port) {
	case VM_BELL_SLEEP:
		(void)futex(&ma->box->req_seq, FUTEX_WAIT, value);
		break;
	case VM_BELL_WAKE:
		(void)futex(&ma->box->rep_seq, FUTEX_WAKE, 1);
		break;
	case VM_BELL_CLOCK:
		break;
	case VM_BELL_EXIT:
		_exit((int)value);
	default: /* the seal is once */
		vmm_fail(VMM_EXIT_PORT, "doorbell 0x%x at the wrong time", port);
	}
	refresh_clock(ma->info);
}

void
bell_serve(struct machine *ma)
{
	uint32_t port = 0, value = 0;

	for (;;) {
		switch (go(ma, &port, &value)) {
		case STOP_BELL:
			serve_bell(ma, port, value);
			break;
		case STOP_PORT:
			vmm_fail(VMM_EXIT_PORT, "port 0x%x", port);
		case STOP_FAULT:
			vmm_fail(VMM_EXIT_FAULT, "triple fault");
		case STOP_LOOP:
			vmm_fail(VMM_EXIT_LOOP, "no answer and no doorbell for %d s", WATCH_S);
		case STOP_OTHER:
			vmm_fail(VMM_EXIT_FAULT, "KVM stopped it: reason %u", ma->run->exit_reason);
		}
	}
}
