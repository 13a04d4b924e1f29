/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may have a TGT to forward: [delegation]. A request for one does not say where it
 * is to go, so what counts is which services the same logon has live tickets of.
 */
#ifndef LSASS_FRONT_KDC_FORWARD_H
#define LSASS_FRONT_KDC_FORWARD_H

#include "lsass/wire.h"

struct config;
struct cred;
struct logon;

/* Is the service (of any realm) on a list as [delegation] targets is? */
bool forward_on_list(const char *list, const struct wire_princ *service);

/*
 * The endpoint gave that logon a ticket of the service; endtime by our clock. (Those of KCM
 * are in its caches. After a restart of lsass these are what counts, until the
 * next ticket of the endpoint.)
 */
void forward_given(const struct config *cf, struct logon *lo, const struct wire_princ *service,
		   int64_t endtime);

/* May who uses this TGT have a forwarded one? NULL: yes; else why not, for people. */
const char *forward_why_not(const struct config *cf, const struct cred *tgt);

#endif
