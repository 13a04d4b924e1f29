/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsainit --check: would it start? Changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/machine.h"
#include "lsainit/init.h"

/* Can it be opened? Whether lsaiso is behind it is seen at the start. */
static bool
channel_answers(struct instance *in)
{
	int fds[WORLD_FDS] = { -1, -1, -1 };
	bool open = channel_prepare(in) == 0 && channel_open(in, fds) > 0;

	(void)printf("channel: %s%s\n", in->cf.isolation_channel,
		     open ? " can be opened" : " cannot be opened");
	close_fd(&fds[0]);
	return open;
}

int
check(struct instance *in)
{
	int bad = 0, error;
	pid_t pid;

	(void)printf("%s: valid\n", in->config_path);
	bad |= guest_prepare(in) != 0;
	bad |= prepare_users(in) != 0;
	if (prepare_images(in) == 0)
		bad |= prepare_launch(in) != 0;
	else
		bad = 1;
	if (in->launch != NULL && bad == 0)
		(void)printf("programs: as signed, security version %u\n",
			     (unsigned int)in->table.launch_svn);
	bad |= winbind_check(in) != 0;
	bad |= kdc_check(in) != 0;
	bad |= watch_prepare(in) != 0;
	(void)printf("lsawatch: %s\n", in->watches ? "would watch" : "none");
	pid = lock_holder(in);
	if (strcmp(in->cf.isolation_level, "vm") == 0) {
		error = access("/dev/kvm", R_OK | W_OK) != 0 ? errno : 0;
		bad |= error != 0;
		(void)printf("/dev/kvm: %s\n", error == 0 ? "there" : strerror(error));
	} else if (in->table.far) {
		bad |= pid == 0 && !channel_answers(in); /* a port serves only one */
	} else if (in->table.secret_memory) {
		error = machine_memfd_secret();
		bad |= error != 0;
		(void)printf("memfd_secret: %s\n",
			     error == 0 ? "works"
					: "missing; boot with secretmem.enable=1, or accept less: "
					  "memory = ordinary in [isolation]");
	} else {
		(void)printf("memory: ordinary, as configured (weaker)\n");
	}
	if (strcmp(in->cf.seal_root, "random") != 0 && !seal_kept(in)) {
		bad = 1;
		(void)printf("root key: none in %s for root = %s; lsactl seal enroll makes one\n",
			     in->cf.host_directory, in->cf.seal_root);
	}
	if (pid != 0)
		(void)printf("running: lsainit, pid %d\n", (int)pid);
	(void)printf("%s\n", bad ? "would not start" : "would start");
	return bad ? 1 : 0;
}
