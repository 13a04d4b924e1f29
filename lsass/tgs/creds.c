/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wire.h octets to and from krb5_creds. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/tgs/creds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- octets to views */

krb5_data
creds_data(struct rd octets)
{
	krb5_data data = { .magic = KV5M_DATA, .length = (unsigned int)octets.len };

	data.data = (char *)(uintptr_t)octets.at; /* libkrb5's inputs are not const */
	return data;
}

struct rd
creds_rd(const krb5_data *data)
{
	struct rd octets = { (const uint8_t *)data->data, data->length };

	return octets;
}

static void
view_princ(const struct wire_princ *wire, struct creds_princ *view)
{
	memset(view, 0, sizeof(*view));
	view->princ.magic = KV5M_PRINCIPAL;
	view->princ.realm = creds_data(wire->realm);
	view->princ.data = view->comp;
	view->princ.length = (krb5_int32)wire->ncomp;
	view->princ.type = wire->type;
	for (uint32_t i = 0; i < wire->ncomp; i++)
		view->comp[i] = creds_data(wire->comp[i]);
}

int
creds_view_princ(struct rd octets, struct creds_princ *view)
{
	struct wire_princ wire;

	if (wire_princ(&octets, &wire) != 0 || octets.len != 0)
		return -1;
	view_princ(&wire, view);
	return 0;
}

/* u32 n, n x (u16 type, data) */
static int
view_addresses(struct rd octets, struct creds_view *view)
{
	uint32_t n;

	if (octets.len == 0)
		return 0;
	if (wire_u32(&octets, &n) != 0)
		return -1;
	if (n == 0 || n > CREDS_ADDRESSES_MAX)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint16_t type;
		struct rd data;

		if (wire_u16(&octets, &type) != 0 || wire_data(&octets, &data) != 0)
			return -1;
		view->address[i].magic = KV5M_ADDRESS;
		view->address[i].addrtype = type;
		view->address[i].length = (unsigned int)data.len;
		view->address[i].contents = (krb5_octet *)(uintptr_t)data.at;
		view->addresses[i] = &view->address[i];
	}
	view->creds.addresses = view->addresses;
	return 0;
}

int
creds_view_cred(struct rd octets, struct creds_view *view)
{
	struct wire_cred wire;
	krb5_creds *creds = &view->creds;

	memset(view, 0, sizeof(*view));
	if (wire_cred(&octets, &wire) != 0 || octets.len != 0)
		return -1;
	view_princ(&wire.client, &view->client);
	view_princ(&wire.server, &view->server);
	creds->magic = KV5M_CREDS;
	creds->client = &view->client.princ;
	creds->server = &view->server.princ;
	creds->keyblock.magic = KV5M_KEYBLOCK;
	creds->keyblock.enctype = wire.etype;
	creds->keyblock.length = (unsigned int)wire.key.len;
	creds->keyblock.contents = (krb5_octet *)(uintptr_t)wire.key.at;
	creds->times.authtime = (krb5_timestamp)wire.authtime;
	creds->times.starttime = (krb5_timestamp)wire.starttime;
	creds->times.endtime = (krb5_timestamp)wire.endtime;
	creds->times.renew_till = (krb5_timestamp)wire.renew_till;
	creds->is_skey = wire.is_skey;
	creds->ticket_flags = (krb5_flags)wire.flags;
	creds->ticket = creds_data(wire.ticket);
	creds->second_ticket = creds_data(wire.second_ticket);
	return view_addresses(wire.addresses, view);
}

/* ---- octets out: a first pass counts, a second one writes */

struct out {
	uint8_t *at; /* NULL: counting */
	size_t len;
};

static void
put(struct out *o, const void *octets, size_t n)
{
	if (o->at != NULL && n != 0)
		memcpy(o->at + o->len, octets, n);
	o->len += n;
}

static void
put_be(struct out *o, uint32_t value, unsigned int width)
{
	uint8_t octets[4];

	for (unsigned int i = 0; i < width; i++)
		octets[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
	put(o, octets, width);
}

static void
put_data(struct out *o, const void *octets, size_t n)
{
	put_be(o, (uint32_t)n, 4);
	put(o, octets, n);
}

static void
put_key(struct out *o, int32_t etype, const void *key, size_t n)
{
	put_be(o, (uint32_t)etype, 2);
	put_data(o, key, n);
}

static void
put_princ(struct out *o, krb5_const_principal princ)
{
	put_be(o, (uint32_t)princ->type, 4);
	put_be(o, (uint32_t)princ->length, 4);
	put_data(o, princ->realm.data, princ->realm.length);
	for (krb5_int32 i = 0; i < princ->length; i++)
		put_data(o, princ->data[i].data, princ->data[i].length);
}

static void
put_addresses(struct out *o, krb5_address *const *addresses)
{
	uint32_t n = 0;

	while (addresses != NULL && addresses[n] != NULL)
		n++;
	put_be(o, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		put_be(o, (uint32_t)addresses[i]->addrtype, 2);
		put_data(o, addresses[i]->contents, addresses[i]->length);
	}
}

static void
put_authdata(struct out *o, krb5_authdata *const *authdata)
{
	uint32_t n = 0;

	while (authdata != NULL && authdata[n] != NULL)
		n++;
	put_be(o, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		put_be(o, (uint32_t)authdata[i]->ad_type, 2);
		put_data(o, authdata[i]->contents, authdata[i]->length);
	}
}

static void
put_creds(struct out *o, const krb5_creds *creds)
{
	put_princ(o, creds->client);
	put_princ(o, creds->server);
	put_key(o, creds->keyblock.enctype, creds->keyblock.contents, creds->keyblock.length);
	put_be(o, (uint32_t)creds->times.authtime, 4);
	put_be(o, (uint32_t)creds->times.starttime, 4);
	put_be(o, (uint32_t)creds->times.endtime, 4);
	put_be(o, (uint32_t)creds->times.renew_till, 4);
	put_be(o, creds->is_skey ? 1 : 0, 1);
	put_be(o, (uint32_t)creds->ticket_flags, 4);
	put_addresses(o, creds->addresses);
	put_authdata(o, creds->authdata);
	put_data(o, creds->ticket.data, creds->ticket.length);
	put_data(o, creds->second_ticket.data, creds->second_ticket.length);
}

int
creds_put(const krb5_creds *creds, struct creds_octets *octets)
{
	struct out o = { 0 };

	octets->at = NULL;
	octets->len = 0;
	if (creds->client == NULL || creds->server == NULL || creds->keyblock.enctype < INT16_MIN ||
	    creds->keyblock.enctype > INT16_MAX)
		return -1;
	put_creds(&o, creds);
	octets->at = malloc(o.len);
	if (octets->at == NULL)
		return -1;
	o.at = octets->at;
	o.len = 0;
	put_creds(&o, creds);
	octets->len = o.len;
	return 0;
}

int
creds_put_part(struct rd client, const struct der_part *part, struct rd ticket,
	       struct creds_octets *octets)
{
	struct creds_princ from, to;
	krb5_creds creds = { .magic = KV5M_CREDS };

	if (creds_view_princ(client, &from) != 0)
		return -1;
	view_princ(&part->server, &to);
	creds.client = &from.princ;
	creds.server = &to.princ;
	creds.keyblock.enctype = part->etype;
	creds.keyblock.length = (unsigned int)part->key.len;
	creds.keyblock.contents = (krb5_octet *)(uintptr_t)part->key.at;
	creds.times.authtime = (krb5_timestamp)part->authtime;
	creds.times.starttime = (krb5_timestamp)(part->starttime != 0 ? part->starttime
								      : part->authtime);
	creds.times.endtime = (krb5_timestamp)part->endtime;
	creds.times.renew_till = (krb5_timestamp)part->renew_till;
	creds.ticket_flags = (krb5_flags)part->flags;
	creds.ticket = creds_data(ticket);
	return creds_put(&creds, octets);
}

void
creds_free(struct creds_octets *octets)
{
	if (octets->at != NULL)
		explicit_bzero(octets->at, octets->len);
	free(octets->at);
	octets->at = NULL;
	octets->len = 0;
}

krb5_error_code
creds_seal(krb5_context ctx, const krb5_keyblock *key, krb5_keyusage usage, struct rd plain,
	   struct creds_octets *cipher, struct der_sealed *sealed)
{
	krb5_data input = creds_data(plain);
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA };
	krb5_error_code code;
	size_t len = 0;

	*cipher = (struct creds_octets){ 0 };
	code = krb5_c_encrypt_length(ctx, key->enctype, plain.len, &len);
	if (code != 0)
		return code;
	cipher->at = malloc(len);
	if (cipher->at == NULL)
		return ENOMEM;
	cipher->len = len;
	enc.ciphertext = creds_data((struct rd){ cipher->at, len });
	code = krb5_c_encrypt(ctx, key, usage, NULL, &input, &enc);
	if (code != 0) {
		creds_free(cipher);
		return code;
	}
	sealed->etype = key->enctype;
	sealed->cipher = (struct rd){ cipher->at, len };
	return 0;
}
