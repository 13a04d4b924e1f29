/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything of the Linux host that depends on the processor: entry, system
 * calls, the switch of stacks, time stamp counter, relocation type.
 */
#ifndef LSAISO_PORT_X86_64_H
#define LSAISO_PORT_X86_64_H

#if !defined(__x86_64__) || !defined(__LP64__)
#error "lsaiso has not been ported to this processor"
#endif

#include <stdint.h>

#define ARCH_AUDIT    0xc000003eu /* AUDIT_ARCH_X86_64, linux/audit.h */
#define ARCH_RELATIVE 8u	  /* R_X86_64_RELATIVE, the only relocation of a static PIE */

/* The stack protector reads its guard at offset 0x28 of this, through FS. */
struct arch_tls {
	uint64_t unused[5];
	uint64_t guard;
};

static inline long
arch_call(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* Leave the stack for good: run next(arg) on the one that ends at top. */
static inline __attribute__((noreturn)) void
arch_on_stack(void *top, void (*next)(void *), void *arg)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%1\n\t"
			 "ud2"
			 :
			 : "r"(top), "r"(next), "D"(arg)
			 : "memory");
	__builtin_unreachable();
}

static inline uint64_t
arch_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static inline void
arch_pause(void)
{
	__builtin_ia32_pause();
}

/*
 * Nothing of what was computed stays in registers, which the kernel keeps in
 * memory of its own while we sleep. All that can have been used: the compiler
 * is limited to SSE2, nettle's code to registers 0..15 and no wider ones.
 */
static inline void
arch_forget(void)
{
#define PXOR(n) "pxor %%xmm" #n ", %%xmm" #n "\n\t"
#define XOR(r)	"xor %%" #r ", %%" #r "\n\t"
	__asm__ volatile(PXOR(0) PXOR(1) PXOR(2) PXOR(3) PXOR(4) PXOR(5) PXOR(6) PXOR(7) PXOR(8)
			     PXOR(9) PXOR(10) PXOR(11) PXOR(12) PXOR(13) PXOR(14) PXOR(15) XOR(eax)
				 XOR(ecx) XOR(edx) XOR(esi) XOR(edi) XOR(r8d) XOR(r9d) XOR(r10d)
				     XOR(r11d)
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "rax",
			   "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
#undef PXOR
#undef XOR
}

/* Entry: hand the initial stack and our own dynamic section to C. */
#define ARCH_ENTRY(function)                                                                       \
	__asm__(".pushsection .text\n"                                                             \
		".globl _start\n"                                                                  \
		".hidden _DYNAMIC\n"                                                               \
		"_start:\n\t"                                                                      \
		"endbr64\n\t"                                                                      \
		"xor %ebp, %ebp\n\t"                                                               \
		"mov %rsp, %rdi\n\t"                                                               \
		"lea _DYNAMIC(%rip), %rsi\n\t"                                                     \
		"and $-16, %rsp\n\t"                                                               \
		"call " #function "\n\t"                                                           \
		"ud2\n"                                                                            \
		".popsection\n")

#endif
