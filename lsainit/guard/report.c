/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was refused: every one counts, as many as people can read get a line.
 * After a look at the ring it is left alone for a while, so that whoever is
 * refused a million times costs lsainit a few looks a second.
 */
#define _GNU_SOURCE
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lsainit/guard/guard.h"
#include "lsainit/guard/private.h"
#include "lsainit/init.h"

#define QUIET_MS  200
#define WINDOW_MS 10000
#define LINES_MAX 10 /* in a window */

const struct guard_hook_row guard_hooks[GUARD_HOOK_END] = {
#define HOOK_ROW(name, must, text) { #name, must, text },
	GUARD_HOOKS(HOOK_ROW)
#undef HOOK_ROW
};

static void
name_of(const struct control_table *ta, uint32_t pid, char *text, size_t n)
{
	if (pid == 0)
		text[0] = '\0';
	else if ((int32_t)pid == ta->lsaiso_pid)
		(void)snprintf(text, n, " (lsaiso)");
	else if ((int32_t)pid == ta->lsass_pid)
		(void)snprintf(text, n, " (lsass)");
	else if ((int32_t)pid == ta->lsainit_pid)
		(void)snprintf(text, n, " (lsainit)");
	else
		(void)snprintf(text, n, " (pid %u)", pid);
}

static int
take_event(void *arg, void *data, size_t size)
{
	struct guard *gd = arg;
	const struct guard_event *ev = data;
	char target[32];

	if (size < sizeof(*ev) || ev->hook >= GUARD_HOOK_END)
		return 0;
	watch_refused(gd->in, ev);
	if (gd->lines >= LINES_MAX) {
		gd->unsaid++;
		return 0;
	}
	gd->lines++;
	name_of(&gd->in->table, ev->target, target, sizeof(target));
	log_warn("refused: %s%s, by pid %u (%.16s, uid %u) [%s %u]", guard_hooks[ev->hook].text,
		 target, ev->actor, ev->comm, ev->uid, guard_hooks[ev->hook].name, ev->detail);
	return 0;
}

int
report_open(struct guard *gd, int fd)
{
	gd->ring = ring_buffer__new(fd, take_event, gd, NULL);
	return gd->ring != NULL ? 0 : -1;
}

void
report_close(struct guard *gd)
{
	ring_buffer__free(gd->ring);
	gd->ring = NULL;
}

int
guard_fd(const struct instance *in)
{
	if (in->guard == NULL || in->guard->quiet_until != 0)
		return -1;
	return ring_buffer__epoll_fd(in->guard->ring);
}

int
guard_wait(const struct instance *in)
{
	int64_t left;

	if (in->guard == NULL || in->guard->quiet_until == 0)
		return -1;
	left = in->guard->quiet_until - monotonic_ms();
	return left > 0 ? (int)left : 0;
}

bool
guard_drain(struct instance *in)
{
	struct guard *gd = in->guard;
	int64_t now = monotonic_ms();
	uint64_t refused = 0;
	bool changed;

	if (gd == NULL || (gd->quiet_until != 0 && now < gd->quiet_until))
		return false;
	gd->in = in;
	if (now - gd->window >= WINDOW_MS) {
		if (gd->unsaid != 0)
			log_warn("refused: %u more within %d s", gd->unsaid, WINDOW_MS / 1000);
		gd->window = now;
		gd->lines = gd->unsaid = 0;
	}
	(void)ring_buffer__consume(gd->ring);
	for (size_t i = 0; i < GUARD_HOOK_END; i++)
		refused += ((volatile uint64_t *)gd->counts)[i];
	changed = refused != in->table.guard.refused;
	in->table.guard.refused = refused;
	/* While something comes, look again after a while; else wait for the ring. */
	gd->quiet_until = changed ? now + QUIET_MS : 0;
	return changed;
}
