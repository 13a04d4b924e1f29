/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine that begins, and stays, at ring 3 of long mode. KVM accepts that
 * as it would the state of a machine that was migrated.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "lsavmm/kvm.h"
#include "lsavmm/vmm.h"

/* The slot of ordinary memory, by page. */
#define LOW	  0x100000u
#define LOW_TSS	  0x100000u
#define LOW_INFO  VM_INFO
#define LOW_BELL  0x102000u /* kind GMEM: the image's doorbell, copied */
#define LOW_STUB  0x103000u
#define LOW_TABLE 0x104000u /* of the stage; kind GMEM: all three */
#define LOW_SIZE  (LOW_TABLE - LOW + 3 * TABLES_SIZE)
_Static_assert(LOW + LOW_SIZE <= VM_MAILBOX, "below the mailbox");

#define CPUIDS 256	   /* KVM_MAX_CPUID_ENTRIES */
#define STAGE  0x10000000u /* where guest_memfd is filled from */

enum slot { SLOT_LOW, SLOT_MAILBOX, SLOT_RAM, SLOT_STAGE };

/* Task state segment: only its map of ports is of use. AMD64 manual volume 2, 12.2.5. */
#define TSS_MAP_AT 0x66u
#define TSS_SIZE   0x68u
#define TSS_PORTS  0x80u

static uint8_t *
low(const struct machine *ma, uint32_t at)
{
	return ma->low + (at - LOW);
}

static int
add_slot(int vm, enum slot slot, uint32_t at, size_t size, const void *from, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uintptr_t)from,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int
add_ram(const struct machine *ma)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = SLOT_RAM,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = VM_IMAGE,
		.memory_size = ma->ram.size,
		.guest_memfd = (uint32_t)ma->ram.fd,
	};

	if (ma->ram.kind == CONTROL_VM_ORDINARY)
		return add_slot(ma->vm, SLOT_RAM, VM_IMAGE, ma->ram.size, ma->ram.at, 0);
	return ioctl(ma->vm, KVM_SET_USER_MEMORY_REGION2, &region);
}

/* ---- what the guest sees where */

static void
map_common(struct tables *t)
{
	tables_map(t, VM_INFO, VM_INFO, VMM_PAGE, true, false);
	tables_map(t, VM_MAILBOX, VM_MAILBOX, MAILBOX_SIZE, true, false);
	/* The processor reads it, with the guest's tables. */
	tables_map(t, LOW_TSS, LOW_TSS, VMM_PAGE, false, false);
}

static void
map_image(struct tables *t, const struct image *im, bool sealed, bool bell_is_low)
{
	map_common(t);
	for (size_t i = 0; i < im->segments; i++) {
		const struct segment *se = &im->segment[i];
		bool bell = (se->flags & VM_PF_BELL) != 0 && bell_is_low;
		bool write = (se->flags & PF_W) != 0 && !(sealed && (se->flags & VM_PF_SEAL) != 0);

		tables_map(t, se->from, bell ? LOW_BELL : se->from, se->to - se->from, write,
			   (se->flags & PF_X) != 0);
	}
}

/* ---- the processor */

/*
 * What this processor has, whatever KVM says: it runs the guest's ring 3 as it
 * runs ours, and a paravirtual KVM lists little. Without the random generator
 * nothing starts, without the others nettle looks up tables. If one is not to
 * be had after all, the machine ends at its start.
 */
static void
add_native(struct vm_info *info)
{
	const uint32_t random = 1u << 30, aes = 1u << 25, clmul = 1u << 1; /* leaf 1, ECX */
	const uint32_t seed = 1u << 18, sha = 1u << 29;			   /* leaf 7, EBX */
	uint32_t a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d))
		info->cpuid[1][2] |= c & (random | aes | clmul);
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		info->cpuid[7][1] |= b & (seed | sha);
}

/* Sets what the processor says of itself, and tells the guest so in info. */
static int
set_cpuid(int kvm, int vcpu, struct vm_info *info)
{
	static union {
		struct kvm_cpuid2 all;
		uint8_t
		    octets[sizeof(struct kvm_cpuid2) + CPUIDS * sizeof(struct kvm_cpuid_entry2)];
	} ids;

	ids.all.nent = CPUIDS;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &ids) != 0)
		return -1;
	for (uint32_t i = 0; i < ids.all.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &ids.all.entries[i];
		const uint32_t words[4] = { e->eax, e->ebx, e->ecx, e->edx };

		if (e->function < VM_LEAVES && e->index == 0)
			memcpy(info->cpuid[e->function], words, sizeof(words));
	}
	add_native(info);
	return ioctl(vcpu, KVM_SET_CPUID2, &ids);
}

static struct kvm_segment
segment(unsigned int type, unsigned int selector)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = (uint16_t)selector,
		.type = (uint8_t)type,
		.present = 1,
		.dpl = 3,
		.s = 1,
		.g = 1,
		.db = type != 11,
		.l = type == 11,
	};
}

static int
set_registers(const struct machine *ma, uint32_t cr3, const struct kvm_regs *regs, uint32_t fs)
{
	struct kvm_sregs sregs;

	if (ioctl(ma->vcpu, KVM_GET_SREGS, &sregs) != 0)
		return -1;
	sregs.cs = segment(11, 0x23); /* code, 64 bit */
	sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = segment(3, 0x1b);
	sregs.fs.base = fs;
	sregs.tr = (struct kvm_segment){
		.base = LOW_TSS, .limit = TSS_SIZE + TSS_PORTS / 8, .type = 11, .present = 1
	};
	sregs.ldt = (struct kvm_segment){ .unusable = 1 };
	sregs.gdt = sregs.idt = (struct kvm_dtable){ 0 };
	sregs.cr0 = 0x80010033; /* PG WP NE ET MP PE */
	sregs.cr3 = cr3;
	sregs.cr4 = 0x620;  /* OSXMMEXCPT OSFXSR PAE */
	sregs.efer = 0xd00; /* NXE LMA LME; no SCE */
	if (ioctl(ma->vcpu, KVM_SET_SREGS, &sregs) != 0)
		return -1;
	return ioctl(ma->vcpu, KVM_SET_REGS, regs);
}

/* Let what the last stop left open be done, before registers are changed. */
static int
finish_stop(const struct machine *ma)
{
	int got;

	ma->run->immediate_exit = 1;
	got = ioctl(ma->vcpu, KVM_RUN, 0);
	ma->run->immediate_exit = 0;
	return got == -1 && errno == EINTR ? 0 : -1;
}

static void
set_ports(uint8_t *tss)
{
	const uint16_t map_at = TSS_SIZE;

	memcpy(tss + TSS_MAP_AT, &map_at, sizeof(map_at));
	memset(tss + TSS_SIZE, 0xff, TSS_PORTS / 8 + 1);
	for (unsigned int port = VM_BELL_SLEEP; port <= VM_BELL_LAST; port++)
		tss[TSS_SIZE + port / 8] &= (uint8_t) ~(1u << port % 8);
}

/* ---- filling guest_memfd, which only the guest can: a copy by three instructions */

static const uint8_t stub[] = { 0xf3, 0xa4,			  /* rep movsb */
				0xe7, VM_BELL_SEAL, 0x0f, 0x0b }; /* out; ud2 */

static int
copy_in(const struct machine *ma, uint32_t cr3, uint32_t to, uint32_t len)
{
	const struct kvm_regs regs = {
		.rip = LOW_STUB,
		.rsi = STAGE + (to - VM_IMAGE),
		.rdi = to,
		.rcx = len,
		.rflags = 0x3002,
	};

	if (set_registers(ma, cr3, &regs, 0) != 0 || ioctl(ma->vcpu, KVM_RUN, 0) != 0)
		return -1;
	if (ma->run->exit_reason != KVM_EXIT_IO || ma->run->io.port != VM_BELL_SEAL) {
		errno = EIO;
		return -1;
	}
	return finish_stop(ma);
}

/* Fill the RAM slot from what was laid out in stage, which is as large. */
static int
fill(const struct machine *ma, const struct image *im, const uint8_t *stage, bool with_tables)
{
	struct tables t = { .page = (uint64_t *)(void *)low(ma, LOW_TABLE), .at = LOW_TABLE };
	int bad = add_slot(ma->vm, SLOT_STAGE, STAGE, ma->ram.size, stage, 0);

	tables_map(&t, LOW_STUB, LOW_STUB, VMM_PAGE, false, true);
	tables_map(&t, LOW_TSS, LOW_TSS, VMM_PAGE, false, false);
	tables_map(&t, STAGE, STAGE, (uint32_t)ma->ram.size, false, false);
	tables_map(&t, VM_IMAGE, VM_IMAGE, (uint32_t)ma->ram.size, true, false);
	memcpy(low(ma, LOW_STUB), stub, sizeof(stub));
	for (size_t i = 0; i < im->segments && bad == 0; i++) {
		if (im->segment[i].len > 0)
			bad = copy_in(ma, LOW_TABLE, im->segment[i].from, im->segment[i].len);
	}
	if (bad == 0 && with_tables)
		bad = copy_in(ma, LOW_TABLE, im->end, 2 * TABLES_SIZE);
	if (bad == 0)
		bad = add_slot(ma->vm, SLOT_STAGE, STAGE, 0, NULL, 0);
	memset(low(ma, LOW_STUB), 0, VMM_PAGE);
	memset(low(ma, LOW_TABLE), 0, TABLES_SIZE);
	return bad;
}

/* Image and tables, into the machine's memory. */
static int
load(struct machine *ma, const struct image *im)
{
	bool all = ma->ram.kind != CONTROL_VM_GMEM, direct = ma->ram.kind == CONTROL_VM_ORDINARY;
	uint8_t *to = direct ? ma->ram.at : memory_own(ma->ram.size);
	uint32_t tables_at = all ? im->end : LOW_TABLE + TABLES_SIZE;
	uint8_t *tables = NULL;
	int bad = 0;

	if (to == NULL)
		return -1;
	tables = all ? to + (im->end - VM_IMAGE) : low(ma, tables_at);
	for (uint32_t i = 0; i < 2; i++) {
		struct tables t = { .page = (uint64_t *)(void *)(tables + (size_t)i * TABLES_SIZE),
				    .at = tables_at + i * TABLES_SIZE };

		map_image(&t, im, i == 1, !all);
	}
	for (size_t i = 0; i < im->segments; i++) {
		const struct segment *se = &im->segment[i];

		memcpy(to + (se->from - VM_IMAGE), se->octets, se->len);
		if ((se->flags & VM_PF_BELL) != 0 && !all)
			memcpy(low(ma, LOW_BELL), se->octets, se->len);
	}
	ma->cr3_boot = tables_at;
	ma->cr3_sealed = tables_at + TABLES_SIZE;
	if (!direct) {
		bad = fill(ma, im, to, all);
		(void)munmap(to, ma->ram.size);
	}
	return bad;
}

/* ---- all of it */

static bool
has_other_processor(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

static const char *
set_info(int kvm, struct machine *ma)
{
	int khz = ioctl(ma->vcpu, KVM_GET_TSC_KHZ, 0);

	*ma->info = (struct vm_info){ .magic = VM_MAGIC,
				      .version = VM_VERSION,
				      .ticks_per_ms = khz > 0 ? (uint64_t)khz : 0,
				      .spins = has_other_processor() };
	if (set_cpuid(kvm, ma->vcpu, ma->info) != 0)
		return "its features cannot be set";
	return getrandom(ma->info->seed, VM_SEED, 0) == VM_SEED ? NULL : "no entropy";
}

static const char *
make_processor(int kvm, struct machine *ma)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;

	/* Processors that cannot do without borrow pages there; never the guest's. */
	(void)ioctl(ma->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	ma->vcpu = ioctl(ma->vm, KVM_CREATE_VCPU, 0);
	if (ma->vcpu < 0 || size < (int)sizeof(*ma->run))
		return "no virtual processor";
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, ma->vcpu, 0);
	if (run == MAP_FAILED)
		return "its shared page cannot be mapped";
	ma->run = run;
	ma->run_size = (size_t)size;
	return NULL;
}

static const char *
make_memory(struct machine *ma, const struct image *im, enum control_vm_memory kind)
{
	size_t size = im->end - VM_IMAGE + 2 * TABLES_SIZE;

	ma->low = memory_own(LOW_SIZE);
	if (ma->low == NULL)
		return "no locked memory (LimitMEMLOCK=)";
	ma->info = (struct vm_info *)(void *)low(ma, LOW_INFO);
	set_ports(low(ma, LOW_TSS));
	if (memory_make(ma->vm, size, kind != CONTROL_VM_ORDINARY, &ma->ram) != 0)
		return kind != CONTROL_VM_ORDINARY ? "no guest_memfd that the host cannot touch"
						   : "no locked memory (LimitMEMLOCK=)";
	ma->ram.kind = kind;
	if (add_slot(ma->vm, SLOT_LOW, LOW, LOW_SIZE, ma->low, 0) != 0 ||
	    add_slot(ma->vm, SLOT_MAILBOX, VM_MAILBOX, MAILBOX_SIZE, ma->box, 0) != 0 ||
	    add_ram(ma) != 0)
		return "its memory cannot be set";
	return NULL;
}

const char *
machine_make(int kvm, const struct image *im, struct mailbox *box, enum control_vm_memory kind,
	     struct machine *ma)
{
	const struct kvm_regs regs = { .rip = im->entry, .rsp = im->stack_top, .rflags = 0x3002 };
	const char *why = NULL;

	*ma = (struct machine){ .vm = -1, .vcpu = -1, .ram = { .fd = -1 }, .box = box };
	ma->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (ma->vm < 0)
		why = "no virtual machine";
	if (why == NULL)
		why = make_processor(kvm, ma);
	if (why == NULL)
		why = make_memory(ma, im, kind);
	if (why == NULL)
		why = set_info(kvm, ma);
	if (why == NULL && load(ma, im) != 0)
		why = "its image cannot be loaded";
	if (why == NULL && set_registers(ma, ma->cr3_boot, &regs, im->state) != 0)
		why = "its registers cannot be set";
	if (why != NULL)
		machine_free(ma);
	return why;
}

int
machine_seal(struct machine *ma)
{
	struct kvm_sregs sregs;

	if (finish_stop(ma) != 0 || ioctl(ma->vcpu, KVM_GET_SREGS, &sregs) != 0)
		return -1;
	sregs.cr3 = ma->cr3_sealed;
	return ioctl(ma->vcpu, KVM_SET_SREGS, &sregs);
}

void
machine_free(struct machine *ma)
{
	if (ma->run != NULL)
		(void)munmap(ma->run, ma->run_size);
	if (ma->vcpu >= 0)
		(void)close(ma->vcpu);
	if (ma->vm >= 0)
		(void)close(ma->vm);
	memory_free(&ma->ram);
	if (ma->low != NULL)
		(void)munmap(ma->low, LOW_SIZE);
	*ma = (struct machine){ .vm = -1, .vcpu = -1, .ram = { .fd = -1 } };
}
