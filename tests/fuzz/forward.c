/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What decides whether a TGT's key leaves: four octets of KDCOptions, as the
 * request had them, then any octets as EncTGSRepPart, through the production
 * path with every policy on. If it leaves, then as service or forwarded; the
 * rule for the latter is written here once more, by the octets.
 */
#include <stdlib.h>
#include <string.h>

#include "iso_host.h"
#include "krb.h"
#include "tgs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* GeneralStrings "krbtgt" and the realm, and nothing after them. */
static bool
names_own_tgt(const struct tgs_part *part)
{
	static const uint8_t first[] = { 0x1b, 6, 'k', 'r', 'b', 't', 'g', 't', 0x1b };
	struct rd in = part->sname.strings;
	size_t n = part->srealm.len;

	return n > 0 && n < 128 && in.len == sizeof(first) + 1 + n &&
	       memcmp(in.at, first, sizeof(first)) == 0 && in.at[sizeof(first)] == n &&
	       memcmp(in.at + sizeof(first) + 1, part->srealm.at, n) == 0;
}

static void
check(struct rd plain, uint32_t options, const struct iso_rep_krb_tgs_open *rep,
      const struct record *re)
{
	const uint32_t others = TGS_OPTION(4) | TGS_OPTION(14) | TGS_OPTION(28) | TGS_OPTION(30) |
				TGS_OPTION(31);
	struct tgs_part before, after;
	bool differ = false, forwarded;

	if (tgs_part_read(plain, &before) != ISO_OK ||
	    tgs_part_read((struct rd){ rep->part.at, rep->part.len }, &after) != ISO_OK ||
	    before.key.len != after.key.len)
		abort();
	for (size_t i = 0; i < before.key.len; i++)
		differ |= before.key.at[i] != after.key.at[i];
	if (differ != (rep->verdict == ISO_WITHHELD) || (rep->blob.len != 0) != differ)
		abort();
	forwarded = (options & TGS_OPTION(2)) != 0 && (options & others) == 0 &&
		    (before.flags & TGS_OPTION(2)) != 0 && names_own_tgt(&before);
	if (!differ && !forwarded && tgt_class(&before.sname, options))
		abort();
	if (before.srealm.len < 128 && (re->verdict == RECORD_FORWARDED) != forwarded)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t cipher[ISO_PART_MAX];
	static struct iso_rep_krb_tgs_open rep;
	struct iso_rep_krb_tgs_seal sealed = { 0 };
	struct iso *iso = iso_fresh_asked(&sealed);
	struct iso_req_krb_tgs_open req = { .owner = 1000, .etype = 18 };
	struct krb_key sub = { .type = krb_type(18) };
	struct rd plain = { data + 4, size - 4 };
	uint32_t options;
	size_t n = 0;

	if (size < 4)
		return 0;
	options = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 |
		  data[3];
	iso->pending[0].options = options;
	memcpy(sub.octets, iso->pending[0].subkey, sizeof(sub.octets));
	if (krb_encrypt(&sub, KRB_USAGE_TGS_REP_SUB, plain, (struct wr){ cipher, sizeof(cipher) },
			&n) != ISO_OK)
		return 0;
	req.pending = sealed.pending;
	req.cipher = (struct rd){ cipher, n };
	memset(&rep, 0, sizeof(rep));
	if (iso_call(iso, ISO_OP_krb_tgs_open, &req, &rep) == ISO_OK)
		check(plain, options, &rep, &iso->used[(iso->records - 1) % ISO_RECORDS].of);
	return 0;
}
