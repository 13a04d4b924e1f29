/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a name that imitates one of ours told, and no other? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lsawatch/judge/names.h"

struct name {
	const char *is, *of;
};

static void
all_are(const struct name *names, size_t n, enum name_like like)
{
	for (size_t i = 0; i < n; i++) {
		const char *of = "";
		enum name_like is = name_like(names[i].is, &of);

		if (is != like || strcmp(of, names[i].of) != 0)
			fail_msg("%s: %d, like \"%s\", not %d, like \"%s\"", names[i].is, (int)is,
				 of, (int)like, names[i].of);
	}
}

#define ALL(names, like) all_are(names, sizeof(names) / sizeof((names)[0]), like)

static void
test_same(void **state)
{
	static const struct name names[] = {
		{ "lsaiso", "lsaiso" },	      { "lsass", "lsass" },
		{ "lsainit", "lsainit" },     { "lsawatch", "lsawatch" },
		{ "lsavmm", "lsavmm" },	      { "lsalink", "lsalink" },
		{ "lsaiso-vm", "lsaiso-vm" }, { "lsaiso-host", "lsaiso-host" },
	};

	(void)state;
	ALL(names, NAME_SAME);
}

/* Escapes of what is not ASCII: in a source they could not be told apart. */
static void
test_alike(void **state)
{
	static const struct name names[] = {
		{ "isaiso", "lsaiso" },
		{ "Isaiso", "lsaiso" },
		{ "1saiso", "lsaiso" },
		{ "|saiso", "lsaiso" },
		{ "lsalso", "lsaiso" },
		{ "lsa1s0", "lsaiso" },
		{ "LSASS", "lsass" },
		{ "LsaIso", "lsaiso" },
		{ "l5a55", "lsass" },
		{ "l$a$$", "lsass" },
		{ "ls4ss", "lsass" },
		{ "isass", "lsass" },
		{ "lsass ", "lsass" },
		{ "lsavvatch", "lsawatch" },
		{ "ls\u0430iso", "lsaiso" },	     /* Cyrillic a */
		{ "l\u0455a\u0455\u0455", "lsass" }, /* Cyrillic dze */
		{ "lsa\u0456s\u043e", "lsaiso" },    /* Cyrillic i and o */
		{ "\u04cfsass", "lsass" },	     /* Cyrillic palochka */
		{ "ls\u03b1is\u03bf", "lsaiso" },    /* Greek alpha and omicron */
		{ "lsa\u03b9nit", "lsainit" },	     /* Greek iota */
		{ "ls\u0251ss", "lsass" },	     /* Latin alpha */
		{ "\uff4c\uff53\uff41\uff53\uff53", "lsass" },
		{ "\uff2c\uff33\uff21\uff33\uff33", "lsass" },
		{ "ls\u00e4ss", "lsass" },	   /* a with diaeresis */
		{ "lsa\u0301ss", "lsass" },	   /* a, combining acute accent */
		{ "lsass\u200b", "lsass" },	   /* a space without width */
		{ "\u202elsass", "lsass" },	   /* from right to left */
		{ "ls\u00adass", "lsass" },	   /* a soft hyphen */
		{ "\u2113sass", "lsass" },	   /* script l */
		{ "\U0001d4c1sass", "lsass" },	   /* mathematical script l */
		{ "lsaiso\u2011vm", "lsaiso-vm" }, /* a hyphen that does not break */
		{ "ls\u0430iso-h\u043est", "lsaiso-host" },
	};

	(void)state;
	ALL(names, NAME_ALIKE);
}

static void
test_near(void **state)
{
	static const struct name names[] = {
		{ "lsais", "lsaiso" },	 { "lsaios", "lsaiso" },    { "slaiso", "lsaiso" },
		{ "lsaisoo", "lsaiso" }, { "lsa-iso", "lsaiso" },   { "lsabso", "lsaiso" },
		{ "xlsass", "lsass" },	 { "lsasss", "lsass" },	    { "lssas", "lsass" },
		{ "lsaas", "lsass" },	 { "lsainits", "lsainit" }, { "lsawach", "lsawatch" },
		{ "lsavm", "lsavmm" },	 { "lsalnk", "lsalink" },
	};

	(void)state;
	ALL(names, NAME_NEAR);
}

static void
test_others(void **state)
{
	static const struct name names[] = {
		{ "", "" },
		{ "ls", "" },
		{ "lsa", "" },
		{ "sass", "" },
		{ "lass", "" },
		{ "lsas", "" },
		{ "lsof", "" },
		{ "lsactl", "" },
		{ "lsaseal", "" },
		{ "lsasign", "" },
		{ "class", "" },
		{ "glass", "" },
		{ "lsass.exe", "" },
		{ "wininit", "" },
		{ "winit", "" },
		{ "isolate", "" },
		{ "watch", "" },
		{ "systemd", "" },
		{ "sshd", "" },
		{ "link", "" },
		{ "lsaisoiso", "" },
		{ "lsa", "" },
		{ "\xff\xfe", "" },
		{ "lsa\xc3", "" },
		{ "\u65e5\u672c", "" },
		{ "a name that is far longer than any of ours can ever be, and goes on", "" },
	};

	(void)state;
	ALL(names, NAME_OTHER);
}

/* Every prefix of octets that are no UTF-8 ends where the string does. */
static void
test_cut(void **state)
{
	static const char whole[] = "ls\u0430\u0455\uff53\U0001d4c1";

	(void)state;
	for (size_t n = 0; n <= sizeof(whole) - 1; n++) {
		char *cut = malloc(n + 1);
		const char *of;

		assert_non_null(cut);
		memcpy(cut, whole, n);
		cut[n] = '\0';
		(void)name_like(cut, &of);
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same), cmocka_unit_test(test_alike),
		cmocka_unit_test(test_near), cmocka_unit_test(test_others),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
