/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which images does lsavmm start, and what do their page tables allow? */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsavmm/vmm.h"

#define SEGMENTS 5u
#define CODE	 64u

/* An image that is as it should be, to be spoilt by each test. */
static struct {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[SEGMENTS];
	uint8_t code[CODE];
} file;

static struct image im;

static int
fresh(void **state)
{
	static const struct {
		uint32_t flags;
		uint64_t at, len, size;
	} want[SEGMENTS] = {
		{ PF_R | PF_X, VM_IMAGE, CODE, CODE },
		{ PF_R | PF_X | VM_PF_BELL, VM_IMAGE + 0x1000, 0, 8 },
		{ PF_R | PF_W | VM_PF_SEAL, VM_IMAGE + 0x2000, 0, 0x1001 },
		{ PF_R | PF_W | VM_PF_STACK, VM_IMAGE + 0x5000, 0, 0x10000 },
		{ PF_R | PF_W | VM_PF_STATE, VM_IMAGE + 0x16000, 0, 0x400000 },
	};

	(void)state;
	memset(&file, 0, sizeof(file));
	memcpy(file.eh.e_ident, ELFMAG, SELFMAG);
	file.eh.e_ident[EI_CLASS] = ELFCLASS64;
	file.eh.e_type = ET_EXEC;
	file.eh.e_machine = EM_X86_64;
	file.eh.e_entry = VM_IMAGE + 16;
	file.eh.e_phoff = sizeof(file.eh);
	file.eh.e_phentsize = sizeof(file.ph[0]);
	file.eh.e_phnum = SEGMENTS;
	for (size_t i = 0; i < SEGMENTS; i++)
		file.ph[i] = (Elf64_Phdr){ .p_type = PT_LOAD,
					   .p_flags = want[i].flags,
					   .p_offset = sizeof(file.eh) + sizeof(file.ph),
					   .p_vaddr = want[i].at,
					   .p_filesz = want[i].len,
					   .p_memsz = want[i].size };
	return 0;
}

static const char *
read_it(void)
{
	return image_read((const uint8_t *)&file, sizeof(file), &im);
}

static void
test_good(void **state)
{
	(void)state;
	assert_null(read_it());
	assert_int_equal(im.segments, SEGMENTS);
	assert_int_equal(im.entry, VM_IMAGE + 16);
	assert_int_equal(im.stack_top, VM_IMAGE + 0x15000);
	assert_int_equal(im.state, VM_IMAGE + 0x16000);
	assert_int_equal(im.end, VM_IMAGE + 0x416000);
	assert_int_equal(im.segment[2].to, VM_IMAGE + 0x4000); /* whole pages */
	assert_ptr_equal(im.segment[0].octets, file.code);
}

/* Every cut of the file either is refused or leaves nothing outside of it. */
static void
test_short(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(file); len++) {
		uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees what is read */

		assert_non_null(exact);
		memcpy(exact, &file, len);
		assert_non_null(image_read(exact, len, &im));
		free(exact);
	}
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		assert_int_equal(fresh(NULL), 0);                                                  \
		assert_null(read_it());                                                            \
		change;                                                                            \
		if (read_it() == NULL)                                                             \
			fail_msg("accepted: %s", #change);                                         \
	} while (0)

static void
test_refused(void **state)
{
	(void)state;
	REFUSED(file.eh.e_ident[0] = 0);
	REFUSED(file.eh.e_type = ET_DYN);
	REFUSED(file.eh.e_machine = EM_AARCH64);
	REFUSED(file.eh.e_phnum = 0xffff);
	REFUSED(file.eh.e_phoff = UINT64_MAX);
	REFUSED(file.eh.e_phentsize = 8);
	REFUSED(file.eh.e_entry = 0);
	REFUSED(file.eh.e_entry = VM_IMAGE + 0x5000); /* the stack */
	REFUSED(file.ph[0].p_type = PT_INTERP);
	REFUSED(file.ph[0].p_type = PT_DYNAMIC);
	REFUSED(file.ph[0].p_flags |= PF_W); /* and executable */
	REFUSED(file.ph[0].p_flags = PF_X);
	REFUSED(file.ph[0].p_flags |= 0x01000000);
	REFUSED(file.ph[0].p_filesz = CODE + 1);
	REFUSED(file.ph[0].p_offset = UINT64_MAX);
	REFUSED(file.ph[0].p_offset += 1);
	REFUSED(file.ph[0].p_vaddr = VM_MAILBOX);
	REFUSED(file.ph[0].p_vaddr += 8);
	REFUSED(file.ph[1].p_flags &= ~VM_PF_BELL);
	REFUSED(file.ph[1].p_vaddr = VM_IMAGE); /* on the first */
	REFUSED(file.ph[3].p_flags &= ~VM_PF_STACK);
	REFUSED(file.ph[3].p_flags &= ~(uint32_t)PF_W);
	REFUSED(file.ph[4].p_flags &= ~VM_PF_STATE);
	REFUSED(file.ph[4].p_flags &= ~(uint32_t)PF_W);
	REFUSED(file.ph[4].p_memsz = VM_END - file.ph[4].p_vaddr + 1);
	REFUSED(file.ph[4].p_memsz = UINT64_MAX);
}

/* ---- page tables */

static uint64_t page[TABLES_PAGES * 512];
#define TABLES_AT 0x300000u

/* The entry for an address, as a processor walks; 0: none. */
static uint64_t
walk(uint64_t at)
{
	uint64_t entry = TABLES_AT;

	for (unsigned int shift = 39; shift >= 12; shift -= 9) {
		uint64_t table = entry & UINT64_C(0x000ffffffffff000);

		entry = page[(table - TABLES_AT) / 8 + (at >> shift) % 512];
		if ((entry & PTE_PRESENT) == 0)
			return 0;
		assert_true((entry & PTE_USER) != 0);
	}
	return entry;
}

static void
test_tables(void **state)
{
	struct tables t = { .page = page, .at = TABLES_AT };

	(void)state;
	memset(page, 0, sizeof(page));
	tables_map(&t, VM_IMAGE, VM_IMAGE, 0x2000, false, true);
	tables_map(&t, VM_IMAGE + 0x2000, 0x102000, 0x1000, true, false);
	tables_map(&t, 0x10000000, 0x10000000, 0x400000, false, false);
	assert_int_equal(walk(0), 0);
	assert_int_equal(walk(VM_IMAGE - 1), 0);
	assert_int_equal(walk(VM_IMAGE + 0x3000), 0);
	assert_int_equal(walk(UINT64_C(1) << 39), 0);
	assert_int_equal(walk(VM_IMAGE + 0x1000), (VM_IMAGE + 0x1000) | 0x65);
	assert_true(walk(VM_IMAGE + 0x2000) == (0x102000 | 0x67 | PTE_NX));
	assert_true(walk(0x103fffff) == (0x103ff000 | 0x65 | PTE_NX));
	assert_int_equal(walk(0x10400000), 0);
	tables_map(&t, VM_IMAGE, 0x102000, 0x1000, false, true); /* in place of what was there */
	assert_int_equal(walk(VM_IMAGE), 0x102000 | 0x65);
	assert_true(t.used <= TABLES_PAGES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, fresh),
		cmocka_unit_test_setup(test_short, fresh),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
