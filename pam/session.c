/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pam_setcred, pam_open_session, pam_close_session, pam_acct_mgmt. */
#include "pam/pam_lsa.h"

#include <syslog.h>

#include <security/pam_ext.h>

/*
 * What these calls begin with: PAM_SUCCESS and *st, or the code to return at
 * once. A user who did not authenticate here is none of our business.
 */
static int
begin(struct call *ca, pam_handle_t *pamh, int flags, int argc, const char **argv,
      struct state **st)
{
	int code = call_begin(ca, pamh, flags, argc, argv);

	*st = NULL;
	if (!state_there(pamh))
		return PAM_IGNORE;
	if (code == PAM_USER_UNKNOWN || (code == PAM_SUCCESS && ca->ignored))
		return PAM_IGNORE;
	if (code == PAM_SUCCESS)
		code = call_places(ca);
	if (code == PAM_SUCCESS) {
		*st = state_get(ca);
		if (*st == NULL)
			code = PAM_IGNORE;
	}
	if (code == PAM_SUCCESS && ca->retain)
		(*st)->retain = true;
	return code;
}

static int
ended(const struct call *ca, struct state *st, int code)
{
	return state_end(ca, st) == TROUBLE_NONE ? PAM_SUCCESS : code;
}

int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const unsigned known = PAM_ESTABLISH_CRED | PAM_DELETE_CRED | PAM_REINITIALIZE_CRED |
			       PAM_REFRESH_CRED | PAM_SILENT;
	struct call ca;
	struct state *st;
	int code = begin(&ca, pamh, flags, argc, argv, &st);

	if (code == PAM_SUCCESS && (ca.flags & ~known) != 0) {
		pam_syslog(pamh, LOG_ERR, "setcred: flags %#x", ca.flags);
		code = PAM_CRED_ERR;
	} else if (code == PAM_SUCCESS && (ca.flags & PAM_DELETE_CRED) != 0) {
		code = ended(&ca, st, PAM_CRED_ERR);
	} else if (code == PAM_SUCCESS) {
		/*
		 * REINITIALIZE and REFRESH find their work done: authenticate knew
		 * the password, and so went on in the session that there was.
		 */
		state_show(&ca, st);
	}
	say_debug(&ca, "setcred: %s", pam_strerror(pamh, code));
	return code == PAM_AUTHINFO_UNAVAIL ? PAM_CRED_UNAVAIL : code;
}

int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call ca;
	struct state *st;
	int code = begin(&ca, pamh, flags, argc, argv, &st);

	if (code == PAM_SUCCESS)
		state_show(&ca, st);
	say_debug(&ca, "open_session: %s", pam_strerror(pamh, code));
	return code == PAM_AUTHINFO_UNAVAIL ? PAM_SESSION_ERR : code;
}

int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call ca;
	struct state *st;
	int code = begin(&ca, pamh, flags, argc, argv, &st);

	if (code == PAM_SUCCESS)
		code = ended(&ca, st, PAM_SESSION_ERR);
	say_debug(&ca, "close_session: %s", pam_strerror(pamh, code));
	return code == PAM_AUTHINFO_UNAVAIL ? PAM_SESSION_ERR : code;
}

int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call ca;
	struct state *st;
	int code = begin(&ca, pamh, flags, argc, argv, &st);

	/* The KDC let the user in; it knows of nothing else that could have ended. */
	if (code == PAM_SUCCESS && st->expired)
		code = PAM_NEW_AUTHTOK_REQD;
	say_debug(&ca, "acct_mgmt: %s", pam_strerror(pamh, code));
	return code;
}
