/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <elf.h>
#include <string.h>

#include "lsavmm/vmm.h"

#define OWN_FLAGS (VM_PF_BELL | VM_PF_SEAL | VM_PF_STACK | VM_PF_STATE)

static const char *
read_segment(const uint8_t *octets, size_t len, const Elf64_Phdr *ph, struct image *im)
{
	struct segment *se = &im->segment[im->segments];
	uint32_t lowest = im->segments == 0 ? VM_IMAGE : se[-1].to;

	if (im->segments == IMAGE_SEGMENTS)
		return "too many segments";
	if (ph->p_filesz > ph->p_memsz || ph->p_offset > len || ph->p_filesz > len - ph->p_offset)
		return "a segment reaches beyond the file";
	if (ph->p_vaddr % VMM_PAGE != 0 || ph->p_vaddr < lowest || ph->p_vaddr >= VM_END ||
	    ph->p_memsz > VM_END - ph->p_vaddr)
		return "a segment is out of place";
	if ((ph->p_flags & ~(uint32_t)(PF_R | PF_W | PF_X | OWN_FLAGS)) != 0 ||
	    (ph->p_flags & PF_R) == 0)
		return "a segment has flags that are not known";
	if ((ph->p_flags & PF_W) != 0 && (ph->p_flags & PF_X) != 0)
		return "a segment is writable and executable";
	*se = (struct segment){
		.flags = ph->p_flags,
		.from = (uint32_t)ph->p_vaddr,
		.to = (uint32_t)(ph->p_vaddr + ph->p_memsz + VMM_PAGE - 1) & ~(VMM_PAGE - 1),
		.octets = octets + ph->p_offset,
		.len = (uint32_t)ph->p_filesz,
	};
	im->segments++;
	im->end = se->to;
	if ((se->flags & VM_PF_STACK) != 0)
		im->stack_top = se->to;
	if ((se->flags & VM_PF_STATE) != 0)
		im->state = se->from;
	return NULL;
}

/* Is addr in a segment that has all of flags? */
static bool
lies_in(const struct image *im, uint64_t addr, uint32_t flags)
{
	for (size_t i = 0; i < im->segments; i++) {
		const struct segment *se = &im->segment[i];

		if (addr >= se->from && addr < se->to && (se->flags & flags) == flags)
			return true;
	}
	return false;
}

static bool
has_bell(const struct image *im)
{
	for (size_t i = 0; i < im->segments; i++) {
		if ((im->segment[i].flags & (VM_PF_BELL | PF_X)) == (VM_PF_BELL | PF_X))
			return true;
	}
	return false;
}

const char *
image_read(const uint8_t *octets, size_t len, struct image *im)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	const char *why = NULL;

	memset(im, 0, sizeof(*im));
	if (len < sizeof(eh))
		return "too short for an ELF file";
	memcpy(&eh, octets, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_type != ET_EXEC || eh.e_machine != EM_X86_64)
		return "not an executable for x86-64";
	if (eh.e_phentsize != sizeof(ph) || eh.e_phoff > len ||
	    eh.e_phnum > (len - eh.e_phoff) / sizeof(ph))
		return "its table of segments reaches beyond the file";
	for (size_t i = 0; i < eh.e_phnum && why == NULL; i++) {
		memcpy(&ph, octets + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD && ph.p_memsz > 0)
			why = read_segment(octets, len, &ph, im);
		else if (ph.p_type == PT_DYNAMIC || ph.p_type == PT_INTERP || ph.p_type == PT_TLS)
			why = "it asks for a loader";
	}
	if (why != NULL)
		return why;
	if (!lies_in(im, eh.e_entry, PF_X) || im->stack_top == 0 || im->state == 0 || !has_bell(im))
		return "it lacks an entry, a stack, a state or a doorbell";
	if (!lies_in(im, im->stack_top - 1, PF_W | VM_PF_STACK) ||
	    !lies_in(im, im->state, PF_W | VM_PF_STATE))
		return "its stack or state is not writable";
	im->entry = (uint32_t)eh.e_entry;
	return NULL;
}
