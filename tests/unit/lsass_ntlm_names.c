/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are names what they should be in messages of NTLM, and which ones are the same?
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lsass/ntlm/names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
names_in_messages(void **state)
{
	static const struct {
		const char *text, *plain, *capitals; /* octets of UTF-16LE */
		size_t len;
	} rows[] = {
		{ "", "", "", 0 },
		{ "aZ1", "a\0Z\0001\0", "A\0Z\0001\0", 6 },
		{ "\u00eb\u00df", "\xeb\0\xdf\0", "\xcb\0\xdf\0", 4 }, /* sharp s has no capital */
		{ "\u00ff", "\xff\0", "\x78\1", 2 },
		{ "\u0434\u03c9", "\x34\4\xc9\3", "\x14\4\xa9\3", 4 },
		{ "\U0001d11e", "\x34\xd8\x1e\xdd", "\x34\xd8\x1e\xdd", 4 },
		{ "\U00010428", "\x01\xd8\x28\xdc", "\x01\xd8\x28\xdc", 4 }, /* as in Windows */
	};
	static const char *const bad[] = { "\x80",
					   "a\xff",
					   "\xc0\x80",
					   "\xc3",
					   "\xe2\x82",
					   "\xed\xa0\x80",
					   "\xf4\x90\x80\x80",
					   "\xf0\x80\x80\x80",
					   "\xe0\x80\x80",
					   "\xf8\x88\x80\x80\x80" };
	char longest[258];
	struct name16 to;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(names_utf16(rows[i].text, false, &to));
		assert_int_equal(to.len, rows[i].len);
		assert_memory_equal(to.at, rows[i].plain, to.len);
		assert_true(names_utf16(rows[i].text, true, &to));
		assert_int_equal(to.len, rows[i].len);
		assert_memory_equal(to.at, rows[i].capitals, to.len);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(names_utf16(bad[i], false, &to));
		assert_false(names_same(bad[i], bad[i]));
	}
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	assert_true(names_utf16(longest, false, &to));
	assert_int_equal(to.len, 512);
	longest[256] = 'a';
	longest[257] = '\0';
	assert_false(names_utf16(longest, false, &to));
}

static void
names_that_are_the_same(void **state)
{
	char text[8];

	(void)state;
	assert_true(names_same("", ""));
	assert_true(names_same("Alice", "aLICE"));
	assert_true(names_same("zo\u00eb", "ZO\u00cb"));
	assert_false(names_same("alice", "alicf"));
	assert_false(names_same("alice", "alic"));
	assert_false(names_same("alic", "alice"));
	assert_false(names_same("", "a"));
	names_show((struct rd){ (const uint8_t *)"a\0\n\0\xe9\0 \0z\0", 10 }, text, sizeof(text));
	assert_string_equal(text, "a?? z");
	names_show((struct rd){ (const uint8_t *)"a\0b\0c\0d\0e\0f\0g\0h\0i", 17 }, text,
		   sizeof(text));
	assert_string_equal(text, "abcdefg");
	names_show((struct rd){ 0 }, text, sizeof(text));
	assert_string_equal(text, "");
}

static void
names_taken_apart(void **state)
{
	static const struct {
		const char *text, *user, *realm; /* user NULL: it is none */
	} rows[] = {
		{ "alice@R.LOCAL", "alice", "R.LOCAL" },
		{ "alice", "alice", "" },
		{ "a\\@b@R", "a@b", "R" },
		{ "a\\\\nb@R", "a\\nb", "R" },
		{ "a\\/b@R", "a/b", "R" },
		{ "a\\nb@R", "a\nb", "R" },
		{ "alice/admin@R", NULL, NULL },
		{ "alice@R/x", NULL, NULL },
		{ "alice@R@S", NULL, NULL },
		{ "@R", NULL, NULL },
		{ "", NULL, NULL },
		{ "alice\\", NULL, NULL },
	};
	static const char *const bad[] = { "", "a", "\\", "a\\", "\\a", "a\\b\\c", "a\\b\\" };
	char a[NTLM_NAME], b[NTLM_NAME], text[2 * NTLM_NAME + 8];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(names_principal(rows[i].text, a, b), rows[i].user != NULL);
		if (rows[i].user != NULL) {
			assert_string_equal(a, rows[i].user);
			assert_string_equal(b, rows[i].realm);
		}
	}
	assert_true(ntlm_split("CORP\\al ice", a, b));
	assert_string_equal(a, "CORP");
	assert_string_equal(b, "al ice");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(ntlm_split(bad[i], a, b));
	memset(text, 'a', sizeof(text));
	text[255] = '\\';
	text[255 + 256] = '\0';
	assert_true(ntlm_split(text, a, b));
	assert_int_equal(strlen(a), 255);
	assert_int_equal(strlen(b), 255);
	text[511] = 'a';
	text[512] = '\0';
	assert_false(ntlm_split(text, a, b));
	text[255] = 'a';
	text[256] = '\\';
	assert_false(ntlm_split(text, a, b));
	text[255] = '\0';
	assert_true(names_principal(text, a, b));
	text[255] = 'a';
	text[256] = '\0';
	assert_false(names_principal(text, a, b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_in_messages),
		cmocka_unit_test(names_that_are_the_same),
		cmocka_unit_test(names_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
