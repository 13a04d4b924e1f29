/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words that all outputs share. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsawatch/out/out.h"

static char host[256];

void
out_host_read(void)
{
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
}

const char *
out_host(void)
{
	return host;
}

const char *
out_row(enum watch_rule rule)
{
	enum watch_row row = watch_rules[rule].row;

	return row == ROW_none ? "watch" : watch_rows[row].name;
}

const char *
out_part(const struct lsawatch *w, const struct watch_finding *fi)
{
	return fi->part < PART_END ? w->targets[fi->part].image.name : "";
}

const char *
out_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

int
out_priority(enum watch_severity severity)
{
	switch (severity) {
	case INFO:
		return LOG_INFO;
	case LOW:
		return LOG_NOTICE;
	case MEDIUM:
		return LOG_WARNING;
	case HIGH:
		return LOG_ERR;
	case CRITICAL:
		break;
	}
	return LOG_CRIT;
}

void
out_message(const struct watch_finding *fi, enum watch_telling telling, char text[OUT_MESSAGE])
{
	char raw[OUT_MESSAGE], who[512] = "", times[48] = "";

	if (fi->by.pid != 0 && fi->by.uid != UINT32_MAX)
		(void)snprintf(who, sizeof(who), " [by pid %d (%s, uid %u)]", (int)fi->by.pid,
			       fi->by.exe[0] != '\0' ? fi->by.exe : fi->by.comm,
			       (unsigned int)fi->by.uid);
	else if (fi->by.pid != 0)
		(void)snprintf(who, sizeof(who), " [by pid %d (%s)]", (int)fi->by.pid,
			       fi->by.exe[0] != '\0' ? fi->by.exe : fi->by.comm);
	if (telling == TELL_MORE)
		(void)snprintf(times, sizeof(times), " [%u times]", (unsigned int)fi->count);
	(void)snprintf(raw, sizeof(raw), "%s%s: %s%s%s", telling == TELL_OVER ? "over: " : "",
		       watch_rules[fi->rule].title, fi->evidence, who, times);
	out_clean(text, OUT_MESSAGE, raw);
}
