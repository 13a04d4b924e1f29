/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One socket on its way to one address of a KDC: a datagram or a stream, with
 * a message of RFC 4120 7.2. In the loop. A part of lsass/realm/real.c.
 */
#ifndef LSASS_REALM_WAY_H
#define LSASS_REALM_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lsass/loop.h"
#include "lsass/realm/locate.h"
#include "rpc/rpc.h"

#define WAY_REPLY_MAX (1u << 20) /* octets by TCP */
#define WAY_HEAD      4		 /* octets of a length, before a message in a stream */

enum way_news {
	WAY_REPLY,   /* reply is there, whatever it is */
	WAY_GARBAGE, /* something that is no message came, or a part of one, and no more will */
	WAY_GONE,    /* nobody listens, cut off, no way there */
};

struct way;
/* reply lives until way_close. The way may be closed by it. */
typedef void way_told(void *arg, struct way *way, enum way_news news, struct rd reply);

struct way {
	struct way *next;
	size_t place; /* whose */
	bool udp;
	/* way.c's */
	struct spares *spares;
	const struct place *to;
	uint64_t born; /* ms: the socket */
	bool done;     /* no more will come */
	int fd;
	struct watch *wa;
	struct rd framed; /* the message with its length before it; a view */
	size_t sent, got, room;
	uint8_t head[WAY_HEAD];
	uint8_t *reply;
	way_told *told;
	void *arg;
};

struct spares;

/*
 * Begin. to lives as long as the way. framed: WAY_HEAD octets of length and the message, which live
 * as long as the way. told is not called before this returns. Returns 0, or -1 with errno; then
 * nothing is open.
 */
int way_open(struct way *way, struct loop *lo, struct spares *spares, const struct place *to,
	     struct rd framed, way_told *told, void *arg) __attribute__((warn_unused_result));
/* A datagram: once more. */
void way_again(struct way *way);
/* Its answer came, and no other will: another way may have its socket. */
void way_done(struct way *way);
void way_close(struct way *way); /* nothing is told any more; what way points to is not freed */

#endif
