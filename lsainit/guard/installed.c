/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is installed and must stay as it is while we run: programs, manifest, keys. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/launch.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lsainit/guard/guard.h"
#include "lsainit/guard/private.h"
#include "lsainit/init.h"

/* A file that may be missing. */
static int
enroll_path(struct instance *in, const char *path, enum guard_role role)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), bad;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0) {
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	bad = guard_enroll(in, fd, role, path);
	(void)close(fd);
	return bad;
}

/* A program that need not be there. */
static int
enroll_program(struct instance *in, const char *name, enum guard_role role)
{
	char path[PATH_MAX];

	for (unsigned int i = 0; launch_candidate(&in->cf, name, i, path); i++) {
		if (access(path, F_OK) == 0)
			return enroll_path(in, path, role);
	}
	return 0;
}

static int
enroll_keys(struct instance *in, const char *folder)
{
	char path[2 * PATH_MAX];
	struct dirent *de;
	DIR *dir = opendir(folder);
	int bad = 0;

	if (dir == NULL) {
		log_err("%s: %s", folder, strerror(errno));
		return -1;
	}
	while (bad == 0 && (de = readdir(dir)) != NULL) {
		const char *dot = strrchr(de->d_name, '.');

		if (dot == NULL || strcmp(dot, ".pub") != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, de->d_name);
		bad = enroll_path(in, path, GUARD_FILE);
	}
	(void)closedir(dir);
	return bad;
}

int
guard_programs(struct instance *in)
{
	if (in->guard == NULL)
		return 0;
	if (enroll_path(in, "/proc/self/exe", GUARD_FILE) != 0 ||
	    guard_enroll(in, in->iso_image.fd, GUARD_ISO, in->iso_image.path) != 0 ||
	    (in->vm_image.fd >= 0 &&
	     guard_enroll(in, in->vm_image.fd, GUARD_FILE, in->vm_image.path) != 0) ||
	    guard_enroll(in, in->lsass_image.fd, GUARD_LSASS, in->lsass_image.path) != 0)
		return -1;
	return enroll_program(in, "lsaseal", GUARD_SEAL) != 0
		   ? -1
		   : enroll_program(in, "lsawatch", GUARD_WATCH);
}

int
guard_signed(struct instance *in)
{
	char path[PATH_MAX + 8];

	if (in->guard == NULL || in->launch == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "%s.sig", in->launch->manifest_path);
	if (enroll_path(in, in->launch->manifest_path, GUARD_FILE) != 0 ||
	    enroll_path(in, path, GUARD_FILE) != 0)
		return -1;
	return enroll_keys(in, in->launch->keys_path);
}

/* The keys as they are now: a key that root adds later ends nothing. */
int
guard_signers(struct instance *in)
{
	char error[512];
	struct guard *gd = in->guard;

	if (!guard_locked(in))
		return 0;
	if (machine_line("/proc/sys/kernel/random/boot_id", gd->boot_id, sizeof(gd->boot_id)) < 0) {
		log_err("/proc/sys/kernel/random/boot_id: %s", strerror(errno));
		return -1;
	}
	if (launch_keys(&in->cf, &gd->trust, error, sizeof(error)) == 0)
		return 0;
	log_warn("guard_lock = yes, and no token can end it: %s", error);
	gd->trust.n = 0;
	return 0;
}

bool
guard_token(const struct instance *in, const char *token, size_t len)
{
	const struct guard *gd = in->guard;
	char error[512];

	if (token_verify(gd->trust.keys, gd->trust.n, token, len, gd->boot_id, error,
			 sizeof(error)) == 0)
		return true;
	log_err("not stopping, guard_lock = yes: %s", error);
	return false;
}
