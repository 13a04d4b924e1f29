/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root key of a fresh lsaiso, when it is a kept one. lsaseal, a child
 * for a moment, opens it and hands it to lsaiso over the channel; it never
 * comes here. Then, and only then, policy is fixed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/child.h"
#include "lsainit/init.h"
#include "lsaseal/exits.h"

#define SEAL_MS	    30000 /* a TPM may take seconds */
#define SEAL_FILES  64
#define SEAL_LOCKED (8UL << 20)

/* Who may open the TPM, beside root: Debian gives it to the group tss. */
static gid_t
device_group(const char *tcti)
{
	static const char kind[] = "device:";
	struct stat sb;

	if (strncmp(tcti, kind, sizeof(kind) - 1) != 0 || stat(tcti + sizeof(kind) - 1, &sb) != 0)
		return 0;
	return sb.st_gid;
}

static pid_t
spawn(const struct instance *in)
{
	char name[] = "lsaseal", root[] = "--root", directory[] = "--directory", tcti[] = "--tcti",
	     pcrs[] = "--pcrs", command[] = "boot";
	char *argv[] = { name,
			 root,
			 in->cf.seal_root,
			 directory,
			 in->cf.host_directory,
			 tcti,
			 in->cf.seal_tcti,
			 pcrs,
			 in->cf.seal_pcrs,
			 command,
			 NULL };
	char *envp[] = { NULL };
	const struct child_plan plan = {
		.name = "lsaseal",
		.image = in->seal_image.fd,
		.argv = argv,
		.envp = envp,
		.fds = { in->mailbox_fd, in->life_fd },
		.nfds = 2,
		.alive = in->alive[0],
		.bare = in->separate,
		.group = device_group(in->cf.seal_tcti),
		.files = SEAL_FILES,
		.locked = SEAL_LOCKED,
		.filter = true,
	};

	return child_start(&plan);
}

/* Its wait status; killed when it takes too long. */
static int
await(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd pf = { .fd = fd, .events = POLLIN };

	if (fd < 0 || poll(&pf, 1, SEAL_MS) != 1) {
		log_err("lsaseal did not end within %d s", SEAL_MS / 1000);
		(void)kill(pid, SIGKILL);
	}
	close_fd(&fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int
seal_bring(const struct instance *in)
{
	pid_t pid;
	int status, code;

	if (strcmp(in->cf.seal_root, "random") == 0)
		return 0;
	if (launch_check(in, &in->seal_image) != 0)
		return -1;
	pid = spawn(in);
	if (pid < 0)
		return -1;
	status = await(pid);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code == SEAL_OK)
		return 0;
	if (seal_exit_text(code) != NULL)
		log_err("no root key ([seal] root = %s), so nothing is started: %s; %s",
			in->cf.seal_root, seal_exit_text(code), seal_exit_advice(code));
	else
		log_err("no root key ([seal] root = %s), so nothing is started: lsaseal ended with "
			"status 0x%x",
			in->cf.seal_root, (unsigned int)status);
	return -1;
}

bool
seal_kept(const struct instance *in)
{
	char path[4096];
	bool tpm = strcmp(in->cf.seal_root, "tpm") == 0;

	(void)snprintf(path, sizeof(path), "%s/%s", in->cf.host_directory,
		       tpm ? "root.tpm" : "root.key");
	return access(path, F_OK) == 0;
}
