/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds the other end of the channel, by isolation level. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/init.h"

/* ---- vm: the machine's maker gets KVM and the image, open */

static int
open_vm(struct instance *in, int fds[WORLD_FDS])
{
	if (launch_check(in, &in->vm_image) != 0)
		return -1;
	fds[0] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fds[0] < 0) {
		log_err("[isolation] level = vm cannot be had: /dev/kvm: %s; %s", strerror(errno),
			errno == EACCES ? "lsainit is not root, so add its user to the group kvm"
					: "load kvm_intel or kvm_amd, switch virtualisation on in "
					  "the firmware (in a guest: nested virtualisation on its "
					  "host), or accept level = process");
		return -1;
	}
	fds[1] = fcntl(in->vm_image.fd, F_DUPFD_CLOEXEC, 0);
	return fds[1] < 0 ? -1 : 2;
}

static const struct world worlds[] = {
	{ .level = "process", .program = "lsaiso" },
	{ .level = "vm", .program = "lsavmm", .image = "lsaiso-vm", .open = open_vm },
	{ .level = "hypervisor", .program = "lsalink", .far = true, .open = channel_open },
};

const struct world *
world_of(const struct instance *in)
{
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		if (strcmp(worlds[i].level, in->cf.isolation_level) == 0)
			return &worlds[i];
	}
	log_err("[isolation] level = %s cannot be had from this build", in->cf.isolation_level);
	return NULL;
}
