/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KerberosTime (RFC 4120 section 5.2.3): YYYYMMDDHHMMSSZ, years 1970..9999. */
#ifndef LSAISO_KRBTIME_H
#define LSAISO_KRBTIME_H

#include <stdbool.h>

#include "rpc/rpc.h"

#define KRBTIME_LEN 15u

/* Seconds since 1970; false when text is not a time. */
bool krbtime_read(struct rd text, int64_t *seconds);

/* seconds 0 and up; out of range writes the nearest end of the range. */
void krbtime_write(int64_t seconds, uint8_t text[KRBTIME_LEN]);

#endif
