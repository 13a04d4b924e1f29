/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A logon in lsaiso and the KDC at the other end of it, for tests of
 * krb_tgs_seal and krb_tgs_open. The KDC's cryptography is libkrb5's.
 */
#ifndef TESTS_ISO_WORLD_H
#define TESTS_ISO_WORLD_H

#include <krb5/krb5.h>

#include "iso_host.h"
#include "krb.h"

#define OWNER	 1000u
#define NONCE	 0x1234567u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A logon with its TGT, and what the KDC knows. */
struct world {
	struct iso *iso;
	struct iso_rep_session_open s;
	int32_t etype;
	uint8_t key[ISO_KEY_MAX]; /* of the TGT */
	size_t key_len;
	struct iso_rep_cred_absorb blob;
	struct iso_rep_krb_tgs_seal sealed;
	/* from the authenticator, as the KDC reads it */
	uint8_t subkey[ISO_KEY_MAX];
	int64_t ctime, cusec, seq;
};

/* Group setup and teardown: a libkrb5 context without configuration. */
int world_setup(void **state);
int world_teardown(void **state);

/* A fresh lsaiso with this policy, one session, one TGT of this etype. */
struct world world_with(uint32_t policy, int32_t etype);

struct iso_req_krb_tgs_seal seal_req(const struct world *w, struct rd body);
enum iso_status seal(struct world *w, struct rd body);

/* Read the last authenticator as a KDC would, and check every field of it. */
void kdc_reads(struct world *w, struct rd body);

/* Encrypt a part under the subkey that kdc_reads found; lsaiso opens it. */
enum iso_status answer_as(struct world *w, struct rd part, uint32_t owner, int32_t etype,
			  krb5_keyusage usage, struct iso_rep_krb_tgs_open *rep);
enum iso_status answer(struct world *w, struct rd part, struct iso_rep_krb_tgs_open *rep);

/*
 * A whole exchange: a request with these options for a service, this part.
 * The part's key is service_key unless it has one.
 */
enum iso_status exchange(struct world *w, const struct body_spec *body, struct part_spec part,
			 struct iso_rep_krb_tgs_open *rep);
extern const uint8_t service_key[32];

bool contains(const void *hay, size_t n, const void *needle, size_t len);

#endif
