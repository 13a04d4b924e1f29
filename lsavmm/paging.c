/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "lsavmm/vmm.h"

#define ENTRIES	   512u
#define TABLE_BITS 9u
#define ADDRESS	   UINT64_C(0x000ffffffffff000)

/* The table that entry of page (by number) leads to, made if there is none. */
static uint32_t
descend(struct tables *t, uint32_t page, uint32_t entry)
{
	uint64_t *slot = &t->page[(size_t)page * ENTRIES + entry];

	if ((*slot & PTE_PRESENT) == 0) {
		if (t->used == 0)
			t->used = 1; /* the root */
		assert(t->used < TABLES_PAGES);
		*slot = (t->at + t->used * VMM_PAGE) | PTE_PRESENT | PTE_WRITE | PTE_USER |
			PTE_ACCESS;
		t->used++;
	}
	return (uint32_t)((*slot & ADDRESS) - t->at) / VMM_PAGE;
}

void
tables_map(struct tables *t, uint32_t va, uint32_t pa, uint32_t len, bool write, bool exec)
{
	for (uint32_t done = 0; done < len; done += VMM_PAGE) {
		uint64_t at = (uint64_t)va + done;
		uint32_t page = 0;

		for (unsigned int shift = 12 + 3 * TABLE_BITS; shift > 12; shift -= TABLE_BITS)
			page = descend(t, page, (uint32_t)(at >> shift) % ENTRIES);
		t->page[(size_t)page * ENTRIES + (at >> 12) % ENTRIES] = ((uint64_t)pa + done) |
									 PTE_PRESENT | PTE_USER |
									 PTE_ACCESS |
									 (write ? PTE_WRITE : 0) |
									 (exec ? 0 : PTE_NX);
	}
}
