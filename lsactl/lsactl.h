/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsactl, the administrator's tool: one function per subcommand, each in a
 * file of its own; what they share is here.
 *
 * A subcommand returns the exit code, as klist has them: 0 done, 1 not
 * found or failed, 2 wrong usage. Whatever fails says on stderr what to do.
 */
#ifndef LSACTL_LSACTL_H
#define LSACTL_LSACTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/config.h"

#define EXIT_DONE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct ctl {
	const char *config_path;
	const char *socket; /* --socket, else from the configuration */
	struct config cf;
	bool json;		 /* --json */
	bool colour;		 /* stdout is a terminal and NO_COLOR is not set */
	long long uid;		 /* --uid; -1: not given */
	bool replace, file, own; /* --replace, --file, --own-passphrase, of seal */
	int lower_floor;	 /* --lower-floor; -1: not given */
	struct {
		const char *session, *op, *target, *since, *boot, *lines;
		bool refused;
	} audit;	       /* options of audit of these names; NULL: not given */
	bool keep, fresh, all; /* --keep, --new of logon; --all of logoff and lock */
	const char *cache;     /* --cache of logon */
	const char *keytab;    /* --keytab of logon; NULL: a password */
	bool machine;	       /* --machine of logon: those are this machine's keys */
	bool dry_run;	       /* --dry-run: say what would be done */
	struct {
		bool follow, forget;
		const char *html;
	} watch; /* options of watch of these names */
	struct {
		bool skip_weak;
		const char *backup, *from, *age;
	} kt; /* options of keytab of these names */
	struct {
		bool apply, undo;
		const char *root;
	} setup;  /* options of setup of these names */
	int wait; /* seconds for an answer; 0: the usual */
};

typedef int subcommand(struct ctl *ct, int argc, char **argv); /* argv[0] is its name */

struct command {
	const char *name;
	const char *args; /* "" or as in the usage */
	int most;	  /* arguments at most */
	bool offline;	  /* needs no configuration: runs even if that is broken */
	subcommand *run;
	const char *help;
};
extern const struct command commands[]; /* ends with name NULL */

subcommand cmd_status, cmd_sessions, cmd_caches, cmd_show, cmd_destroy, cmd_wipe, cmd_stop,
    cmd_verify, cmd_doctor, cmd_help, cmd_seal, cmd_key, cmd_logon, cmd_logoff, cmd_lock,
    cmd_unlock, cmd_renew, cmd_passwd, cmd_audit, cmd_ntlm, cmd_watch, cmd_keytab, cmd_ccache,
    cmd_setup;

/* ---- call.c */
/*
 * Call org.lsaiso.METHOD of lsass at ct->socket; "watch.METHOD": of lsawatch. parameters is
 * consumed; NULL: none. Returns its answer, to be released, or NULL: the reason is on stderr.
 */
json_t *call(const struct ctl *ct, const char *method, json_t *parameters);
/* {"uid": N} if --uid was given, else {}. */
json_t *with_uid(const struct ctl *ct);
/* The same without a word on stderr; for doctor. error gets the reason. */
json_t *try_call(const struct ctl *ct, const char *method, json_t *parameters, char *error,
		 size_t n);

/* ---- out.c */
enum colour { PLAIN, BOLD, RED, GREEN, YELLOW, DIM };
/* The escape sequence of a colour, or "" when there are to be none. */
const char *paint(const struct ctl *ct, enum colour colour);
void print_json(const json_t *value);
/* "2026-11-24 06:30:12", local time; "-" for 0. */
const char *show_time(long long seconds, char text[32]);
/* "3d 4h", "5h 12m", "12m 3s", "3s". */
const char *show_span(long long seconds, char text[32]);
const char *etype_name(int etype, char text[32]);
/* Name of a user, or the number. */
const char *user_name(long long uid, char text[64]);

/* A table: cells are copied; printed in columns as wide as needed. */
struct table;
struct table *table_new(const char *const *heads, size_t columns);
void table_cell(struct table *ta, enum colour colour, const char *text);
void table_print(struct table *ta, const struct ctl *ct); /* and release it */

/*
 * What a subcommand that lists does: call method, print the rows of member,
 * one by add_row each, or the words of none. Returns the exit code.
 */
int list_command(struct ctl *ct, const char *method, const char *member, const char *const *heads,
		 size_t columns, void (*add_row)(struct table *ta, const json_t *one),
		 const char *none);

/* Members of a JSON object, with a default. */
const char *get_text(const json_t *from, const char *key);
long long get_number(const json_t *from, const char *key);

#endif
