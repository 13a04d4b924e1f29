/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The machine that lsavmm makes and lsaiso-vm runs in: no operating system,
 * no ring 0 code, no interrupts, no device but this. Shared by both sides.
 *
 * All code of the guest runs at ring 3, and page tables map address to the
 * same address: code read and execute, data never execute, nothing at 0, a
 * hole on each side of the stack. There is no table of interrupts: any fault
 * is a triple fault, which stops the machine; lsavmm then ends.
 *
 * The one way out is a write of EAX to one of the ports below. lsavmm acts
 * and lets the guest go on behind it. Each such stop refreshes the clock in
 * the info page.
 */
#ifndef RPC_VM_H
#define RPC_VM_H

#include <stdint.h>

/* Each takes the four ports that a write of 32 bits touches. */
#define VM_BELL_SLEEP 0x10u /* EAX: until req_seq of the mailbox is another */
#define VM_BELL_WAKE  0x14u /* wake the sleeper on rep_seq of the mailbox */
#define VM_BELL_CLOCK 0x18u /* only refresh the clock */
#define VM_BELL_SEAL  0x1cu /* once: what is marked VM_PF_SEAL becomes read-only */
#define VM_BELL_EXIT  0x20u /* EAX: ISO_EXIT_*; does not return */
#define VM_BELL_LAST  0x23u

/* Where what is not the image is; each page or area is readable and writable. */
#define VM_INFO	   0x101000u /* struct vm_info */
#define VM_MAILBOX 0x200000u /* struct mailbox, shared with lsass */
#define VM_IMAGE   0x400000u /* the image is linked to here and above, */
#define VM_END	   0xe00000u /* and below this */

/* Flags of the image's segments, beside those of ELF (in its PF_MASKOS). */
#define VM_PF_BELL  0x00100000u /* whole pages, the only ones with the OUT instruction */
#define VM_PF_SEAL  0x00200000u /* writable until VM_BELL_SEAL */
#define VM_PF_STACK 0x00400000u /* RSP is its end at the start */
#define VM_PF_STATE 0x00800000u /* FS is its beginning: the stack protector's guard */

#define VM_MAGIC   0x4d56534cu /* "LSVM" */
#define VM_VERSION 1u
#define VM_SEED	   64u
#define VM_LEAVES  8u /* 0 to 7 */

struct vm_info {
	uint32_t magic, version; /* VM_MAGIC, VM_VERSION */
	uint64_t ticks_per_ms;	 /* of the time stamp counter; 0: not to be used */
	uint32_t spins;		 /* 0: one processor, waiting there would keep lsass from it */
	uint32_t pad_;
	uint64_t boot_us, real_us; /* CLOCK_BOOTTIME, CLOCK_REALTIME at the last stop */
	uint8_t seed[VM_SEED];	   /* the host's share of entropy; read and wiped once */
	/*
	 * What CPUID says: EAX, EBX, ECX, EDX by leaf. The instruction stops the
	 * machine, and on a processor that does not tell where the next one is
	 * (AMD without NRIP) KVM then reads the code, which it cannot in guest_memfd.
	 */
	uint32_t cpuid[VM_LEAVES][4];
};

/* clang-format off */
/* EX(number, name, text for people): exit codes of lsavmm, beside those of lsaiso. */
#define VMM_EXIT_LIST(EX)                                                                     \
	EX(70, ARGS, "lsavmm was started without its channel (only lsainit starts it)")        \
	EX(71, KVM, "KVM does not give what lsavmm needs")                                     \
	EX(72, MEMORY, "no memory for the virtual machine")                                    \
	EX(73, GMEM, "guest_memfd does not work for this on this kernel")                      \
	EX(74, IMAGE, "lsaiso-vm is not an image that lsavmm can start")                       \
	EX(75, START, "the virtual machine did not come up")                                   \
	EX(76, FAULT, "the virtual machine stopped itself: lsaiso did what no program of it does") \
	EX(77, PORT, "lsaiso wrote to a port that is not there")                               \
	EX(78, LOOP, "lsaiso did not come back in time")                                       \
	EX(79, SECCOMP, "lsavmm could not shut its own door (CONFIG_SECCOMP_FILTER)")
/* clang-format on */
#define VMM_EXIT_ENUM(n, name, text) VMM_EXIT_##name = n,
enum vmm_exit { VMM_EXIT_LIST(VMM_EXIT_ENUM) };
#undef VMM_EXIT_ENUM

#endif
