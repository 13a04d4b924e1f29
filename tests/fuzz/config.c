/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any octets as lsaiso.conf: they are read or refused, a refusal has one line
 * of text with a place in it, and whatever is read is within its bounds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
scratch(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("config", MFD_CLOEXEC);
		if (fd < 0 || fchmod(fd, 0600) != 0)
			abort();
	}
	return fd;
}

static void
check_value(const struct config *cf, const struct config_key *key)
{
	const void *member = (const char *)cf + key->offset;
	const char *text;
	uint64_t number;

	switch (key->kind) {
	case CONFIG_NUM:
		memcpy(&number, member, sizeof(number));
		if (number < key->min || number > key->max)
			abort();
		return;
	case CONFIG_YES:
		return;
	case CONFIG_ONE:
		text = *(char *const *)member;
		if (text == NULL || text[0] == '\0' || strstr(key->words, text) == NULL)
			abort();
		return;
	case CONFIG_STR:
		text = *(char *const *)member;
		if (text == NULL || (text[0] == '\0' && key->def[0] != '\0') ||
		    (config_is_path(key) && text[0] != '\0' && text[0] != '/'))
			abort();
		return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], error[256] = "?";
	struct config cf;
	const struct config_key *key;
	int fd = scratch();

	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_read(&cf, path, error, sizeof(error)) != 0) {
		if (strncmp(error, path, strlen(path)) != 0 || error[strlen(path)] != ':' ||
		    strchr(error, '\n') != NULL || strlen(error) >= sizeof(error))
			abort();
		return 0;
	}
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++)
		check_value(&cf, key);
	config_free(&cf);
	return 0;
}
