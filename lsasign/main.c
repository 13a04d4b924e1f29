/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/floor.h"
#include "lib/levels.h"
#include "lsasign/lsasign.h"

static const struct command {
	const char *name, *args, *help;
	int least, most; /* arguments; most -1: any number */
	subcommand *run;
} commands[] = {
	{ "keygen", "[--keep] NAME", "a key pair, NAME.key (secret) and NAME.pub", 1, 1,
	  cmd_keygen },
	{ "public", "--key KEY", "the public key of a private one", 0, 0, cmd_public },
	{ "manifest", "--version-of V --svn N FILE...", "what the programs are, to the octet", 1,
	  -1, cmd_manifest },
	{ "sign", "--key KEY MANIFEST", "sign it: MANIFEST.sig", 1, 1, cmd_sign },
	{ "verify", "--keys FOLDER MANIFEST [FILE...]", "check the signature, and the files", 1, -1,
	  cmd_verify },
	{ "token", "--key KEY [--boot-id ID]", "a token that ends the guard of this boot", 0, 0,
	  cmd_token },
	{ "fsverity", "FILE...", "let the kernel keep files as they are, for good", 1, -1,
	  cmd_fsverity },
	{ 0 },
};

int
failed(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("lsasign: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	return EXIT_FAILED;
}

static int
usage(FILE *to)
{
	(void)fputs("usage: lsasign COMMAND [OPTIONS] [ARGUMENTS]\n\n", to);
	for (const struct command *co = commands; co->name != NULL; co++)
		(void)fprintf(to, "  %-8s %-34s %s\n", co->name, co->args, co->help);
	(void)fputs("\n  --output FILE  write there, not to standard output\n"
		    "  --help, --version\nSee lsasign(8).\n",
		    to);
	return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

static int
parse_svn(const char *text, int *svn)
{
	char *end = NULL;
	long number = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > FLOOR_MAX)
		return -1;
	*svn = (int)number;
	return 0;
}

/* 0, or the exit code plus 1. */
static int
parse(struct options *op, int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "keys", required_argument, NULL, 'K' },
		{ "version-of", required_argument, NULL, 'v' },
		{ "svn", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ "boot-id", required_argument, NULL, 'b' },
		{ "keep", no_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "k:o:hV", options, NULL)) != -1) {
		switch (option) {
		case 'k':
			op->key = optarg;
			break;
		case 'K':
			op->keys = optarg;
			break;
		case 'v':
			op->version = optarg;
			break;
		case 's':
			if (parse_svn(optarg, &op->svn) != 0) {
				(void)failed("--svn takes a number, 0 to %d, not %s", FLOOR_MAX,
					     optarg);
				return 1 + EXIT_USAGE;
			}
			break;
		case 'o':
			op->out = optarg;
			break;
		case 'b':
			op->boot_id = optarg;
			break;
		case 'e':
			op->keep = true;
			break;
		case 'h':
			return 1 + usage(stdout);
		case 'V':
			(void)printf("lsasign %s\n", lib_version);
			return 1 + EXIT_DONE;
		default:
			return 1 + EXIT_USAGE;
		}
	}
	return 0;
}

static int
run(const struct options *op, int argc, char **argv)
{
	const struct command *co = commands;
	int code;

	if (argc == 0)
		return usage(stderr);
	while (co->name != NULL && strcmp(co->name, argv[0]) != 0)
		co++;
	if (co->name == NULL) {
		(void)failed("there is no command %s; see lsasign --help", argv[0]);
		return EXIT_USAGE;
	}
	if (argc - 1 < co->least || (co->most >= 0 && argc - 1 > co->most)) {
		(void)failed("usage: lsasign %s %s", co->name, co->args);
		return EXIT_USAGE;
	}
	code = co->run(op, argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout))
		return failed("the output could not be written");
	return code;
}

int
main(int argc, char **argv)
{
	struct options op = { .svn = -1 };
	struct rlimit none = { 0 };
	int code;

	/* A private key may come: not into a core file. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	code = parse(&op, argc, argv);
	return code != 0 ? code - 1 : run(&op, argc - optind, argv + optind);
}
