/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The format: 5, 2, then for each entry i32 length and
 *   u16 components | u16-counted realm | u16-counted component... | u32 name type | u32 time |
 *   u8 version | u16 etype | u16-counted key | u32 version, if there is room for it
 * A negative length is a hole, where an entry was. All is big-endian.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsactl/ktfile.h"

#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPONENTS_MAX 16

static bool
take(struct rd *in, size_t n, struct rd *part)
{
	if (in->len < n)
		return false;
	*part = (struct rd){ in->at, n };
	in->at += n;
	in->len -= n;
	return true;
}

static bool
number(struct rd *in, size_t n, uint32_t *value)
{
	struct rd part;

	*value = 0;
	if (!take(in, n, &part))
		return false;
	for (size_t i = 0; i < n; i++)
		*value = *value << 8 | part.at[i];
	return true;
}

static bool
counted(struct rd *in, krb5_data *data)
{
	struct rd part;
	uint32_t n;

	if (!number(in, 2, &n) || !take(in, n, &part))
		return false;
	*data = (krb5_data){ .magic = KV5M_DATA, .length = n, .data = (char *)(uintptr_t)part.at };
	return true;
}

static bool
read_name(krb5_context ctx, struct rd *in, struct kt_entry *en)
{
	krb5_data comp[COMPONENTS_MAX] = { 0 };
	krb5_principal_data princ = { .magic = KV5M_PRINCIPAL, .data = comp };
	uint32_t n, type, time;
	char *text = NULL;
	bool good;

	if (!number(in, 2, &n) || n > COMPONENTS_MAX || !counted(in, &princ.realm))
		return false;
	princ.length = (krb5_int32)n;
	for (uint32_t i = 0; i < n; i++) {
		if (!counted(in, &comp[i]))
			return false;
	}
	if (!number(in, 4, &type) || !number(in, 4, &time))
		return false;
	princ.type = (krb5_int32)type;
	good = krb5_unparse_name(ctx, &princ, &text) == 0 && strlen(text) <= ISO_NAME_MAX;
	if (good)
		(void)snprintf(en->name, sizeof(en->name), "%s", text);
	krb5_free_unparsed_name(ctx, text);
	en->service = n == 2;
	return good;
}

static bool
read_entry(krb5_context ctx, const uint8_t *start, struct rd in, struct kt_entry *en)
{
	uint32_t vno, etype, more;
	krb5_data key;

	if (!read_name(ctx, &in, en) || !number(&in, 1, &vno) || !number(&in, 2, &etype) ||
	    !counted(&in, &key))
		return false;
	en->kvno = vno;
	if (number(&in, 4, &more) && more != 0)
		en->kvno = more;
	en->etype = (int16_t)etype;
	en->key = (size_t)((const uint8_t *)key.data - start);
	en->len = key.length;
	return true;
}

static bool
all_zero(struct rd part)
{
	uint8_t any = 0;

	for (size_t i = 0; i < part.len; i++)
		any |= part.at[i];
	return any == 0;
}

/* Every entry into kf, or with clear the holes zeroed. Returns a reason, or NULL. */
static const char *
walk(krb5_context ctx, struct kt_file *kf, bool clear)
{
	struct rd in = { kf->octets + 2, kf->len - 2 }, part;
	uint32_t size;

	while (in.len >= 4 && number(&in, 4, &size) && size != 0) {
		bool hole = (size & 0x80000000u) != 0;

		if (!take(&in, hole ? 0u - size : size, &part))
			return "it ends in the middle of an entry";
		if (hole && clear)
			explicit_bzero((uint8_t *)(uintptr_t)part.at, part.len);
		else if (hole)
			kf->holes += !all_zero(part);
		if (hole || clear)
			continue;
		if (kf->n == KTFILE_ENTRIES_MAX)
			return "it has too many entries";
		if (!read_entry(ctx, kf->octets, part, &kf->entries[kf->n]))
			return "an entry of it is malformed";
		kf->n++;
	}
	return NULL;
}

int
kt_parse(struct kt_file *kf, uint8_t *octets, size_t len, const char *path, char *error, size_t n)
{
	krb5_context ctx = NULL;
	const char *why = NULL;

	*kf = (struct kt_file){ .octets = octets, .len = len };
	kf->entries = calloc(KTFILE_ENTRIES_MAX, sizeof(*kf->entries));
	if (kf->entries == NULL || krb5_init_context(&ctx) != 0)
		why = "libkrb5 does not start (krb5.conf, memory)";
	else if (len < 2 || octets[0] != 5)
		why = "it is not a keytab";
	else if (octets[1] != 2)
		why = "it is a keytab of an old format; ktutil writes a new one (rkt, wkt)";
	else
		why = walk(ctx, kf, false);
	krb5_free_context(ctx);
	if (why == NULL)
		return 0;
	(void)snprintf(error, n, "%s: %s", path, why);
	return -1;
}

void
kt_clear_holes(struct kt_file *kf)
{
	(void)walk(NULL, kf, true);
}

void
kt_free(struct kt_file *kf)
{
	if (kf->octets != NULL)
		explicit_bzero(kf->octets, kf->len);
	free(kf->octets);
	free(kf->entries);
	memset(kf, 0, sizeof(*kf));
}
