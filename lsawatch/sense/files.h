/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events of fanotify(7) and inotify(7), taken apart. For files.c and tests. */
#ifndef LSAWATCH_FILES_H
#define LSAWATCH_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file_event {
	uint64_t mask;
	pid_t pid; /* fanotify: who; 0: not told */
	int wd;	   /* inotify: which folder */
	/* fanotify: which folder; where in the buffer. NULL: not told. */
	const uint8_t *fsid;   /* 8 octets */
	const uint8_t *handle; /* struct file_handle and its octets */
	size_t handle_len;
	char name[256]; /* in the folder; "" or ".": the folder itself */
};

/*
 * The event at *at of the len octets at buf; *at is moved behind it.
 * Returns 1, 0: no more, -1: malformed, and no more is read.
 */
int files_fanotify(const uint8_t *buf, size_t len, size_t *at, struct file_event *ev);
int files_inotify(const uint8_t *buf, size_t len, size_t *at, struct file_event *ev);

#endif
