/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/files.h"

#define SUFFIX ".pub"

static int
is_key(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(SUFFIX) &&
	       strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static int
read_key(int folder, const char *where, const char *name, struct trust *trust, char *error,
	 size_t size)
{
	struct sign_public key;
	struct stat sb;
	char *text = NULL;
	size_t len = 0;
	int status;

	if (files_read(folder, name, SIGN_TEXT, &text, &len, &sb) != 0) {
		(void)snprintf(error, size, "%s/%s: %s", where, name, strerror(errno));
		return -1;
	}
	status = sign_read_public(text, len, &key);
	files_free(text, len);
	if (!files_only_ours(&sb)) {
		(void)snprintf(error, size,
			       "%s/%s can be changed by others than root; see that it is yours, "
			       "then chown root and chmod go-w",
			       where, name);
		return -1;
	}
	if (status != 0) {
		(void)snprintf(error, size,
			       "%s/%s is not a public key of lsasign(8); remove it, or replace it",
			       where, name);
		return -1;
	}
	if (trust->n == TRUST_KEYS) {
		(void)snprintf(error, size, "%s has more than %d keys; remove some", where,
			       TRUST_KEYS);
		return -1;
	}
	(void)snprintf(key.name, sizeof(key.name), "%.*s", (int)(strlen(name) - strlen(SUFFIX)),
		       name);
	trust->keys[trust->n++] = key;
	return 0;
}

static int
read_keys(int folder, const char *where, struct trust *trust, char *error, size_t size)
{
	struct dirent **names = NULL;
	int n = scandirat(folder, ".", &names, is_key, alphasort), status = 0;

	if (n < 0) {
		(void)snprintf(error, size, "%s: %s", where, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		if (status == 0)
			status = read_key(folder, where, names[i]->d_name, trust, error, size);
		free(names[i]);
	}
	free(names);
	return status;
}

int
trust_read(const char *folder, struct trust *trust, char *error, size_t size)
{
	struct stat sb;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = -1;

	memset(trust, 0, sizeof(*trust));
	if (fd < 0 || fstat(fd, &sb) != 0) {
		(void)snprintf(error, size,
			       "%s, the folder of the keys that may sign: %s; install it, or name "
			       "another with [launch] keys",
			       folder, strerror(errno));
	} else if (!files_only_ours(&sb)) {
		(void)snprintf(error, size,
			       "%s, the folder of the keys that may sign, can be changed by others "
			       "than root; look at what is in it, then chown root and chmod go-w",
			       folder);
	} else {
		status = read_keys(fd, folder, trust, error, size);
		if (status == 0 && trust->n == 0) {
			(void)snprintf(error, size,
				       "%s has no key (*.pub); put the public key there whose "
				       "signatures you trust",
				       folder);
			status = -1;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	if (status != 0)
		trust->n = 0;
	return status;
}
