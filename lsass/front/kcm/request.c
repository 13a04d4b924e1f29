/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of operations and the one dispatcher. */
#include <krb5.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/front/kcm/private.h"

#define VERSION 2

/* Operations above the dense range, put behind it. */
#define DENSE	      29
#define GET_CRED_LIST 13001u
#define REPLACE	      13002u

static const struct op ops[] = {
	[0] = { "NOOP", kcm_noop, 0 },
	[3] = { "GEN_NEW", kcm_gen_new, 0 },
	[4] = { "INITIALIZE", kcm_initialize, OP_NAME },
	[5] = { "DESTROY", kcm_destroy, OP_NAME | OP_CACHE },
	[6] = { "STORE", kcm_store, OP_NAME | OP_CACHE | OP_WIPE | OP_BIG },
	[7] = { "RETRIEVE", kcm_retrieve, OP_NAME | OP_CACHE },
	[8] = { "GET_PRINCIPAL", kcm_get_principal, OP_NAME | OP_CACHE },
	[9] = { "GET_CRED_UUID_LIST", kcm_cred_uuid_list, OP_NAME | OP_CACHE },
	[10] = { "GET_CRED_BY_UUID", kcm_cred_by_uuid, OP_NAME | OP_CACHE },
	[11] = { "REMOVE_CRED", kcm_remove_cred, OP_NAME | OP_CACHE | OP_WIPE },
	[12] = { "SET_FLAGS", kcm_set_flags, OP_NAME | OP_CACHE },
	[17] = { "MOVE_CACHE", kcm_move_cache, OP_NAME | OP_CACHE },
	[18] = { "GET_CACHE_UUID_LIST", kcm_cache_uuid_list, 0 },
	[19] = { "GET_CACHE_BY_UUID", kcm_cache_by_uuid, 0 },
	[20] = { "GET_DEFAULT_CACHE", kcm_get_default, 0 },
	[21] = { "SET_DEFAULT_CACHE", kcm_set_default, OP_NAME },
	[22] = { "GET_KDC_OFFSET", kcm_get_offset, OP_NAME | OP_CACHE },
	[23] = { "SET_KDC_OFFSET", kcm_set_offset, OP_NAME | OP_CACHE },
	[24] = { "ADD_NTLM_CRED", kcm_nosupp, OP_WIPE },
	[25] = { "HAVE_NTLM_CRED", kcm_nosupp, 0 },
	[26] = { "DEL_NTLM_CRED", kcm_nosupp, 0 },
	[27] = { "DO_NTLM_AUTH", kcm_nosupp, 0 },
	[28] = { "GET_NTLM_USER_LIST", kcm_nosupp, 0 },
	[DENSE] = { "GET_CRED_LIST", kcm_cred_list, OP_NAME | OP_CACHE },
	[DENSE + 1] = { "REPLACE", kcm_replace, OP_NAME | OP_WIPE | OP_BIG },
};

const struct op *
kcm_op(uint32_t number)
{
	uint32_t row = number;

	if (number >= DENSE)
		row = number == GET_CRED_LIST ? DENSE : number == REPLACE ? DENSE + 1 : DENSE + 2;
	if (row >= sizeof(ops) / sizeof(ops[0]) || ops[row].name == NULL)
		return NULL;
	return &ops[row];
}

kcode
kcm_name(struct rd *in, char name[CACHE_NAME_MAX + 1])
{
	struct rd data;

	if (wire_name(in, &data) != 0)
		return KRB5_CC_FORMAT;
	if (data.len == 0 || data.len > CACHE_NAME_MAX)
		return KRB5_CC_BADNAME;
	for (size_t i = 0; i < data.len; i++) {
		if (data.at[i] < 0x20 || data.at[i] > 0x7e)
			return KRB5_CC_BADNAME;
		name[i] = (char)data.at[i];
	}
	name[data.len] = 0;
	return 0;
}

/* Check what the row asks for, then call. */
static kcode
dispatch(struct call *ca, size_t len)
{
	uint32_t number = (uint32_t)ca->frame[2] << 8 | ca->frame[3];
	const struct op *op = kcm_op(number);
	kcode code = 0;

	if (ca->frame[0] != VERSION)
		return KRB5_CC_NOSUPP;
	if (op == NULL) {
		log_debug("uid %u: KCM operation %u does not exist", collection_uid(ca->co),
			  number);
		return KRB5_FCC_INTERNAL; /* as others answer; clients then go another way */
	}
	if (len > KCM_FRAME_MOST && (op->flags & OP_BIG) == 0)
		return KRB5_CC_FORMAT;
	if ((op->flags & OP_NAME) != 0)
		code = kcm_name(&ca->in, ca->name);
	if (code == 0 && (op->flags & OP_CACHE) != 0) {
		ca->cache = cache_by_name(ca->co, ca->name);
		if (ca->cache == NULL)
			code = KRB5_FCC_NOFILE;
	}
	if (code == 0)
		code = op->handle(ca);
	if ((op->flags & OP_WIPE) != 0)
		explicit_bzero(ca->frame, len);
	return code;
}

bool
kcm_request(struct client *cl, uint8_t *frame, size_t len)
{
	struct call ca;
	kcode code;

	ca.cl = cl;
	ca.co = cl->co;
	ca.reply = &cl->kcm->reply;
	ca.frame = frame;
	ca.in = (struct rd){ frame + KCM_FRAME_MIN, len - KCM_FRAME_MIN };
	ca.cache = NULL;
	reply_begin(ca.reply);
	cl->inside = true;
	code = dispatch(&ca, len);
	cl->inside = false;
	if (code == KCM_LATER)
		return false;
	kcm_finish(ca.reply, code);
	return true;
}
