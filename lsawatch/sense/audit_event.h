/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of the audit system, put together to events. Most of their text is
 * the kernel's; names of programs and files are whatever somebody called them.
 */
#ifndef LSAWATCH_AUDIT_EVENT_H
#define LSAWATCH_AUDIT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_EVENT_PATHS 6
#define AUDIT_EVENT_PIDS  8
#define AUDIT_EVENTS_OPEN 16

struct audit_event {
	uint64_t serial; /* 0: none */
	bool known;	 /* has its SYSCALL record */
	bool success;
	uint32_t arch;
	int syscall;
	int64_t exit;
	uint64_t args[4];
	pid_t pid, ppid;
	uint32_t uid, login;
	char comm[16], exe[256], key[64], cwd[256];
	size_t n_paths, n_pids;
	char paths[AUDIT_EVENT_PATHS][256]; /* as given to the call: perhaps from cwd */
	pid_t pids[AUDIT_EVENT_PIDS];	    /* whom it was done to */
};

struct audit_events {
	struct audit_event open[AUDIT_EVENTS_OPEN];
	size_t next; /* to make room */
};

/*
 * One record.
 *
 * type       of linux/audit.h
 * text, len  its text, which need not end in a zero
 *
 * Returns the event if that was its last record and it is of a system call;
 * it is valid until the next call. NULL: not yet, or malformed.
 */
const struct audit_event *audit_record(struct audit_events *es, unsigned int type, const char *text,
				       size_t len);

#endif
