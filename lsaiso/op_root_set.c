/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

ISO_HANDLER(root_set)
{
	if (iso->root_kind != ISO_ROOT_RANDOM)
		return ISO_E_PHASE;
	if (req->key.len != sizeof(iso->root))
		return ISO_E_RANGE;
	memcpy(iso->root, req->key.at, sizeof(iso->root));
	iso->root_kind = ISO_ROOT_KEPT;
	iso_root_name(iso);
	return ISO_OK;
}
