/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the methods about logons share: all of them answer through an
 * admin_later, because some must wait for a worker. Included by the files
 * lsass/front/admin/logon*.c.
 */
#ifndef LSASS_FRONT_ADMIN_LOGONS_H
#define LSASS_FRONT_ADMIN_LOGONS_H

#include "lsass/front/admin/methods.h"
#include "lsass/logon/work.h"

/* One call. */
struct ask {
	struct logons *logons;
	uid_t uid;	  /* the caller */
	const json_t *is; /* its parameters */
	struct admin_later *later;
	uid_t owner; /* whose logons it is about */
};

/* Fill it; false: it was answered. */
bool ask_begin(struct ask *as, const struct admin_view *view, uid_t uid, const json_t *is);

/* Refuse with a sentence; the call is then answered. */
void ask_refuse(struct ask *as, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The logon that "session" names, or the only one of the owner. NULL: there
 * is none, or it is somebody else's; the call was answered.
 */
struct logon *ask_logon(struct ask *as);

/* The text parameter, "" if there is none. */
const char *ask_text(const struct ask *as, const char *key);
bool ask_flag(const struct ask *as, const char *key);

/*
 * The same, which LogonStart opened for this "principal" and which waits for what.
 * what  "keys", "tickets"
 */
struct held *ask_begun(struct ask *as, const char *what);

/* "box" into the work; false: it is none, the call was answered. */
bool ask_box(struct ask *as, const char *key, uint8_t box[ISO_BOX]);
/*
 * "box" into lsaiso, for a logon's session: a key of that kind.
 * status  out, ISO_OK: is has the blob; the caller answers the others
 * Returns false: there is no box, the call was answered.
 */
bool ask_absorb(struct ask *as, const struct logon *lo, uint32_t kind,
		struct iso_rep_logon_absorb *is, enum iso_status *status);
/* lsaiso did not take it. */
void ask_refuse_key(struct ask *as, enum iso_status status);

/* Give the work to a worker; it is freed and the call answered if that cannot be. */
void ask_submit(struct ask *as, struct work *wo);

/* ---- logon_why.c */
/* Refuse a work that failed, with org.lsaiso.LogonFailed, and say so in the log. */
void why_refuse(struct admin_later *later, const struct work *wo, const char *who);
/* One word for the log. */
const char *why_reason(const struct work *wo);
/* Why a renewal failed, as a sentence; code is of work_again or of a TGS exchange. */
const char *why_text(int32_t code, char *text, size_t n);

#endif
