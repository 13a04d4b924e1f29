/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of the log per finding: for machines without a journal. */
#include "lib/log.h"
#include "lsawatch/out/out.h"

static bool
text_open(struct lsawatch *w)
{
	return true;
}

static int
level_of(enum watch_severity severity)
{
	switch (severity) {
	case INFO:
		return LOG_INFO;
	case LOW:
		return LOG_NOTICE;
	case MEDIUM:
		return LOG_WARNING;
	case HIGH:
	case CRITICAL:
		break;
	}
	return LOG_ERR;
}

static int
text_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling, char *why,
	  size_t n)
{
	char message[OUT_MESSAGE], name[WATCH_NAME];

	watch_rule_name(fi->rule, name);
	out_message(fi, telling, message);
	log_line(level_of(fi->severity), "finding %s: %s %s: %s", fi->uid,
		 watch_severity_names[fi->severity], name, message);
	return 0;
}

const struct output output_text = {
	.name = "log",
	.open = text_open,
	.tell = text_tell,
};
