/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No ptrace: while the process waits in a system call, write code into its
 * text through /proc/PID/mem, where it will go on. The code copies whatever
 * we name to ordinary memory, then goes back to where all is as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "theft.h"

#define PIECE	  16384u
#define FAR_AWAY  4096u
#define JUMP_SIZE 5u

enum { IDLE, COPY, LEAVE, DONE, LEFT };

/* In ordinary memory of the target. */
struct order {
	uint64_t state, from, length, pad_;
	uint8_t piece[PIECE];
};

/* What is put into the target. The two addresses are filled in. */
extern const uint8_t stub_begin[], stub_order[], stub_back[], stub_end[];
__asm__(".pushsection .rodata\n"
	"stub_begin:\n\t"
	"lea -256(%rsp), %rsp\n\t"
	"pushfq\n\tpush %rax\n\tpush %rcx\n\tpush %rsi\n\tpush %rdi\n\tpush %rbx\n\t"
	".byte 0x48, 0xbb\n" /* movabs to rbx */
	"stub_order:\n\t.quad 0\n"
	"1:\tmov (%rbx), %rax\n\t"
	"cmp $1, %rax\n\tje 2f\n\t"
	"cmp $2, %rax\n\tje 3f\n\t"
	"pause\n\tjmp 1b\n"
	"2:\tmov 8(%rbx), %rsi\n\t"
	"mov 16(%rbx), %rcx\n\t"
	"lea 32(%rbx), %rdi\n\t"
	"cld\n\trep movsb\n\t"
	"movq $3, (%rbx)\n\tjmp 1b\n"
	"3:\tmovq $4, (%rbx)\n\t"
	"pop %rbx\n\tpop %rdi\n\tpop %rsi\n\tpop %rcx\n\tpop %rax\n\tpopfq\n\t"
	"lea 256(%rsp), %rsp\n\t"
	"jmp *0f(%rip)\n"
	"0:\nstub_back:\n\t.quad 0\n"
	"stub_end:\n"
	".popsection\n");
#define STUB_MAX 256u

struct patch {
	pid_t pid;
	int mem;
	uint64_t site, cave, order;
	size_t stub_size;
	uint8_t at_site[JUMP_SIZE], at_cave[STUB_MAX];
	struct order kept;
	double until;
};

static void
put(const struct patch *p, uint64_t at, const void *octets, size_t len)
{
	if (pwrite(p->mem, octets, len, (off_t)at) != (ssize_t)len)
		theft_refused("write to /proc/%d/mem: %m", p->pid);
}

static void
get(const struct patch *p, uint64_t at, void *octets, size_t len)
{
	if (pread(p->mem, octets, len, (off_t)at) != (ssize_t)len)
		theft_refused("read of /proc/%d/mem: %m", p->pid);
}

/* Where the process will go on after its system call; 0: it is not in one. */
static uint64_t
next_instruction(pid_t pid)
{
	char path[64], line[256] = "", *last = NULL;
	FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	if (f == NULL)
		theft_failed(path, errno);
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = 0;
	fclose(f);
	last = strrchr(line, ' ');
	return last != NULL && line[0] >= '0' && line[0] <= '9' ? strtoull(last, NULL, 16) : 0;
}

static void
plan(struct patch *p, const struct theft *t)
{
	const struct area *o = theft_ordinary(t);

	while (p->site == 0 && theft_now() < p->until)
		p->site = next_instruction(t->pid);
	for (size_t i = 0; i < t->all; i++) {
		const struct area *a = &t->every[i];

		if (p->site < a->start || p->site >= a->end)
			continue;
		p->cave = a->end - STUB_MAX;
		if (p->site + FAR_AWAY > p->cave)
			p->cave = a->start + 64;
	}
	if (p->cave == 0 || o == NULL || o->end - o->start < sizeof(p->kept) + 64)
		theft_cannot("the process waits nowhere, or has no ordinary memory");
	p->order = (o->end - sizeof(p->kept) - 64) & ~63ull;
}

static void
install(struct patch *p)
{
	uint8_t stub[STUB_MAX], jump[JUMP_SIZE] = { 0xe9 };
	int32_t distance = (int32_t)(p->cave - p->site - JUMP_SIZE);
	const uint64_t idle = IDLE;

	p->stub_size = (size_t)(stub_end - stub_begin);
	memcpy(stub, stub_begin, p->stub_size);
	memcpy(stub + (stub_order - stub_begin), &p->order, sizeof(p->order));
	memcpy(stub + (stub_back - stub_begin), &p->site, sizeof(p->site));
	memcpy(jump + 1, &distance, sizeof(distance));
	get(p, p->order, &p->kept, sizeof(p->kept));
	get(p, p->cave, p->at_cave, p->stub_size);
	get(p, p->site, p->at_site, sizeof(p->at_site));
	put(p, p->order, &idle, sizeof(idle));
	put(p, p->cave, stub, p->stub_size);
	put(p, p->site, jump, sizeof(jump));
}

/* Give an order and wait until it is carried out. */
static bool
command(struct patch *p, uint64_t state, uint64_t from, uint64_t length, uint64_t done)
{
	put(p, p->order + offsetof(struct order, from), &from, sizeof(from));
	put(p, p->order + offsetof(struct order, length), &length, sizeof(length));
	put(p, p->order, &state, sizeof(state));
	while (state != done && theft_now() < p->until) {
		get(p, p->order, &state, sizeof(state));
		if (state != done)
			usleep(50);
	}
	return state == done;
}

static ssize_t
by_order(void *arg, uint64_t address, void *buffer, size_t length)
{
	struct patch *p = arg;

	if (length > PIECE)
		return -E2BIG; /* comes back in pages */
	if (!command(p, COPY, address, length, DONE))
		return -ETIMEDOUT;
	get(p, p->order + offsetof(struct order, piece), buffer, length);
	return (ssize_t)length;
}

int
main(int argc, char **argv)
{
	static struct patch p = { 0 };
	static struct theft t;
	char path[64];

	theft_begin(&t, argc, argv);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	p.pid = t.pid;
	p.mem = open(path, O_RDWR | O_CLOEXEC);
	if (p.mem < 0)
		theft_refused("open %s: %m", path);
	p.until = theft_now() + theft_patience(20);
	plan(&p, &t);
	install(&p);
	theft_copy_all(&t, by_order, &p);
	put(&p, p.site, p.at_site, sizeof(p.at_site));
	p.until = theft_now() + 5;
	if (command(&p, LEAVE, 0, 0, LEFT))
		usleep(20000); /* a few instructions of the stub are still to run */
	put(&p, p.cave, p.at_cave, p.stub_size);
	put(&p, p.order, &p.kept, sizeof(p.kept));
	theft_end(&t, "code patched through /proc/PID/mem");
}
