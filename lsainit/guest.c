/* SPDX-License-Identifier: GPL-3.0-or-later */
/* [run] serves = guest: what is configured, and the sockets that the guest comes to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "lib/log.h"
#include "lsainit/init.h"

#define BACKLOG 64

int
guest_prepare(struct instance *in)
{
	const struct config *cf = &in->cf;
	gid_t gid;

	in->serves_guest = strcmp(cf->run_serves, "guest") == 0;
	if (!in->serves_guest)
		return 0;
	in->lsass_image.name = "lsaiso-host";
	if (strcmp(cf->isolation_level, "hypervisor") == 0)
		log_err("serves = guest needs a lsaiso of this machine: [isolation] level = "
			"process or vm");
	else if ((cf->guest_vsock_port == 0) != (cf->guest_vsock_cid == 0))
		log_err("[guest] vsock_port and vsock_cid go together: the port, and the CID of "
			"the only guest that is let in there");
	else if (cf->guest_socket[0] == '\0' && cf->guest_vsock_port == 0)
		log_err("serves = guest needs a way for the guest: [guest] socket = PATH for a "
			"UNIX socket, or vsock_port and vsock_cid for vsock");
	else if (user_number(cf->guest_socket_user, &in->guest_uid, &gid) != 0)
		log_err("there is no user \"%s\" ([guest] socket_user); name the user that runs "
			"the virtual machine monitor",
			cf->guest_socket_user);
	else
		return 0;
	return -1;
}

/*
 * The folder may belong to the monitor's user, so the name may lead elsewhere
 * by now: what is changed is a socket that root made and that has no other
 * name.
 */
int
guest_give(const struct instance *in, const char *path)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), bad = -1;
	struct stat sb;

	if (!in->separate)
		bad = in->guest_uid == geteuid() || in->guest_uid == 0 ? 0 : -1;
	else if (fd >= 0 && fstat(fd, &sb) == 0 && S_ISSOCK(sb.st_mode) && sb.st_nlink == 1 &&
		 sb.st_uid == geteuid())
		bad = in->guest_uid == 0
			  ? 0
			  : fchownat(fd, "", in->guest_uid, (gid_t)-1, AT_EMPTY_PATH);
	else
		errno = EPERM;
	if (bad != 0)
		log_err("%s cannot be given to [guest] socket_user = %s: %s", path,
			in->cf.guest_socket_user, in->separate ? strerror(errno) : "not as root");
	close_fd(&fd);
	return bad;
}

int
guest_listen_vsock(const struct instance *in)
{
	struct sockaddr_vm at = { .svm_family = AF_VSOCK,
				  .svm_cid = VMADDR_CID_ANY,
				  .svm_port = (unsigned int)in->cf.guest_vsock_port };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		log_err("[guest] vsock_port: %s%s", strerror(errno),
			errno == EAFNOSUPPORT
			    ? ": the kernel has no vsock for guests; modprobe vhost_vsock, or "
			      "configure [guest] socket in its place"
			    : "");
		return -1;
	}
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	log_err("[guest] vsock_port = %u: %s%s", at.svm_port, strerror(errno),
		errno == EADDRINUSE ? "; another daemon, perhaps of another guest, has it: each "
				      "guest needs a port of its own"
				    : "");
	(void)close(fd);
	return -1;
}
