/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What ciphers and MACs are set up with. */
static const char *const wanted[] = {
	"nettle_aes256_set_encrypt_key",
	"nettle_hmac_sha1_set_key",
	"nettle_hmac_sha256_set_key",
	"AES_set_encrypt_key",
	"HMAC_Init_ex",
	"k5_sha256",
	"krb5int_camellia_encrypt",
};

struct image {
	const uint8_t *at;
	size_t size;
	const Elf64_Ehdr *head;
};

static bool
within(const struct image *i, uint64_t offset, uint64_t size)
{
	return offset <= i->size && size <= i->size - offset;
}

/* From an address of the symbol table to an offset in the file. */
static uint64_t
file_offset(const struct image *i, uint64_t value)
{
	const Elf64_Phdr *p = (const void *)(i->at + i->head->e_phoff);

	for (unsigned n = 0; n < i->head->e_phnum; n++) {
		if (p[n].p_type == PT_LOAD && value >= p[n].p_vaddr &&
		    value - p[n].p_vaddr < p[n].p_filesz)
			return value - p[n].p_vaddr + p[n].p_offset;
	}
	return 0;
}

/* If not NULL, this one instead. */
static const char *only;

static bool
is_wanted(const char *name)
{
	if (only != NULL)
		return strcmp(name, only) == 0;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(name, wanted[i]) == 0)
			return true;
	}
	return false;
}

static size_t
from_table(const struct image *i, const Elf64_Shdr *table, const Elf64_Shdr *strings,
	   const char *path, struct spot *spots, size_t n)
{
	const Elf64_Sym *s = (const void *)(i->at + table->sh_offset);
	const char *names = (const char *)i->at + strings->sh_offset;

	for (size_t k = 0; k < table->sh_size / sizeof(*s) && n < SPOTS; k++) {
		uint64_t offset = 0;

		if (s[k].st_shndx == SHN_UNDEF || s[k].st_name >= strings->sh_size ||
		    !is_wanted(names + s[k].st_name))
			continue;
		offset = file_offset(i, s[k].st_value);
		if (offset == 0)
			continue;
		snprintf(spots[n].path, sizeof(spots[n].path), "%s", path);
		snprintf(spots[n].name, sizeof(spots[n].name), "%s", names + s[k].st_name);
		spots[n++].offset = offset;
	}
	return n;
}

static size_t
from_image(const struct image *i, const char *path, struct spot *spots, size_t n)
{
	const Elf64_Shdr *s = (const void *)(i->at + i->head->e_shoff);

	if (memcmp(i->head->e_ident, ELFMAG, SELFMAG) != 0 ||
	    !within(i, i->head->e_shoff, i->head->e_shnum * sizeof(*s)))
		return n;
	for (unsigned k = 0; k < i->head->e_shnum; k++) {
		if ((s[k].sh_type == SHT_SYMTAB || s[k].sh_type == SHT_DYNSYM) &&
		    s[k].sh_link < i->head->e_shnum && within(i, s[k].sh_offset, s[k].sh_size) &&
		    within(i, s[s[k].sh_link].sh_offset, s[s[k].sh_link].sh_size))
			n = from_table(i, &s[k], &s[s[k].sh_link], path, spots, n);
		if (n > 0 && s[k].sh_type == SHT_SYMTAB)
			break; /* the other table names the same once more */
	}
	return n;
}

static size_t
from_file(const char *path, struct spot *spots, size_t n)
{
	struct image i = { 0 };
	struct stat st = { 0 };
	void *at = MAP_FAILED;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof(Elf64_Ehdr))
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		return n;
	i.at = at;
	i.size = (size_t)st.st_size;
	i.head = at;
	n = from_image(&i, path, spots, n);
	munmap(at, i.size);
	return n;
}

size_t
symbols_find(const struct theft *t, struct spot spots[SPOTS])
{
	const char *image = getenv("THEFT_IMAGE");
	size_t n = 0;

	for (size_t i = 0; i < t->all && n < SPOTS; i++) {
		if (t->every[i].perms[2] == 'x' && t->every[i].name[0] == '/')
			n = from_file(t->every[i].name, spots, n);
	}
	if (n == 0 && image != NULL)
		n = from_file(image, spots, n);
	if (n == 0)
		theft_cannot("no known function that is given keys: stripped");
	return n;
}

uint64_t
symbols_address(const struct theft *t, const char *name)
{
	struct spot spot[SPOTS];
	uint64_t found = 0;

	only = name;
	for (size_t i = 0; i < t->all && found == 0; i++) {
		const struct area *a = &t->every[i];

		if (a->perms[2] == 'x' && a->name[0] == '/' && from_file(a->name, spot, 0) > 0 &&
		    spot[0].offset >= a->offset && spot[0].offset - a->offset < a->end - a->start)
			found = a->start + (spot[0].offset - a->offset);
	}
	only = NULL;
	return found;
}
