/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which tickets are as good as a TGT. The KDC's account goes by many names
 * ("krbtgt", "DOMAIN\krbtgt", enterprise and single-component forms, in any
 * case), and a kadmin/changepw ticket is made with the same key in Active
 * Directory. So the rule says what is plainly a service, not what is a TGT.
 */
#include <string.h>

#include "tgs.h"

/*
 * Name types, RFC 4120 section 6.2: hints. In between are PRINCIPAL (1) and SRV_INST (2);
 * UNKNOWN, of some clients of JGSS, names the same.
 */
#define NT_UNKNOWN 0
#define NT_SRV_HST 3

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Is word (of n octets, lower case) at this place of text, in any case? */
static bool
word_at(struct rd text, size_t at, const char *word, size_t n)
{
	if (at > text.len || n > text.len - at)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (lower(text.at[at + i]) != (uint8_t)word[i])
			return false;
	}
	return true;
}

static bool
suspect(struct rd part, bool first)
{
	if (part.len == 0 || (first && part.len == 6 && word_at(part, 0, "kadmin", 6)))
		return true;
	for (size_t i = 0; i < part.len; i++) {
		uint8_t c = part.at[i];

		if (c < 0x20 || c > 0x7e || c == '@' || c == '\\' || word_at(part, i, "krbtgt", 6))
			return true;
	}
	return false;
}

bool
tgt_class_name(const struct der_name *sname)
{
	bool bad = false;
	struct der strings = { sname->strings, &bad };

	for (bool first = true; strings.rest.len > 0; first = false) {
		if (suspect(der_take(&strings, DER_STRING).rest, first))
			return true;
	}
	return bad || sname->count == 0;
}

bool
tgt_class(const struct der_name *sname, uint32_t options)
{
	const uint32_t renewing = TGS_OPT_TGT_CLASS | TGS_OPT_FORWARDED;
	bool u2u = (options & TGS_OPT_ENC_TKT_IN_SKEY) != 0 && sname->type != NT_UNKNOWN;
	uint32_t least = u2u ? 1 : 2;

	if ((options & renewing) != 0 || sname->count < least)
		return true;
	if (sname->type < NT_UNKNOWN || sname->type > NT_SRV_HST)
		return true;
	return tgt_class_name(sname);
}

uint16_t
tgt_may(const struct der_name *sname)
{
	bool bad = false;
	struct der strings = { sname->strings, &bad };
	struct rd first = der_take(&strings, DER_STRING).rest;
	struct rd second = der_take(&strings, DER_STRING).rest;

	if (bad || sname->count != 2)
		return 0;
	if (first.len == 6 && memcmp(first.at, "krbtgt", 6) == 0)
		return ISO_MAY_TGS | ISO_MAY_ARMOR;
	if (first.len == 6 && memcmp(first.at, "kadmin", 6) == 0 && second.len == 8 &&
	    memcmp(second.at, "changepw", 8) == 0)
		return ISO_MAY_CHANGE;
	return 0;
}

bool
tgt_forwarded(const struct tgs_part *part, uint32_t options)
{
	const uint32_t asked = TGS_OPT_FORWARDED | TGS_OPT_TGT_CLASS | TGS_OPT_CNAME_IN_ADDL_TKT |
			       TGS_OPT_ENC_TKT_IN_SKEY;
	bool bad = false;
	struct der strings = { part->sname.strings, &bad };
	struct rd realm = { 0 };

	der_take(&strings, DER_STRING);
	realm = der_take(&strings, DER_STRING).rest;
	return (options & asked) == TGS_OPT_FORWARDED && (part->flags & TGS_FLAG_FORWARDED) != 0 &&
	       (tgt_may(&part->sname) & ISO_MAY_TGS) != 0 && realm.len > 0 &&
	       realm.len == part->srealm.len && memcmp(realm.at, part->srealm.at, realm.len) == 0;
}
