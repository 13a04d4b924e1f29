/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of the log per finding: for machines without a journal. */
#include "lib/log.h"
#include "lsawatch/out/out.h"

static int
text_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling, char *why,
	  size_t n)
{
	char message[OUT_MESSAGE], name[WATCH_NAME];

	watch_rule_name(fi->rule, name);
	out_message(fi, telling, message);
	log_line(out_priority(fi->severity), "finding %s: %s %s: %s", fi->uid,
		 watch_severity_names[fi->severity], name, message);
	return 0;
}

const struct output output_text = {
	.name = "log",
	.tell = text_tell,
};
