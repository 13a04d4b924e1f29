/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The admin front of lsaiso-host (lsass/front/admin), with the methods that
 * make sense here: Status, Wipe, Stop. Caches and logons are in the guest.
 */
#ifndef LSAISO_HOST_ADMIN_H
#define LSAISO_HOST_ADMIN_H

#include "lsass/front/admin/admin.h"

/* view has cf, table and guest. 0 or -1 with errno. */
int host_admin_start(struct loop *lo, int listen_fd, const struct admin_view *view);

#endif
