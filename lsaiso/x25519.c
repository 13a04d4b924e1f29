/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers modulo p = 2^255 - 19 are five limbs of 51 bits, least first, not
 * always reduced. Bounds, which the comments call by name:
 *
 *   near  each limb below 2^51 + 2^19: what decode and mul give
 *   wide  each limb below 2^53: sums and differences of two that are near
 *
 * No branch and no address depends on a limb; tests/boundary looks.
 */
#include "x25519.h"

#include "wipe.h"

__extension__ typedef unsigned __int128 product;

struct fe {
	uint64_t limb[5];
};

#define LIMB ((UINT64_C(1) << 51) - 1)

/* Near. The highest bit is ignored, and p and above are taken as they are. */
static struct fe
decode(const uint8_t in[ISO_PUBLIC])
{
	struct fe a;
	uint64_t w[5] = { 0 }, last = 0;

	memcpy(w, in, ISO_PUBLIC);
	for (int i = 0; i < 5; last = w[i++])
		a.limb[i] = (w[i] << 13 * i | last >> 1 >> (63 - 13 * i)) & LIMB;
	return a;
}

/*
 * a and b are wide, the product is near. 2^255 is 19, so limb i times limb j
 * counts for limb i + j, or 19-fold for limb i + j - 5. What is for one limb
 * is at most 2^106 * (1 + 4 * 19) and a carry, less than 2^113.
 */
static struct fe
mul(struct fe a, struct fe b)
{
	product carry = 0;
	struct fe out;

	for (int k = 0; k < 5; k++) {
		for (int i = 0; i < 5; i++)
			carry += (product)(a.limb[i] * (i > k ? 19 : 1)) * b.limb[(k + 5 - i) % 5];
		out.limb[k] = (uint64_t)carry & LIMB;
		carry >>= 51;
	}
	carry = carry * 19 + out.limb[0];
	out.limb[0] = (uint64_t)carry & LIMB;
	out.limb[1] += (uint64_t)(carry >> 51);
	return out;
}

/* a, b = a + b, a - b: near becomes wide. 2p is added, so no limb is negative. */
static void
cross(struct fe *a, struct fe *b)
{
	for (int i = 0; i < 5; i++) {
		uint64_t was = a->limb[i];

		a->limb[i] = was + b->limb[i];
		b->limb[i] = was + 2 * (i == 0 ? LIMB - 18 : LIMB) - b->limb[i];
	}
}

/* Exchange a and b if bit is 1, not if it is 0. */
static void
swap(uint64_t bit, struct fe *a, struct fe *b)
{
	uint64_t mask = 0 - bit;

	__asm__ volatile("" : "+r"(mask)); /* or the compiler might see the branch in it */
	for (int i = 0; i < 5; i++) {
		uint64_t differ = mask & (a->limb[i] ^ b->limb[i]);

		a->limb[i] ^= differ;
		b->limb[i] ^= differ;
	}
}

/*
 * out = x / z, reduced; 0 if z is 0. 1 / z is z^(p - 2), and of the 255 bits
 * of p - 2 only 2 and 4 are not set. The quotient is near, so less than 2p:
 * if it is p or more, 19 more than it has the bit 2^255.
 */
static void
divide(uint8_t out[ISO_PUBLIC], struct fe x, struct fe z)
{
	struct fe a = z;
	uint64_t over = 19, w[4];

	for (int bit = 253; bit >= 0; bit--) {
		a = mul(a, a);
		a = bit == 2 || bit == 4 ? a : mul(a, z);
	}
	a = mul(a, x);
	for (int i = 0; i < 5; i++)
		over = (a.limb[i] + over) >> 51;
	over *= 19;
	for (int i = 0; i < 5; over >>= 51, i++) {
		over += a.limb[i];
		a.limb[i] = over & LIMB;
	}
	for (int i = 0; i < 4; i++)
		w[i] = a.limb[i] >> 13 * i | a.limb[i + 1] << (51 - 13 * i);
	memcpy(out, w, sizeof(w));
}

/*
 * x[0] / z[0] and x[1] / z[1] are n and n + 1 times the point u, n growing by
 * a bit in each round. RFC 7748 section 5; its names in the comments.
 */
enum iso_status
x25519(uint8_t out[ISO_PUBLIC], const uint8_t private[ISO_PUBLIC], const uint8_t point[ISO_PUBLIC])
{
	const struct fe u = decode(point), a24 = { { 121665 } };
	struct fe x[2] = { { { 1 } }, u }, z[2] = { { { 0 } }, { { 1 } } }, aa, bb, e;
	uint64_t bit, swapped = 0;

	for (int t = 254; t >= 0; t--, swapped = bit) {
		/* bit 254 is taken as set, 0 to 2 as not set */
		bit = t == 254 ? 1 : t < 3 ? 0 : private[t / 8] >> (t % 8) & 1;
		swap(swapped ^ bit, &x[0], &x[1]);
		swap(swapped ^ bit, &z[0], &z[1]);
		cross(&x[0], &z[0]);	/* A, B */
		cross(&x[1], &z[1]);	/* C, D */
		x[1] = mul(x[1], z[0]); /* CB */
		z[1] = mul(z[1], x[0]); /* DA */
		cross(&x[1], &z[1]);
		x[1] = mul(x[1], x[1]);
		z[1] = mul(mul(z[1], z[1]), u);
		e = aa = mul(x[0], x[0]);
		bb = mul(z[0], z[0]);
		x[0] = mul(aa, bb);
		cross(&e, &bb); /* bb is E now */
		e = mul(a24, bb);
		cross(&aa, &e); /* aa is AA + a24 * E now */
		z[0] = mul(aa, bb);
	}
	divide(out, x[0], z[0]); /* the last bit was 0, so nothing is swapped */
	wipe(x, sizeof(x));
	wipe(z, sizeof(z));
	return ct_equal(out, z, ISO_PUBLIC) ? ISO_E_RANGE : ISO_OK; /* z is zero */
}
