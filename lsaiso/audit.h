/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The use log: a record of each call that stores, uses or destroys something,
 * a chain over all of them, and the latest ISO_RECORDS (rpc/record.h).
 *
 * session_find notes whose session a call is about; handlers note its target.
 * Octets of names are kept as they came: whoever shows them makes them plain.
 */
#ifndef LSAISO_AUDIT_H
#define LSAISO_AUDIT_H

#include "der.h"
#include "iso.h"

/* Begin the chain: the boot id is there. */
void audit_begin(struct iso *iso);

/* Note the target of this call: a name, joined by '/'; or text as it is. */
void audit_name(struct iso *iso, const struct der_name *name);
void audit_text(struct iso *iso, struct rd text);

/* Client octets as ops.h has them, as name@realm; nothing if they are malformed. */
void audit_client(struct iso *iso, struct rd client);

/* Make the record of this call, from what was noted of it. */
void audit_keep(struct iso *iso, uint32_t op, enum iso_status st);

#endif
