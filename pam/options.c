/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* The arguments of a line of the PAM configuration; who the user is. */
#include "pam/pam_lsa.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "lib/config.h"

void
say_debug(const struct call *ca, const char *format, ...)
{
	va_list args;

	if (!ca->debug)
		return;
	va_start(args, format);
	pam_vsyslog(ca->pamh, LOG_DEBUG, format, args);
	va_end(args);
}

void
say_user(const struct call *ca, int style, const char *format, ...)
{
	va_list args;

	if (ca->quiet || (ca->flags & PAM_SILENT) != 0)
		return;
	va_start(args, format);
	(void)pam_vprompt(ca->pamh, style, NULL, format, args);
	va_end(args);
}

/* ---- arguments */

/* The rest of text after name and "="; NULL: another argument. */
static const char *
value_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	return strncmp(text, name, len) == 0 && text[len] == '=' ? text + len + 1 : NULL;
}

static bool
take_word(struct call *ca, const char *text)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "debug", &ca->debug },	   { "ignore_root", &ca->ignore_root },
		{ "no_ccache", &ca->no_ccache },   { "retain_after_close", &ca->retain },
		{ "expose_account", &ca->expose }, { "defer_pwchange", &ca->defer },
		{ "no_warn", &ca->quiet },	   { "use_authtok", &ca->use_authtok },
	};
	const struct {
		const char *name;
		enum first_pass value;
	} firsts[] = {
		{ "try_first_pass", FIRST_TRY },
		{ "use_first_pass", FIRST_USE },
		{ "force_first_pass", FIRST_FORCE },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(text, flags[i].name) == 0) {
			*flags[i].flag = true;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		if (strcmp(text, firsts[i].name) == 0) {
			ca->first = firsts[i].value;
			return true;
		}
	}
	return false;
}

static bool
take_number(const char *text, uid_t *uid)
{
	char *end = NULL;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || n >= UINT32_MAX)
		return false;
	*uid = (uid_t)n;
	return true;
}

static bool
take_path(const char *text, char path[PATH_TEXT])
{
	return text[0] == '/' && snprintf(path, PATH_TEXT, "%s", text) < PATH_TEXT;
}

static bool
take_value(struct call *ca, const char *text)
{
	const struct {
		const char *name;
		const char **value;
	} texts[] = {
		{ "ccache", &ca->ccache },
		{ "realm", &ca->realm },
		{ "prompt", &ca->prompt },
		{ "config", &ca->config },
	};
	const char *value;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		value = value_of(text, texts[i].name);
		if (value != NULL) {
			*texts[i].value = value;
			return value[0] != '\0';
		}
	}
	value = value_of(text, "minimum_uid");
	if (value != NULL)
		return take_number(value, &ca->minimum_uid);
	value = value_of(text, "socket");
	if (value != NULL)
		return take_path(value, ca->socket);
	value = value_of(text, "public_key");
	return value != NULL && take_path(value, ca->key);
}

/* ---- the user */

static int
find_user(struct call *ca)
{
	const struct passwd *pw;
	const char *at = ca->realm != NULL ? "@" : "", *realm = ca->realm != NULL ? ca->realm : "";
	int code = pam_get_user(ca->pamh, &ca->user, NULL);

	if (code != PAM_SUCCESS)
		return code;
	if (ca->user == NULL || ca->user[0] == '\0')
		return PAM_USER_UNKNOWN;
	pw = pam_modutil_getpwnam(ca->pamh, ca->user);
	if (pw == NULL)
		return PAM_USER_UNKNOWN;
	ca->uid = pw->pw_uid;
	ca->ignored = (ca->ignore_root && ca->uid == 0) || ca->uid < ca->minimum_uid;
	/* A name that has a realm keeps it. */
	if (strchr(ca->user, '@') != NULL)
		at = realm = "";
	if (snprintf(ca->principal, sizeof(ca->principal), "%s%s%s", ca->user, at, realm) >=
	    (int)sizeof(ca->principal))
		return PAM_USER_UNKNOWN;
	return PAM_SUCCESS;
}

int
call_begin(struct call *ca, pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int code;

	*ca = (struct call){ .pamh = pamh,
			     .flags = (unsigned)flags,
			     .ccache = "new",
			     .config = CONFIG_DEFAULT_FILE };
	for (int i = 0; i < argc; i++) {
		if (!take_word(ca, argv[i]) && !take_value(ca, argv[i])) {
			/* Half of a configuration is none: it might have left somebody out. */
			pam_syslog(pamh, LOG_ERR,
				   "argument \"%s\": unknown, or no good value; "
				   "see pam_lsa(8)",
				   argv[i]);
			return PAM_SERVICE_ERR;
		}
	}
	code = find_user(ca);
	if (code != PAM_SUCCESS)
		say_debug(ca, "no account here for %s", ca->user != NULL ? ca->user : "nobody");
	else if (ca->ignored)
		say_debug(ca, "%s is left to others (ignore_root, minimum_uid)", ca->user);
	return code;
}

/* ---- where lsass and its key are */

int
call_places(struct call *ca)
{
	struct config cf = { 0 };
	char error[MESSAGE_TEXT] = "";
	int code = PAM_SUCCESS;

	if (ca->socket[0] != '\0' && ca->key[0] != '\0')
		return PAM_SUCCESS;
	if (config_read(&cf, ca->config, error, sizeof(error)) != 0) {
		pam_syslog(ca->pamh, LOG_ERR, "%s", error);
		return PAM_AUTHINFO_UNAVAIL;
	}
	if ((ca->socket[0] == '\0' &&
	     snprintf(ca->socket, PATH_TEXT, "%s", cf.admin_socket) >= PATH_TEXT) ||
	    (ca->key[0] == '\0' &&
	     snprintf(ca->key, PATH_TEXT, "%s/public-key", cf.run_directory) >= PATH_TEXT)) {
		pam_syslog(ca->pamh, LOG_ERR, "%s: a path that is too long", ca->config);
		code = PAM_AUTHINFO_UNAVAIL;
	}
	config_free(&cf);
	return code;
}
