/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One logon at whatever KDC krb5.conf names, with an lsaiso of its own, told
 * as JSON. For logon_live.py and tests/interop, which know what should come.
 *
 * usage: logon_try [option...] PRINCIPAL     the password is standard input
 *
 *   -E, -P        an enterprise name; a principal (else: AS_AUTO)
 *   -r            lsaiso's policy lets RC4 through
 *   -k KEYTAB     with the keys of PRINCIPAL in it, not a password
 *   -c            a ticket for kadmin/changepw
 *   -t SERVICE    then get a ticket for it, the way lsass does
 *   -m KEYTAB HOST  then verify the KDC with its keys of HOST
 *   -x            cancelled before it begins
 *
 * LSAISO: the program. Status 0: said what came, whatever it was.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lsass/ask.h"
#include "lsass/logon/verify.h"
#include "lsass/tgs/exchange.h"
#include "tests/unit/logon_box.h"
#include "tests/unit/tgs_iso.h"

#define OWNER 1234

struct wanted {
	enum as_form form;
	const char *keytab, *service, *ticket, *machine_keytab, *machine, *principal;
};

static krb5_context ctx;
static atomic_bool cancelled;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("logon_try: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

/* A JSON string of n octets. */
static void
say_string(const char *what, const void *octets, size_t n)
{
	const uint8_t *at = octets;

	(void)printf(",\n \"%s\": \"", what);
	for (size_t i = 0; i < n; i++) {
		if (at[i] >= 0x20 && at[i] < 0x7f && at[i] != '"' && at[i] != '\\')
			(void)putchar(at[i]);
		else
			(void)printf("\\u%04x", (unsigned int)at[i]);
	}
	(void)putchar('"');
}

static void
say_code(const char *what, int32_t code)
{
	const char *text = krb5_get_error_message(NULL, code);
	char key[64];

	(void)printf(",\n \"%s\": %d", what, code);
	(void)snprintf(key, sizeof(key), "%s_text", what);
	say_string(key, text, strlen(text));
	krb5_free_error_message(NULL, text);
}

static void
say_name(const char *what, const struct wire_princ *princ)
{
	char text[512];

	wire_princ_text(princ, text, sizeof(text));
	say_string(what, text, strlen(text));
}

/* ---- secrets go in */

static size_t
read_password(char *password, size_t room)
{
	ssize_t n = read(STDIN_FILENO, password, room);

	if (n <= 0)
		die("no password");
	return (size_t)n - (password[n - 1] == '\n');
}

/* Keys of princ in a keytab, as blobs of the session. Returns how many. */
static size_t
absorb_keytab(const struct logon_box *to, const char *name, const char *princ,
	      struct machine_key *keys, size_t room)
{
	krb5_principal wanted;
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	krb5_keytab kt;
	size_t n = 0;

	if (krb5_kt_resolve(ctx, name, &kt) != 0 || krb5_parse_name(ctx, princ, &wanted) != 0 ||
	    krb5_kt_start_seq_get(ctx, kt, &cursor) != 0)
		die("%s: cannot be read", name);
	while (n < room && krb5_kt_next_entry(ctx, kt, &entry, &cursor) == 0) {
		if (krb5_principal_compare(ctx, entry.principal, wanted)) {
			keys[n].etype = entry.key.enctype;
			keys[n].kvno = entry.vno;
			if (logon_box_key(to, princ, entry.key.enctype,
					  (struct rd){ entry.key.contents, entry.key.length },
					  keys[n].blob, &keys[n].len) == ISO_OK)
				n++;
		}
		krb5_free_keytab_entry_contents(ctx, &entry);
	}
	krb5_kt_end_seq_get(ctx, kt, &cursor);
	krb5_kt_close(ctx, kt);
	krb5_free_principal(ctx, wanted);
	return n;
}

/* ---- what the result is good for */

/* Straight at the KDC with what the broker has: the stand-in must be no key. */
static int32_t
without_broker(const struct as_exchange *as)
{
	krb5_creds in = { 0 }, *out = NULL;
	struct creds_view view;
	krb5_error_code code;
	krb5_ccache cc;
	char *realm;

	if (creds_view_cred((struct rd){ as->cred.at, as->cred.len }, &view) != 0)
		return KRB5_CC_FORMAT;
	realm = strndup(view.creds.server->realm.data, view.creds.server->realm.length);
	if (krb5_cc_new_unique(ctx, "MEMORY", NULL, &cc) != 0 ||
	    krb5_cc_initialize(ctx, cc, view.creds.client) != 0 ||
	    krb5_cc_store_cred(ctx, cc, &view.creds) != 0 ||
	    krb5_build_principal(ctx, &in.server, (unsigned int)strlen(realm), realm, "host",
				 "stolen", (char *)NULL) != 0)
		die("no cache");
	in.client = view.creds.client;
	code = krb5_get_credentials(ctx, 0, cc, &in, &out);
	krb5_free_creds(ctx, out);
	krb5_free_principal(ctx, in.server);
	krb5_cc_destroy(ctx, cc);
	free(realm);
	return code;
}

/* A service ticket with the fresh TGT: through verify_kdc's own way. */
static void
get_ticket(const struct as_exchange *as, const char *service)
{
	struct tgs_tgt tgt = { .cred = { as->cred.at, as->cred.len },
			       .session = as->session,
			       .generation = as->generation,
			       .blob = { as->blob, as->blob_len } };
	struct tgs_request req = { .uid = OWNER,
				   .tgts = &tgt,
				   .ntgts = 1,
				   .client = { as->client.at, as->client.len },
				   .kdc_offset = as->kdc_offset };
	struct exchange *ex = calloc(1, sizeof(*ex));
	krb5_creds creds = { 0 };
	struct creds_octets octets;
	struct wire_princ wire;
	struct rd rest;
	int32_t code;

	if (ex == NULL || krb5_parse_name(ctx, service, &creds.client) != 0)
		die("%s: no principal", service);
	creds.server = creds.client;
	if (creds_put(&creds, &octets) != 0)
		die("no memory");
	rest = (struct rd){ octets.at, octets.len };
	if (wire_princ(&rest, &wire) != 0)
		die("wire_princ");
	req.server = wire.octets;
	ex->ctx = ctx;
	ex->req = &req;
	code = exchange_run(ex);
	say_code("ticket", code);
	exchange_free(ex);
	creds_free(&octets);
	krb5_free_principal(ctx, creds.client);
	free(ex);
}

static void
verify(const struct as_exchange *as, const struct wanted *wa)
{
	static const char *const words[] = { "good", "false", "unknown" };
	struct machine_keys *machine = calloc(1, sizeof(*machine));
	struct iso_req_session_open req = { .owner = 0, .lifetime = 3600 };
	struct iso_rep_session_open rep;
	enum verify_verdict verdict;
	struct logon_box to;
	int32_t code;

	if (machine == NULL || ask_session_open(&req, &rep) != ISO_OK)
		die("no session of root's");
	to = (struct logon_box){ rep.session, rep.generation, 0 };
	machine->session = rep.session;
	machine->generation = rep.generation;
	(void)snprintf(machine->name, sizeof(machine->name), "%s", wa->machine);
	(void)snprintf(machine->host, sizeof(machine->host), "%s", wa->machine);
	machine->n = absorb_keytab(&to, wa->machine_keytab, wa->machine, machine->keys,
				   MACHINE_KEYS_MAX);
	verdict = verify_kdc(as, machine, &code);
	(void)printf(",\n \"verdict\": \"%s\", \"machine_keys\": %zu", words[verdict], machine->n);
	say_code("verify", code);
	free(machine);
}

/* ---- the logon */

static void
say_success(const struct as_exchange *as)
{
	struct rd octets = { as->cred.at, as->cred.len };
	struct wire_cred wire;

	if (wire_cred(&octets, &wire) != 0)
		die("no credential");
	say_name("client", &wire.client);
	say_name("server", &wire.server);
	(void)printf(",\n \"key_etype\": %d, \"flags\": %u, \"life\": %d, \"renew\": %d",
		     wire.etype, wire.flags, (int)(wire.endtime - wire.authtime),
		     wire.renew_till == 0 ? 0 : (int)(wire.renew_till - wire.authtime));
	(void)printf(",\n \"blob\": %zu, \"anchor\": %zu, \"anchor_etype\": %d", as->blob_len,
		     as->anchor.len, as->anchor.etype);
	say_string("salt", as->anchor.salt, as->anchor.salt_len);
	(void)printf(",\n \"expires_in\": %lld, \"offset\": %d, \"checked\": %s, \"armored\": %s",
		     as->password_expires == 0 ? 0 : (long long)as->password_expires - time(NULL),
		     as->kdc_offset, as->checked ? "true" : "false",
		     as->armored ? "true" : "false");
}

static void
log_on(const struct wanted *wa, const struct logon_box *to, const struct as_key *keys, size_t nkeys,
       struct rd password)
{
	static const char *const who[] = { "nobody", "kdc", "iso", "here" };
	struct as_exchange as = { .ctx = ctx,
				  .session = to->session,
				  .generation = to->generation,
				  .owner = OWNER,
				  .principal = wa->principal,
				  .form = wa->form,
				  .password = password,
				  .keys = keys,
				  .nkeys = nkeys,
				  .service = wa->service,
				  .cancelled = &cancelled };
	struct timespec from, until;
	int32_t code;

	clock_gettime(CLOCK_MONOTONIC, &from);
	code = as_run(&as);
	clock_gettime(CLOCK_MONOTONIC, &until);
	(void)printf("{\"ms\": %lld", (long long)(until.tv_sec - from.tv_sec) * 1000 +
					  (until.tv_nsec - from.tv_nsec) / 1000000);
	say_code("code", code);
	(void)printf(",\n \"who\": \"%s\", \"status\": %d, \"nt_status\": %u", who[as.who],
		     (int)as.status, as.nt_status);
	say_string("text", as.text, strlen(as.text));
	if (code == 0) {
		say_success(&as);
		if (as.kdc_offset != 0)
			(void)krb5_set_real_time(ctx, (krb5_timestamp)(time(NULL) + as.kdc_offset),
						 -1);
		if (wa->service == NULL)
			say_code("stolen", without_broker(&as));
		if (wa->ticket != NULL)
			get_ticket(&as, wa->ticket);
		if (wa->machine != NULL)
			verify(&as, wa);
	}
	(void)printf("}\n");
	as_free(&as);
}

static void
run(const struct wanted *wa)
{
	struct iso_req_session_open req = { .owner = OWNER, .lifetime = 3600 };
	struct iso_rep_session_open rep;
	struct machine_key found[AS_KEYS_MAX];
	struct as_key keys[AS_KEYS_MAX];
	uint8_t blob[ISO_SEALED_MAX] = { 0 };
	char password[ISO_SECRET_MAX];
	struct logon_box to;
	size_t n = 0, len = 0;

	if (ask_session_open(&req, &rep) != ISO_OK)
		die("no session");
	to = (struct logon_box){ rep.session, rep.generation, OWNER };
	if (wa->keytab != NULL) {
		n = absorb_keytab(&to, wa->keytab, wa->principal, found, AS_KEYS_MAX);
		for (size_t i = 0; i < n; i++)
			keys[i] = (struct as_key){ found[i].etype,
						   { found[i].blob, found[i].len } };
	} else {
		enum iso_status status = logon_box_password(
		    &to, wa->principal, password, read_password(password, sizeof(password)), blob,
		    &len);

		explicit_bzero(password, sizeof(password));
		if (status != ISO_OK)
			die("password: %s", rpc_status_text((uint32_t)status));
	}
	log_on(wa, &to, keys, n, (struct rd){ blob, len });
}

int
main(int argc, char **argv)
{
	struct wanted wa = { .form = AS_AUTO };
	pid_t iso;
	int c;

	while ((c = getopt(argc, argv, "EPrk:ct:m:x")) != -1) {
		switch (c) {
		case 'E':
			wa.form = AS_ENTERPRISE;
			break;
		case 'P':
			wa.form = AS_PRINCIPAL;
			break;
		case 'r':
			tgs_iso_policy |= ISO_POLICY_RC4;
			break;
		case 'k':
			wa.keytab = optarg;
			break;
		case 'c':
			wa.service = AS_CHANGE_PW;
			break;
		case 't':
			wa.ticket = optarg;
			break;
		case 'm':
			wa.machine_keytab = optarg;
			break;
		case 'x':
			atomic_store(&cancelled, true);
			break;
		default:
			return 2;
		}
	}
	if (wa.machine_keytab != NULL && optind < argc)
		wa.machine = argv[optind++];
	if (optind != argc - 1)
		die("PRINCIPAL is missing");
	wa.principal = argv[optind];
	iso = tgs_iso_start(getenv("LSAISO"), 1000, 1000);
	if (iso < 0 || krb5_init_context(&ctx) != 0)
		die("no lsaiso, or no krb5.conf");
	run(&wa);
	tgs_iso_stop(iso);
	return fflush(stdout) == 0 ? 0 : 2;
}
