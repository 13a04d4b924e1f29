/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's keys, and tickets for armour. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/logon/tickets.h"

struct machine {
	const struct config *cf;
	pthread_mutex_t lock;
	struct machine_keys keys;
	struct tickets tickets;
};

struct machine *
machine_new(const struct config *cf)
{
	struct machine *ma = calloc(1, sizeof(*ma));

	if (ma == NULL)
		return NULL;
	ma->cf = cf;
	(void)pthread_mutex_init(&ma->lock, NULL);
	tickets_start(&ma->tickets);
	return ma;
}

void
machine_free(struct machine *ma)
{
	if (ma == NULL)
		return;
	tickets_end(&ma->tickets);
	(void)pthread_mutex_destroy(&ma->lock);
	free(ma);
}

void
machine_set(struct machine *ma, const struct machine_keys *keys, struct machine_keys *before)
{
	(void)pthread_mutex_lock(&ma->lock);
	if (before != NULL)
		*before = ma->keys;
	ma->keys = *keys;
	(void)pthread_mutex_unlock(&ma->lock);
	tickets_forget(&ma->tickets, NULL);
}

void
machine_get(struct machine *ma, struct machine_keys *keys)
{
	(void)pthread_mutex_lock(&ma->lock);
	*keys = ma->keys;
	(void)pthread_mutex_unlock(&ma->lock);
}

void
machine_forget(struct machine *ma)
{
	static const struct machine_keys none;

	machine_set(ma, &none, NULL);
}

/* ---- armour */

/* A TGT of the machine's own realm; a logon like any other, without armour. */
static int32_t
get_own(struct machine *ma, krb5_context ctx, struct ticket *ticket)
{
	struct as_key keys[MACHINE_KEYS_MAX];
	struct machine_keys machine;
	struct as_exchange as = { .ctx = ctx, .form = AS_PRINCIPAL, .keys = keys };
	int32_t code;

	machine_get(ma, &machine);
	if (machine.n == 0)
		return KRB5_KT_NOTFOUND;
	as.session = machine.session;
	as.generation = machine.generation;
	as.owner = machine.owner;
	as.principal = machine.name;
	for (as.nkeys = 0; as.nkeys < machine.n; as.nkeys++) {
		const struct machine_key *key = &machine.keys[as.nkeys];

		keys[as.nkeys] = (struct as_key){ key->etype, { key->blob, key->len } };
	}
	code = as_run(&as);
	if (code == 0) {
		ticket->session = as.session;
		ticket->generation = as.generation;
		ticket->owner = as.owner;
		memcpy(ticket->blob, as.blob, as.blob_len);
		ticket->blob_len = as.blob_len;
		ticket->offset = as.kdc_offset;
		ticket->fast = as.fast;
		ticket->cred = as.cred;
		as.cred = (struct creds_octets){ 0 };
		log_line(LOG_INFO, "logon: %s has a ticket for armour", machine.name);
	}
	as_free(&as);
	return code;
}

static bool
own_realm(struct machine *ma, struct rd realm)
{
	struct machine_keys keys;
	const char *at;

	machine_get(ma, &keys);
	at = strrchr(keys.name, '@');
	return at != NULL && strlen(at + 1) == realm.len &&
	       memcmp(at + 1, realm.at, realm.len) == 0;
}

static int32_t
get_machine(void *arg, krb5_context ctx, struct rd realm, struct ticket *ticket)
{
	struct machine *ma = arg;
	struct ticket own = { 0 };
	struct rd home;
	char name[ISO_NAME_MAX + 1];
	struct machine_keys keys;
	int32_t code;

	if (own_realm(ma, realm))
		return get_own(ma, ctx, ticket);
	machine_get(ma, &keys);
	if (keys.n == 0 || strrchr(keys.name, '@') == NULL)
		return KRB5_KT_NOTFOUND;
	(void)snprintf(name, sizeof(name), "%s", strrchr(keys.name, '@') + 1);
	home = (struct rd){ (const uint8_t *)name, strlen(name) };
	code = tickets_get(&ma->tickets, ctx, home, get_machine, ma, &own);
	if (code == 0)
		code = ticket_for_realm(ctx, &own, home, realm, ticket);
	ticket_free(&own);
	return code;
}

static int32_t
get_anonymous(void *arg, krb5_context ctx, struct rd realm, struct ticket *ticket)
{
	return ticket_anonymous(ctx, realm, ticket);
}

static int32_t
source_get(void *arg, krb5_context ctx, struct rd realm, int32_t skew, struct fast_armor *armor)
{
	struct machine *ma = arg;
	bool anonymous = strcmp(ma->cf->logon_fast, "anonymous") == 0;
	struct ticket ticket = { 0 };
	int32_t code = tickets_get(&ma->tickets, ctx, realm,
				   anonymous ? get_anonymous : get_machine, ma, &ticket);

	if (code == 0)
		code = ticket_armor(ctx, &ticket, skew != 0 ? skew : ticket.offset, armor);
	ticket_free(&ticket);
	return code;
}

static void
source_drop(void *arg, struct rd realm)
{
	struct machine *ma = arg;

	tickets_forget(&ma->tickets, &realm);
}

const struct fast_source *
machine_armor(struct machine *ma, struct fast_source *source)
{
	struct machine_keys keys;

	*source = (struct fast_source){ ma, source_get, source_drop, true };
	if (strcmp(ma->cf->logon_fast, "off") == 0)
		return NULL;
	if (strcmp(ma->cf->logon_fast, "auto") != 0)
		return source;
	machine_get(ma, &keys);
	source->must = false;
	return keys.n != 0 ? source : NULL;
}
