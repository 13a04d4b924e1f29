/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Forgetting, and comparing without telling where the difference is.
 */
#ifndef LSAISO_WIPE_H
#define LSAISO_WIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zero n octets; the compiler cannot drop it. */
static inline void
wipe(void *at, size_t n)
{
	memset(at, 0, n);
	__asm__ volatile("" : : "r"(at) : "memory");
}

/* Are n octets the same? Time depends on n alone. */
static inline bool
ct_equal(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (uint8_t)(x[i] ^ y[i]);
	__asm__ volatile("" : "+r"(differ));
	return differ == 0;
}

#endif
