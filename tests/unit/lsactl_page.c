/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do names that an attacker chose stay text: in the report, and on a terminal? */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsactl/page.h"
#include "lsactl/watch.h"

static void
is_written(void (*write)(FILE *out, const char *text), const char *text, const char *want)
{
	char *page = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&page, &len);

	assert_non_null(out);
	write(out, text);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(page, want);
	free(page);
}

static void
markup_is_text(void **state)
{
	(void)state;
	is_written(page_text, "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
	is_written(page_text, "a&b\"c'd", "a&amp;b&quot;c&#39;d");
	is_written(page_plain, "</title><img src=x>", "&lt;/title&gt;&lt;img src=x&gt;");
	is_written(page_text, "", "");
}

static void
what_is_not_ascii_is_marked(void **state)
{
	(void)state;
	is_written(page_text, "ls\u0430iso",
		   "ls<bdi class=\"odd\" title=\"U+0430\">\u0430</bdi>iso");
	is_written(page_text, "a\u202eb", "a<span class=\"odd\">U+202E</span>b");
	is_written(page_text, "a\u200bb", "a<span class=\"odd\">U+200B</span>b");
	is_written(page_text, "a\nb", "a<span class=\"odd\">U+000A</span>b");
	is_written(page_text, "a\033[2Jb", "a<span class=\"odd\">U+001B</span>[2Jb");
	is_written(page_plain, "ls\u0430iso", "ls\\u{430}iso");
}

/* Octets that are no UTF-8: each shows, none takes its neighbour along. */
static void
broken_utf8(void **state)
{
	(void)state;
	is_written(page_text, "a\xff<", "a<span class=\"odd\">U+FFFD</span>&lt;");
	is_written(page_text, "a\xe2\x82",
		   "a<span class=\"odd\">U+FFFD</span>"
		   "<span class=\"odd\">U+FFFD</span>");
	/* '<' in a form that is too long, and half of a pair */
	is_written(page_plain, "\xc0\xbc", "\\u{fffd}\\u{fffd}");
	is_written(page_plain, "\xed\xa0\x80", "\\u{fffd}\\u{fffd}\\u{fffd}");
}

static void
only_techniques_become_links(void **state)
{
	(void)state;
	is_written(page_techniques, "T1055",
		   "<a rel=\"noreferrer\" href=\"https://attack.mitre.org/techniques/T1055/\">"
		   "T1055</a>");
	is_written(page_techniques, "T1003.007",
		   "<a rel=\"noreferrer\" href=\"https://attack.mitre.org/techniques/T1003/007/\">"
		   "T1003.007</a>");
	is_written(page_techniques, "T1\"><script>", "");
	is_written(page_techniques, "T1003.0070000000000", "");
}

static void
is_safe(const char *text, size_t n, const char *want)
{
	char to[64];

	assert_string_equal(watch_safe(text, to, n), want);
}

static void
nothing_moves_a_terminal(void **state)
{
	(void)state;
	is_safe("lsaiso", 64, "lsaiso");
	is_safe("a\033]0;owned\007", 64, "a\\u{1b}]0;owned\\u{7}");
	is_safe("\xc2\x9b"
		"2J",
		64, "\\u{9b}2J");
	is_safe("a\177", 64, "a\\u{7f}");
}

static void
long_text_is_cut(void **state)
{
	(void)state;
	is_safe("123456789", 10, "123456789");
	is_safe("1234567890", 10, "123456...");
	is_safe("123456\u0430", 10, "123456...");
	is_safe("", 5, "");
	is_safe("12345678", 5, "1...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_is_text),
		cmocka_unit_test(what_is_not_ascii_is_marked),
		cmocka_unit_test(broken_utf8),
		cmocka_unit_test(only_techniques_become_links),
		cmocka_unit_test(nothing_moves_a_terminal),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
