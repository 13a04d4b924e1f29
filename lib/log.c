/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 2048

static const char *name = "lsaiso";
static int least_severe = LOG_INFO;
static int to_journal;

static const char *const words[] = {
	[LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

/*
 * Whether stderr is the journal. The peer's address says so, and holds as
 * well in programs that are started with an empty environment.
 */
static int
stderr_is_journal(void)
{
	static const char journal[] = "/run/systemd/journal/";
	struct sockaddr_un peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getpeername(STDERR_FILENO, (struct sockaddr *)&peer, &len) != 0)
		return 0;
	return peer.sun_family == AF_UNIX &&
	       strncmp(peer.sun_path, journal, sizeof(journal) - 1) == 0;
}

void
log_open(const char *program, int least)
{
	name = program;
	least_severe = least;
	to_journal = stderr_is_journal();
}

int
log_level(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i] != NULL && strcmp(words[i], word) == 0)
			return (int)i;
	}
	return -1;
}

static size_t
put_head(char *line, size_t n, int priority)
{
	char when[32] = "";
	struct timespec now;
	struct tm utc;
	int len;

	if (to_journal) {
		len = snprintf(line, n, "<%d>", priority);
	} else {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		if (gmtime_r(&now.tv_sec, &utc) != NULL)
			(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
		len = snprintf(line, n, "%s.%03ldZ %s[%d] %s: ", when, now.tv_nsec / 1000000, name,
			       (int)getpid(),
			       priority <= LOG_ERR ? words[LOG_ERR] : words[priority]);
	}
	return len < 0 ? 0 : (size_t)len;
}

void
log_line(int priority, const char *format, ...)
{
	char line[LINE_MAX_OCTETS];
	size_t at, len;
	va_list ap;
	int saved = errno, got;

	if (priority > least_severe || priority > LOG_DEBUG || priority < 0)
		return;
	at = put_head(line, sizeof(line) - 1, priority);
	va_start(ap, format);
	got = vsnprintf(line + at, sizeof(line) - 1 - at, format, ap);
	va_end(ap);
	len = at + (got < 0 ? 0 : (size_t)got);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	for (size_t i = at; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	/* A log that cannot be written is nobody's reason to stop. */
	if (write(STDERR_FILENO, line, len) < 0)
		errno = saved;
	errno = saved;
}
