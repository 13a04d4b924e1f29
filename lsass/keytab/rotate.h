/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New keys for a principal whose keytab is of stand-ins, by a change of its
 * password (RFC 3244) to one that nobody knows. In worker threads, in two
 * halves: between them the new keys are written down (lsass/keytab), so that they are not
 * lost whatever becomes of the second.
 *
 *   rotate_prepare  a ticket for kadmin/changepw with a kept key; the new password's keys, by the
 *                   KDC's salt, kept
 *   rotate_change   the new password is sent; a ticket is got with the new keys
 */
#ifndef LSASS_KEYTAB_ROTATE_H
#define LSASS_KEYTAB_ROTATE_H

#include "lsass/keytab/keytab.h"
#include "lsass/logon/work.h"

struct rotate_key {
	int32_t etype;
	/* given: what there is */
	struct kept_key versions[KEYTAB_VERSIONS_MAX];
	size_t nversions;
	/* out: the new one */
	uint8_t blob[ISO_BLOB_MAX];
	size_t blob_len; /* 0: none could be made */
	uint8_t kept[ISO_KEPT_MAX];
	uint16_t kept_len;
};

enum rotate_end {
	ROTATE_FAILED,	/* nothing was changed: work says why */
	ROTATE_READY,	/* of the first half */
	ROTATE_CHANGED, /* the new keys are the KDC's; they may differ from those of the first half
			 */
	ROTATE_UNSURE,	/* perhaps: work says why */
};

/* Zero it but for what is given. Both halves have the same one. */
struct rotate {
	/* given */
	struct work *wo; /* session, name, both boxes; out: why it failed */
	struct rotate_key keys[AS_KEYS_MAX];
	size_t n;
	/* out */
	enum rotate_end end;
	/* between the halves */
	uint8_t password[ISO_SEALED_MAX], fresh[ISO_SEALED_MAX];
	size_t password_len, fresh_len;
};

void rotate_prepare(struct rotate *ro, struct context *co);
void rotate_change(struct rotate *ro, struct context *co);
/* After any end; work is the caller's. */
void rotate_wipe(struct rotate *ro);

/*
 * A key of a session to be kept, and a look whether it opens again.
 * key  blob that may ISO_MAY_AS
 */
enum iso_status rotate_keep(uint32_t session, uint32_t generation, uint32_t owner, const char *name,
			    struct rd key, uint8_t kept[ISO_KEPT_MAX], uint16_t *len);

#endif
