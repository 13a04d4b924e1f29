/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/sense/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lsawatch/sense/look.h"

/* include/net/tcp_states.h */
#define ESTABLISHED 1
#define SYN_SENT    2
#define FIN_WAIT1   4
#define CLOSE	    7 /* of UDP: it has no peer */
#define CLOSE_WAIT  8
#define LISTEN	    10
#define BIT(state)  (1u << (state))
/* Not those that have no process any more. */
#define STATES                                                                                     \
	(BIT(ESTABLISHED) | BIT(SYN_SENT) | BIT(FIN_WAIT1) | BIT(CLOSE) | BIT(CLOSE_WAIT) |        \
	 BIT(LISTEN))

static int netlink = -1;

static const struct table {
	int family, protocol;
	const char *name; /* in /proc/PID/net */
} tables[] = {
	{ AF_INET, IPPROTO_TCP, "net/tcp" },
	{ AF_INET6, IPPROTO_TCP, "net/tcp6" },
	{ AF_INET, IPPROTO_UDP, "net/udp" },
	{ AF_INET6, IPPROTO_UDP, "net/udp6" },
};

void
sockets_open(void)
{
	const struct timeval patience = { .tv_sec = 1 };

	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink >= 0)
		(void)setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

void
sockets_close(void)
{
	if (netlink >= 0)
		(void)close(netlink);
	netlink = -1;
}

static struct watch_socket
socket_of(const struct table *ta, unsigned int state)
{
	bool stream = ta->protocol == IPPROTO_TCP;

	return (struct watch_socket){ .six = ta->family == AF_INET6,
				      .stream = stream,
				      .listens = state == (stream ? LISTEN : CLOSE) };
}

/* ---- sock_diag */

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 ask;
};

/* The messages of one packet. 1: more come, 0: that was all, -1: errno. */
static int
take_packet(const struct table *ta, struct nlmsghdr *nh, size_t len,
	    void (*fn)(void *arg, const struct watch_socket *so), void *arg)
{
	for (; NLMSG_OK(nh, len); nh = NLMSG_NEXT(nh, len)) {
		const struct inet_diag_msg *is = NLMSG_DATA(nh);
		struct watch_socket so;

		if (nh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(nh);

			errno = -error->error;
			return -1;
		}
		if (nh->nlmsg_len < NLMSG_LENGTH(sizeof(*is)))
			continue;
		so = socket_of(ta, is->idiag_state);
		memcpy(so.local, is->id.idiag_src, sizeof(so.local));
		memcpy(so.remote, is->id.idiag_dst, sizeof(so.remote));
		so.local_port = ntohs(is->id.idiag_sport);
		so.remote_port = ntohs(is->id.idiag_dport);
		so.uid = is->idiag_uid;
		so.inode = is->idiag_inode;
		fn(arg, &so);
	}
	return 1;
}

static int
ask_kernel(const struct table *ta, void (*fn)(void *arg, const struct watch_socket *so), void *arg)
{
	static struct nlmsghdr packet[32768 / sizeof(struct nlmsghdr)];
	struct request re = {
		.head = { .nlmsg_len = sizeof(re),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.ask = { .sdiag_family = (uint8_t)ta->family,
			 .sdiag_protocol = (uint8_t)ta->protocol,
			 .idiag_states = STATES },
	};
	int more = 1;

	if (netlink < 0 || send(netlink, &re, sizeof(re), 0) < 0)
		return -1;
	while (more > 0) {
		ssize_t got = recv(netlink, packet, sizeof(packet), 0);

		more = got > 0 ? take_packet(ta, packet, (size_t)got, fn, arg) : -1;
	}
	return more;
}

/* ---- tables of /proc */

/* Words of the machine, in hexadecimal, and the port. Returns the rest. */
static const char *
take_address(const char *at, uint32_t to[4], unsigned int *port)
{
	size_t digits = strspn(at, "0123456789ABCDEF");
	char word[9] = "";

	for (size_t i = 0; i < digits / 8 && i < 4; i++) {
		memcpy(word, at + 8 * i, 8);
		to[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	at += digits;
	*port = *at == ':' ? (unsigned int)strtoul(at + 1, NULL, 16) : 0;
	return at + strcspn(at, " ");
}

/* "sl: local remote state queues timer retransmits uid timeout inode ..." */
static bool
take_line(const struct table *ta, const char *line, struct watch_socket *so)
{
	const char *at = strchr(line, ':');
	char *end;

	*so = socket_of(ta, 0);
	if (at == NULL || at[1] != ' ')
		return false;
	at = take_address(at + 2, so->local, &so->local_port);
	at = take_address(at + strspn(at, " "), so->remote, &so->remote_port);
	so->listens = socket_of(ta, (unsigned int)strtoul(at, &end, 16)).listens;
	for (int i = 0; i < 3; i++) { /* queues, timer, retransmits */
		end += strspn(end, " ");
		end += strcspn(end, " \n");
	}
	so->uid = (unsigned int)strtoul(end, &end, 10);
	(void)strtoul(end, &end, 10);
	so->inode = strtoull(end, NULL, 10);
	return so->inode != 0;
}

static void
read_table(int dir, const struct table *ta, void (*fn)(void *arg, const struct watch_socket *so),
	   void *arg)
{
	const char *text = look_file(dir, ta->name, NULL);
	struct watch_socket so;

	while (text != NULL && *text != '\0') {
		const char *next = strchr(text, '\n');

		if (take_line(ta, text, &so))
			fn(arg, &so);
		text = next != NULL ? next + 1 : NULL;
	}
}

void
sockets_each(int dir, void (*fn)(void *arg, const struct watch_socket *so), void *arg)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (ask_kernel(&tables[i], fn, arg) != 0)
			read_table(dir, &tables[i], fn, arg);
	}
}
