/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KDC messages as the broker reads them. The message's own first octet
 * chooses the grammar. What is accepted is written again with another
 * sealed part and must read back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lsass/tgs/creds.h"
#include "lsass/tgs/der_as.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t sealed_octets[133] = { 1, 2, 3 };
static const struct der_sealed sealed = { 18, { sealed_octets, sizeof(sealed_octets) } };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
equal(struct rd a, struct rd b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static void
request(struct rd in, struct wr out)
{
	struct der_tgs_req req, again;

	if (der_read_tgs_req(in, &req) != 0 || der_make_tgs_req(&req, &sealed, &out) != 0)
		return;
	must(der_read_tgs_req((struct rd){ out.at, out.left }, &again) == 0);
	must(equal(req.body, again.body) && equal(req.ticket, again.ticket));
}

static void
reply(struct rd in, struct wr out)
{
	struct der_tgs_rep rep, again;

	if (der_read_tgs_rep(in, &rep) != 0 || der_make_tgs_rep(&rep, &sealed, &out) != 0)
		return;
	must(der_read_tgs_rep((struct rd){ out.at, out.left }, &again) == 0);
	must(equal(rep.names, again.names) && equal(again.enc_part.cipher, sealed.cipher));
}

static void
part(struct rd in)
{
	/* A principal of no components in realm R. */
	static const uint8_t client[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'R' };
	struct creds_octets octets;
	struct creds_view view;
	struct der_part read;

	if (der_read_part(in, &read) != 0 ||
	    creds_put_part((struct rd){ client, sizeof(client) }, &read, in, &octets) != 0)
		return;
	if (creds_view_cred((struct rd){ octets.at, octets.len }, &view) == 0)
		must(equal(creds_rd(&view.creds.ticket), in));
	creds_free(&octets);
}

static void
as_request(struct rd in, struct wr out)
{
	static const struct der_pa pa = { DER_PA_ENCRYPTED_CHALLENGE,
					  { sealed_octets, sizeof(sealed_octets) } };
	struct der_as_req req, again;
	struct rd value;

	if (der_read_as_req(in, &req) != 0 ||
	    der_make_as_req(&req, DER_PA_ENC_TIMESTAMP, &pa, &out) != 0)
		return;
	must(der_read_as_req((struct rd){ out.at, out.left }, &again) == 0);
	must(equal(req.body, again.body) && req.nonce == again.nonce);
	must(!der_find_padata(again.padata, DER_PA_ENC_TIMESTAMP, &value));
}

static void
as_reply(struct rd in, struct wr out)
{
	struct der_as_rep rep, again;

	if (der_read_as_rep(in, &rep) != 0 || der_make_as_rep(&rep, &sealed, &out) != 0)
		return;
	must(der_read_as_rep((struct rd){ out.at, out.left }, &again) == 0);
	must(equal(rep.names, again.names) && again.padata.len == 0);
}

/* METHOD-DATA and ETYPE-INFO2 in it, too. */
static void
error(struct rd in, struct wr out)
{
	struct der_error read, again;
	struct der_info info = { 0 };
	struct der_pa pa = { DER_PA_ETYPE_INFO2, { NULL, 0 } };
	struct rd list, value;

	if (der_read_error(in, &read) != 0)
		return;
	if (der_read_method_data(read.data, &list) == 0 &&
	    der_find_padata(list, DER_PA_ETYPE_INFO2, &value)) {
		(void)der_find_info(value, 18, &info);
		pa.value = value;
	}
	if (der_make_error(&read, &pa, 1, &out) != 0)
		return;
	must(der_read_error((struct rd){ out.at, out.left }, &again) == 0);
	must(equal(read.front, again.front) && der_read_method_data(again.data, &list) == 0);
	must(der_find_padata(list, DER_PA_ETYPE_INFO2, &value) && equal(value, pa.value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd sum;
	int32_t type;
	struct rd in = { data, size };
	size_t room = size + sizeof(sealed_octets) + DER_AS_SLACK + DER_TGS_SLACK;
	uint8_t *buf = malloc(room);
	struct wr out = { buf, room };

	if (buf == NULL || size == 0)
		goto out;
	if (data[0] == DER_TGS_REQ)
		request(in, out);
	else if (data[0] == DER_TGS_REP)
		reply(in, out);
	else if (data[0] == DER_AS_REQ)
		as_request(in, out);
	else if (data[0] == DER_AS_REP)
		as_reply(in, out);
	else if (data[0] == DER_KRB_ERROR)
		error(in, out);
	else if (der_find_checksum(in, &type, &sum) == 1)
		must(sum.at > data && sum.at + sum.len <= data + size);
	part(in);
out:
	free(buf);
	return 0;
}
