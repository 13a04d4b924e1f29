/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsaseal: arguments, and what all subcommands share. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsaseal/seal.h"

static bool child;

void
complain(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (child)
		log_err("%s", text);
	else
		(void)fprintf(stderr, "lsaseal: %s\n", text);
}

int
pcrs_parse(const char *text, uint32_t *mask)
{
	const char *at = text;
	char *end = NULL;

	*mask = 0;
	do {
		unsigned long n = strtoul(at, &end, 10);

		if (*at < '0' || *at > '9' || n > 23 || (*end != ',' && *end != '\0')) {
			complain("[seal] pcrs = %s: numbers from 0 to 23 with commas, such as 7 or "
				 "0,2,7",
				 text);
			return -1;
		}
		*mask |= 1u << n;
		at = end + 1;
	} while (*end == ',');
	return 0;
}

void
pcrs_text(uint32_t mask, char *text)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < 24; i++) {
		if ((mask >> i & 1) != 0)
			n += (size_t)snprintf(text + n, PCRS_TEXT - n, n > 0 ? ",%u" : "%u", i);
	}
}

void
hex_text(const uint8_t *at, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", at[i]);
}

static void
usage(FILE *to)
{
	(void)fputs(
	    "usage: lsaseal [--config FILE] status\n"
	    "       lsaseal [--config FILE] enroll [--file] [--own-passphrase] [--replace]\n"
	    "       lsaseal [--config FILE] recover | forget\n"
	    "       lsaseal [--config FILE] floor read | floor raise N\n"
	    "       lsaseal --version | --help\n"
	    "Keeps the root key of lsaiso; for people: lsactl seal.\n",
	    to);
}

/* ---- arguments */

struct args {
	const char *config;
	struct seal se;
	int out;
};

static int
number(const char *text, uint32_t most, uint32_t *value)
{
	char *end = NULL;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n > most)
		return -1;
	*value = (uint32_t)n;
	return 0;
}

/* -1: go on, else the exit code. */
static int
parse(struct args *ar, int argc, char **argv)
{
	/* The last four and out are lsainit's, in place of the configuration. */
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "replace", no_argument, NULL, 'r' },
		{ "file", no_argument, NULL, 'f' },
		{ "own-passphrase", no_argument, NULL, 'p' },
		{ "out", required_argument, NULL, 'o' },
		{ "root", required_argument, NULL, 'R' },
		{ "directory", required_argument, NULL, 'D' },
		{ "tcti", required_argument, NULL, 'T' },
		{ "pcrs", required_argument, NULL, 'P' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint32_t out = 0;
	int option;

	while ((option = getopt_long(argc, argv, "c:rfpVh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			ar->config = optarg;
			break;
		case 'r':
			ar->se.replace = true;
			break;
		case 'f':
			ar->se.file = true;
			break;
		case 'p':
			ar->se.own = true;
			break;
		case 'o':
			if (number(optarg, 1023, &out) != 0)
				return SEAL_USAGE;
			ar->out = (int)out;
			break;
		case 'R':
			ar->se.root = optarg;
			break;
		case 'D':
			ar->se.directory = optarg;
			break;
		case 'T':
			ar->se.tcti = optarg;
			break;
		case 'P':
			ar->se.pcrs = optarg;
			break;
		case 'V':
			(void)puts("lsaseal " VERSION);
			return SEAL_OK;
		case 'h':
			usage(stdout);
			return SEAL_OK;
		default:
			usage(stderr);
			return SEAL_USAGE;
		}
	}
	return -1;
}

static enum seal_exit
run_floor(const struct args *ar, int argc, char **argv)
{
	uint32_t to = 0;

	if (argc == 2 && strcmp(argv[1], "read") == 0)
		return seal_floor(&ar->se, false, 0, ar->out);
	if (argc == 3 && strcmp(argv[1], "raise") == 0) {
		if (number(argv[2], 63, &to) == 0)
			return seal_floor(&ar->se, true, to, ar->out);
		complain("the TPM counts security versions from 0 to 63, not %s", argv[2]);
		return SEAL_FLOOR;
	}
	usage(stderr);
	return SEAL_USAGE;
}

static enum seal_exit
run(const struct args *ar, int argc, char **argv)
{
	static const struct {
		const char *name;
		enum seal_exit (*run)(const struct seal *se);
	} commands[] = {
		{ "boot", seal_boot },	   { "enroll", seal_enroll }, { "recover", seal_recover },
		{ "forget", seal_forget }, { "status", seal_status },
	};

	if (argc > 0 && strcmp(argv[0], "floor") == 0)
		return run_floor(ar, argc, argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc == 1 && strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(&ar->se);
	}
	usage(stderr);
	return SEAL_USAGE;
}

int
main(int argc, char **argv)
{
	struct args ar = { .config = CONFIG_DEFAULT_FILE, .out = STDOUT_FILENO };
	struct config cf = { 0 };
	int ex;
	char error[1024];
	int code = parse(&ar, argc, argv);
	bool read = ar.se.tcti == NULL || ar.se.directory == NULL || ar.se.root == NULL ||
		    ar.se.pcrs == NULL;

	if (code >= 0)
		return code;
	/* The TPM's library writes to stderr, unless told not to; we say what it means. */
	if (setenv("TSS2_LOG", "all+NONE", 1) != 0)
		return SEAL_SYSTEM;
	child = ar.out != STDOUT_FILENO || (optind < argc && strcmp(argv[optind], "boot") == 0);
	log_open("lsaseal", LOG_INFO);
	if (read && config_read(&cf, ar.config, error, sizeof(error)) != 0) {
		complain("%s", error);
		return SEAL_USAGE;
	}
	if (read) {
		ar.se.root = cf.seal_root;
		ar.se.directory = cf.host_directory;
		ar.se.tcti = cf.seal_tcti;
		ar.se.pcrs = cf.seal_pcrs;
	}
	ar.se.child = child;
	ex = (int)run(&ar, argc - optind, argv + optind);
	if (ex != SEAL_OK && ex != SEAL_USAGE && !child)
		complain("%s; %s", seal_exit_text(ex), seal_exit_advice(ex));
	if (read)
		config_free(&cf);
	if (fflush(stdout) != 0 && ex == SEAL_OK)
		ex = SEAL_FILES;
	_exit(ex); /* all is wiped: no library is to run once more */
}
