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
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\t"
			 "pxor %%xmm1, %%xmm1\n\t"
			 "pxor %%xmm2, %%xmm2\n\t"
			 "pxor %%xmm3, %%xmm3\n\t"
			 "pxor %%xmm4, %%xmm4\n\t"
			 "pxor %%xmm5, %%xmm5\n\t"
			 "pxor %%xmm6, %%xmm6\n\t"
			 "pxor %%xmm7, %%xmm7\n\t"
			 "pxor %%xmm8, %%xmm8\n\t"
			 "pxor %%xmm9, %%xmm9\n\t"
			 "pxor %%xmm10, %%xmm10\n\t"
			 "pxor %%xmm11, %%xmm11\n\t"
			 "pxor %%xmm12, %%xmm12\n\t"
			 "pxor %%xmm13, %%xmm13\n\t"
			 "pxor %%xmm14, %%xmm14\n\t"
			 "pxor %%xmm15, %%xmm15\n\t"
			 "xor %%eax, %%eax\n\t"
			 "xor %%ecx, %%ecx\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%esi, %%esi\n\t"
			 "xor %%edi, %%edi\n\t"
			 "xor %%r8d, %%r8d\n\t"
			 "xor %%r9d, %%r9d\n\t"
			 "xor %%r10d, %%r10d\n\t"
			 "xor %%r11d, %%r11d"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "rax",
			   "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
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
