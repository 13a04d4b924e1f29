/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Header bits of a match credential: which parts follow. */
#define MC_CLIENT	 0x01u
#define MC_SERVER	 0x02u
#define MC_KEY		 0x04u
#define MC_TICKET	 0x08u
#define MC_SECOND_TICKET 0x10u
#define MC_AUTHDATA	 0x20u
#define MC_ADDRESSES	 0x40u

#define NT_UNKNOWN   0 /* RFC 4120 6.2 */
#define NT_PRINCIPAL 1

static const char config_realm[] = "X-CACHECONF:";
static const char config_first[] = "krb5_ccache_conf_data";

static int
take(struct rd *in, size_t n, struct rd *out)
{
	if (in->len < n)
		return -1;
	out->at = in->at;
	out->len = n;
	in->at += n;
	in->len -= n;
	return 0;
}

int
wire_u8(struct rd *in, uint8_t *value)
{
	struct rd at;

	if (take(in, 1, &at) != 0)
		return -1;
	*value = at.at[0];
	return 0;
}

int
wire_u16(struct rd *in, uint16_t *value)
{
	struct rd at;

	if (take(in, 2, &at) != 0)
		return -1;
	*value = (uint16_t)(at.at[0] << 8 | at.at[1]);
	return 0;
}

int
wire_u32(struct rd *in, uint32_t *value)
{
	struct rd at;

	if (take(in, 4, &at) != 0)
		return -1;
	*value = wire_get_u32(at.at);
	return 0;
}

uint32_t
wire_get_u32(const uint8_t at[4])
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void
wire_set_u32(uint8_t at[4], uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

int
wire_data(struct rd *in, struct rd *data)
{
	uint32_t n;

	if (wire_u32(in, &n) != 0)
		return -1;
	return take(in, n, data);
}

int
wire_princ(struct rd *in, struct wire_princ *princ)
{
	const uint8_t *start = in->at;
	uint32_t type, n;

	if (wire_u32(in, &type) != 0 || wire_u32(in, &n) != 0 || n > WIRE_COMPONENTS_MAX ||
	    wire_data(in, &princ->realm) != 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (wire_data(in, &princ->comp[i]) != 0)
			return -1;
	}
	princ->type = (int32_t)type;
	princ->ncomp = n;
	princ->octets.at = start;
	princ->octets.len = (size_t)(in->at - start);
	return 0;
}

/* A list of (u16 type, data), count first: addresses, authorization data. */
static int
list(struct rd *in, struct rd *whole)
{
	const uint8_t *start = in->at;
	struct rd data;
	uint16_t type;
	uint32_t n;

	if (wire_u32(in, &n) != 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (wire_u16(in, &type) != 0 || wire_data(in, &data) != 0)
			return -1;
	}
	whole->at = start;
	whole->len = (size_t)(in->at - start);
	return 0;
}

static int
keyblock(struct rd *in, struct wire_cred *cred)
{
	uint16_t etype;

	if (wire_u16(in, &etype) != 0 || wire_data(in, &cred->key) != 0)
		return -1;
	cred->etype = (int16_t)etype;
	return 0;
}

/* Times, is_skey and flags: the same in both forms. */
static int
fixed(struct rd *in, struct wire_cred *cred)
{
	uint8_t is_skey;

	if (wire_u32(in, &cred->authtime) != 0 || wire_u32(in, &cred->starttime) != 0 ||
	    wire_u32(in, &cred->endtime) != 0 || wire_u32(in, &cred->renew_till) != 0 ||
	    wire_u8(in, &is_skey) != 0 || wire_u32(in, &cred->flags) != 0)
		return -1;
	cred->is_skey = is_skey != 0;
	return 0;
}

int
wire_cred(struct rd *in, struct wire_cred *cred)
{
	if (wire_princ(in, &cred->client) != 0 || wire_princ(in, &cred->server) != 0 ||
	    keyblock(in, cred) != 0 || fixed(in, cred) != 0 || list(in, &cred->addresses) != 0 ||
	    list(in, &cred->authdata) != 0 || wire_data(in, &cred->ticket) != 0 ||
	    wire_data(in, &cred->second_ticket) != 0)
		return -1;
	return 0;
}

int
wire_mcred(struct rd *in, struct wire_cred *match)
{
	uint32_t has;

	memset(match, 0, sizeof(*match));
	if (wire_u32(in, &has) != 0)
		return -1;
	if ((has & MC_CLIENT) != 0 && wire_princ(in, &match->client) != 0)
		return -1;
	if ((has & MC_SERVER) != 0 && wire_princ(in, &match->server) != 0)
		return -1;
	if ((has & MC_KEY) != 0 && keyblock(in, match) != 0)
		return -1;
	if (fixed(in, match) != 0)
		return -1;
	if ((has & MC_ADDRESSES) != 0 && list(in, &match->addresses) != 0)
		return -1;
	if ((has & MC_AUTHDATA) != 0 && list(in, &match->authdata) != 0)
		return -1;
	if ((has & MC_TICKET) != 0 && wire_data(in, &match->ticket) != 0)
		return -1;
	if ((has & MC_SECOND_TICKET) != 0 && wire_data(in, &match->second_ticket) != 0)
		return -1;
	return 0;
}

int
wire_name(struct rd *in, struct rd *name)
{
	const uint8_t *end = in->len > 0 ? memchr(in->at, 0, in->len) : NULL;
	struct rd nul;

	if (end == NULL || take(in, (size_t)(end - in->at), name) != 0)
		return -1;
	return take(in, 1, &nul);
}

static bool
same(struct rd a, struct rd b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool
wire_princ_same_name(const struct wire_princ *a, const struct wire_princ *b)
{
	if (a->ncomp != b->ncomp)
		return false;
	for (uint32_t i = 0; i < a->ncomp; i++) {
		if (!same(a->comp[i], b->comp[i]))
			return false;
	}
	return true;
}

bool
wire_princ_equal(const struct wire_princ *a, const struct wire_princ *b)
{
	return same(a->realm, b->realm) && wire_princ_same_name(a, b);
}

bool
wire_is(struct rd data, const char *text)
{
	return data.len == strlen(text) && memcmp(data.at, text, data.len) == 0;
}

static uint64_t
seed(void)
{
	static uint64_t value;

	if (value == 0) {
		if (getrandom(&value, sizeof(value), 0) != sizeof(value))
			abort();
		value |= 1;
	}
	return value;
}

static uint64_t
mix(uint64_t h, struct rd data)
{
	uint64_t word;
	size_t i;

	h ^= data.len;
	for (i = 0; i + 8 <= data.len; i += 8) {
		memcpy(&word, data.at + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	word = 0;
	if (data.len > i)
		memcpy(&word, data.at + i, data.len - i);
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

uint64_t
wire_princ_hash(const struct wire_princ *princ)
{
	uint64_t h = mix(seed(), princ->realm);

	for (uint32_t i = 0; i < princ->ncomp; i++)
		h = mix(h, princ->comp[i]);
	return h;
}

/* Room for one more octet and the NUL, or the text ends here. */
static void
text_put(struct wr *out, char c)
{
	if (out->left < 2)
		return;
	*out->at++ = (uint8_t)c;
	out->left--;
}

static void
text_data(struct wr *out, struct rd data)
{
	for (size_t i = 0; i < data.len; i++) {
		char c = (char)data.at[i];
		const char *from = "\n\t\b", *to = "ntb0";
		const char *special = c != 0 ? strchr(from, c) : from + 3;

		if (special != NULL) {
			text_put(out, '\\');
			c = to[special - from];
		} else if (c == '/' || c == '@' || c == '\\') {
			text_put(out, '\\');
		}
		text_put(out, c);
	}
}

void
wire_princ_text(const struct wire_princ *princ, char *text, size_t n)
{
	struct wr out = { (uint8_t *)text, n };

	if (n == 0)
		return;
	for (uint32_t i = 0; i < princ->ncomp; i++) {
		if (i > 0)
			text_put(&out, '/');
		text_data(&out, princ->comp[i]);
	}
	text_put(&out, '@');
	text_data(&out, princ->realm);
	*out.at = 0;
}

bool
wire_is_config(const struct wire_princ *server)
{
	return wire_is(server->realm, config_realm) && server->ncomp > 0 &&
	       wire_is(server->comp[0], config_first);
}

/* Does the component contain "krbtgt" in any case? */
static bool
has_krbtgt(struct rd comp)
{
	static const char word[] = "krbtgt";

	for (size_t i = 0; i + 6 <= comp.len; i++) {
		size_t k = 0;

		while (k < 6 && (comp.at[i + k] | 0x20) == (uint8_t)word[k])
			k++;
		if (k == 6)
			return true;
	}
	return false;
}

static bool
has_odd_octet(struct rd comp)
{
	for (size_t i = 0; i < comp.len; i++) {
		uint8_t c = comp.at[i];

		if (c < 0x20 || c > 0x7e || c == '@' || c == '\\')
			return true;
	}
	return false;
}

bool
wire_is_tgt_class(const struct wire_princ *server, bool is_skey)
{
	if (wire_is_config(server))
		return false;
	if (server->ncomp < 2 && !is_skey)
		return true;
	if (server->ncomp > 0 && wire_is(server->comp[0], "kadmin"))
		return true;
	for (uint32_t i = 0; i < server->ncomp; i++) {
		if (has_krbtgt(server->comp[i]) || has_odd_octet(server->comp[i]))
			return true;
	}
	return false;
}

/* Octets of a DER tag and length before n octets of content. */
static size_t
der_head(size_t n)
{
	return n < 128 ? 2 : n < 256 ? 3 : 4;
}

static int
der_put(struct wr *out, uint8_t tag, size_t n)
{
	size_t head = der_head(n);

	if (n > 0xffff || out->left < head)
		return -1;
	out->at[0] = tag;
	if (head == 2) {
		out->at[1] = (uint8_t)n;
	} else if (head == 3) {
		out->at[1] = 0x81;
		out->at[2] = (uint8_t)n;
	} else {
		out->at[1] = 0x82;
		out->at[2] = (uint8_t)(n >> 8);
		out->at[3] = (uint8_t)n;
	}
	out->at += head;
	out->left -= head;
	return 0;
}

static int
der_string(struct wr *out, struct rd data)
{
	if (der_put(out, 0x1b, data.len) != 0 || out->left < data.len) /* GeneralString */
		return -1;
	if (data.len > 0)
		memcpy(out->at, data.at, data.len);
	out->at += data.len;
	out->left -= data.len;
	return 0;
}

/* Minimal two's complement of a name type; returns its octets in at. */
static size_t
der_int(int32_t value, uint8_t at[4])
{
	size_t n = 4;

	wire_set_u32(at, (uint32_t)value);
	while (n > 1 && ((at[0] == 0 && at[1] < 0x80) || (at[0] == 0xff && at[1] >= 0x80))) {
		memmove(at, at + 1, n - 1);
		n--;
	}
	return n;
}

size_t
wire_client_der(const struct wire_princ *client, uint8_t *der, size_t n)
{
	struct wr out = { der, n };
	uint8_t type[4];
	size_t ntype = der_int(client->type == NT_UNKNOWN ? NT_PRINCIPAL : client->type, type);
	size_t names = 0, realm = der_head(client->realm.len) + client->realm.len;
	size_t list_len, seq;

	for (uint32_t i = 0; i < client->ncomp; i++) {
		if (client->comp[i].len > 0xffff)
			return 0;
		names += der_head(client->comp[i].len) + client->comp[i].len;
	}
	list_len = der_head(names) + names;
	seq = 2 + 2 + ntype + der_head(list_len) + list_len;
	if (der_put(&out, 0xa1, realm) != 0 || der_string(&out, client->realm) != 0 ||
	    der_put(&out, 0xa2, der_head(seq) + seq) != 0 || der_put(&out, 0x30, seq) != 0 ||
	    der_put(&out, 0xa0, 2 + ntype) != 0 || der_put(&out, 0x02, ntype) != 0 ||
	    out.left < ntype)
		return 0;
	memcpy(out.at, type, ntype);
	out.at += ntype;
	out.left -= ntype;
	if (der_put(&out, 0xa1, list_len) != 0 || der_put(&out, 0x30, names) != 0)
		return 0;
	for (uint32_t i = 0; i < client->ncomp; i++) {
		if (der_string(&out, client->comp[i]) != 0)
			return 0;
	}
	return n - out.left;
}
