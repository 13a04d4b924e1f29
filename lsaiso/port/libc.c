/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few names of a C library that the compiler and libnettle.a ask for.
 * Nothing else of one is linked. Environment and streams do not exist here.
 */
#include <stddef.h>
#include <stdint.h>

#include "port/linux.h"

/* Declared here, not by libc headers: this file is their only definition. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *at, int octet, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
char *strchr(const char *s, int c);
char *getenv(const char *name);
char *secure_getenv(const char *name);
size_t fwrite(const void *at, size_t size, size_t n, void *stream);
int __fprintf_chk(void *stream, int flag, const char *format, ...);
void __stack_chk_fail(void) __attribute__((noreturn));
void __assert_fail(const char *what, const char *file, unsigned int line, const char *function)
    __attribute__((noreturn));
void abort(void) __attribute__((noreturn));

void *const stderr = NULL;

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *at = to;

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
	void *to = at;

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

/* Only called by nettle on what getenv returned. */
char *
strchr(const char *s, int c)
{
	(void)s;
	(void)c;
	return NULL;
}

char *
getenv(const char *name)
{
	(void)name;
	return NULL;
}

char *
secure_getenv(const char *name)
{
	(void)name;
	return NULL;
}

size_t
fwrite(const void *at, size_t size, size_t n, void *stream)
{
	(void)at;
	(void)size;
	(void)stream;
	return n;
}

int
__fprintf_chk(void *stream, int flag, const char *format, ...)
{
	(void)stream;
	(void)flag;
	(void)format;
	return 0;
}

void
__stack_chk_fail(void)
{
	linux_exit(ISO_EXIT_STACK);
}

void
__assert_fail(const char *what, const char *file, unsigned int line, const char *function)
{
	(void)what;
	(void)file;
	(void)line;
	(void)function;
	linux_exit(ISO_EXIT_ASSERT);
}

void
abort(void)
{
	linux_exit(ISO_EXIT_ASSERT);
}
