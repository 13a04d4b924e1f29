/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root key: is it random unless one is given, taken once, whole and only
 * before policy is fixed, named the same each time, and does it bring no
 * session of an earlier start back?
 */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "iso_host.h"

#define OWNER 1000u

static const uint8_t given[ISO_ROOT_KEY] = { 0,	 1,  2,	 3,  4,	 5,  6,	 7,  8,	 9,  10,
					     11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
					     22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

static struct iso_rep_status
status(struct iso *iso)
{
	struct iso_req_status req = { 0 };
	struct iso_rep_status rep = { 0 };

	assert_int_equal(iso_call(iso, ISO_OP_status, &req, &rep), ISO_OK);
	return rep;
}

static enum iso_status
set(struct iso *iso, const uint8_t *key, size_t len)
{
	struct iso_req_root_set req = { .key = { key, len } };

	return iso_call(iso, ISO_OP_root_set, &req, NULL);
}

static enum iso_status
configure(struct iso *iso)
{
	struct iso_req_configure req = { .rate = 1000, .burst = 1000 };

	return iso_call(iso, ISO_OP_configure, &req, NULL);
}

static void
random_by_default(void **state)
{
	struct iso_rep_status a = status(iso_fresh()), b = status(iso_fresh());

	(void)state;
	assert_int_equal(a.root_kind, ISO_ROOT_RANDOM);
	assert_int_equal(b.root_kind, ISO_ROOT_RANDOM);
	assert_memory_not_equal(a.root_id, b.root_id, ISO_ROOT_ID);
}

/* The name, from the definition, by another implementation. */
static void
named(void **state)
{
	static const uint8_t name[ISO_ROOT_ID] = { 0xe6, 0xe1, 0xe8, 0x38, 0x45, 0x09, 0x7f, 0x81 };

	(void)state;
	for (int start = 0; start < 3; start++) {
		struct iso *iso = iso_fresh();
		struct iso_rep_status is;

		assert_int_equal(set(iso, given, sizeof(given)), ISO_OK);
		assert_memory_equal(iso->root, given, sizeof(given));
		is = status(iso);
		assert_int_equal(is.root_kind, ISO_ROOT_KEPT);
		assert_memory_equal(is.root_id, name, sizeof(name));
		assert_int_equal(configure(iso), ISO_OK);
		is = status(iso);
		assert_int_equal(is.root_kind, ISO_ROOT_KEPT);
		assert_memory_equal(is.root_id, name, sizeof(name));
	}
	/* every bit of the key counts, and no octet of it shows */
	for (size_t i = 0; i < sizeof(given) * 8; i++) {
		struct iso *iso = iso_fresh();
		uint8_t key[ISO_ROOT_KEY];
		struct iso_rep_status is;

		memcpy(key, given, sizeof(key));
		key[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(set(iso, key, sizeof(key)), ISO_OK);
		is = status(iso);
		assert_memory_not_equal(is.root_id, name, sizeof(name));
	}
}

static void
refused(void **state)
{
	struct iso *iso = iso_fresh();
	uint8_t before[ISO_ROOT_KEY], other[ISO_ROOT_KEY] = { 7 };

	(void)state;
	memcpy(before, iso->root, sizeof(before));
	for (size_t len = 0; len < sizeof(given); len++)
		assert_int_equal(set(iso, given, len), ISO_E_RANGE);
	assert_memory_equal(iso->root, before, sizeof(before));
	assert_int_equal(status(iso).root_kind, ISO_ROOT_RANDOM);
	/* a second one, be it the same */
	assert_int_equal(set(iso, given, sizeof(given)), ISO_OK);
	assert_int_equal(set(iso, other, sizeof(other)), ISO_E_PHASE);
	assert_int_equal(set(iso, given, sizeof(given)), ISO_E_PHASE);
	assert_int_equal(set(iso, given, 5), ISO_E_PHASE);
	assert_memory_equal(iso->root, given, sizeof(given));
	/* after configure, with and without a first one */
	assert_int_equal(configure(iso), ISO_OK);
	assert_int_equal(set(iso, other, sizeof(other)), ISO_E_PHASE);
	assert_memory_equal(iso->root, given, sizeof(given));
	iso = iso_fresh();
	memcpy(before, iso->root, sizeof(before));
	assert_int_equal(configure(iso), ISO_OK);
	assert_int_equal(set(iso, given, sizeof(given)), ISO_E_PHASE);
	assert_memory_equal(iso->root, before, sizeof(before));
	assert_int_equal(status(iso).root_kind, ISO_ROOT_RANDOM);
}

static void
wiped_after_the_call(void **state)
{
	struct iso *iso = iso_fresh();

	(void)state;
	assert_int_equal(set(iso, given, sizeof(given)), ISO_OK);
	assert_null(memmem(iso->frame, sizeof(iso->frame), given, 8));
	assert_null(memmem(&iso->req, sizeof(iso->req), given, 8));
	assert_null(memmem(iso->out, sizeof(iso->out), given, 8));
	assert_int_equal(set(iso, given, 31), ISO_E_PHASE);
	assert_null(memmem(iso->frame, sizeof(iso->frame), given, 8));
}

/* A logon in a running lsaiso whose root key is kept. */
static struct iso *
logon(struct iso_rep_session_open *s)
{
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct iso *iso = iso_fresh();

	assert_int_equal(set(iso, given, sizeof(given)), ISO_OK);
	assert_int_equal(configure(iso), ISO_OK);
	assert_int_equal(iso_call(iso, ISO_OP_session_open, &open, s), ISO_OK);
	return iso;
}

static enum iso_status
reopen(struct iso *iso, uint32_t session, struct rd blob)
{
	struct blob want = { .kind = ISO_KIND_TGT, .may = ISO_MAY_TGS }, got;
	uint8_t key[ISO_KEY_MAX];
	size_t len;

	blob_client_hash(d_client(), want.client);
	return blob_open(iso, &iso->session[session], blob, &want, &got,
			 (struct wr){ key, sizeof(key) }, &len);
}

/* The same root key after a restart: sessions have ended all the same. */
static void
sessions_end_with_the_start(void **state)
{
	static const uint8_t key[32] = { 9 };
	struct iso_rep_session_open s = { 0 };
	struct iso *iso = logon(&s);
	struct iso_req_cred_absorb absorb = { .session = s.session,
					      .generation = s.generation,
					      .owner = OWNER,
					      .kind = ISO_KIND_TGT,
					      .etype = 18,
					      .endtime = TEST_NOW + 3600,
					      .client = d_client(),
					      .key = { key, sizeof(key) } };
	struct iso_rep_cred_absorb rep = { 0 };
	struct rd blob = { rep.blob.at, 0 };
	uint8_t boot[ISO_BOOT_ID];

	(void)state;
	assert_int_equal(iso_call(iso, ISO_OP_cred_absorb, &absorb, &rep), ISO_OK);
	blob.len = rep.blob.len;
	assert_int_equal(reopen(iso, s.session, blob), ISO_OK);
	memcpy(boot, iso->boot_id, sizeof(boot));
	iso = logon(&s);
	assert_int_equal(s.session, absorb.session);
	assert_int_equal(s.generation, absorb.generation);
	assert_int_equal(reopen(iso, s.session, blob), ISO_E_BLOB);
	memcpy(iso->boot_id, boot, sizeof(boot)); /* it is not the boot id alone */
	assert_int_equal(reopen(iso, s.session, blob), ISO_E_BLOB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_by_default),
		cmocka_unit_test(named),
		cmocka_unit_test(refused),
		cmocka_unit_test(wiped_after_the_call),
		cmocka_unit_test(sessions_end_with_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
