/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 2

union fd_space {
	struct cmsghdr head;
	char octets[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int
control_send(int line, const struct control_msg *msg, const int fds[2])
{
	struct control_msg copy = *msg;
	union fd_space space = { 0 };
	struct iovec part = { .iov_base = &copy, .iov_len = sizeof(copy) };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };
	size_t n = 0;
	ssize_t sent;

	while (fds != NULL && n < FDS_MAX && fds[n] >= 0)
		n++;
	if (n > 0) {
		struct cmsghdr *cm = &space.head;

		head.msg_control = space.octets;
		head.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	}
	do
		sent = sendmsg(line, &head, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	explicit_bzero(copy.state_key, sizeof(copy.state_key));
	return sent < 0 ? -1 : 0;
}

/* Take the descriptors out of a message, closing what nobody asked for. */
static void
take_fds(struct msghdr *head, int fds[2])
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(head); cm != NULL; cm = CMSG_NXTHDR(head, cm)) {
		size_t n;

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (i < FDS_MAX && fds[i] < 0)
				fds[i] = fd;
			else
				(void)close(fd);
		}
	}
}

static int
bad_message(struct control_msg *msg, int fds[2])
{
	for (int i = 0; i < FDS_MAX; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
		fds[i] = -1;
	}
	explicit_bzero(msg, sizeof(*msg));
	errno = EBADMSG;
	return -1;
}

int
control_recv(int line, struct control_msg *msg, int fds[2])
{
	union fd_space space = { 0 };
	struct iovec part = { .iov_base = msg, .iov_len = sizeof(*msg) };
	struct msghdr head = { .msg_iov = &part,
			       .msg_iovlen = 1,
			       .msg_control = space.octets,
			       .msg_controllen = sizeof(space.octets) };
	ssize_t got;

	fds[0] = fds[1] = -1;
	memset(msg, 0, sizeof(*msg));
	do
		got = recvmsg(line, &head, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -1 : 0;
	take_fds(&head, fds);
	if (got != sizeof(*msg) || (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    msg->type < CTL_HELLO || msg->type >= CTL_END)
		return bad_message(msg, fds);
	if (msg->type == CTL_ISO ? fds[1] < 0 : msg->type == CTL_HELLO ? fds[1] >= 0 : fds[0] >= 0)
		return bad_message(msg, fds);
	return 1;
}
