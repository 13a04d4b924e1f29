/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a logon failed: a word for programs, a sentence for people. */
#include <krb5.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/front/admin/logons.h"

/* NTSTATUS of MS-ERREF 2.3.1 that a KDC of Active Directory adds. */
#define NT_ACCOUNT_DISABLED   0xc0000072u
#define NT_ACCOUNT_LOCKED_OUT 0xc0000234u
#define NT_ACCOUNT_EXPIRED    0xc0000193u
#define NT_LOGON_HOURS	      0xc000006fu
#define NT_WORKSTATION	      0xc0000070u

struct why {
	int32_t code;
	enum as_who who; /* AS_NOBODY: whoever */
	const char *reason;
	const char *text; /* %s: the principal */
};

static const struct why whys[] = {
	{ KRB5KDC_ERR_PREAUTH_FAILED, AS_NOBODY, "wrong-password",
	  "that is not the password of %s; try again, and mind caps lock" },
	{ KRB5KRB_AP_ERR_BAD_INTEGRITY, AS_KDC, "wrong-password",
	  "that is not the password of %s; try again, and mind caps lock" },
	{ KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, AS_NOBODY, "unknown-user",
	  "the KDC knows nobody called %s; name another principal: lsactl logon NAME@REALM" },
	{ KRB5KDC_ERR_NAME_EXP, AS_NOBODY, "locked",
	  "the account %s has expired; its administrator can extend it" },
	{ KRB5KDC_ERR_CLIENT_REVOKED, AS_NOBODY, "locked",
	  "the account %s is locked or disabled; its administrator can open it" },
	{ KRB5KDC_ERR_KEY_EXP, AS_NOBODY, "expired-password",
	  "the password of %s has expired; change it: lsactl passwd" },
	{ KRB5KRB_AP_ERR_SKEW, AS_NOBODY, "clock-skew",
	  "the clocks of this machine and of the KDC of %s differ; set this one (chrony, ntpd)" },
	{ KRB5KDC_ERR_POLICY, AS_NOBODY, "policy",
	  "the KDC does not let %s log on now, or not from here; ask its administrator" },
	{ KRB5_KDC_UNREACH, AS_NOBODY, "no-kdc",
	  "no KDC of the realm of %s answers; look at the network and at [realms] of krb5.conf" },
	{ KRB5_REALM_CANT_RESOLVE, AS_NOBODY, "no-kdc",
	  "no KDC of the realm of %s can be found; look at DNS and at [realms] of krb5.conf" },
	{ KRB5_REALM_UNKNOWN, AS_NOBODY, "no-kdc",
	  "no KDC of the realm of %s is known; look at [realms] of krb5.conf" },
	{ KRB5KDC_ERR_SVC_UNAVAILABLE, AS_KDC, "no-kdc",
	  "the KDC of %s cannot serve now; try again later" },
	{ KRB5KDC_ERR_ETYPE_NOSUPP, AS_NOBODY, "weak-type",
	  "the KDC offers %s only encryption types that are too weak; a new password gives the "
	  "account stronger keys" },
	{ KRB5_ERR_FAST_REQUIRED, AS_NOBODY, "other",
	  "who answered for %s does not protect the logon (FAST), though it says elsewhere that it "
	  "can, or must by [logon] fast; if this KDC cannot, [logon] fast = off" },
	{ KRB5_PREAUTH_FAILED, AS_HERE, "other",
	  "the KDC wants something else of %s than a password (a smart card, a one-time code)" },
	{ KRB5_PARSE_MALFORMED, AS_NOBODY, "other", "%s is not the name of a principal" },
	{ KRB5_CONFIG_NODEFREALM, AS_NOBODY, "other",
	  "krb5.conf has no default realm; name one: %s@REALM" },
	{ KRB5KRB_AP_ERR_TKT_EXPIRED, AS_ISO, "other",
	  "the session has ended meanwhile; log %s on anew" },
	{ KRB5KDC_ERR_SVC_UNAVAILABLE, AS_ISO, "other",
	  "lsaiso does not answer, so %s cannot log on; see lsactl status" },
	{ 0 },
};

static const struct why *
find(const struct work *wo)
{
	const struct why *why = whys;

	while (why->reason != NULL &&
	       (why->code != wo->code || (why->who != AS_NOBODY && why->who != wo->as.who)))
		why++;
	return why->reason != NULL ? why : NULL;
}

const char *
why_reason(const struct work *wo)
{
	const struct why *why = wo->step == WORK_AS ? find(wo) : NULL;

	if (wo->step == WORK_PASSWORD ||
	    (wo->step == WORK_OFFLINE && wo->offline_verdict == OFFLINE_WRONG))
		return "wrong-password";
	if (wo->step == WORK_OFFLINE)
		return "no-kdc";
	if (wo->step == WORK_NEW)
		return wo->passwd.step == PASSWD_REFUSED  ? "policy"
		       : wo->passwd.step == PASSWD_SERVER ? "no-kdc"
							  : "other";
	if (wo->step == WORK_KDC)
		return "not-verified";
	return why != NULL ? why->reason : "other";
}

/* What a Windows or Samba KDC says more exactly. */
static const char *
of_domain(uint32_t nt_status)
{
	switch (nt_status) {
	case NT_ACCOUNT_DISABLED:
		return "the account %s is disabled; its administrator can enable it";
	case NT_ACCOUNT_LOCKED_OUT:
		return "the account %s is locked after too many wrong passwords; wait, or ask its "
		       "administrator";
	case NT_ACCOUNT_EXPIRED:
		return "the account %s has expired; its administrator can extend it";
	case NT_LOGON_HOURS:
		return "the domain does not let %s log on at this hour";
	case NT_WORKSTATION:
		return "the domain does not let %s log on from this machine";
	default:
		return NULL;
	}
}

const char *
why_text(int32_t code, char *text, size_t n)
{
	const char *krb5 = krb5_get_error_message(NULL, code);

	(void)snprintf(text, n, "%s", krb5);
	krb5_free_error_message(NULL, krb5);
	return text;
}

/* A format of this file's own with one %s, filled in. */
static void
fill(char *text, size_t n, const char *format, const char *name)
{
	const char *at = strstr(format, "%s");

	if (at == NULL)
		(void)snprintf(text, n, "%s", format);
	else
		(void)snprintf(text, n, "%.*s%.*s%s", (int)(at - format), format, 200, name,
			       at + 2);
}

static void
explain_as(const struct work *wo, char *text, size_t n)
{
	const struct why *why = find(wo);
	const char *domain = of_domain(wo->as.nt_status);
	char said[256];

	if (domain != NULL || why != NULL)
		fill(text, n, domain != NULL ? domain : why->text, wo->name);
	else
		(void)snprintf(text, n, "%s", why_text(wo->code, said, sizeof(said)));
	if (domain == NULL && wo->as.text[0] != '\0' && strlen(text) + 24 < n)
		(void)snprintf(text + strlen(text), n - strlen(text), " (the KDC: %s)",
			       wo->as.text);
}

/* Of a change of password, of which the old one was right. */
static void
explain_new(const struct work *wo, char *text, size_t n)
{
	const struct passwd *ch = &wo->passwd;
	char said[256];

	if (ch->step == PASSWD_REFUSED)
		(void)snprintf(text, n, "the server does not take the new password: %.700s",
			       ch->text[0] != '\0' ? ch->text : "it does not say why");
	else if (ch->step == PASSWD_SERVER)
		(void)snprintf(text, n,
			       "no password server answers (%s); look at kpasswd_server and "
			       "admin_server of krb5.conf",
			       why_text(ch->code, said, sizeof(said)));
	else
		(void)snprintf(
		    text, n,
		    "the change was sent, but what came back tells nothing (%s): try the "
		    "new password, then the old one",
		    why_text(ch->code, said, sizeof(said)));
}

static const char *
explain_kdc(const struct work *wo)
{
	if (wo->verdict != VERIFY_FALSE)
		return "the KDC of %s could not be shown to be the real one, and [logon] "
		       "verify_kdc = required; see lsactl doctor";
	/* Nor is that let pass: whoever plays the KDC chooses the type. */
	if (wo->verify_code == KRB5_KT_KVNONOTFOUND)
		return "who answered for %s gives tickets for this machine of an encryption type "
		       "that its keytab has no key of, which shows nothing; nobody was logged on. "
		       "A domain does so (arcfour) until msDS-SupportedEncryptionTypes of the "
		       "machine's account says 24, for AES";
	return "who answered for %s is not the KDC that has this machine's key: a false one, or "
	       "the keytab is out of date; nobody was logged on";
}

static void
explain(const struct work *wo, char *text, size_t n)
{
	switch (wo->step) {
	case WORK_BOX:
		(void)snprintf(text, n,
			       "lsaiso does not take what was sent (%s); its challenge may be too "
			       "old: begin anew",
			       rpc_status_text((uint32_t)wo->status));
		break;
	case WORK_AS:
		explain_as(wo, text, n);
		break;
	case WORK_KDC:
		fill(text, n, explain_kdc(wo), wo->name);
		break;
	case WORK_OFFLINE:
		if (wo->offline_verdict == OFFLINE_WRONG)
			(void)snprintf(text, n,
				       "no KDC answers, and this is not the password of the last "
				       "logon; the next try may be in %u s",
				       wo->wait);
		else
			(void)snprintf(text, n,
				       "no KDC answers; without one the next try may be in %u s",
				       wo->wait);
		break;
	case WORK_PASSWORD:
		fill(text, n, "that is not the password that %s logged on with", wo->name);
		break;
	case WORK_NEW:
		explain_new(wo, text, n);
		break;
	case WORK_ISO:
	case WORK_DONE:
		(void)snprintf(text, n, "lsaiso refuses: %s",
			       rpc_status_text((uint32_t)wo->status));
		break;
	}
}

/* The KDC's own number where it is one (RFC 4120 7.5.9). */
static int32_t
number(const struct work *wo)
{
	int32_t code = wo->step == WORK_AS ? wo->code : 0;

	return code >= KRB5KDC_ERR_NONE && code <= KRB5KDC_ERR_NONE + 127 ? code - KRB5KDC_ERR_NONE
									  : code;
}

void
why_refuse(struct admin_later *later, const struct work *wo, const char *who)
{
	const char *reason = why_reason(wo);
	char text[1024];

	explain(wo, text, sizeof(text));
	for (char *at = text; *at != '\0'; at++) { /* names are as they were typed */
		if ((unsigned char)*at < 0x20)
			*at = '?';
	}
	log_notice("uid %u: %s failed: %s", wo->owner, who, reason);
	log_debug("uid %u: %s failed: %s", wo->owner, who, text);
	admin_refuse(later, "LogonFailed",
		     json_pack("{s:s, s:i, s:s}", "message", text, "code", (int)number(wo),
			       "reason", reason));
}
