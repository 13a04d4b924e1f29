/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/floor.h"
#include "lib/levels.h"
#include "lsactl/lsactl.h"

const struct command commands[] = {
	{ "status", "", 0, false, cmd_status, "processes, isolation level, counters" },
	{ "sessions", "", 0, false, cmd_sessions, "logons that lsaiso holds, and their use" },
	{ "caches", "", 0, false, cmd_caches, "credential caches" },
	{ "show", "[NAME]", 1, false, cmd_show, "tickets of one cache, default: your default one" },
	{ "destroy", "NAME", 1, false, cmd_destroy, "destroy a cache; its logon ends" },
	{ "logon", "[PRINCIPAL]", 1, false, cmd_logon,
	  "log on: the password goes to lsaiso and nowhere else" },
	{ "logoff", "[SESSION]", 1, false, cmd_logoff, "end a logon and its caches" },
	{ "lock", "[SESSION]", 1, false, cmd_lock, "nothing works until unlock" },
	{ "unlock", "[SESSION]", 1, false, cmd_unlock, "with the password of the logon" },
	{ "renew", "[SESSION]", 1, false, cmd_renew, "renew the ticket of a logon now" },
	{ "passwd", "[PRINCIPAL]", 1, false, cmd_passwd,
	  "change a password: old and new go to lsaiso only" },
	{ "ccache", "import FILE", 2, false, cmd_ccache,
	  "the keys of a ccache go to lsaiso, stand-ins take their place" },
	{ "ntlm", "[VERB]", 2, false, cmd_ntlm, "NTLM for programs: list, add, remove, uses" },
	{ "keytab", "[VERB]", 3, false, cmd_keytab,
	  "keytabs of stand-ins: list, import, rotate, prune, remove" },
	{ "wipe", "", 0, false, cmd_wipe, "end every logon at once; lsaiso starts anew" },
	{ "stop", "[TOKEN]", 1, false, cmd_stop, "end lsaiso and all that belongs to it" },
	{ "key", "", 0, false, cmd_key, "public key of lsaiso, for guests to pin" },
	{ "seal", "[VERB]", 1, true, cmd_seal, "the root key: status, enroll, recover, forget" },
	{ "audit", "[VERB]", 1, false, cmd_audit, "uses of keys: show, verify" },
	{ "watch", "[VERB]", 1, true, cmd_watch,
	  "is all normal: findings, sensors, baseline, rules, report" },
	{ "verify", "", 0, true, cmd_verify, "are the programs those that were signed" },
	{ "setup", "[REALM...]", 16, true, cmd_setup,
	  "what this host's krb5.conf and sssd.conf need; --apply, --undo" },
	{ "doctor", "", 0, true, cmd_doctor, "what this machine offers, and what to do" },
	{ "help", "[COMMAND]", 1, true, cmd_help, "this, or more about one command" },
	{ 0 },
};

static const struct command *
find(const char *name)
{
	for (const struct command *co = commands; co->name != NULL; co++) {
		if (strcmp(co->name, name) == 0)
			return co;
	}
	return NULL;
}

static int
wrong(const char *what, const char *which)
{
	(void)fprintf(stderr, "lsactl: %s%s; see lsactl help\n", what, which);
	return EXIT_USAGE;
}

static int
parse_uid(struct ctl *ct, const char *text)
{
	char *end = NULL;

	ct->uid = strtoll(text, &end, 10);
	return *text < '0' || *text > '9' || *end != '\0' || ct->uid >= 0xffffffffLL ? -1 : 0;
}

static int
parse_floor(struct ctl *ct, const char *text)
{
	char *end = NULL;
	long number = strtol(text, &end, 10);

	ct->lower_floor = (int)number;
	return *text < '0' || *text > '9' || *end != '\0' || number > FLOOR_MAX ? -1 : 0;
}

/* Options of audit, watch and of logon with a keytab: numbers that are no letter's. */
enum {
	AUDIT_SESSION = 256,
	AUDIT_OP,
	AUDIT_TARGET,
	AUDIT_SINCE,
	AUDIT_BOOT,
	AUDIT_LINES,
	AUDIT_REFUSED,
	LOGON_KEYTAB,
	LOGON_MACHINE,
	WATCH_FOLLOW,
	WATCH_FORGET,
	WATCH_HTML,
	DRY_RUN,
	SETUP_APPLY,
	SETUP_UNDO,
	SETUP_ROOT,
	KEYTAB_BACKUP,
	KEYTAB_SKIP_WEAK,
	KEYTAB_FROM,
	KEYTAB_AGE
};

static bool
parse_word(struct ctl *ct, int option)
{
	switch (option) {
	case AUDIT_SESSION:
		ct->audit.session = optarg;
		return true;
	case AUDIT_OP:
		ct->audit.op = optarg;
		return true;
	case AUDIT_TARGET:
		ct->audit.target = optarg;
		return true;
	case AUDIT_SINCE:
		ct->audit.since = optarg;
		return true;
	case AUDIT_BOOT:
		ct->audit.boot = optarg;
		return true;
	case AUDIT_LINES:
		ct->audit.lines = optarg;
		return true;
	case AUDIT_REFUSED:
		ct->audit.refused = true;
		return true;
	case LOGON_KEYTAB:
		ct->keytab = optarg;
		return true;
	case LOGON_MACHINE:
		ct->machine = true;
		return true;
	case WATCH_FOLLOW:
		ct->watch.follow = true;
		return true;
	case WATCH_FORGET:
		ct->watch.forget = true;
		return true;
	case WATCH_HTML:
		ct->watch.html = optarg;
		return true;
	case SETUP_APPLY:
		ct->setup.apply = true;
		return true;
	case SETUP_UNDO:
		ct->setup.undo = true;
		return true;
	case SETUP_ROOT:
		ct->setup.root = optarg;
		return true;
	case DRY_RUN:
		ct->dry_run = true;
		return true;
	case KEYTAB_BACKUP:
		ct->kt.backup = optarg;
		return true;
	case KEYTAB_SKIP_WEAK:
		ct->kt.skip_weak = true;
		return true;
	case KEYTAB_FROM:
		ct->kt.from = optarg;
		return true;
	case KEYTAB_AGE:
		ct->kt.age = optarg;
		return true;
	default:
		return false;
	}
}

static bool
has_audit(const struct ctl *ct)
{
	return ct->audit.session != NULL || ct->audit.op != NULL || ct->audit.target != NULL ||
	       ct->audit.since != NULL || ct->audit.boot != NULL || ct->audit.lines != NULL ||
	       ct->audit.refused;
}

/* Options may stand before and after the command. 0, or the exit code plus 1. */
static int
parse(struct ctl *ct, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "uid", required_argument, NULL, 'u' },
		{ "lower-floor", required_argument, NULL, 'L' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "replace", no_argument, NULL, 'R' },
		{ "file", no_argument, NULL, 'F' },
		{ "own-passphrase", no_argument, NULL, 'O' },
		{ "session", required_argument, NULL, AUDIT_SESSION },
		{ "op", required_argument, NULL, AUDIT_OP },
		{ "target", required_argument, NULL, AUDIT_TARGET },
		{ "since", required_argument, NULL, AUDIT_SINCE },
		{ "boot", required_argument, NULL, AUDIT_BOOT },
		{ "lines", required_argument, NULL, AUDIT_LINES },
		{ "refused", no_argument, NULL, AUDIT_REFUSED },
		{ "keytab", required_argument, NULL, LOGON_KEYTAB },
		{ "machine", no_argument, NULL, LOGON_MACHINE },
		{ "follow", no_argument, NULL, WATCH_FOLLOW },
		{ "forget", no_argument, NULL, WATCH_FORGET },
		{ "html", required_argument, NULL, WATCH_HTML },
		{ "dry-run", no_argument, NULL, DRY_RUN },
		{ "apply", no_argument, NULL, SETUP_APPLY },
		{ "undo", no_argument, NULL, SETUP_UNDO },
		{ "root", required_argument, NULL, SETUP_ROOT },
		{ "backup", required_argument, NULL, KEYTAB_BACKUP },
		{ "skip-weak", no_argument, NULL, KEYTAB_SKIP_WEAK },
		{ "from", required_argument, NULL, KEYTAB_FROM },
		{ "age", required_argument, NULL, KEYTAB_AGE },
		{ "keep", no_argument, NULL, 'K' },
		{ "new", no_argument, NULL, 'N' },
		{ "cache", required_argument, NULL, 'C' },
		{ "all", no_argument, NULL, 'A' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:s:u:jhV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			ct->config_path = optarg;
			break;
		case 's':
			ct->socket = optarg;
			break;
		case 'u':
			if (parse_uid(ct, optarg) != 0)
				return 1 + wrong("--uid takes a number, not ", optarg);
			break;
		case 'L':
			if (parse_floor(ct, optarg) != 0)
				return 1 + wrong("--lower-floor takes a number, not ", optarg);
			break;
		case 'j':
			ct->json = true;
			break;
		case 'h':
			return 1 + cmd_help(ct, 0, NULL);
		case 'R':
			ct->replace = true;
			break;
		case 'F':
			ct->file = true;
			break;
		case 'O':
			ct->own = true;
			break;
		case 'K':
			ct->keep = true;
			break;
		case 'N':
			ct->fresh = true;
			break;
		case 'C':
			ct->cache = optarg;
			break;
		case 'A':
			ct->all = true;
			break;
		case 'V':
			(void)printf("lsactl %s\n", lib_version);
			return 1 + EXIT_DONE;
		default:
			if (!parse_word(ct, option))
				return 1 + EXIT_USAGE;
		}
	}
	return 0;
}

static int
run(struct ctl *ct, int argc, char **argv)
{
	const struct command *co = argc > 0 ? find(argv[0]) : NULL;
	char error[1024];
	/* Where the public key is, the socket does not say. */
	bool folder = co != NULL &&
		      (co->run == cmd_logon || co->run == cmd_unlock || co->run == cmd_passwd ||
		       co->run == cmd_ntlm || co->run == cmd_keytab || co->run == cmd_ccache);
	bool need = co != NULL && !co->offline && (folder || ct->socket == NULL);
	int code;

	if (argc == 0) {
		(void)cmd_help(ct, 0, NULL);
		return EXIT_USAGE;
	}
	if (co == NULL)
		return wrong("there is no command ", argv[0]);
	if (argc - 1 > co->most)
		return wrong("too many arguments for ", co->name);
	if ((ct->replace || ct->file || ct->own) && co->run != cmd_seal)
		return wrong("--replace, --file and --own-passphrase belong to seal, not to ",
			     co->name);
	if ((ct->keep || ct->fresh || ct->cache != NULL) && co->run != cmd_logon)
		return wrong("--keep, --cache and --new belong to logon, not to ", co->name);
	if ((ct->keytab != NULL || ct->machine) && co->run != cmd_logon)
		return wrong("--keytab and --machine belong to logon, not to ", co->name);
	if (ct->machine && (ct->keytab == NULL || argc > 1))
		return wrong("--machine takes --keytab and nothing else of ", co->name);
	if (ct->all && co->run != cmd_logoff && co->run != cmd_lock)
		return wrong("--all belongs to logoff and lock, not to ", co->name);
	if (ct->dry_run && co->run != cmd_keytab && co->run != cmd_ccache && co->run != cmd_setup)
		return wrong("--dry-run belongs to keytab, ccache and setup, not to ", co->name);
	if ((ct->setup.apply || ct->setup.undo || ct->setup.root != NULL) && co->run != cmd_setup)
		return wrong("--apply, --undo and --root belong to setup, not to ", co->name);
	if (ct->cache != NULL && ct->fresh)
		return wrong("--cache or --new, not both, for ", co->name);
	if (ct->lower_floor >= 0 && co->run != cmd_verify)
		return wrong("--lower-floor belongs to verify, not to ", co->name);
	if (has_audit(ct) && co->run != cmd_audit)
		return wrong("--session, --op, --target, --since, --boot, --lines and --refused "
			     "belong to audit, not to ",
			     co->name);
	if ((ct->watch.follow || ct->watch.forget || ct->watch.html != NULL) &&
	    co->run != cmd_watch)
		return wrong("--follow, --forget and --html belong to watch, not to ", co->name);
	if ((ct->kt.skip_weak || ct->kt.backup != NULL || ct->kt.from != NULL ||
	     ct->kt.age != NULL) &&
	    co->run != cmd_keytab)
		return wrong("--backup, --skip-weak, --from and --age belong to keytab, "
			     "not to ",
			     co->name);
	if (need && config_read(&ct->cf, ct->config_path, error, sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return EXIT_FAILED;
	}
	if (need && ct->socket == NULL)
		ct->socket = ct->cf.admin_socket;
	code = co->run(ct, argc, argv);
	if (need)
		config_free(&ct->cf);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fputs("lsactl: the output could not be written\n", stderr);
		return EXIT_FAILED;
	}
	return code;
}

int
main(int argc, char **argv)
{
	struct ctl ct = { .config_path = CONFIG_DEFAULT_FILE, .uid = -1, .lower_floor = -1 };
	const char *plain = getenv("NO_COLOR");
	int code;

	ct.colour = isatty(STDOUT_FILENO) && (plain == NULL || plain[0] == '\0');
	code = parse(&ct, argc, argv);
	return code != 0 ? code - 1 : run(&ct, argc - optind, argv + optind);
}
