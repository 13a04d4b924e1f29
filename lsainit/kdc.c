/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of [kdc]: the addresses that are the KDC to the programs of this
 * machine, by TCP and UDP, and what tells whose the other end is.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/kdc.h"
#include "lib/log.h"
#include "lsainit/init.h"
#include "lsainit/rival.h"

#define BACKLOG	   4096 /* the kernel caps it at net.core.somaxconn */
#define PRIVILEGED 1024

static int
list(const struct instance *in, struct kdc_address ka[KDC_LISTEN_MAX])
{
	char error[512];
	int n = in->serves_guest ? 0 : kdc_addresses(&in->cf, ka, error, sizeof(error));

	if (n < 0)
		log_err("%s", error);
	return n;
}

/* Who has the port, and what to do. */
static void
log_rival(const struct kdc_address *ka, bool stream)
{
	/* Both families have the port in the same place. */
	uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)&ka->addr)->sin_port);
	const char *protocol = stream ? "TCP" : "UDP";
	char name[32] = "";
	uid_t uid = 0;
	pid_t pid = port_holder(port, stream, &uid);

	if (pid > 0)
		program_of(pid, name, sizeof(name));
	if (pid > 0)
		log_err("[kdc] listen: %s, %s: Address already in use, by pid %d (%s) of uid %u; "
			"stop it, or choose another port",
			ka->text, protocol, (int)pid, name[0] != '\0' ? name : "unknown",
			(unsigned int)uid);
	else
		log_err("[kdc] listen: %s, %s: Address already in use%s; find who is there with "
			"`ss -lntup`, or choose another port",
			ka->text, protocol, pid == 0 ? ", by another user" : "");
}

static const char *
advice(const struct kdc_address *ka, int error)
{
	uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)&ka->addr)->sin_port);

	if (error == EACCES && port < PRIVILEGED)
		return "; a port below 1024 is root's (CAP_NET_BIND_SERVICE)";
	if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
		return "; this machine has no such address: leave it out";
	return "";
}

/* A socket of that type at the address, or -1 (said in the log). */
static int
open_at(const struct kdc_address *ka, int type)
{
	int fd = socket(ka->addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	bool stream = type == SOCK_STREAM;

	/* Of datagrams it would let others share the port. */
	if (fd >= 0 &&
	    (!stream || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0) &&
	    (ka->addr.ss_family != AF_INET6 ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(fd, (const struct sockaddr *)&ka->addr, ka->len) == 0 &&
	    (!stream || listen(fd, BACKLOG) == 0))
		return fd;
	if (errno == EADDRINUSE)
		log_rival(ka, stream);
	else
		log_err("[kdc] listen: %s, %s: %s%s", ka->text, stream ? "TCP" : "UDP",
			strerror(errno), advice(ka, errno));
	close_fd(&fd);
	return -1;
}

static int
add(struct instance *in, int fd)
{
	if (fd < 0)
		return -1;
	in->kdc_fds[in->table.kdc++] = fd;
	return 0;
}

int
kdc_listen(struct instance *in)
{
	struct kdc_address ka[KDC_LISTEN_MAX];
	const char *path = in->cf.kdc_socket;
	int n = list(in, ka);

	for (int i = 0; i < n; i++) {
		if (add(in, open_at(&ka[i], SOCK_STREAM)) != 0 ||
		    add(in, open_at(&ka[i], SOCK_DGRAM)) != 0)
			return -1;
	}
	if (n < 0)
		return -1;
	if (!in->serves_guest && path[0] != '\0') {
		if (add(in, listen_at(path, 0111, NULL)) != 0)
			return -1;
		in->kdc_path = true;
	}
	if (in->table.kdc == 0)
		return 0;
	/* lsass may not open one, and it is to look where these sockets are. */
	in->diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     NETLINK_SOCK_DIAG);
	if (in->diag_fd < 0)
		log_warn("[kdc] no NETLINK_SOCK_DIAG (%s): whose a request is cannot be told but "
			 "at the UNIX socket, and stand-ins are of no use elsewhere",
			 strerror(errno));
	return 0;
}

void
kdc_unlink(const struct instance *in)
{
	if (in->kdc_path)
		(void)unlink(in->cf.kdc_socket);
}

void
kdc_close(struct instance *in)
{
	for (int i = 0; i < in->table.kdc; i++)
		close_fd(&in->kdc_fds[i]);
	in->table.kdc = 0;
	in->kdc_path = false;
	close_fd(&in->diag_fd);
}

int
kdc_check(const struct instance *in)
{
	struct kdc_address ka[KDC_LISTEN_MAX];
	int n = list(in, ka);

	for (int i = 0; i < n; i++)
		(void)printf("kdc: %s\n", ka[i].text);
	return n < 0 ? -1 : 0;
}
