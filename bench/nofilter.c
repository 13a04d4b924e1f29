/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsaiso/port/filter.c for one column of the benchmark: no filter at all. */
#include "port/linux/linux.h"

long
filter_install(void)
{
	return 0;
}
