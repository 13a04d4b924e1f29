/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The programs: found and opened once; what was looked at is what is started. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/launch.h"
#include "lib/log.h"
#include "lsainit/init.h"

static int
open_image(struct image *im, const char *path)
{
	struct stat sb;

	im->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (im->fd < 0)
		return -1;
	if (fstat(im->fd, &sb) != 0 || !S_ISREG(sb.st_mode) || (sb.st_mode & 0111) == 0) {
		log_err("%s is not a program", path);
	} else if (!files_only_ours(&sb)) {
		log_err("%s can be changed by others than root; chown root, chmod go-w", path);
	} else {
		im->path = realpath(path, NULL);
		if (im->path != NULL)
			return 0;
		log_err("%s: %s", path, strerror(errno));
	}
	close_fd(&im->fd);
	errno = EPERM;
	return -1;
}

/* The first place where it is; only one that is not there lets the search go on. */
static int
find_image(const struct instance *in, struct image *im)
{
	char path[PATH_MAX];

	im->fd = -1;
	for (unsigned int i = 0; launch_candidate(&in->cf, im->name, i, path); i++) {
		if (open_image(im, path) == 0)
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			break;
	}
	log_err("the program %s was not found; set [run] programs in %s", im->name,
		in->config_path);
	return -1;
}

int
prepare_images(struct instance *in)
{
	const struct world *world = world_of(in);
	bool seals = strcmp(in->cf.seal_root, "random") != 0;

	if (world == NULL || (world->far && channel_prepare(in) != 0))
		return -1;
	in->iso_image.name = world->program;
	if (world->image != NULL && find_image(in, &in->vm_image) != 0)
		return -1;
	/* Without it there are no machine keys; whether that will do is for machine.c to say. */
	if (!in->serves_guest && in->cf.logon_keytab[0] != '\0')
		(void)find_image(in, &in->ctl_image);
	return find_image(in, &in->iso_image) != 0 || find_image(in, &in->lsass_image) != 0 ||
		       (seals && find_image(in, &in->seal_image) != 0)
		   ? -1
		   : 0;
}

int
prepare_watch_image(struct instance *in)
{
	return find_image(in, &in->watch_image);
}
