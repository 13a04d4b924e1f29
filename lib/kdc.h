/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The addresses of [kdc] listen, for lsainit, which listens there, for lsass, which
 * serves them and never takes one for a real KDC, and for lsawatch, to which no
 * other is normal.
 */
#ifndef LIB_KDC_H
#define LIB_KDC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define KDC_LISTEN_MAX 4

struct config;

struct kdc_address {
	struct sockaddr_storage addr; /* AF_INET or AF_INET6, loopback, with a port */
	socklen_t len;
	char text[56]; /* as kdc_address_text has it */
};

/*
 * Each of [kdc] listen, as they stand.
 * list   room for KDC_LISTEN_MAX
 * error  out, what is wrong, for people
 * Returns how many, or -1.
 */
int kdc_addresses(const struct config *cf, struct kdc_address *list, char *error, size_t n);

/* An address within this machine: 127.0.0.0/8, ::1, and the former in IPv6. */
bool kdc_is_loopback(const struct sockaddr *addr);

/* 127.0.0.1:88, [::1]:88; "" for other families. */
void kdc_address_text(const struct sockaddr *addr, char *text, size_t n);

#endif
