/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A krb5_context that is kept: making one reads and parses krb5.conf, which
 * costs more than a request. Made anew when a configuration file changed or
 * after an hour (for what an includedir brings). One per worker thread.
 */
#ifndef LSASS_TGS_CONTEXT_H
#define LSASS_TGS_CONTEXT_H

#include <krb5.h>
#include <stdint.h>

struct context {
	krb5_context ctx; /* NULL: none yet */
	uint64_t stamp;	  /* of the files when it was made */
	uint64_t made_ms;
	int32_t offset; /* seconds added to the clock */
};

/*
 * A context for a request whose KDC's clock is offset seconds ahead of ours.
 *
 * files  names of krb5.conf files, separated by colons; empty: the system's
 *
 * Returns 0 with co->ctx set, or the krb5_error_code of making one.
 */
krb5_error_code context_get(struct context *co, const char *files, int32_t offset)
    __attribute__((warn_unused_result));
void context_free(struct context *co);
/* A number that changes when one of the files does. */
uint64_t context_stamp(const char *files) __attribute__((warn_unused_result));

#endif
