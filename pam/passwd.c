/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pam_chauthtok: the password at the KDC. */
#include "pam/pam_lsa.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

int
change_password(const struct call *ca, const char **fresh)
{
	const void *old = NULL;
	char text[MESSAGE_TEXT];
	enum trouble trouble;
	int code = pam_get_item(ca->pamh, PAM_OLDAUTHTOK, &old);

	if (code != PAM_SUCCESS || old == NULL)
		return PAM_AUTHTOK_RECOVERY_ERR;
	code = secret_new(ca, fresh);
	if (code != PAM_SUCCESS)
		return code;
	/* Programs that cannot ask answer every question with the same password. */
	if (strcmp(old, *fresh) == 0) {
		say_user(ca, PAM_ERROR_MSG, "That is the password you have.");
		return PAM_AUTHTOK_ERR;
	}
	trouble = logon_change(ca, old, *fresh, text);
	if (trouble == TROUBLE_POLICY || trouble == TROUBLE_OTHER || trouble == TROUBLE_EXPIRED) {
		say_user(ca, PAM_ERROR_MSG, "%s", text);
		return PAM_AUTHTOK_ERR;
	}
	if (trouble != TROUBLE_NONE)
		return trouble_code(trouble);
	pam_syslog(ca->pamh, LOG_INFO, "password of %s changed", ca->user);
	return PAM_SUCCESS;
}

/*
 * Is the old password right, and does the KDC answer? A logon tells, which is
 * ended at once.
 */
static int
check_old(const struct call *ca)
{
	const char *old = NULL;
	enum first_pass first = ca->first;
	struct logon lo = { 0 };
	enum trouble trouble;
	bool asked = false;
	int code;

	do {
		code = secret_get(ca, PAM_OLDAUTHTOK, first, "Current Kerberos password: ", &old,
				  &asked);
		if (code != PAM_SUCCESS)
			return code;
		trouble = logon_do(ca, "new", old, &lo);
		first = FIRST_ASK;
	} while (trouble == TROUBLE_PASSWORD && ca->first == FIRST_TRY && !asked);
	if (trouble == TROUBLE_NONE)
		(void)logon_end(ca->pamh, ca->socket, lo.session);
	/* It can still be changed, and is proven then. */
	return trouble == TROUBLE_EXPIRED ? PAM_SUCCESS : trouble_code(trouble);
}

static int
update(const struct call *ca)
{
	const char *fresh = NULL;
	int code = change_password(ca, &fresh);
	struct state *st = code == PAM_SUCCESS ? state_get(ca) : NULL;

	/* The logon that waited for this (defer_pwchange) can go on. */
	if (st != NULL && st->expired)
		code = remember_fresh(ca, fresh);
	return code;
}

int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call ca;
	int code = call_begin(&ca, pamh, flags, argc, argv);

	if (code == PAM_SUCCESS && ca.ignored)
		code = PAM_IGNORE;
	if (code == PAM_SUCCESS)
		code = call_places(&ca);
	if (code == PAM_SUCCESS)
		code = (ca.flags & PAM_PRELIM_CHECK) != 0 ? check_old(&ca) : update(&ca);
	say_debug(&ca, "chauthtok %s: %s",
		  (ca.flags & PAM_PRELIM_CHECK) != 0 ? "(preliminary)" : "",
		  pam_strerror(pamh, code));
	return code;
}
