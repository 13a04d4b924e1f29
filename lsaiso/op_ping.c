/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(ping)
{
	return ISO_OK;
}
