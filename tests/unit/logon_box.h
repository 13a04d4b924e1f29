/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: secrets into the lsaiso that ask is attached to, by boxes. */
#ifndef TESTS_UNIT_LOGON_BOX_H
#define TESTS_UNIT_LOGON_BOX_H

#include "rpc/rpc.h"

struct logon_box {
	uint32_t session, generation, owner;
};

/* Challenge, box, absorb. blob: ISO_SEALED_MAX octets. The status of what was refused. */
enum iso_status logon_box_password(const struct logon_box *to, const char *name,
				   const char *password, size_t n, uint8_t *blob, size_t *len);
/* The same; blob: ISO_BLOB_MAX octets; lasts as long as the session. */
enum iso_status logon_box_key(const struct logon_box *to, const char *name, int32_t etype,
			      struct rd key, uint8_t *blob, size_t *len);

#endif
