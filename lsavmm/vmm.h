/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsavmm: makes the machine of rpc/vm.h with KVM and serves its doorbell.
 * One process a machine, one processor, one thread. It is not trusted with
 * more than its guest: what it maps it could read (docs/caveats.md says who
 * else can).
 *
 *   image.c    what the file says is to be where
 *   paging.c   page tables of it
 *   memory.c   the memory behind it, and whether the host cannot read it
 *   machine.c  the virtual machine
 *   bell.c     the loop that runs it
 *   door.c     the system call filter
 *   main.c     the sequence
 */
#ifndef LSAVMM_VMM_H
#define LSAVMM_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/control.h"
#include "rpc/mailbox.h"
#include "rpc/vm.h"

#define VMM_PAGE 4096u

/* Descriptors at the start, beside those of rpc/mailbox.h. */
#define VMM_FD_KVM   5
#define VMM_FD_IMAGE 6

/* End, and say why: code goes to lsainit, text to the log. */
void vmm_fail(enum vmm_exit code, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* ---- image.c */
#define IMAGE_SEGMENTS 8u
struct segment {
	uint32_t flags;	       /* PF_R, PF_W, PF_X and VM_PF_* */
	uint32_t from, to;     /* addresses, whole pages */
	const uint8_t *octets; /* at from; the rest is zero */
	uint32_t len;
};
struct image {
	struct segment segment[IMAGE_SEGMENTS]; /* by address, none touch */
	size_t segments;
	uint32_t entry, end; /* end: of the last segment */
	uint32_t stack_top, state;
};
/*
 * Read what octets (an ELF file) ask for into im, whose pointers point there.
 * NULL, or what is wrong with it. Does not trust the file.
 */
const char *image_read(const uint8_t *octets, size_t len, struct image *im);

/* ---- paging.c */
/* Leaf entries; AMD64 manual volume 2, section 5.3. Accessed and dirty from the start. */
#define PTE_PRESENT 0x01u
#define PTE_WRITE   0x02u
#define PTE_USER    0x04u
#define PTE_ACCESS  0x60u
#define PTE_NX	    (UINT64_C(1) << 63)

#define TABLES_PAGES 20u /* root, 512 GiB, 1 GiB, and what 16 MiB and as much of a stage need */
#define TABLES_SIZE  81920u
_Static_assert(TABLES_SIZE == TABLES_PAGES * VMM_PAGE, "whole pages");

/* Tables under construction in ordinary memory; at is where the guest has them. */
struct tables {
	uint64_t *page; /* TABLES_PAGES of them, zeroed */
	uint32_t used;
	uint32_t at; /* guest-physical address of page[0] */
};
/* Map len octets at va to pa. What was mapped there before is replaced. */
void tables_map(struct tables *t, uint32_t va, uint32_t pa, uint32_t len, bool write, bool exec);

/* ---- memory.c */
struct memory {
	enum control_vm_memory kind;
	uint8_t *at; /* ordinary: the host's mapping */
	int fd;	     /* guest_memfd, or -1 */
	size_t size;
};
/* Pages that only this process has, locked, in no dump. NULL with errno. */
uint8_t *memory_own(size_t size);
/*
 * Memory of a machine (descriptor vm). For guest_memfd it is first shown that
 * a touch of the host fails. 0, or -1 with errno.
 */
int memory_make(int vm, size_t size, bool gmem, struct memory *me);
void memory_free(struct memory *me);

/* ---- machine.c */
struct machine {
	int vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	struct memory ram;
	uint8_t *low; /* ordinary: TSS, info page, tables, doorbell of some kinds */
	struct vm_info *info;
	struct mailbox *box;
	uint32_t cr3_boot, cr3_sealed;
};
/*
 * Make the machine with memory of that kind, image loaded, at its first
 * instruction. NULL, or what does not work; nothing is left then.
 */
const char *machine_make(int kvm, const struct image *im, struct mailbox *box,
			 enum control_vm_memory kind, struct machine *ma);
/* From now on the image is read-only. 0, or -1 with errno. */
int machine_seal(struct machine *ma);
void machine_free(struct machine *ma);

/* ---- bell.c */
/* Run until VM_BELL_SEAL. NULL, or why it did not come so far. */
const char *bell_start(struct machine *ma);
/* Run for ever; ends the process when the guest does. */
void bell_serve(struct machine *ma) __attribute__((noreturn));

/* ---- door.c: 0 or -1 with errno */
int door_shut(void);

#endif
