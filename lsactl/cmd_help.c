/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lsactl/lsactl.h"

static const struct {
	const char *name;
	const char *text;
} more[] = {
	{ "status",
	  "Shows lsainit, lsaiso and lsass, the isolation level in force, what that level\n"
	  "does not give, and counters. Exit code 1 if lsaiso is not running.\n" },
	{ "sessions",
	  "One line per logon. USES counts authenticators that lsaiso made for it, REFUSED\n"
	  "the calls it refused. root sees all users, --uid N one; others see their own.\n" },
	{ "caches", "One line per credential cache. root sees all users, --uid N one; others see\n"
		    "their own. A * marks the default cache.\n" },
	{ "show", "Lists the tickets of a cache. SEALED ones have their key in lsaiso only.\n"
		  "--uid N: of that user (root).\n" },
	{ "destroy",
	  "Destroys a cache. When no other cache uses its logon, lsaiso destroys the key:\n"
	  "copies of the sealed credential are dead, too. --uid N: of that user (root).\n" },
	{ "seal",
	  "The root key of lsaiso. status (the default): what it is and whether it can be opened;\n"
	  "enroll: make one and seal it to the TPM (--file: into a file of root instead;\n"
	  "--own-passphrase: ask for a recovery passphrase; --replace: give up the one there is);\n"
	  "recover: seal it anew, with the recovery passphrase; forget: remove it. root only.\n" },
	{ "key",
	  "The public key of the lsaiso that runs: 64 hexadecimal digits. It is made of the root\n"
	  "key: the same after a restart only with [seal] root = tpm or file; a warning says so\n"
	  "if it is not. On a hypervisor's host, with --config of the guest: what the guest pins\n"
	  "as [isolation] host_key.\n" },
	{ "audit",
	  "show (the default): uses of keys, as lsaiso recorded them; KEY says whether the new\n"
	  "key left lsaiso or was withheld. --session N, --op NAME, --target TEXT, --since 2h or\n"
	  "a time, --refused, --boot ID, --lines N. verify (root): whether what is stored is all\n"
	  "that lsaiso made, and unchanged; exit code 1 if not.\n" },
	{ "logon",
	  "Logs on, the default as your user name: the password is sealed to lsaiso here, lsass\n"
	  "carries it unread, and kinit is not needed. --keep: lsaiso keeps the key, so that the\n"
	  "ticket can be got anew until the logon ends; --cache NAME or --new: not the default\n"
	  "cache. The password is asked for, or read from standard input. --uid N: for that user\n"
	  "(root). --keytab FILE: with a key of it, which is kept; --machine: those are the keys\n"
	  "of this machine, for FAST and to know the KDC (lsainit does so by itself).\n" },
	{ "logoff",
	  "Ends a logon: its keys are destroyed, and so are all caches that use it. --all: every\n"
	  "one of yours. --uid N: of that user (root).\n" },
	{ "lock", "Nothing works with the session until unlock; nothing is lost. --all: every one\n"
		  "of yours that can be unlocked again.\n" },
	{ "unlock", "Asks for the password that the logon began with. Eight wrong ones end it.\n" },
	{ "renew", "Renews the ticket of a logon now; lsass does so by itself in time.\n" },
	{ "passwd",
	  "Changes a password, the default of your user name, also one that has expired. The old\n"
	  "and the new one are asked for, or are two lines of standard input.\n" },
	{ "ntlm",
	  "list (the default): the names that NTLM is answered for, of logons, of ntlm add and of\n"
	  "Heimdal's kinit; add 'DOMAIN\\user': of a password, sealed to lsaiso, without a "
	  "ticket;\n"
	  "remove 'DOMAIN\\user'; uses: which programs use NTLM, to which servers, and whether\n"
	  "those are on the list ([ntlm] targets). --uid N: of that user (root).\n" },
	{ "ccache",
	  "import FILE: the keys of the ticket-granting tickets in a ccache that kinit filled go "
	  "to\n"
	  "lsaiso; stand-ins take their place, which programs use through the KDC endpoint ([kdc]\n"
	  "listen) and which are worth nothing elsewhere. Also DIR:FOLDER. Your own, or for root\n"
	  "anybody's. --dry-run: say what would be done.\n" },
	{ "keytab",
	  "Keytabs whose keys are stand-ins: the real ones are sealed under lsaiso's root key, "
	  "and\n"
	  "programs use the file through the KDC endpoint ([kdc] listen). list (the default);\n"
	  "import FILE (--dry-run, --backup FILE, --skip-weak); rotate FILE: new keys behind the\n"
	  "stand-ins, by a change of the password, or --from FILE that kadmin ktadd wrote; prune\n"
	  "[FILE]: old versions are dropped (--age DAYS); remove FILE [PRINCIPAL]. Real keys "
	  "never\n"
	  "come out again. root only, but for list.\n" },
	{ "wipe",
	  "Destroys every cache of every user, and lsaiso starts anew: no key of before is left.\n"
	  "root only.\n" },
	{ "watch",
	  "What lsawatch finds. Without a verb the ten properties: on a terminal each second\n"
	  "until q, in a pipe once. Exit code 0: normal, 1: something is not, 3: lsawatch does\n"
	  "not answer. findings (--follow): what was found, who did it; sensors: what is seen\n"
	  "and what is blind; baseline (--forget): what use is usual; rules: the table;\n"
	  "navigator: a layer for the ATT&CK Navigator; report --html FILE: one page to keep or\n"
	  "print, - for standard output. root only, but for rules.\n" },
	{ "verify",
	  "Compares the installed programs with the signed manifest, and with what runs as far\n"
	  "as you may look. Exit code 1 if lsainit would refuse something. --lower-floor N\n"
	  "(root): let security version N, which is installed, run where a newer one ran.\n" },
	{ "setup",
	  "Shows what krb5.conf, sssd.conf and our own files need so that the KDC endpoint is the\n"
	  "only KDC of this host's programs, for all realms that krb5.conf knows, or those that\n"
	  "are named. --apply: write it, after a try that the endpoint can listen and that the\n"
	  "real KDCs are found; --undo: take exactly that back; --root FOLDER: of the host "
	  "below.\n" },
	{ "doctor",
	  "Tries what lsaiso needs and can use on this machine. Exit code 1 if something\n"
	  "that is needed is missing. Run it as root to see everything.\n" },
	{ "help", "Shows the commands, or one of them.\n" },
};

static const char *
args_of(const char *name)
{
	for (const struct command *co = commands; co->name != NULL; co++) {
		if (strcmp(co->name, name) == 0)
			return co->args;
	}
	return "";
}

int
cmd_help(struct ctl *ct, int argc, char **argv)
{
	(void)ct;
	if (argc > 1) {
		for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
			if (strcmp(more[i].name, argv[1]) != 0)
				continue;
			(void)printf("lsactl %s %s\n%s", more[i].name, args_of(more[i].name),
				     more[i].text);
			return EXIT_DONE;
		}
		(void)fprintf(stderr, "lsactl: there is no command %s; see lsactl help\n", argv[1]);
		return EXIT_USAGE;
	}
	(void)fputs("usage: lsactl [--config FILE | --socket PATH] [--json] [--uid N] COMMAND\n\n",
		    stdout);
	for (const struct command *co = commands; co->name != NULL; co++)
		(void)printf("  %-8s %-10s %s\n", co->name, co->args, co->help);
	(void)fputs("\n  --json         output for programs\n"
		    "  --uid N        of that user only (others than your own: root)\n"
		    "  --config FILE  configuration of the instance, default " CONFIG_DEFAULT_FILE
		    "\n  --socket PATH  its admin socket, instead\n",
		    stdout);
	return EXIT_DONE;
}
