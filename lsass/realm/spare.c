/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/realm/spare.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct spare {
	int fd; /* -1: free place */
	struct watch *wa;
	uint64_t born; /* ms */
	struct sockaddr_storage to;
};

struct spares {
	struct loop *lo;
	struct spare spare[SPARE_MAX];
};

struct spares *
spares_new(struct loop *lo)
{
	struct spares *sp = calloc(1, sizeof(*sp));

	if (sp == NULL)
		return NULL;
	sp->lo = lo;
	for (size_t i = 0; i < SPARE_MAX; i++)
		sp->spare[i].fd = -1;
	return sp;
}

static void
discard(struct spare *one)
{
	loop_unwatch(one->wa);
	(void)close(one->fd);
	one->fd = -1;
}

void
spares_free(struct spares *sp)
{
	for (size_t i = 0; sp != NULL && i < SPARE_MAX; i++) {
		if (sp->spare[i].fd >= 0)
			discard(&sp->spare[i]);
	}
	free(sp);
}

/* Nobody asked. */
static void
ready(void *arg, uint32_t events)
{
	(void)events;
	discard(arg);
}

static bool
is_old(const struct spares *sp, uint64_t born)
{
	return loop_now_ms(sp->lo) - born >= SPARE_MS;
}

int
spares_take(struct spares *sp, const struct place *to, struct watch **wa, uint64_t *born)
{
	for (size_t i = 0; i < SPARE_MAX; i++) {
		struct spare *one = &sp->spare[i];
		int fd = one->fd;
		uint8_t octet;

		if (fd < 0 || memcmp(&one->to, &to->to, sizeof(one->to)) != 0)
			continue;
		/* What came meanwhile answers nothing; the loop has yet to tell. */
		if (is_old(sp, one->born) || recv(fd, &octet, 1, MSG_DONTWAIT) >= 0) {
			discard(one);
			continue;
		}
		one->fd = -1;
		*wa = one->wa;
		*born = one->born;
		return fd;
	}
	return -1;
}

void
spares_put(struct spares *sp, const struct place *to, int fd, struct watch *wa, uint64_t born)
{
	for (size_t i = 0; i < SPARE_MAX && !is_old(sp, born); i++) {
		struct spare *one = &sp->spare[i];

		if (one->fd >= 0)
			continue;
		one->fd = fd;
		one->wa = wa;
		one->born = born;
		one->to = to->to;
		loop_hand_over(wa, ready, one);
		return;
	}
	loop_unwatch(wa);
	(void)close(fd);
}

size_t
spares_sweep(struct spares *sp)
{
	size_t left = 0;

	for (size_t i = 0; i < SPARE_MAX; i++) {
		struct spare *one = &sp->spare[i];

		if (one->fd >= 0 && is_old(sp, one->born))
			discard(one);
		left += one->fd >= 0;
	}
	return left;
}
