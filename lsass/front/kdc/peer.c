/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose a socket is. The kernel is asked for the socket that has our peer's address,
 * in the network namespace where ours are; what it says is of that moment:
 *
 *  - A socket that was closed still is in the kernel's tables, as root's. It has no inode.
 *  - Its address may be another's by now. A connection of ours that still stands was
 *    with nobody else, so we look at it afterwards. Of datagrams nothing tells; the cookie
 *    does not come again, so it is compared before an answer goes out that another could read.
 */
#define _GNU_SOURCE /* struct ucred */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lsass/front/kdc/private.h"

#define LOOPBACK_INDEX 1 /* of the interface lo, in every network namespace */
#define ANSWER_MAX     4096
#define STALE_MAX      16 /* answers to what a lsass before us asked */

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 req;
};

/* Address and port as the kernel's table has them. */
static bool
put_address(const struct sockaddr *addr, __be32 at[4], __be16 *port)
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct sockaddr_in6 *v6 = (const void *)addr;

	switch (addr->sa_family) {
	case AF_INET:
		at[0] = v4->sin_addr.s_addr;
		*port = v4->sin_port;
		return true;
	case AF_INET6:
		memcpy(at, &v6->sin6_addr, sizeof(v6->sin6_addr));
		*port = v6->sin6_port;
		return true;
	default:
		return false;
	}
}

/* Take what the kernel says to question number seq. -1: nothing, or that there is none. */
static int
hear(int diag, uint32_t seq, struct inet_diag_msg *is)
{
	union {
		struct nlmsghdr head;
		uint8_t octets[ANSWER_MAX];
	} an;

	for (int i = 0; i < STALE_MAX; i++) {
		ssize_t got = recv(diag, &an, sizeof(an), MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < (ssize_t)sizeof(an.head) || an.head.nlmsg_len > (size_t)got)
			return -1;
		if (an.head.nlmsg_seq != seq)
			continue;
		if (an.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		    an.head.nlmsg_len < NLMSG_LENGTH(sizeof(*is)))
			return -1;
		memcpy(is, NLMSG_DATA(&an.head), sizeof(*is));
		return 0;
	}
	return -1;
}

static int
ask(int diag, struct question *qu, struct inet_diag_msg *is)
{
	static uint32_t seq; /* of the last question */
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	if (seq == 0 && getrandom(&seq, sizeof(seq), GRND_NONBLOCK) < 0)
		seq = (uint32_t)getpid(); /* it need only differ from that of a lsass before us */
	qu->head.nlmsg_seq = ++seq;
	qu->head.nlmsg_len = sizeof(*qu);
	qu->head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	qu->head.nlmsg_flags = NLM_F_REQUEST;
	do
		sent = sendto(diag, qu, sizeof(*qu), MSG_DONTWAIT, (const struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(*qu) ? hear(diag, seq, is) : -1;
}

/* Ours is connected, and was all the time. */
static bool
still_stands(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       (info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_CLOSE_WAIT);
}

/* One end of a connection: neither one that listens nor one that is gone. */
static bool
is_connected(uint8_t state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

/*
 * What is asked of the kernel: the socket at that end of a connection, or the one that a
 * datagram to there comes to.
 *
 * there  its address; here  the other end, NULL: none
 * Returns 0, or -1: no such address.
 */
static int
put_question(struct question *qu, bool stream, const struct sockaddr *there,
	     const struct sockaddr *here)
{
	struct inet_diag_sockid *id = &qu->req.id;
	/* Of TCP the source is the socket that is looked for; of UDP that of the datagram. */
	__be32 *to = stream ? id->idiag_src : id->idiag_dst;
	__be32 *from = stream ? id->idiag_dst : id->idiag_src;
	__be16 *to_port = stream ? &id->idiag_sport : &id->idiag_dport;
	__be16 *from_port = stream ? &id->idiag_dport : &id->idiag_sport;

	memset(qu, 0, sizeof(*qu));
	qu->req.sdiag_family = (uint8_t)there->sa_family;
	qu->req.sdiag_protocol = stream ? IPPROTO_TCP : IPPROTO_UDP;
	qu->req.idiag_states = ~0U;
	id->idiag_if = LOOPBACK_INDEX;
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (!put_address(there, to, to_port) ||
	    (here != NULL && !put_address(here, from, from_port)))
		return -1;
	return 0;
}

static __be16
port_of(const struct sockaddr *addr)
{
	/* Both families have it in the same place. */
	return ((const struct sockaddr_in *)(const void *)addr)->sin_port;
}

static int
find_by_address(int diag, int fd, const struct sockaddr *ours, const struct sockaddr *theirs,
		struct peer *peer)
{
	bool stream = fd >= 0;
	struct question qu;
	struct inet_diag_msg is;

	if (diag < 0 || put_question(&qu, stream, theirs, ours) != 0 || ask(diag, &qu, &is) != 0 ||
	    is.id.idiag_sport != port_of(theirs) || is.idiag_inode == 0)
		return -1;
	peer->uid = is.idiag_uid;
	peer->cookie = (uint64_t)is.id.idiag_cookie[1] << 32 | is.id.idiag_cookie[0];
	return !stream || (is_connected(is.idiag_state) && still_stands(fd)) ? 0 : -1;
}

bool
peer_told(int diag, bool stream, const struct sockaddr *ours)
{
	struct question qu;
	struct inet_diag_msg is;

	/* Who can be asked for it finds our own. */
	return diag >= 0 && put_question(&qu, stream, ours, NULL) == 0 &&
	       ask(diag, &qu, &is) == 0 && is.idiag_inode != 0;
}

int
peer_find(int diag, int fd, const struct sockaddr *ours, const struct sockaddr *theirs,
	  struct peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	memset(peer, 0, sizeof(*peer));
	peer->uid = (uid_t)-1;
	if (theirs->sa_family == AF_UNIX) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
		    len != sizeof(cred))
			return -1;
		peer->uid = cred.uid;
		return 0;
	}
	return find_by_address(diag, fd, ours, theirs, peer);
}
