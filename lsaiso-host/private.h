/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between guest.c (connections) and speak.c (frames). */
#ifndef LSAISO_HOST_PRIVATE_H
#define LSAISO_HOST_PRIVATE_H

#include "lib/stream.h"
#include "lsaiso-host/bucket.h"
#include "lsaiso-host/guest.h"
#include "lsass/loop.h"

#define CONNS	    4	  /* one that is served, others that may take its place */
#define BATCH	    64	  /* frames of one connection before others have their turn */
#define ISO_MS	    10000 /* a HELLO waits so long for lsaiso */
#define STUCK_MS    10000 /* who takes no reply for so long makes way for another */
#define TICK_MS	    100	  /* while a HELLO waits */
#define WIPE_GAP_MS 1000  /* between two boots of the guest */

/* Ends whatever the host began to say and did not end, in front of an answer to HELLO. */
#define LEAD (STREAM_HDR + RPC_REP_MAX + STREAM_TRAILER)
#define OUT  (LEAD + STREAM_HDR + sizeof(struct stream_welcome) + STREAM_TRAILER)

enum conn_state {
	CONN_NEW,      /* no HELLO, or it was refused, or lsaiso has ended since */
	CONN_WAITS,    /* for lsaiso, with its HELLO; it is the served one */
	CONN_WELCOMED, /* may call; it is the served one */
};

/* Who is at the other end; pid and uid of a monitor, or a CID. */
struct peer {
	bool by_vsock;
	pid_t pid;
	uid_t uid;
	uint32_t cid;
};

struct conn {
	struct guest *gu;
	struct watch *watch;
	int fd; /* -1: a free place */
	enum conn_state state;
	struct peer peer;
	int64_t since;
	uint64_t number;		   /* in order of arrival */
	bool token;			   /* its first HELLO has been paid for */
	bool hungry;			   /* the reader has no whole frame left */
	bool gone_due;			   /* GONE is to be sent */
	uint64_t waits_since, stuck_since; /* loop_now_ms; stuck 0: all is sent */
	struct stream_hello hello;
	size_t out_at, out_len;
	uint8_t out[OUT];
	struct stream_reader in;
};

/* Log lines that the guest can cause: some a minute, the rest is counted. */
struct hush {
	struct bucket bucket;
	uint64_t silent;
};

struct guest {
	struct loop *lo;
	const struct config *cf;
	uid_t peer;
	struct watch *unix_watch, *vsock_watch;
	int unix_fd, vsock_fd;
	struct conn conns[CONNS];
	struct conn *served; /* WAITS or WELCOMED; NULL: none */
	uint64_t arrivals;
	bool attached;
	uint64_t wiped_at; /* loop_now_ms; 0: never */
	uint8_t boot_id[ISO_BOOT_ID];
	struct bucket calls, others, hellos;
	struct hush hush;
	struct guest_look count;
};

/* ---- guest.c */
/* Deal with what was read and can be sent, then watch for what is missing. */
void guest_pump(struct conn *co);
void guest_drop(struct conn *co);
/* Did the other end go away, or stop listening for good? */
bool guest_is_dead(const struct conn *co);
/* Log a notice that the guest can cause. */
void guest_say(struct guest *gu, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- speak.c */
/* One frame; co has nothing to send. */
void speak_frame(struct conn *co, const struct stream_frame *fr);
/* Put GONE into the empty out, with zero octets before it if that is the first word. */
void speak_gone(struct conn *co, bool first);
/* A HELLO waits: can it be answered now? */
void speak_settle(struct guest *gu);

#endif
