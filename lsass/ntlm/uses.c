/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who still uses NTLM: a table, and log lines that nobody can make a flood of. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ntlm/private.h"

#define SAY_EVERY 60 /* seconds between two log lines of a row */
#define SAY_MOST  30 /* log lines of all rows in that time */

static int64_t
now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + 1; /* 0 stands for never */
}

static void
make_plain(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

/* ---- programs */

/* The folder of a process in /proc: what is read in it is of that process, or nothing. */
static int
open_process(pid_t pid, uid_t uid)
{
	struct stat sb;
	char path[32];
	int fd;

	if (pid <= 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* root's: one that may not be dumped */
	if (fd >= 0 && (fstat(fd, &sb) != 0 || (sb.st_uid != uid && sb.st_uid != 0))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* A small file of it, without the newline; "" if there is none. */
static void
read_in(int process, const char *name, char *text, size_t n)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, n - 1) : -1;

	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

/* The parent's number is the second word behind the name, which ends with the last ). */
static pid_t
parent_of(int process)
{
	char text[512];
	const char *at;

	read_in(process, "stat", text, sizeof(text));
	at = strrchr(text, ')');
	return at != NULL && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

static void
name_of(int process, char *text, size_t n)
{
	ssize_t got = readlinkat(process, "exe", text, n - 1);

	text[got > 0 ? got : 0] = '\0';
	if (got <= 0) /* of another user: lsass may not see it */
		read_in(process, "comm", text, n);
}

static bool
is_helper(const char *program)
{
	const char *base = strrchr(program, '/');

	return strcmp(base != NULL ? base + 1 : program, "ntlm_auth") == 0;
}

/* "/usr/bin/smbclient"; of Samba's helper also who started it: "ntlm_auth of firefox". */
static void
program_of(const struct ntlm_peer *peer, char text[NTLM_SHOWN])
{
	char parent[NTLM_SHOWN / 2];
	int process = open_process(peer->pid, peer->uid), other;
	size_t n;

	text[0] = '\0';
	if (process >= 0)
		name_of(process, text, NTLM_SHOWN);
	if (process >= 0 && is_helper(text)) {
		other = open_process(parent_of(process), peer->uid);
		if (other >= 0) {
			name_of(other, parent, sizeof(parent));
			n = strlen(text);
			(void)snprintf(text + n, NTLM_SHOWN - n, " of %s", parent);
			(void)close(other);
		}
	}
	if (process >= 0)
		(void)close(process);
	if (text[0] == '\0')
		(void)snprintf(text, NTLM_SHOWN, "?");
	make_plain(text);
}

/* ---- rows */

static bool
is_row(const struct ntlm_use *a, const struct ntlm_use *b)
{
	return a->uid == b->uid && strcmp(a->program, b->program) == 0 &&
	       strcmp(a->server, b->server) == 0 && strcmp(a->user, b->user) == 0;
}

static size_t
rows_of(const struct ntlm *nt, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < nt->nrows; i++)
		n += nt->rows[i].use.uid == uid;
	return n;
}

/* The oldest of whom has most: nobody pushes the others out. */
static struct use_row *
victim(struct ntlm *nt)
{
	struct use_row *row = &nt->rows[0];
	size_t most = rows_of(nt, row->use.uid);

	for (size_t i = 1; i < nt->nrows; i++) {
		struct use_row *other = &nt->rows[i];
		size_t n = rows_of(nt, other->use.uid);

		if (n > most || (n == most && other->use.last < row->use.last)) {
			row = other;
			most = n;
		}
	}
	return row;
}

static struct use_row *
row_of(struct ntlm *nt, const struct ntlm_use *key)
{
	struct use_row *row;

	for (size_t i = 0; i < nt->nrows; i++) {
		if (is_row(&nt->rows[i].use, key))
			return &nt->rows[i];
	}
	row = nt->nrows < NTLM_USES ? &nt->rows[nt->nrows++] : victim(nt);
	*row = (struct use_row){ .use = *key };
	row->use.first = time(NULL);
	return row;
}

/* ---- the log */

/* A row once a minute, all of them a few times. */
static bool
may_say(struct ntlm *nt, struct use_row *row)
{
	int64_t now = now_s();

	row->kept++;
	if (row->said != 0 && now - row->said < SAY_EVERY)
		return false;
	if (now - nt->minute >= SAY_EVERY) {
		if (nt->quiet > 0)
			log_notice("NTLM: %u more lines were left out; lsactl ntlm uses has all",
				   nt->quiet);
		nt->minute = now;
		nt->lines = nt->quiet = 0;
	}
	if (nt->lines >= SAY_MOST) {
		nt->quiet++;
		return false;
	}
	nt->lines++;
	row->said = now;
	return true;
}

/* lsaiso does not say why: it is what is left. */
static const char *
reason(const struct ntlm *nt, const struct ntlm_use *us)
{
	if (!us->listed)
		return "not in [ntlm] targets";
	if (strcmp(nt->cf->isolation_level, "hypervisor") == 0)
		return "it is not NTLMv2, signs without a key exchange, or is not in [ntlm] of "
		       "the host";
	return "it is not NTLMv2, or signs without a key exchange";
}

static void
say(struct ntlm *nt, struct use_row *row, pid_t pid, bool refused)
{
	const struct ntlm_use *us = &row->use;
	char times[48] = "";

	if (!may_say(nt, row))
		return;
	if (row->kept > 1)
		(void)snprintf(times, sizeof(times), ", %llu times", (unsigned long long)row->kept);
	row->kept = 0;
	log_notice("NTLM: uid %u, pid %d (%s), as %s to %s%s: %s: %s", (unsigned int)us->uid,
		   (int)pid, us->program, us->user, us->server, times,
		   refused ? "refused" : "would be refused", reason(nt, us));
}

void
use_note(struct ntlm *nt, const struct use_of *is)
{
	struct ntlm_use key = { .uid = is->peer->uid };
	struct use_row *row;

	program_of(is->peer, key.program);
	(void)snprintf(key.server, sizeof(key.server), "%s",
		       is->server[0] != '\0' ? is->server : "?");
	(void)snprintf(key.user, sizeof(key.user), "%.*s\\%.*s", NTLM_SHOWN / 2 - 1, is->domain,
		       NTLM_SHOWN / 2 - 1, is->user);
	make_plain(key.user);
	row = row_of(nt, &key);
	row->use.listed = is->listed;
	row->use.count++;
	row->use.refused += is->refused;
	row->use.last = time(NULL);
	nt->stats.answered += !is->refused;
	nt->stats.refused += is->refused;
	nt->stats.unlisted += !is->refused && !is->listed;
	if (is->refused || !is->listed)
		say(nt, row, is->peer->pid, is->refused);
}

const struct ntlm_use *
ntlm_use_at(const struct ntlm *nt, size_t i)
{
	return i < nt->nrows ? &nt->rows[i].use : NULL;
}
