/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SSSD beside the KDC endpoint: what its configuration says. */
#include <string.h>

#include "lsactl/doctor.h"
#include "lsactl/sssd.h"

/* Do the keys that SSSD uses for itself come from a file that was imported? */
static bool
of_standins(const struct ctl *ct, const struct sssd_domain *dom)
{
	const char *path = dom->keytab[0] != '\0' ? dom->keytab : ct->cf.logon_keytab;
	char error[512] = "";
	json_t *is = try_call(ct, "ListKeytabs", NULL, error, sizeof(error));
	const json_t *one;
	bool ours = false;
	size_t i;

	json_array_foreach(json_object_get(is, "keys"), i, one)
	    ours |= strcmp(get_text(one, "path"), path) == 0;
	json_decref(is);
	return ours;
}

/* The first thing to be done about a domain, if any. */
static void
judge(const struct ctl *ct, const struct sssd_domain *dom, struct finding *fi)
{
	bool standins = dom->kerberos && of_standins(ct, dom);

	if (dom->kerberos && dom->kdcinfo != SSSD_NO) {
		found(fi, standins ? HEALTH_MISSING : HEALTH_WEAK,
		      "%.60s: SSSD tells libkrb5 of KDCs past the endpoint, while it is online",
		      dom->name);
		advise(fi, "krb5_use_kdcinfo = False in sssd.conf (lsactl setup --apply), restart "
			   "sssd");
	} else if (standins && sssd_validates(dom)) {
		found(fi, HEALTH_MISSING,
		      "%.60s: SSSD refuses every password: krb5_validate, with a keytab of "
		      "stand-ins",
		      dom->name);
		advise(fi, "one of the ways that lsaiso-kdc(7) has for SSSD: pam_lsa, a keytab of "
			   "another account, krb5_validate = False");
	} else if (standins && sssd_armours(dom)) {
		found(fi, HEALTH_MISSING,
		      "%.60s: SSSD refuses every password: krb5_use_fast, with a keytab of "
		      "stand-ins",
		      dom->name);
		advise(fi, "leave krb5_use_fast out, or see SSSD in lsaiso-kdc(7)");
	}
}

void
check_sssd_conf(const struct ctl *ct, struct finding *fi)
{
	struct sssd_domain list[SSSD_DOMAINS] = { 0 };
	int n = 0;

	if (ct->cf.kdc_listen[0] == '\0' && ct->cf.kdc_socket[0] == '\0') {
		found(fi, HEALTH_OK, "there is no KDC endpoint here ([kdc] listen)");
		return;
	}
	n = sssd_read(list);
	if (n < 0) {
		found(fi, HEALTH_UNKNOWN, SSSD_CONF " is root's to read");
		return;
	}
	found(fi, HEALTH_OK, n == 0 ? "names no domain" : "leads nobody past the endpoint");
	for (int i = 0; i < n && fi->health != HEALTH_MISSING; i++)
		judge(ct, &list[i], fi);
}
