/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf.h"
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracefs.h"

#define ENOUGH	   300
#define RING_SIZE  (512u << 10) /* a power of two */
#define STACK_SIZE 8192u	/* the target's keys are near the top */
#define REGISTERS  0xff0fffull	/* all of x86-64 but the segments DS, ES, FS, GS */

void
perf_want_stack(struct perf *p)
{
	p->attr.size = sizeof(p->attr);
	p->attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
	p->attr.sample_regs_user = REGISTERS;
	p->attr.sample_stack_user = STACK_SIZE;
}

static int
open_one(struct perf *p, pid_t pid, int cpu)
{
	int n = p->rings;
	void *at = NULL;

	p->fd[n] = (int)syscall(SYS_perf_event_open, &p->attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (p->fd[n] < 0)
		return errno;
	at = mmap(NULL, THEFT_PAGE + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd[n], 0);
	if (at == MAP_FAILED)
		return errno;
	p->ring[n] = at;
	p->rings++;
	return 0;
}

int
perf_open(struct perf *p, pid_t pid)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	int error = 0;

	if (pid > 0)
		return open_one(p, pid, -1);
	for (int cpu = 0; cpu < cpus && cpu < PERF_RINGS && error == 0; cpu++)
		error = open_one(p, -1, cpu);
	return error;
}

void
perf_at_system_calls(struct perf *p, const struct theft *t, pid_t pid)
{
	char id[32] = "", filter[64];
	int first = p->rings;
	FILE *f = NULL;

	if (!tracefs_find())
		return;
	f = fopen(TRACEFS "/events/raw_syscalls/sys_enter/id", "re");
	if (f == NULL)
		return;
	if (fgets(id, sizeof(id), f) != NULL) {
		p->attr.type = PERF_TYPE_TRACEPOINT;
		p->attr.config = strtoull(id, NULL, 10);
		p->attr.sample_period = 1;
		(void)perf_open(p, pid);
	}
	fclose(f);
	snprintf(filter, sizeof(filter), "common_pid == %d", (int)t->pid);
	for (int i = first; i < p->rings; i++)
		ioctl(p->fd[i], PERF_EVENT_IOC_SET_FILTER, filter);
}

/* One record, already out of the ring. */
static void
record(struct perf *p, struct theft *t, const uint8_t *at, size_t size)
{
	const size_t head = sizeof(struct perf_event_header);
	uint32_t pid = 0;

	if (size < head + 8)
		return;
	memcpy(&pid, at + head, sizeof(pid));
	if (t->pid != 0 && pid != (uint32_t)t->pid)
		return;
	p->samples++;
	theft_write(t, at + head, size - head);
}

static void
drain(struct perf *p, struct theft *t, void *ring)
{
	static uint8_t copy[1u << 16];
	struct perf_event_mmap_page *page = ring;
	const uint8_t *data = (const uint8_t *)ring + THEFT_PAGE;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;

	while (tail < head) {
		struct perf_event_header h;

		for (size_t i = 0; i < sizeof(h); i++)
			copy[i] = data[(tail + i) % RING_SIZE];
		memcpy(&h, copy, sizeof(h));
		if (h.size < sizeof(h))
			break;
		for (size_t i = 0; i < h.size; i++)
			copy[i] = data[(tail + i) % RING_SIZE];
		if (h.type == PERF_RECORD_SAMPLE)
			record(p, t, copy, h.size);
		tail += h.size;
	}
	__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
}

void
perf_collect(struct perf *p, struct theft *t, double seconds)
{
	double from = theft_now();
	double until = from + 5 * seconds;

	while (theft_now() < until && (p->samples < ENOUGH || theft_now() < from + seconds) &&
	       t->octets < THEFT_LARGEST) {
		for (int i = 0; i < p->rings; i++)
			drain(p, t, p->ring[i]);
		usleep(2000);
	}
}

void
perf_arm_uprobes(struct perf *p, const struct theft *t)
{
	static struct spot spots[SPOTS];
	char type[32] = "";
	int error = 0;
	size_t n = 0;
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");

	if (f == NULL || fgets(type, sizeof(type), f) == NULL)
		theft_cannot("this kernel has no uprobes for perf");
	fclose(f);
	n = symbols_find(t, spots);
	p->attr.type = (uint32_t)strtoul(type, NULL, 10);
	p->attr.sample_period = 1;
	perf_want_stack(p);
	for (size_t i = 0; i < n && error == 0; i++) {
		p->attr.uprobe_path = (uintptr_t)spots[i].path;
		p->attr.probe_offset = spots[i].offset;
		error = perf_open(p, -1);
	}
	if (error != 0)
		theft_failed("perf_event_open of a uprobe", error);
}
