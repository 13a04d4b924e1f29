/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzzer of the endpoint knows of the trusted core inside. Apart, because
 * core and broker each have a der_next() of their own.
 */
#ifndef TESTS_FUZZ_KDC_CORE_H
#define TESTS_FUZZ_KDC_CORE_H

#include <stdbool.h>

#include "rpc/rpc.h"

/* The subkey of what it sealed last (32 octets), NULL: none waits. */
const uint8_t *core_subkey(void);
/* The key of an EncTGSRepPart or EncASRepPart that says that it is for a TGT; else empty. */
struct rd core_tgt_key(struct rd plain);
/* Is the key of the last answer one that leaves to be forwarded? fuzz_forward knows when it may. */
bool core_forwarded(void);
/* A key as it came in a box, kept. */
void core_keep(uint32_t session, uint32_t owner, struct rd name, int32_t etype, struct rd key,
	       struct iso_rep_key_keep *is);

#endif
