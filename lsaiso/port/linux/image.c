/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a dynamic loader and a C library's start code would do for a static
 * position-independent program. Linked at address 0, so every relocation is
 * the base added to a word.
 */
#include <elf.h>

#include "port/linux/linux.h"

#define PAGE	  4096u
#define PROT_READ 1

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
typedef void constructor(int argc, char **argv, char **envp);
extern constructor *const __init_array_start[] __attribute__((visibility("hidden")));
extern constructor *const __init_array_end[] __attribute__((visibility("hidden")));

__attribute__((no_stack_protector)) void
image_relocate(const void *dynamic)
{
	uintptr_t base = (uintptr_t)&__ehdr_start;
	const Elf64_Rela *rela = NULL;
	size_t size = 0;

	for (const Elf64_Dyn *d = dynamic; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_RELA)
			rela = (const Elf64_Rela *)(base + d->d_un.d_ptr);
		else if (d->d_tag == DT_RELASZ)
			size = d->d_un.d_val;
	}
	for (size_t i = 0; rela != NULL && i < size / sizeof(*rela); i++) {
		uintptr_t *where = (uintptr_t *)(base + rela[i].r_offset);

		if (ELF64_R_TYPE(rela[i].r_info) != ARCH_RELATIVE)
			port_exit(ISO_EXIT_ASSERT);
		*where = base + (uintptr_t)rela[i].r_addend;
	}
}

void
image_construct(void)
{
	static char *const none[] = { NULL };

	for (constructor *const *c = __init_array_start; c != __init_array_end; c++)
		(*c)(0, (char **)(uintptr_t)none, (char **)(uintptr_t)none);
}

long
image_seal(void)
{
	uintptr_t base = (uintptr_t)&__ehdr_start;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);
	long failed = 0;

	for (uint32_t i = 0; i < __ehdr_start.e_phnum && failed == 0; i++) {
		uintptr_t from = (base + ph[i].p_vaddr) & ~(uintptr_t)(PAGE - 1);
		uintptr_t to = base + ph[i].p_vaddr + ph[i].p_memsz;

		if (ph[i].p_type != PT_LOAD)
			continue;
		failed = CALL2(mlock, from, to - from);
		if (failed == 0 && (ph[i].p_flags & PF_W) != 0)
			failed = CALL3(mprotect, from, to - from, PROT_READ);
	}
	return failed;
}
