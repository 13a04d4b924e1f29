/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New keys by a change of password, in a worker thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/keytab/rotate.h"

#include <string.h>

#include "lib/config.h"
#include "lsass/ask.h"

enum iso_status
rotate_keep(uint32_t session, uint32_t generation, uint32_t owner, const char *name, struct rd key,
	    uint8_t kept[ISO_KEPT_MAX], uint16_t *len)
{
	struct rd text = { (const uint8_t *)name, strlen(name) };
	const struct iso_req_key_keep ask = { .session = session,
					      .generation = generation,
					      .owner = owner,
					      .key = key,
					      .name = text };
	struct iso_req_key_take again = {
		.session = session, .generation = generation, .owner = owner, .name = text
	};
	struct iso_rep_key_keep is;
	struct iso_rep_key_take was;
	enum iso_status status = ask_key_keep(&ask, &is);

	if (status != ISO_OK)
		return status;
	again.kept = (struct rd){ is.kept.at, is.kept.len };
	status = ask_key_take(&again, &was); /* what does not open again is worth nothing */
	memcpy(kept, is.kept.at, is.kept.len);
	*len = (uint16_t)is.kept.len;
	explicit_bzero(&was, sizeof(was));
	return status;
}

static void
failed(struct rotate *ro, enum work_step step, enum iso_status status)
{
	ro->wo->step = step;
	ro->wo->status = status;
	ro->end = ROTATE_FAILED;
}

static struct rd
name_of(const struct work *wo)
{
	return (struct rd){ (const uint8_t *)wo->name, strlen(wo->name) };
}

static bool
open_box(struct rotate *ro, const uint8_t box[ISO_BOX], uint8_t blob[ISO_SEALED_MAX], size_t *len)
{
	const struct work *wo = ro->wo;
	struct iso_req_logon_absorb ask = { .session = wo->session,
					    .generation = wo->generation,
					    .owner = wo->owner,
					    .box = { box, ISO_BOX } };
	struct iso_rep_logon_absorb is;
	enum iso_status status = ask_logon_absorb(&ask, &is);

	if (status == ISO_OK && is.kind != ISO_KIND_PASSWORD)
		status = ISO_E_KIND;
	if (status != ISO_OK) {
		failed(ro, WORK_BOX, status);
		return false;
	}
	memcpy(blob, is.blob.at, is.blob.len);
	*len = is.blob.len;
	return true;
}

/* ---- the ticket */

/* Version v of each key that has so many, or the last one it has. */
static size_t
take(const struct rotate *ro, size_t v, struct iso_rep_key_take is[AS_KEYS_MAX],
     struct as_key keys[AS_KEYS_MAX])
{
	const struct work *wo = ro->wo;
	size_t n = 0;

	for (size_t i = 0; i < ro->n; i++) {
		const struct rotate_key *rk = &ro->keys[i];
		size_t version = v < rk->nversions ? v : rk->nversions - 1;

		if (rk->nversions == 0)
			continue;
		if (kept_take(&rk->versions[version], wo->name, wo->session, wo->generation,
			      wo->owner, &is[n]) != ISO_OK)
			continue;
		keys[n].etype = is[n].etype;
		keys[n].blob = (struct rd){ is[n].blob.at, is[n].blob.len };
		n++;
	}
	return n;
}

static bool
other_key(const struct work *wo)
{
	return wo->as.who == AS_KDC &&
	       (wo->code == KRB5KDC_ERR_PREAUTH_FAILED || wo->code == KRB5KRB_AP_ERR_BAD_INTEGRITY);
}

static bool
get_ticket(struct rotate *ro)
{
	struct iso_rep_key_take is[AS_KEYS_MAX];
	struct as_key keys[AS_KEYS_MAX];
	struct work *wo = ro->wo;
	struct passwd *pw = &wo->passwd;
	bool got = false, again = true;

	pw->keys = keys;
	for (size_t v = 0; v < KEYTAB_VERSIONS_MAX && !got && again; v++) {
		pw->nkeys = take(ro, v, is, keys);
		if (pw->nkeys == 0) {
			failed(ro, WORK_ISO, ISO_E_BLOB);
			break;
		}
		got = passwd_ticket(pw);
		if (got)
			break;
		wo->code = pw->code;
		wo->as.who = pw->as.who;
		wo->as.status = pw->as.status;
		wo->as.nt_status = pw->as.nt_status;
		memcpy(wo->as.text, pw->as.text, sizeof(wo->as.text));
		failed(ro, WORK_AS, pw->as.status);
		again = other_key(wo);
	}
	explicit_bzero(is, sizeof(is));
	pw->keys = NULL;
	pw->nkeys = 0;
	return got;
}

/* ---- the new keys */

static enum iso_status
make_key(const struct rotate *ro, const struct as_exchange *as, struct rotate_key *rk)
{
	const struct work *wo = ro->wo;
	struct as_anchor how;
	struct iso_req_krb_s2k ask = { .session = wo->session,
				       .generation = wo->generation,
				       .owner = wo->owner,
				       .password = { ro->password, ro->password_len },
				       .name = name_of(wo),
				       .etype = rk->etype };
	struct iso_rep_krb_s2k is;
	enum iso_status status = ISO_E_RANGE;

	rk->blob_len = 0;
	if (as_how(as, rk->etype, &how)) {
		ask.salt = (struct rd){ how.salt, how.salt_len };
		ask.params = (struct rd){ how.params, how.params_len };
		status = ask_krb_s2k(&ask, &is);
	}
	if (status == ISO_OK)
		status = rotate_keep(wo->session, wo->generation, wo->owner, wo->name,
				     (struct rd){ is.blob.at, is.blob.len }, rk->kept,
				     &rk->kept_len);
	if (status == ISO_OK) {
		memcpy(rk->blob, is.blob.at, is.blob.len);
		rk->blob_len = is.blob.len;
	}
	return status;
}

static bool
make_keys(struct rotate *ro, const struct as_exchange *as)
{
	for (size_t i = 0; i < ro->n; i++) {
		enum iso_status status = make_key(ro, as, &ro->keys[i]);

		if (status != ISO_OK) {
			failed(ro, WORK_ISO, status);
			return false;
		}
	}
	return true;
}

static bool
begin(struct rotate *ro, struct context *co, struct fast_source *source)
{
	struct work *wo = ro->wo;
	struct passwd *pw = &wo->passwd;

	wo->as.who = AS_HERE;
	wo->step = WORK_AS;
	ro->end = ROTATE_FAILED;
	wo->code = context_get(co, wo->cf->krb5_config, 0);
	pw->ctx = co->ctx;
	pw->session = wo->session;
	pw->generation = wo->generation;
	pw->owner = wo->owner;
	pw->principal = wo->name;
	pw->fresh = (struct rd){ ro->fresh, ro->fresh_len };
	pw->armor = machine_armor(wo->logons->machine, source);
	pw->cancelled = NULL; /* what was begun is done to its end */
	return wo->code == 0;
}

void
rotate_prepare(struct rotate *ro, struct context *co)
{
	struct work *wo = ro->wo;
	struct fast_source source;

	if (!open_box(ro, wo->box, ro->password, &ro->password_len) ||
	    !open_box(ro, wo->new_box, ro->fresh, &ro->fresh_len) || !begin(ro, co, &source) ||
	    !get_ticket(ro))
		return;
	if (make_keys(ro, &wo->passwd.as))
		ro->end = ROTATE_READY;
	else
		as_free(&wo->passwd.as);
}

/* ---- the change */

/* Is there a ticket to be had, with the new keys or with the password itself? */
static int32_t
try(struct rotate *ro, struct context *co, bool password)
{
	struct work *wo = ro->wo;
	struct as_exchange *as = &wo->as;
	struct as_key keys[AS_KEYS_MAX];
	struct fast_source source;
	int32_t code;

	as_free(as);
	memset(as, 0, sizeof(*as));
	as->ctx = co->ctx;
	as->session = wo->session;
	as->generation = wo->generation;
	as->owner = wo->owner;
	as->principal = wo->name;
	for (size_t i = 0; i < ro->n && !password; i++)
		keys[i] = (struct as_key){ ro->keys[i].etype,
					   { ro->keys[i].blob, ro->keys[i].blob_len } };
	if (password)
		as->password = (struct rd){ ro->password, ro->password_len };
	as->keys = keys;
	as->nkeys = password ? 0 : ro->n;
	code = fast_run(as, machine_armor(wo->logons->machine, &source));
	as->keys = NULL;
	as->nkeys = 0;
	as->password = (struct rd){ NULL, 0 };
	return code;
}

void
rotate_change(struct rotate *ro, struct context *co)
{
	struct work *wo = ro->wo;
	struct passwd *pw = &wo->passwd;
	struct fast_source source;

	if (!begin(ro, co, &source)) {
		as_free(&pw->as);
		return;
	}
	passwd_send(pw);
	wo->code = pw->code;
	wo->status = pw->status;
	wo->step = pw->step == PASSWD_ISO ? WORK_ISO : WORK_NEW;
	ro->end = pw->step == PASSWD_DONE     ? ROTATE_CHANGED
		  : pw->step == PASSWD_UNSURE ? ROTATE_UNSURE
					      : ROTATE_FAILED;
	if (ro->end == ROTATE_FAILED || try(ro, co, false) == 0) {
		if (ro->end != ROTATE_FAILED)
			ro->end = ROTATE_CHANGED;
		return;
	}
	/* Another salt than before: the KDC says which, to who has the password. */
	if (try(ro, co, true) == 0 && make_keys(ro, &wo->as))
		ro->end = ROTATE_CHANGED;
	else if (ro->end == ROTATE_CHANGED)
		ro->end = ROTATE_UNSURE;
	wo->step = WORK_NEW;
}

void
rotate_wipe(struct rotate *ro)
{
	struct work *wo = ro->wo;

	explicit_bzero(ro, sizeof(*ro));
	ro->wo = wo;
}
