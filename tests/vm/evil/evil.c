/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsaiso-vm that misbehaves on request: the real core, and before each
 * request is served a look at its operation: 0x7f00 + n is the n-th fault.
 */
#include <stddef.h>
#include <stdint.h>

#include "iso.h"
#include "rpc/vm.h"

size_t __real_iso_serve(struct iso *iso, size_t len);
size_t __wrap_iso_serve(struct iso *iso, size_t len);
void _start(void);

static uint8_t sealed[64] __attribute__((section(".data"))) = { 0xc3 };

static void
out(uint32_t value, uint16_t port)
{
	/* Not on the doorbell's page: level vm of some machines faults, others stop for a port. */
	__asm__ volatile("out %0, %1" : : "a"(value), "d"(port));
}

static void
touch(uintptr_t at)
{
	volatile uint8_t *octet = (volatile uint8_t *)at;

	__asm__ volatile("" : "+r"(octet)); /* a plain address, whatever it may be */
	*octet = 0xc3;
}

static void
jump(uintptr_t to)
{
	__asm__ volatile("call *%0" : : "r"(to) : "memory");
}

static __attribute__((noinline)) int
deeper(volatile uint8_t *before, unsigned int more)
{
	volatile uint8_t here[1024];

	here[0] = before[0];
	return more == 0 ? here[0] : deeper(here, more - 1) + here[0];
}

static void
misbehave(struct iso *iso, unsigned int n)
{
	volatile uint8_t first = 1;

	switch (n) {
	case 1:
		touch((uintptr_t)&_start);
		break;
	case 2:
		touch((uintptr_t)sealed);
		break;
	case 3:
		touch(0);
		break;
	case 4:
		touch(VM_END + 0x100000);
		break;
	case 5:
		touch(0x102000); /* page tables, or where they would be */
		break;
	case 6:
		jump((uintptr_t)sealed);
		break;
	case 7:
		jump((uintptr_t)iso->frame);
		break;
	case 8:
		jump(VM_MAILBOX);
		break;
	case 9:
		jump(0);
		break;
	case 10:
		(void)deeper(&first, 1u << 20);
		break;
	case 11:
		out(0, 0x80);
		break;
	case 12:
		out(0, VM_BELL_SEAL);
		break;
	case 13:
		__asm__ volatile("inb $0x60, %%al" : : : "eax");
		break;
	case 14:
		__asm__ volatile("hlt");
		break;
	case 15:
		__asm__ volatile("mov %0, %%cr3" : : "r"(0UL));
		break;
	case 16:
		__asm__ volatile("wrmsr" : : "c"(0xc0000082), "a"(0), "d"(0));
		break;
	case 17:
		__asm__ volatile("syscall" : : : "rcx", "r11");
		break;
	case 18:
		__asm__ volatile("int3");
		break;
	case 19:
		__asm__ volatile("ud2");
		break;
	case 20:
		__asm__ volatile("div %0" : : "r"(0U), "a"(1), "d"(0));
		break;
	case 21:
		__asm__ volatile("sti; lidt (%0)" : : "r"(iso->frame));
		break;
	case 22:
		for (;;)
			__asm__ volatile("pause");
	default:
		break;
	}
}

size_t
__wrap_iso_serve(struct iso *iso, size_t len)
{
	if (len >= 4 && iso->frame[3] == 0x7f)
		misbehave(iso, iso->frame[2]);
	return __real_iso_serve(iso, len);
}
