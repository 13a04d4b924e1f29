/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ports that lsass may talk to. */
#ifndef LSAWATCH_PORTS_H
#define LSAWATCH_PORTS_H

#include <stdbool.h>

#include "lsawatch/watch.h"

/*
 * Is it a port of Kerberos or DNS, or one that the configuration of Kerberos
 * gives a KDC? That is read anew when an unknown port is seen, every
 * ten seconds at most.
 */
bool ports_known(struct lsawatch *w, unsigned int port);

#endif
