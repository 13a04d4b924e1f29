/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few names of a C library that the compiler and libnettle.a ask for.
 * Nothing else of one is linked. Environment and streams do not exist here.
 */
#include <stddef.h>
#include <stdint.h>

#include "port/port.h"

/* Declared here, not by libc headers: this file is their only definition. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *at, int octet, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
void __stack_chk_fail(void) __attribute__((noreturn));
void iso_abort(void) __attribute__((noreturn));
long iso_nothing(void);

#define SMALL 256u

/* Eight octets at any address, of any type. */
struct word {
	uint64_t w;
} __attribute__((packed, may_alias));

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;
	void *at = to;

	if (n < SMALL) { /* the string instruction takes long to start */
		for (; n >= 8; n -= 8, t += 8, f += 8)
			*(struct word *)t = *(const struct word *)f;
		for (; n > 0; n--)
			*t++ = *f++;
		return to;
	}
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void *
memmove(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (t <= f || t >= f + n)
		return memcpy(to, from, n);
	while (n > 0) {
		n--;
		t[n] = f[n];
	}
	return to;
}

void *
memset(void *at, int octet, size_t n)
{
	uint8_t *t = at;
	void *to = at;

	if (n < SMALL) {
		for (; n >= 8; n -= 8, t += 8)
			((struct word *)t)->w = UINT64_C(0x0101010101010101) * (uint8_t)octet;
		for (; n > 0; n--)
			*t++ = (uint8_t)octet;
		return at;
	}
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(octet) : "memory");
	return at;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

size_t
strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != 0)
		n++;
	return n;
}

void
__stack_chk_fail(void)
{
	port_exit(ISO_EXIT_STACK);
}

void
iso_abort(void)
{
	port_exit(ISO_EXIT_ASSERT);
}

long
iso_nothing(void)
{
	return 0;
}

/* What libnettle asks for but has no use of here, under other names. */
#define ALIAS(name, is) __asm__(".globl " #name "\n.set " #name ", " #is)
ALIAS(abort, iso_abort);
ALIAS(__assert_fail, iso_abort);
ALIAS(getenv, iso_nothing);
ALIAS(secure_getenv, iso_nothing);
ALIAS(strchr, iso_nothing);
ALIAS(fwrite, iso_nothing);
ALIAS(__fprintf_chk, iso_nothing);
ALIAS(stderr, iso_nothing); /* never looked at */
