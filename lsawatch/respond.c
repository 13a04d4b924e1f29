/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done about a finding, by [respond]: alert, lock or wipe. lsainit
 * does it; lsawatch may ask for no more than these two. Only for findings of
 * HIGH or more about what succeeded. Asked once within
 * AGAIN_MS, because one attack is many findings.
 */
#include <string.h>

#include "lib/log.h"
#include "lsawatch/watch.h"

#define AGAIN_MS 2000

struct watch_responder {
	int64_t locked, wiped; /* CLOCK_MONOTONIC ms, of the last time */
};

static struct watch_responder the_responder;

int
responder_open(struct lsawatch *w)
{
	the_responder = (struct watch_responder){ .locked = -AGAIN_MS, .wiped = -AGAIN_MS };
	w->responder = &the_responder;
	return 0;
}

void
responder_close(struct lsawatch *w)
{
	w->responder = NULL;
}

const char *
respond_policy(const struct lsawatch *w, enum watch_row row)
{
	const struct config *cf = &w->cf;

	switch (row) {
#define POLICY_CASE(name, title, normal, signals, technique, technique18, todo)                    \
	case ROW_##name:                                                                           \
		return cf->respond_##name;
		WATCH_ROWS(POLICY_CASE)
#undef POLICY_CASE
	case ROW_END:
		break;
	}
	return "alert";
}

static void
ask(enum control_type type, int64_t *when, const char *what, const struct watch_finding *fi)
{
	struct control_msg msg = { .type = type };
	int64_t now = watch_now_ms();

	if (now - *when < AGAIN_MS)
		return;
	*when = now;
	log_notice("%s, because of finding %s: %s", what, fi->uid, fi->evidence);
	if (control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 }) != 0)
		log_err("lsainit does not hear: it was not asked to %s", what);
}

/*
 * Whether more than an alert may come of it. What was refused has changed
 * nothing, and a program that an ordinary user starts under our name takes
 * nothing from us: else anybody could end everybody's logons.
 */
static bool
may_act(struct lsawatch *w, const struct watch_finding *fi)
{
	if (fi->severity < HIGH || fi->allowed == 0)
		return false;
	if (fi->allowed == 1 || fi->by.pid == 0 || fi->by.uid == 0 || fi->by.uid == UINT32_MAX)
		return true;
	return watch_target_of(w, fi->by.pid) != NULL;
}

const char *
respond(struct lsawatch *w, const struct watch_finding *fi)
{
	const char *word = respond_policy(w, watch_rules[fi->rule].row);

	if (w->responder == NULL || !may_act(w, fi))
		return "alert";
	if (strcmp(word, "wipe") == 0) {
		ask(CTL_WIPE, &w->responder->wiped, "wipe", fi);
		return "wipe";
	}
	if (strcmp(word, "lock") == 0) {
		ask(CTL_LOCK, &w->responder->locked, "lock", fi);
		return "lock";
	}
	return "alert";
}
