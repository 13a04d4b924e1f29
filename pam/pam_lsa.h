/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * pam_lsa.so: a PAM module that logs users on inside lsaiso, and off again.
 * What its files share; pam_lsa(8) is its manual.
 *
 * The password goes from PAM's own copy into one locked page, is sealed there
 * to lsaiso's public key, and the page is wiped: lsass, which carries the
 * sealed box, never sees it, nor does this module keep it.
 *
 * It runs inside of other people's programs, often as root: no thread, no
 * signal handler, no global, no descriptor left open, and nothing of the
 * environment believed but where pam_lsa(8) says so.
 */
#ifndef PAM_LSA_H
#define PAM_LSA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <security/pam_modules.h>

#include "rpc/box.h"

#define CALL_SECONDS 30 /* for one call of lsass, all in all */
#define ANSWER_MAX   (1u << 20)
#define SESSION_TEXT 24	 /* "4294967295.4294967295" and NUL */
#define CACHE_TEXT   256 /* "KCM:..." and NUL */
#define MESSAGE_TEXT 1024
#define PATH_TEXT    256
#define PRINCIPAL    (ISO_NAME_MAX + 1)

#define ENV_CACHE   "KRB5CCNAME"
#define ENV_SESSION "PAM_LSA_SESSION" /* from the process that authenticates to another */

enum first_pass { FIRST_ASK, FIRST_TRY, FIRST_USE, FIRST_FORCE };

/* The arguments of a line of the PAM configuration, and who it is about. */
struct call {
	pam_handle_t *pamh;
	unsigned flags;

	/* arguments */
	enum first_pass first;
	bool debug, ignore_root, no_ccache, retain, expose, defer, quiet, use_authtok;
	uid_t minimum_uid;
	const char *ccache, *realm, *prompt, *config;
	char socket[PATH_TEXT], key[PATH_TEXT]; /* arguments, or out of config */

	/* the user */
	const char *user;
	uid_t uid;
	bool ignored; /* root with ignore_root, or below minimum_uid */
	char principal[PRINCIPAL];
};

/* ---- options.c */
/*
 * Read the arguments and look the user up. Returns PAM_SUCCESS,
 * PAM_USER_UNKNOWN (no account of that name), or what PAM said.
 */
int call_begin(struct call *ca, pam_handle_t *pamh, int flags, int argc, const char **argv)
    __attribute__((warn_unused_result));
/* The socket of lsass and the path of the public key. PAM_SUCCESS or PAM_AUTHINFO_UNAVAIL. */
int call_places(struct call *ca) __attribute__((warn_unused_result));
void say_debug(const struct call *ca, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* To the user, unless they are not to be bothered (PAM_SILENT, no_warn). */
void say_user(const struct call *ca, int style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- talk.c */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_DOWN,	/* nobody there, no answer in time, nonsense */
	TROUBLE_DENIED, /* PermissionDenied */
	TROUBLE_GONE,	/* NotFound */
	TROUBLE_FAILED, /* Failed, InvalidParameter and others */
	/* LogonFailed, by its reason */
	TROUBLE_PASSWORD,
	TROUBLE_UNKNOWN,
	TROUBLE_LOCKED,
	TROUBLE_EXPIRED, /* the password */
	TROUBLE_ENDED,	 /* the account */
	TROUBLE_NO_KDC,	 /* also a clock that is wrong: nothing was learned */
	TROUBLE_POLICY,
	TROUBLE_OTHER,
};

struct answer {
	enum trouble trouble;
	char message[MESSAGE_TEXT]; /* printable; why */
	json_t *value;		    /* "parameters" of success; to be released */
};

/*
 * One call of lsass. path: its socket, parameters: consumed. Ends within
 * CALL_SECONDS. Returns answer.trouble.
 */
enum trouble talk(const char *path, const char *method, json_t *parameters, struct answer *an);
void answer_free(struct answer *an);
/* The answer to a request, as text, into an; for talk and its test. */
enum trouble answer_read(const char *text, struct answer *an);

/* ---- secret.c */
/*
 * The password of PAM's item (PAM_AUTHTOK or PAM_OLDAUTHTOK), as the options say
 * got from there or asked for and put there.
 *
 * first  what to do about one that is there already
 * asked  out, the user was asked
 *
 * Returns PAM_SUCCESS and a view of PAM's copy, PAM_AUTH_ERR (empty, too
 * long, none with FIRST_FORCE), or what the conversation said.
 */
int secret_get(const struct call *ca, int item, enum first_pass first, const char *prompt,
	       const char **secret, bool *asked) __attribute__((warn_unused_result));
/* The new password, asked for twice (or with use_authtok not at all), into PAM_AUTHTOK. */
int secret_new(const struct call *ca, const char **secret) __attribute__((warn_unused_result));

/* What a box is for: the answer of LogonStart. */
struct start {
	char session[SESSION_TEXT];
	uint32_t number, generation, owner;
	uint64_t challenge;
	bool same; /* the session was begun with ca->principal, to the letter */
};

#define BOX_HEX (2 * ISO_BOX + 1)
/*
 * Seal secret (NUL-terminated) for st to the public key of ca->key.
 * flags: BOX_*. hex: out. Returns 0, or -1: no key (it was logged), no memory.
 */
int secret_seal(const struct call *ca, const struct start *st, const char *secret, uint32_t flags,
		char hex[BOX_HEX]) __attribute__((warn_unused_result));

/* ---- logon.c: the methods; each returns answer.trouble, with the reason logged */
/* What a logon came to. */
struct logon {
	char session[SESSION_TEXT];
	char cache[CACHE_TEXT]; /* what KRB5CCNAME is to be */
	char principal[PRINCIPAL];
	long long password_expires; /* seconds since 1970; 0: never, or not known */
	bool verified, offline;
};

/* A new session, which is ended again should the logon fail. cache: "new", "default", a name. */
enum trouble logon_do(const struct call *ca, const char *cache, const char *secret,
		      struct logon *lo);
/* TROUBLE_GONE: it cannot be unlocked like this. */
enum trouble logon_unlock(const struct call *ca, const char *session, const char *secret);
/* uid's session; no session of that name is no trouble. */
enum trouble logon_end(pam_handle_t *pamh, const char *socket, const char *session);
/* text: out, why not, for the user. TROUBLE_POLICY: the server does not take the new one. */
enum trouble logon_change(const struct call *ca, const char *old, const char *fresh,
			  char text[MESSAGE_TEXT]);

/* What lsass says of a session of ca->uid. */
struct found {
	char session[SESSION_TEXT];
	char cache[CACHE_TEXT];
	bool locked, mine; /* mine: of ca->principal, as far as can be told */
};

/*
 * Look for a session of ca->uid by its own name or by a cache of it (the
 * other: NULL). TROUBLE_GONE: there is none.
 */
enum trouble logon_find(const struct call *ca, const char *session, const char *cache,
			struct found *fo);
/* The PAM code of a logon that came to this. */
int trouble_code(enum trouble trouble);

/* ---- state.c: what this module remembers in the PAM handle */
struct state {
	struct state *self; /* PAM lends it back as const */
	pid_t pid;	    /* who ends the logon when PAM ends without another word */
	uid_t uid;
	char *user;
	char session[SESSION_TEXT]; /* ours to end; "": none */
	char cache[CACHE_TEXT];	    /* for KRB5CCNAME; "": none */
	bool expired;		    /* the password; acct_mgmt is to say so */
	bool in_place; /* an existing session was renewed or unlocked; not ours to end */
	bool retain;
	char socket[PATH_TEXT];
};

/*
 * Remember lo (NULL: nothing but that the user authenticated) in place of what
 * was remembered, and put the session into the PAM environment. Returns the
 * new state, or NULL: no memory.
 */
struct state *state_new(const struct call *ca, const struct logon *lo);
/* Is anything remembered, of whomever? Asks nobody. */
bool state_there(pam_handle_t *pamh);
/*
 * What is remembered of this user, also by another process, which told in the PAM
 * environment; NULL: they did not authenticate here.
 */
struct state *state_get(const struct call *ca);
/* KRB5CCNAME into the PAM environment. */
void state_show(const struct call *ca, const struct state *st);
/* End the logon and forget it. */
enum trouble state_end(const struct call *ca, struct state *st);

/* ---- passwd.c */
/*
 * From PAM_OLDAUTHTOK to a new one, which is asked for (secret_new) and
 * returned as a view of PAM's copy. Returns PAM_SUCCESS, PAM_AUTHTOK_ERR,
 * PAM_AUTHTOK_RECOVERY_ERR (no old one), or as trouble_code.
 */
int change_password(const struct call *ca, const char **fresh) __attribute__((warn_unused_result));

/* ---- auth.c */
/* Log on with a password that was just changed, and remember that. */
int remember_fresh(const struct call *ca, const char *secret) __attribute__((warn_unused_result));

#endif
