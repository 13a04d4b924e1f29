/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ticket for this machine, looked at by lsaiso. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/tgs/exchange.h"

/* The machine's name as a wire.h principal. */
static int32_t
put_host(krb5_context ctx, const char *host, struct creds_octets *octets)
{
	krb5_creds creds = { .magic = KV5M_CREDS };
	krb5_principal princ = NULL;
	krb5_error_code code = krb5_parse_name(ctx, host, &princ);
	struct wire_princ wire;
	struct rd rest;

	if (code != 0)
		return code;
	creds.client = creds.server = princ;
	code = creds_put(&creds, octets) == 0 ? 0 : ENOMEM;
	krb5_free_principal(ctx, princ);
	if (code != 0)
		return code;
	/* The client is the front of a credential. */
	rest = (struct rd){ octets->at, octets->len };
	if (wire_princ(&rest, &wire) != 0) {
		creds_free(octets);
		return KRB5_CC_FORMAT;
	}
	octets->len = wire.octets.len;
	return 0;
}

static int32_t
get_ticket(struct exchange *ex, const struct as_exchange *as, struct rd host)
{
	struct tgs_tgt tgt = { .cred = { as->cred.at, as->cred.len },
			       .session = as->session,
			       .generation = as->generation,
			       .blob = { as->blob, as->blob_len } };
	struct tgs_request req = { .uid = as->owner,
				   .tgts = &tgt,
				   .ntgts = 1,
				   .client = { as->client.at, as->client.len },
				   .server = host,
				   .kdc_offset = as->kdc_offset };
	krb5_error_code code = krb5_copy_context(as->ctx, &ex->ctx);

	if (code != 0)
		return code;
	if (as->kdc_offset != 0)
		code = krb5_set_real_time(ex->ctx, (krb5_timestamp)(time(NULL) + as->kdc_offset),
					  -1);
	ex->req = &req;
	if (code == 0)
		code = exchange_run(ex);
	krb5_free_context(ex->ctx);
	ex->ctx = NULL;
	ex->req = NULL;
	return code;
}

/* Ask lsaiso with each key of the ticket's etype: an older one may be meant. */
static int32_t
check(const struct machine_keys *machine, struct rd cred)
{
	struct iso_req_krb_ticket_check ask = { 0 };
	int32_t code = KRB5_KT_KVNONOTFOUND;
	struct der_sealed sealed;
	struct wire_cred wire;

	if (wire_cred(&cred, &wire) != 0 || der_read_ticket(wire.ticket, &sealed) != 0)
		return KRB5KRB_AP_ERR_MSG_TYPE;
	ask.session = machine->session;
	ask.generation = machine->generation;
	ask.owner = machine->owner;
	ask.name = (struct rd){ (const uint8_t *)machine->name, strlen(machine->name) };
	ask.etype = sealed.etype;
	ask.cipher = sealed.cipher;
	ask.given = wire.key;
	for (size_t i = 0; i < machine->n; i++) {
		struct iso_rep_krb_ticket_check answer;
		enum iso_status status;

		if (machine->keys[i].etype != sealed.etype)
			continue;
		ask.key = (struct rd){ machine->keys[i].blob, machine->keys[i].len };
		status = ask_krb_ticket_check(&ask, &answer);
		if (status == ISO_OK)
			return 0;
		code = KRB5KRB_AP_ERR_BAD_INTEGRITY;
		if (status != ISO_E_INTEGRITY)
			log_info("logon: check of the KDC: %s", rpc_status_text((uint32_t)status));
	}
	return code;
}

enum verify_verdict
verify_kdc(const struct as_exchange *as, const struct machine_keys *machine, int32_t *code)
{
	enum verify_verdict verdict = VERIFY_UNKNOWN;
	int32_t why = KRB5_KT_NOTFOUND;
	struct creds_octets host = { 0 };
	struct exchange *ex;

	if (machine != NULL && machine->n != 0) {
		ex = calloc(1, sizeof(*ex)); /* large */
		why = ex != NULL ? put_host(as->ctx, machine->host, &host) : ENOMEM;
		if (why == 0)
			why = get_ticket(ex, as, (struct rd){ host.at, host.len });
		if (why == 0) {
			const struct creds_octets *cred = &ex->tickets[ex->ntickets - 1].cred;

			why = check(machine, (struct rd){ cred->at, cred->len });
		}
		verdict = why == 0 ? VERIFY_GOOD : VERIFY_FALSE;
		if (ex != NULL)
			exchange_free(ex);
		free(ex);
		creds_free(&host);
	}
	if (code != NULL)
		*code = why;
	return verdict;
}
