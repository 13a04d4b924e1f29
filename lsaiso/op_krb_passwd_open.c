/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iso.h"

enum iso_status
iso_op_krb_passwd_open(struct iso *iso, const struct iso_req_krb_passwd_open *req,
		       struct iso_rep_krb_passwd_open *rep)
{
	(void)iso;
	(void)req;
	(void)rep;
	return ISO_E_OP;
}
