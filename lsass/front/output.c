/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/front/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

uint8_t *
output_room(struct output *ou, size_t n)
{
	ou->at = calloc(1, n);
	ou->len = n;
	ou->sent = 0;
	return ou->at;
}

int
output_flush(struct output *ou, int fd, uint64_t *since, uint64_t now)
{
	while (ou->at != NULL && ou->sent < ou->len) {
		ssize_t sent = send(fd, ou->at + ou->sent, ou->len - ou->sent,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		ou->sent += (size_t)sent;
		*since = now;
	}
	output_wipe(ou);
	return 0;
}

void
output_wipe(struct output *ou)
{
	if (ou->at != NULL)
		explicit_bzero(ou->at, ou->len);
	free(ou->at);
	ou->at = NULL;
}
