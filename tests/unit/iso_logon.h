/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A logon inside and the KDC at the other end of it, for tests of krb_as_seal,
 * krb_as_open, krb_armor and krb_ticket_check. The KDC's cryptography is
 * libkrb5's. What fails here fails the test.
 */
#ifndef TESTS_ISO_LOGON_H
#define TESTS_ISO_LOGON_H

#include "iso_world.h"

#define NAME	"user@EXAMPLE.TEST" /* as in the box */
#define REQUEST "an AS-REQ as it was sent"

static const int32_t etypes[] = { 17, 18, 19, 20, 23 };

/* Group setup and teardown, those of iso_world.h too. */
int logon_setup(void **state);
int logon_teardown(void **state);

struct key {
	int32_t etype;
	uint8_t octets[ISO_KEY_MAX];
	size_t len;
};

struct logon {
	struct world w;
	struct key key;		    /* of the user */
	struct key next;	    /* of the ticket that the KDC gives */
	uint8_t blob[ISO_BLOB_MAX]; /* of key */
	uint32_t len;
};

struct key new_key(int32_t etype);
struct rd octets_of(const struct key *k);
struct rd text(const char *of);

/* libkrb5's; octets are of the arena */
struct rd kdc_encrypt(const struct key *k, krb5_keyusage usage, struct rd plain);
struct rd kdc_decrypt(const struct key *k, krb5_keyusage usage, struct rd cipher);
struct key kdc_mix(const struct key *a, const char *pepper_a, const struct key *b,
		   const char *pepper_b);

/* REQ-ENC-PA-REP: the PA-DATA with the Checksum of a request. */
struct rd word_for(const struct key *k, struct rd of);

/* A session, and in l->blob a key as krb_s2k makes it. */
struct logon logon_with(uint32_t policy, int32_t etype);

/* Another blob in its place, as krb_s2k or logon_absorb make it, or never. */
void put_key(struct logon *l, uint8_t kind, uint16_t may, const struct key *k, const char *name);
struct rd blob_of(const struct logon *l);

/* A good reply to REQUEST, and the call to open it; and one with a blob of the last one. */
struct part_spec part_of(const struct logon *l);
struct iso_req_krb_as_open open_req_of(const struct logon *l, struct rd part);
struct iso_req_krb_armor armor_req_of(const struct logon *l);

/* The last answer. */
extern struct iso_rep_krb_as_open opened;
enum iso_status as_open(const struct logon *l, const struct iso_req_krb_as_open *req);
enum iso_status open_part(const struct logon *l, const struct part_spec *part);

/* The blob of that answer in place of the TGT of the world, to seal requests with. */
struct world with_ticket(const struct logon *l);

#endif
