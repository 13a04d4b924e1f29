/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the methods about keytabs share: keytab.c, keytab_rotate.c. */
#ifndef LSASS_FRONT_ADMIN_KEYTAB_H
#define LSASS_FRONT_ADMIN_KEYTAB_H

#include "lsass/front/admin/logons.h"

/* May the caller, and is there a folder? False: it was answered. */
bool keytab_is_root(struct ask *as, const struct admin_view *view);
/* "path"; false: it was answered. */
bool keytab_path(struct ask *as, const char **path);
/* lsaiso refused, with what to do about it. */
void keytab_refuse_iso(struct ask *as, const char *what, enum iso_status status);

#endif
