/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One logon with armour, or one change of password, at whatever KDC krb5.conf
 * names, with an lsaiso of its own, told as JSON. For fast_live.py and
 * tests/interop, which know what should come.
 *
 * usage: fast_try [option...] PRINCIPAL     standard input: the password, and on
 *                                           the next line a new one
 *
 *   -f MODE              [logon] fast: auto (default), required, anonymous, off
 *   -m KEYTAB PRINCIPAL  this machine's keys are those
 *   -w                   change the password; then log on with the new one
 *   -s SERVICE           a ticket for it
 *   -n TIMES             log on so often, with the same armour tickets
 *
 * LSAISO: the program. Status 0: said what came, whatever it was.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/box.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/logon/machine.h"
#include "lsass/logon/passwd.h"
#include "tests/unit/logon_box.h"
#include "tests/unit/tgs_iso.h"

#define OWNER 1234

static krb5_context ctx;
static const char *service;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("fast_try: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static void
say_string(const char *what, const char *text)
{
	(void)printf(",\n \"%s\": \"", what);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)putchar('\\');
		(void)putchar(*text);
	}
	(void)putchar('"');
}

/* ---- who has what */

static struct logon_box
session(uint32_t owner)
{
	struct iso_req_session_open req = { .owner = owner, .lifetime = 3600 };
	struct iso_rep_session_open rep;

	if (ask_session_open(&req, &rep) != ISO_OK)
		die("no session");
	return (struct logon_box){ rep.session, rep.generation, owner };
}

/* The newest keys of principal, as lsactl logon --machine brings them. */
static void
take_machine(struct machine *ma, const char *name, const char *principal)
{
	struct machine_keys keys = { 0 };
	struct logon_box to = session(0);
	krb5_principal wanted;
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	krb5_keytab kt;

	keys.session = to.session;
	keys.generation = to.generation;
	(void)snprintf(keys.name, sizeof(keys.name), "%s", principal);
	(void)snprintf(keys.host, sizeof(keys.host), "%s", principal);
	if (krb5_kt_resolve(ctx, name, &kt) != 0 || krb5_parse_name(ctx, principal, &wanted) != 0 ||
	    krb5_kt_start_seq_get(ctx, kt, &cursor) != 0)
		die("%s: cannot be read", name);
	while (krb5_kt_next_entry(ctx, kt, &entry, &cursor) == 0) {
		struct machine_key *key = &keys.keys[keys.n];

		key->etype = entry.key.enctype;
		key->kvno = entry.vno;
		if (keys.n < MACHINE_KEYS_MAX &&
		    krb5_principal_compare(ctx, entry.principal, wanted) &&
		    logon_box_key(&to, principal, key->etype,
				  (struct rd){ entry.key.contents, entry.key.length }, key->blob,
				  &key->len) == ISO_OK)
			keys.n++;
		krb5_free_keytab_entry_contents(ctx, &entry);
	}
	krb5_kt_end_seq_get(ctx, kt, &cursor);
	krb5_kt_close(ctx, kt);
	krb5_free_principal(ctx, wanted);
	machine_set(ma, &keys, NULL);
}

/* A new password in a box of its own kind. */
static void
box_new(const struct logon_box *to, const char *name, const char *word, uint8_t *blob, size_t *len)
{
	struct iso_req_logon_challenge challenge = { .session = to->session,
						     .generation = to->generation,
						     .owner = to->owner };
	struct iso_rep_logon_challenge answer;
	struct iso_req_logon_absorb ask = { .session = to->session,
					    .generation = to->generation,
					    .owner = to->owner };
	struct iso_rep_logon_absorb absorbed;
	struct iso_req_status status_req = { 0 };
	struct iso_rep_status is;
	uint8_t sealed[ISO_BOX];
	struct box box;

	if (box_fill(&box, name, (struct rd){ (const uint8_t *)word, strlen(word) }, 0) != 0 ||
	    ask_status(&status_req, &is) != ISO_OK ||
	    ask_logon_challenge(&challenge, &answer) != ISO_OK)
		die("no box");
	box.challenge = answer.challenge;
	box.session = to->session;
	box.generation = to->generation;
	box.owner = to->owner;
	box.flags = BOX_NEW;
	ask.box = (struct rd){ sealed, sizeof(sealed) };
	if (box_seal(is.public_key, &box, sealed) != 0 ||
	    ask_logon_absorb(&ask, &absorbed) != ISO_OK)
		die("the new password was not taken");
	memcpy(blob, absorbed.blob.at, absorbed.blob.len);
	*len = absorbed.blob.len;
}

/* ---- what is tried */

struct words {
	char old[ISO_SECRET_MAX + 1], fresh[ISO_SECRET_MAX + 1];
};

static void
read_line(char word[ISO_SECRET_MAX + 1])
{
	if (fgets(word, ISO_SECRET_MAX + 1, stdin) == NULL)
		word[0] = '\0';
	word[strcspn(word, "\n")] = '\0';
}

static void
say_as(const struct as_exchange *as, int32_t code)
{
	static const char *const who[] = { "nobody", "kdc", "iso", "here" };
	const char *text = krb5_get_error_message(NULL, code);

	(void)printf(",\n \"code\": %d, \"who\": \"%s\", \"status\": %d", code, who[as->who],
		     (int)as->status);
	say_string("message", text);
	say_string("text", as->text);
	krb5_free_error_message(NULL, text);
}

static void
log_on(const char *principal, const char *word, const struct fast_source *source)
{
	uint8_t blob[ISO_SEALED_MAX] = { 0 };
	size_t len = 0;
	struct logon_box to = session(OWNER);
	struct as_exchange as = { .ctx = ctx,
				  .session = to.session,
				  .generation = to.generation,
				  .owner = OWNER,
				  .principal = principal,
				  .service = service };
	struct rd octets;
	struct wire_princ client;
	char text[512];
	int32_t code;

	if (logon_box_password(&to, principal, word, strlen(word), blob, &len) != ISO_OK)
		die("the password was not taken");
	as.password = (struct rd){ blob, len };
	code = fast_run(&as, source);
	say_as(&as, code);
	if (code == 0) {
		octets = (struct rd){ as.client.at, as.client.len };
		if (wire_princ(&octets, &client) != 0)
			die("no client");
		wire_princ_text(&client, text, sizeof(text));
		say_string("client", text);
		(void)printf(",\n \"armored\": %s, \"checked\": %s, \"fast\": %s, \"offset\": %d, "
			     "\"blob\": %zu",
			     as.armored ? "true" : "false", as.checked ? "true" : "false",
			     as.fast ? "true" : "false", as.kdc_offset, as.blob_len);
	}
	as_free(&as);
}

static bool
change(const char *principal, const struct words *words, const struct fast_source *source)
{
	static const char *const steps[] = { "done", "old", "iso", "server", "refused", "unsure" };
	uint8_t old[ISO_SEALED_MAX] = { 0 }, fresh[ISO_SEALED_MAX] = { 0 };
	struct logon_box to = session(OWNER);
	size_t old_len = 0, fresh_len = 0;
	struct passwd pw = { .ctx = ctx,
			     .session = to.session,
			     .generation = to.generation,
			     .owner = OWNER,
			     .principal = principal,
			     .armor = source };

	if (logon_box_password(&to, principal, words->old, strlen(words->old), old, &old_len) !=
	    ISO_OK)
		die("the password was not taken");
	box_new(&to, principal, words->fresh, fresh, &fresh_len);
	pw.old = (struct rd){ old, old_len };
	pw.fresh = (struct rd){ fresh, fresh_len };
	passwd_change(&pw);
	(void)printf(",\n \"step\": \"%s\", \"result\": %u, \"proved\": %s, \"passwd\": %d",
		     steps[pw.step], pw.result, pw.proved ? "true" : "false", pw.code);
	say_string("words", pw.text);
	if (pw.step == PASSWD_OLD)
		say_as(&pw.as, pw.code);
	return pw.step == PASSWD_DONE;
}

int
main(int argc, char **argv)
{
	char mode[16] = "auto";
	const char *keytab = NULL, *machine = NULL;
	struct config cf = { .logon_fast = mode };
	bool changes = false;
	struct fast_source place;
	const struct fast_source *source;
	struct words words;
	struct machine *ma;
	int times = 1, c;
	pid_t iso;

	while ((c = getopt(argc, argv, "f:m:n:s:w")) != -1) {
		switch (c) {
		case 'f':
			(void)snprintf(mode, sizeof(mode), "%s", optarg);
			break;
		case 'm':
			keytab = optarg;
			break;
		case 'n':
			times = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			service = optarg;
			break;
		case 'w':
			changes = true;
			break;
		default:
			return 2;
		}
	}
	if (keytab != NULL && optind < argc)
		machine = argv[optind++];
	if (optind != argc - 1)
		die("PRINCIPAL is missing");
	log_open("fast_try", LOG_DEBUG);
	iso = tgs_iso_start(getenv("LSAISO"), 1000, 1000);
	if (iso < 0 || krb5_init_context(&ctx) != 0)
		die("no lsaiso, or no krb5.conf");
	ma = machine_new(&cf);
	if (machine != NULL)
		take_machine(ma, keytab, machine);
	source = machine_armor(ma, &place);
	read_line(words.old);
	read_line(words.fresh);
	(void)printf("{\"source\": %s", source != NULL ? "true" : "false");
	if (!changes || change(argv[optind], &words, source)) {
		for (int i = 0; i < times; i++)
			log_on(argv[optind], changes ? words.fresh : words.old, source);
	}
	(void)printf("}\n");
	explicit_bzero(&words, sizeof(words));
	machine_free(ma);
	tgs_iso_stop(iso);
	return fflush(stdout) == 0 ? 0 : 2;
}
