/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the KCM front share; its tests and fuzz target, too.
 *
 *   kcm.c       connections: accept, read, write, limits
 *   request.c   the table of operations and the one dispatcher
 *   reply.c     replies
 *   ops.c       operations on caches
 *   creds.c     operations on credentials
 *   retrieve.c  RETRIEVE, which may ask a KDC
 */
#ifndef LSASS_FRONT_KCM_PRIVATE_H
#define LSASS_FRONT_KCM_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lsass/cache/store.h"
#include "lsass/front/kcm/kcm.h"
#include "lsass/front/output.h"

#define KCM_FRAME_HEAD 4u
#define KCM_FRAME_MIN  4u	    /* version, operation */
#define KCM_FRAME_MOST (128u << 10) /* ordinary operations, as Heimdal's kcm */
#define KCM_FRAME_BIG  (4u << 20)   /* STORE and REPLACE: whole caches, large PACs */
#define KCM_REPLY_HEAD 12u

/* A reply being built, head included. */
struct reply {
	uint8_t *at;
	size_t len, size;
	bool failed; /* no memory */
};

/* A connection. */
struct client {
	struct kcm *kcm;
	struct client *next, *prev;
	struct watch *watch;
	struct collection *co;
	int fd;
	bool eof;	/* it will send no more */
	bool inside;	/* its request is being handled now */
	uint64_t since; /* ms; when the message under way began, or output last moved */
	uint8_t *in;	/* the beginning of a message */
	size_t in_len, in_size;
	struct output out; /* a reply that the socket did not take */
	/* RETRIEVE that waits for a KDC */
	uint64_t ticket; /* of tgs_submit; 0: not waiting */
	uint64_t cache_id;
	kcode late;
};

struct kcm {
	struct loop *lo;
	const struct config *cf;
	struct store *st;
	struct tgs *tgs;
	struct door *door;
	uint32_t nclients;
	struct client *first;
	uint8_t *scratch;   /* where messages arrive */
	struct reply reply; /* the one being built */
};

/* One request on its way through the dispatcher. */
struct call {
	struct client *cl;
	struct collection *co;
	struct reply *reply;
	uint8_t *frame;		       /* version octet on; the octets may be written to */
	struct rd in;		       /* what is left of the payload */
	struct cache *cache;	       /* OP_CACHE */
	char name[CACHE_NAME_MAX + 1]; /* OP_NAME */
};

/* A handler's answer, beside the codes of krb5. */
#define KCM_LATER INT32_MIN

enum {
	OP_NAME = 1,  /* the payload begins with a cache name */
	OP_CACHE = 2, /* and that cache must exist */
	OP_WIPE = 4,  /* the request carries keys: wiped when done */
	OP_BIG = 8,   /* may be longer than KCM_FRAME_MOST */
};

struct op {
	const char *name; /* NULL: no such operation */
	kcode (*handle)(struct call *ca);
	uint32_t flags;
};

/* The row of an operation, NULL: none. */
const struct op *kcm_op(uint32_t number);

/*
 * Handle one whole request (without its length). The reply is built in
 * cl->kcm->reply; false: it will come later, through kcm_answer.
 */
bool kcm_request(struct client *cl, uint8_t *frame, size_t len);

/* Complete the reply in cl->kcm->reply with its status. */
void kcm_finish(struct reply *re, kcode code);

/* A late reply is in cl->kcm->reply: send it, go on reading. May free cl. */
void kcm_answer(struct client *cl);

void reply_begin(struct reply *re);
void reply_put(struct reply *re, const void *at, size_t n);
void reply_u32(struct reply *re, uint32_t value);
void reply_wipe(struct reply *re);
uint8_t *reply_grow(struct reply *re, size_t n); /* NULL: no memory */

/* A name off the wire: 1..255 octets of printable ASCII. 0 or KRB5_CC_BADNAME. */
kcode kcm_name(struct rd *in, char name[CACHE_NAME_MAX + 1]);

/* ops.c */
kcode kcm_noop(struct call *ca);
kcode kcm_nosupp(struct call *ca);
kcode kcm_gen_new(struct call *ca);
kcode kcm_initialize(struct call *ca);
kcode kcm_destroy(struct call *ca);
kcode kcm_get_principal(struct call *ca);
kcode kcm_set_flags(struct call *ca);
kcode kcm_move_cache(struct call *ca);
kcode kcm_cache_uuid_list(struct call *ca);
kcode kcm_cache_by_uuid(struct call *ca);
kcode kcm_get_default(struct call *ca);
kcode kcm_set_default(struct call *ca);
kcode kcm_get_offset(struct call *ca);
kcode kcm_set_offset(struct call *ca);
/* creds.c */
kcode kcm_store(struct call *ca);
kcode kcm_replace(struct call *ca);
kcode kcm_cred_uuid_list(struct call *ca);
kcode kcm_cred_by_uuid(struct call *ca);
kcode kcm_cred_list(struct call *ca);
kcode kcm_remove_cred(struct call *ca);
/* retrieve.c */
kcode kcm_retrieve(struct call *ca);

#endif
