/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A test host for the trusted core: clocks that the test sets, entropy that
 * the test may script or withhold, and calls that go through the codec and
 * the dispatcher as they would over the mailbox. Also what stands for the
 * KDC: DER made forwards, independent of the core's writer.
 */
#ifndef TESTS_ISO_HOST_H
#define TESTS_ISO_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "iso.h"

/* What the host functions answer. */
struct test_host {
	uint64_t boot_us, real_us;
	bool no_entropy;
	struct rd script; /* octets to hand out as entropy, before random ones */
	uint64_t seed;	  /* not 0: entropy is a sequence that starts here */
};
extern struct test_host test_host;

#define TEST_NOW 1700000000 /* seconds since 1970, when iso_fresh starts the clocks */

/* The one state, zeroed and started, clocks reset; phase ISO_BOOT. */
struct iso *iso_fresh(void);
/* The same with entropy that repeats from run to run. */
struct iso *iso_fresh_seeded(uint64_t seed);
/* The same, configured: this policy, a million calls a second. */
struct iso *iso_running(uint32_t policy);

/* One call over codec and dispatcher; rep may be NULL. */
enum iso_status iso_call(struct iso *iso, uint32_t op, const void *req, void *rep);

/* Pass time on both clocks. */
void pass_ms(uint64_t ms);

/* Random octets of the test itself. */
void test_random(void *at, size_t n);

/* ---- DER, from an arena that lives until der_reset */

void d_reset(void);
struct rd d_raw(const void *at, size_t n);
struct rd d_tlv(uint8_t tag, struct rd contents);
struct rd d_join_all(const struct rd *pieces, size_t n);
#define d_join(n, ...) d_join_all((const struct rd[]){ __VA_ARGS__ }, n)
struct rd d_ctx(unsigned int n, struct rd contents);
struct rd d_seq(struct rd contents);
struct rd d_int(int64_t value);
struct rd d_text(const char *text); /* GeneralString */
struct rd d_octets(struct rd octets);
struct rd d_time(int64_t seconds);
struct rd d_flags(uint32_t flags);
/* PrincipalName of up to 4 components, NULL ends them. */
struct rd d_name(int64_t type, const char *a, const char *b, const char *c);

/* The client of every test: crealm [1], cname [2]. */
struct rd d_client(void);

/* What a KDC-REQ-BODY says; zero means: as a plain client would. */
struct body_spec {
	uint32_t options;
	struct rd sname; /* PrincipalName; empty: host/server.test */
	uint32_t nonce;
	struct rd etypes;	/* contents of the list; empty: 18 17 20 19 23 */
	struct rd before_realm; /* raw fields put there */
	struct rd after_etypes;
};
struct rd d_body(const struct body_spec *spec);

/*
 * For the fuzz targets: a seeded core in ISO_RUN that has absorbed the TGT of
 * their corpus and sealed one request with it, nonce 1. sealed: out.
 */
struct iso *iso_fresh_asked(struct iso_rep_krb_tgs_seal *sealed);

/* What an EncTGSRepPart says. */
struct part_spec {
	int64_t etype;
	struct rd key;
	uint32_t nonce;
	int64_t endtime;    /* 0: in ten hours */
	struct rd sname;    /* empty: host/server.test */
	struct rd padata;   /* elements; empty: field absent */
	uint8_t tag;	    /* 0: [APPLICATION 26] */
	uint32_t flags;	    /* 0: forwardable, renewable */
	struct rd trailing; /* after the last field */
};
struct rd d_part(const struct part_spec *spec);
struct rd d_padata(int64_t type, struct rd value);

#endif
