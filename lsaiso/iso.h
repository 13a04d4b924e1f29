/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one state of lsaiso, and the core's entry points. The host places the
 * struct in its most secret memory, zeroed, and passes it by pointer; the
 * core has no other variable.
 *
 * Order: iso_start once, then iso_run, which never returns. Tests call
 * iso_serve instead.
 */
#ifndef LSAISO_ISO_H
#define LSAISO_ISO_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/record.h"
#include "rpc/rpc.h"

/* st = st ?: next(...) goes on while all is well. */
_Static_assert(ISO_OK == 0, "a status that is not 0 is a refusal");

#define ISO_SESSIONS   65536u
#define ISO_PENDINGS   1024u   /* a power of two: the low bits of an id are the slot */
#define ISO_PENDING_MS 300000u /* a TGS request waits five minutes for its reply */
_Static_assert(ISO_PENDING_MS == ISO_BOX_MS, "a challenge waits as long");
#define ISO_SESSION_KEY 32u
#define ISO_RECORDS	2048u /* the latest, for audit_read */
#define ISO_OFFLINES	256u

/*
 * One logon. Open while expires_ms is not 0; of a closed one only
 * generation has a meaning, and owner is the free list's next slot + 1.
 */
struct session {
	uint8_t key[ISO_SESSION_KEY];
	uint64_t expires_ms;  /* own clock */
	uint32_t owner;	      /* uid */
	uint32_t generation;  /* never 0 while open */
	uint32_t millitokens; /* left in the bucket */
	uint32_t refilled_ms; /* low half of the own clock at the last refill, or lock */
	uint32_t uses;
	uint16_t refused; /* stays at its greatest */
	uint8_t flags;	  /* SESSION_* */
	uint8_t tries;	  /* wrong passwords in a row, session_unlock */
};
#define SESSION_LOCKED	 1u /* session_find does not find it */
#define SESSION_ANCHORED 2u /* krb_s2k has given an anchor out */
_Static_assert(sizeof(struct session) == 64, "one cache line");

/*
 * What an entry of the ring waits for, and which members it has beside the
 * first six.
 */
enum pending_kind {
	PENDING_TGS = 1, /* the KDC's answer: all */
	PENDING_BOX,	 /* a box that answers the challenge id: none */
	PENDING_PASSWD, /* the answer to a change of password: nonce, etype, ctime, cusec, subkey */
};

/* One request on its way. Unused while id is 0. */
struct pending {
	uint64_t id; /* random, low bits are the slot */
	uint64_t created_ms;
	uint32_t session, generation;
	uint32_t owner, kind; /* enum pending_kind */
	uint32_t options;     /* KDCOptions, bit 0 of RFC 4120 is the highest */
	uint32_t nonce;	      /* of PENDING_PASSWD the sequence number */
	int32_t etype;	      /* of the subkey */
	int64_t ctime;	      /* of the authenticator */
	uint32_t cusec;
	int32_t skew;	    /* KDC clock minus ours, seconds */
	uint32_t tgt_class; /* the requested name alone withholds the key */
	uint8_t subkey[ISO_KEY_MAX];
	uint8_t client[ISO_HASH];
};

/* A record of use, and the value of the chain before it. */
struct used {
	struct record of;
	uint8_t before[ISO_HASH];
};

/* Whose an offline verifier is; no holes. */
struct offline_who {
	uint8_t name[ISO_HASH]; /* SHA-256 of the principal as typed */
	uint32_t owner;
};

/* Offline tries of one principal and owner; offline.h. */
struct offline {
	struct offline_who who;
	uint32_t tries;	  /* wrong ones in a row; 0: the line may be taken for another */
	uint64_t next_ms; /* own clock: no try before */
};

struct iso_counters {
	uint64_t served, refused, absorbed, sealed, released, withheld, dropped;
};

struct iso {
	uint8_t root[ISO_ROOT_KEY]; /* salt of every blob key */
	uint8_t boot_id[ISO_BOOT_ID];
	uint8_t root_id[ISO_ROOT_ID];
	uint8_t public[ISO_PUBLIC]; /* the private key is made of root when needed */
	uint32_t root_kind;	    /* ISO_ROOT_* */
	uint32_t phase;		    /* ISO_BOOT, ISO_RUN */
	uint32_t policy, rate, burst, targets_len;
	uint8_t targets[ISO_TARGETS_MAX]; /* as configured */
	uint64_t start_ms, now_ms;	  /* own clock; now_ms never goes back */
	uint64_t stamp_us;		  /* of the last authenticator */
	struct iso_counters count;

	uint32_t open;	    /* sessions */
	uint32_t high;	    /* slots from here on were never used */
	uint32_t free;	    /* head of the free list: slot + 1, or 0 */
	uint64_t sweep_ms;  /* when to look for expired sessions */
	uint32_t waiting;   /* pending requests */
	uint32_t next;	    /* pending slot to use, counts on for ever */
	struct session *at; /* session of the call being served, or NULL */

	struct record note;	 /* of the call being served; audit.h */
	uint64_t records;	 /* made so far: sequence number of the latest */
	uint8_t chain[ISO_HASH]; /* over all of them */

	union iso_req req;
	union iso_rep rep;
	uint8_t out[RPC_REP_MAX];
	uint8_t frame[RPC_REQ_MAX];
	struct used used[ISO_RECORDS];
	struct offline offline[ISO_OFFLINES];
	struct pending pending[ISO_PENDINGS];
	struct session session[ISO_SESSIONS];
};

/*
 * Make keys and boot id, enter ISO_BOOT. iso is zeroed memory.
 * Returns ISO_OK, ISO_E_ENTROPY.
 */
enum iso_status iso_start(struct iso *iso) RPC_CHECKED;

/*
 * HMAC-SHA256 of a label, ISO_LABEL octets, under the root key: at most 32
 * octets into out. A pseudo-random function: what it gives tells whether two
 * root keys are the same, and nothing else of them nor of another label's.
 */
#define ISO_LABEL 14u
void iso_derive(const struct iso *iso, const char *label, struct wr out);

/*
 * Label of the private X25519 key, which is not kept: it would be one more
 * place of what the root key gives within a microsecond.
 */
#define ISO_PRIVATE "lsaiso private"

/* Make what is told of the root key: root_id and public. */
void iso_root_name(struct iso *iso);

/* Zero what functions that have returned left on the stack. dispatch.c */
void iso_stack_wipe(void);

/* Serve until the process ends. */
void iso_run(struct iso *iso) __attribute__((noreturn));

/*
 * Serve one request: len octets in iso->frame, which are wiped.
 * Returns the length of the reply in iso->out; the caller wipes that.
 */
size_t iso_serve(struct iso *iso, size_t len);

/* Own clock, milliseconds: that of the host, but it never goes back. */
uint64_t iso_now(struct iso *iso);

/* One handler per operation, in op_NAME.c. They only compute. */
#define ISO_HANDLER(name)                                                                          \
	enum iso_status iso_op_##name(struct iso *iso, const struct iso_req_##name *req,           \
				      struct iso_rep_##name *rep)
#define ISO_PROTOTYPE(n, name, phases, fx) ISO_HANDLER(name);
ISO_OPS(ISO_PROTOTYPE)
#undef ISO_PROTOTYPE

#endif
