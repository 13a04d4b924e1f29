/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does the broker read exactly the messages of a logon that are well-formed, and change one
 * piece of them, and only that? */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsass/tgs/der_as.h"
#include "tests/unit/tgs_vectors.h"

#define ROOM 4096

static struct rd
vector(const char *name)
{
	struct rd octets = vector_octets(name);

	assert_true(octets.len > 0);
	return octets;
}

static void
drop(struct rd octets)
{
	free((void *)(uintptr_t)octets.at);
}

static bool
is(struct rd octets, const void *want, size_t n)
{
	return octets.len == n && memcmp(octets.at, want, n) == 0;
}

static bool
is_text(struct rd octets, const char *text)
{
	return is(octets, text, strlen(text));
}

static bool
equal(struct rd a, struct rd b)
{
	return is(a, b.at, b.len);
}

/* ---- reading */

static void
test_requests(void **state)
{
	struct rd first = vector("logon-request"), second = vector("logon-timestamp"), value;
	struct der_as_req a, b;
	struct der_sealed sealed;

	assert_int_equal(der_read_as_req(first, &a), 0);
	assert_false(der_find_padata(a.padata, DER_PA_ENC_TIMESTAMP, &value));
	assert_true(der_find_padata(a.padata, DER_PA_REQ_ENC_PA_REP, &value));
	assert_int_equal(value.len, 0);
	assert_int_equal(der_read_as_req(second, &b), 0);
	assert_true(b.nonce != 0);
	assert_true(der_find_padata(b.padata, DER_PA_ENC_TIMESTAMP, &value));
	assert_int_equal(der_read_sealed(value, &sealed), 0);
	assert_int_equal(sealed.etype, 18);
	assert_true(der_find_padata(b.padata, DER_PA_FX_COOKIE, &value));
	assert_true(is_text(value, "MIT"));
	drop(first);
	drop(second);
}

static void
test_error(void **state)
{
	struct rd message = vector("logon-error"), list, value;
	struct der_error error;
	struct der_info info;

	assert_int_equal(der_read_error(message, &error), 0);
	assert_int_equal(error.code, 25);
	assert_true(is_text(error.crealm, "TEST.LOCAL"));
	assert_true(is_text(error.text, "NEEDED_PREAUTH"));
	assert_true(error.stime > 1700000000u);
	assert_int_equal(der_read_method_data(error.data, &list), 0);
	assert_true(der_find_padata(list, DER_PA_ETYPE_INFO2, &value));
	assert_true(der_find_info(value, 18, &info));
	assert_true(info.has_salt);
	assert_true(is_text(info.salt, "TEST.LOCALneeds"));
	assert_int_equal(info.params.len, 0);
	assert_false(der_find_info(value, 99, &info));
	assert_true(der_find_padata(list, DER_PA_FX_FAST, &value));
	assert_false(der_find_padata(list, DER_PA_SPAKE, &value));
	drop(message);
}

static void
test_reply(void **state)
{
	struct rd message = vector("logon-reply"), part = vector("logon-part"), sum, value;
	struct der_as_rep rep;
	struct der_sealed ticket;
	struct der_part read;
	int32_t type;

	assert_int_equal(der_read_as_rep(message, &rep), 0);
	assert_true(is_text(rep.client.realm, "TEST.LOCAL"));
	assert_int_equal(rep.client.ncomp, 1);
	assert_true(is_text(rep.client.comp[0], "needs"));
	assert_int_equal(rep.client.type, 1);
	assert_int_equal(rep.enc_part.etype, 18);
	assert_true(der_find_padata(rep.padata, DER_PA_ETYPE_INFO2, &value));
	assert_int_equal(der_read_ticket(rep.ticket, &ticket), 0);
	assert_int_equal(der_read_part(part, &read), 0);
	assert_int_equal(der_find_checksum(part, &type, &sum), 1);
	assert_int_equal(type, 16); /* hmac-sha1-96-aes256 */
	assert_int_equal(sum.len, 12);
	assert_true(sum.at > part.at && sum.at + sum.len <= part.at + part.len);
	drop(message);
	drop(part);
}

static void
test_timestamp(void **state)
{
	static const char with[] = "\x30\x1a\xa0\x11\x18\x0f"
				   "20261124190005Z\xa1\x05\x02\x03\x0c\xb2\x13";
	static const char without[] = "\x30\x13\xa0\x11\x18\x0f"
				      "20261124190005Z";
	struct rd a = { (const uint8_t *)with, sizeof(with) - 1 };
	struct rd b = { (const uint8_t *)without, sizeof(without) - 1 };
	uint32_t time;

	assert_int_equal(der_read_timestamp(a, &time), 0);
	assert_int_equal(time, 1795546805);
	assert_int_equal(der_read_timestamp(b, &time), 0);
	assert_int_equal(time, 1795546805);
	b.len--;
	assert_int_equal(der_read_timestamp(b, &time), -1);
	a.len--;
	assert_int_equal(der_read_timestamp(a, &time), -1);
}

/* ---- writing */

static void
test_change_request(void **state)
{
	uint8_t octets[ROOM], sealed_at[64], cipher[40];
	struct wr out = { octets, sizeof(octets) }, room = { sealed_at, sizeof(sealed_at) };
	struct rd message = vector("logon-timestamp"), value;
	struct der_sealed sealed = { 17, { cipher, sizeof(cipher) } }, back;
	struct der_pa pa = { DER_PA_ENCRYPTED_CHALLENGE, { NULL, 0 } };
	struct der_as_req before, after;

	memset(cipher, 0x5a, sizeof(cipher));
	assert_int_equal(der_make_sealed(&sealed, &room), 0);
	pa.value = (struct rd){ room.at, room.left };
	assert_int_equal(der_read_as_req(message, &before), 0);
	assert_int_equal(der_make_as_req(&before, DER_PA_ENC_TIMESTAMP, &pa, &out), 0);
	assert_int_equal(der_read_as_req((struct rd){ out.at, out.left }, &after), 0);
	assert_true(equal(after.body, before.body));
	assert_int_equal(after.nonce, before.nonce);
	assert_false(der_find_padata(after.padata, DER_PA_ENC_TIMESTAMP, &value));
	assert_true(der_find_padata(after.padata, DER_PA_FX_COOKIE, &value));
	assert_true(is_text(value, "MIT"));
	assert_true(der_find_padata(after.padata, DER_PA_ENCRYPTED_CHALLENGE, &value));
	assert_int_equal(der_read_sealed(value, &back), 0);
	assert_int_equal(back.etype, 17);
	assert_true(is(back.cipher, cipher, sizeof(cipher)));
	/* Nothing to drop: the same octets again. */
	out = (struct wr){ octets, sizeof(octets) };
	assert_int_equal(der_make_as_req(&before, 999, &pa, &out), 0);
	assert_true(is(message, out.at, out.left));
	/* No room. */
	for (size_t n = 0; n < message.len; n += 7) {
		out = (struct wr){ octets, n };
		assert_int_equal(der_make_as_req(&before, 999, &pa, &out), -1);
	}
	drop(message);
}

static void
test_change_error(void **state)
{
	uint8_t octets[ROOM], info_at[128];
	struct wr out = { octets, sizeof(octets) }, room = { info_at, sizeof(info_at) };
	struct der_info info = { 20,
				 true,
				 { (const uint8_t *)"salt", 4 },
				 { (const uint8_t *)"\0\0\x80\0", 4 } },
			back;
	struct rd message = vector("logon-error"), list, value;
	struct der_error before, after;
	struct der_pa pa[2] = { { DER_PA_ENC_TIMESTAMP, { NULL, 0 } } };

	assert_int_equal(der_make_info(&info, &room), 0);
	pa[1] = (struct der_pa){ DER_PA_ETYPE_INFO2, { room.at, room.left } };
	assert_int_equal(der_read_error(message, &before), 0);
	assert_int_equal(der_make_error(&before, pa, 2, &out), 0);
	assert_int_equal(der_read_error((struct rd){ out.at, out.left }, &after), 0);
	assert_true(equal(after.front, before.front));
	assert_int_equal(der_read_method_data(after.data, &list), 0);
	assert_true(der_find_padata(list, DER_PA_ENC_TIMESTAMP, &value));
	assert_false(der_find_padata(list, DER_PA_FX_FAST, &value));
	assert_true(der_find_padata(list, DER_PA_ETYPE_INFO2, &value));
	assert_true(der_find_info(value, 20, &back));
	assert_true(is_text(back.salt, "salt"));
	assert_true(equal(back.params, info.params));
	/* No e-data at all: what libkrb5 takes for an end. */
	out = (struct wr){ octets, sizeof(octets) };
	assert_int_equal(der_make_error(&before, NULL, 0, &out), 0);
	assert_int_equal(der_read_error((struct rd){ out.at, out.left }, &after), 0);
	assert_null(after.data.at);
	assert_true(equal(after.front, before.front));
	drop(message);
}

static void
test_change_reply(void **state)
{
	uint8_t octets[ROOM], cipher[300];
	struct wr out = { octets, sizeof(octets) };
	struct rd message = vector("logon-reply");
	struct der_sealed sealed = { 17, { cipher, sizeof(cipher) } };
	struct der_as_rep before, after;

	memset(cipher, 0x5a, sizeof(cipher));
	assert_int_equal(der_read_as_rep(message, &before), 0);
	assert_int_equal(der_make_as_rep(&before, &sealed, &out), 0);
	assert_int_equal(der_read_as_rep((struct rd){ out.at, out.left }, &after), 0);
	assert_true(equal(after.names, before.names));
	assert_true(equal(after.ticket, before.ticket));
	assert_int_equal(after.padata.len, 0);
	assert_int_equal(after.enc_part.etype, 17);
	assert_true(is(after.enc_part.cipher, cipher, sizeof(cipher)));
	drop(message);
}

/* ---- what is not well-formed */

static int
read_any(const char *name, struct rd octets)
{
	struct der_as_req req;
	struct der_as_rep rep;
	struct der_error error;
	struct rd sum;
	int32_t type;

	if (strstr(name, "error") != NULL)
		return der_read_error(octets, &error);
	if (strstr(name, "reply") != NULL)
		return der_read_as_rep(octets, &rep);
	if (strstr(name, "part") != NULL)
		return der_find_checksum(octets, &type, &sum) >= 0 ? 0 : -1;
	return der_read_as_req(octets, &req);
}

/* Every short one, one octet more, and any octet changed: read or refused, inside its bounds. */
static void
test_malformed(void **state)
{
	static const char *const names[] = { "logon-request", "logon-timestamp", "logon-error",
					     "logon-reply", "logon-part" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rd whole = vector(names[i]);

		assert_int_equal(read_any(names[i], whole), 0);
		for (size_t n = 0; n <= whole.len + 1; n++) {
			uint8_t *copy = calloc(1, n + 1);
			struct rd cut = { copy, n };

			assert_non_null(copy);
			if (whole.at != NULL)
				memcpy(copy, whole.at, n < whole.len ? n : whole.len);
			if (n != whole.len)
				assert_int_equal(read_any(names[i], cut), -1);
			for (unsigned int bit = 0; n == whole.len && bit < 8 * n; bit++) {
				copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
				(void)read_any(names[i], cut); /* a sanitizer looks on */
				copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
			}
			free(copy);
		}
		drop(whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),       cmocka_unit_test(test_error),
		cmocka_unit_test(test_reply),	       cmocka_unit_test(test_timestamp),
		cmocka_unit_test(test_change_request), cmocka_unit_test(test_change_error),
		cmocka_unit_test(test_change_reply),   cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
