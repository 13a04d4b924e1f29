/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does x25519 of lsaiso, the object as it goes into the program, branch on
 * its private key or look anything up by it? Run by constant.py under
 * valgrind's memcheck, which is told that the key's octets were never set:
 * it reports each branch and each address that depends on one.
 *
 * usage: boundary_secrets key | branch | lookup
 *
 * branch and lookup do what must not be done: the reports that the first has
 * none of must come then.
 */
#include <stdio.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "x25519.h"

static const uint8_t table[256] = { 1, 2, 3 };

int
main(int argc, char **argv)
{
	/* private and out apart, so that no octet is both */
	uint8_t private[32] = { 0x77, 7, 0x6d, 0x0a }, out[32] = { 0 }, point[32] = { 9 };
	enum iso_status st;
	uint8_t got = 0;

	if (argc != 2)
		return 2;
	VALGRIND_MAKE_MEM_UNDEFINED(private, sizeof(private));
	st = x25519(out, private, point);
	if (strcmp(argv[1], "branch") == 0 && (private[3] & 1) != 0)
		(void)puts("odd"); /* a call: no conditional move will do */
	if (strcmp(argv[1], "lookup") == 0)
		got = table[private[5]];
	/* what comes out may be told: it is public, or goes into HMAC */
	VALGRIND_MAKE_MEM_DEFINED(out, sizeof(out));
	VALGRIND_MAKE_MEM_DEFINED(&st, sizeof(st));
	VALGRIND_MAKE_MEM_DEFINED(&got, sizeof(got));
	(void)printf("%d %u %02x%02x\n", (int)st, got, out[0], out[31]);
	return RUNNING_ON_VALGRIND ? 0 : 3;
}
