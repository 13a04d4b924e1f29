/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The steps of a logon, in a worker thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"

struct password {
	uint8_t blob[ISO_SEALED_MAX];
	size_t len;
	int32_t etype; /* it is no password but a key, of a keytab; 0: a password */
};

static struct rd
name_of(const struct work *wo)
{
	return (struct rd){ (const uint8_t *)wo->name, strlen(wo->name) };
}

static void
failed(struct work *wo, enum work_step step, enum iso_status status)
{
	wo->step = step;
	wo->status = status;
}

/* The box, whose challenge is used up by this, whatever comes of it. */
static bool
open_box(struct work *wo, const uint8_t box[ISO_BOX], struct password *pw)
{
	struct iso_req_logon_absorb ask = { .session = wo->session,
					    .generation = wo->generation,
					    .owner = wo->owner,
					    .box = { box, ISO_BOX } };
	struct iso_rep_logon_absorb is;
	enum iso_status status = ask_logon_absorb(&ask, &is);

	if (status != ISO_OK) {
		failed(wo, WORK_BOX, status);
		return false;
	}
	memcpy(pw->blob, is.blob.at, is.blob.len);
	pw->len = is.blob.len;
	pw->etype = is.kind == ISO_KIND_KEY ? is.etype : 0;
	return true;
}

static enum iso_status
string_to_key(const struct work *wo, const struct password *pw, const struct as_anchor *how,
	      struct iso_rep_krb_s2k *is)
{
	struct iso_req_krb_s2k ask = { .session = wo->session,
				       .generation = wo->generation,
				       .owner = wo->owner,
				       .password = { pw->blob, pw->len },
				       .name = name_of(wo),
				       .etype = how->etype,
				       .salt = { how->salt, how->salt_len },
				       .params = { how->params, how->params_len } };

	return ask_krb_s2k(&ask, is);
}

/* The key of the password, made as `how` says. */
static bool
make_key(struct work *wo, const struct password *pw, const struct as_anchor *how)
{
	struct iso_rep_krb_s2k is;
	enum iso_status status = string_to_key(wo, pw, how, &is);

	if (status != ISO_OK) {
		failed(wo, WORK_ISO, status);
		return false;
	}
	memcpy(wo->key, is.blob.at, is.blob.len);
	wo->key_len = is.blob.len;
	wo->key_etype = how->etype;
	return true;
}

/*
 * The NT hash of the password, where [ntlm] is switched on. A logon without one is
 * still a logon: its programs have Kerberos.
 */
static void
make_ntlm(struct work *wo, const struct password *pw)
{
	const struct as_anchor how = { .etype = 0 };
	struct iso_rep_krb_s2k is;
	enum iso_status status;

	if (strcmp(wo->cf->ntlm_mode, "off") == 0)
		return;
	status = string_to_key(wo, pw, &how, &is);
	if (status != ISO_OK) {
		log_warn("uid %u: no NT hash for NTLM: %s", wo->owner,
			 rpc_status_text((uint32_t)status));
		return;
	}
	memcpy(wo->ntlm, is.blob.at, is.blob.len);
	wo->ntlm_len = is.blob.len;
}

/* ---- the KDC */

static bool
exchange(struct work *wo, struct context *co)
{
	struct as_exchange *as = &wo->as;
	struct fast_source source;

	wo->code = context_get(co, wo->cf->krb5_config, 0);
	if (wo->code != 0) {
		as->who = AS_HERE;
		wo->step = WORK_AS;
		return false;
	}
	as->ctx = co->ctx;
	as->session = wo->session;
	as->generation = wo->generation;
	as->owner = wo->owner;
	as->principal = wo->name;
	as->lifetime = wo->lifetime;
	as->renewable = wo->renewable;
	as->cancelled = &wo->job.cancelled;
	wo->code = fast_run(as, machine_armor(wo->logons->machine, &source));
	if (wo->code != 0)
		wo->step = WORK_AS;
	return wo->code == 0;
}

/* Is it the real one? [logon] verify_kdc says whether that must be known. */
static bool
believe(struct work *wo)
{
	struct machine_keys machine;
	bool required = strcmp(wo->cf->logon_verify_kdc, "required") == 0;

	wo->verdict = VERIFY_UNKNOWN;
	if (strcmp(wo->cf->logon_verify_kdc, "off") == 0)
		return true;
	machine_get(wo->logons->machine, &machine);
	if (machine.n != 0)
		wo->verdict = verify_kdc(&wo->as, &machine, &wo->verify_code);
	if (wo->verdict == VERIFY_FALSE || (required && wo->verdict != VERIFY_GOOD)) {
		wo->step = WORK_KDC;
		return false;
	}
	return true;
}

/* ---- no KDC */

static struct offline_logon
offline_of(const struct work *wo, const struct password *pw)
{
	return (struct offline_logon){ .state_directory = wo->cf->state_directory,
				       .session = wo->session,
				       .generation = wo->generation,
				       .owner = wo->owner,
				       .principal = wo->name,
				       .password = { pw->blob, pw->len } };
}

/* No KDC named a salt: the name will do, so that this logon can be locked, too. */
static void
make_anchor(struct work *wo, const struct password *pw)
{
	struct as_anchor *an = &wo->as.anchor, made = { .etype = AS_ANCHOR_ETYPE };
	struct rd salt = name_of(wo);
	struct iso_rep_krb_s2k is;

	if (an->len != 0 || salt.len > sizeof(made.salt))
		return;
	memcpy(made.salt, salt.at, salt.len);
	made.salt_len = salt.len;
	if (string_to_key(wo, pw, &made, &is) != ISO_OK)
		return;
	memcpy(made.blob, is.anchor.at, is.anchor.len);
	made.len = is.anchor.len;
	*an = made;
}

static void
without_kdc(struct work *wo, const struct password *pw)
{
	struct offline_logon on = offline_of(wo, pw);

	if (!wo->cf->logon_offline || wo->as.who != AS_HERE ||
	    (wo->code != KRB5_KDC_UNREACH && wo->code != KRB5_REALM_CANT_RESOLVE))
		return;
	wo->offline_verdict = offline_check(&on, &wo->wait);
	wo->offline = wo->offline_verdict == OFFLINE_RIGHT;
	if (wo->offline) {
		make_anchor(wo, pw);
		wo->step = WORK_DONE;
	} else if (wo->offline_verdict == OFFLINE_WRONG || wo->offline_verdict == OFFLINE_EARLY) {
		wo->step = WORK_OFFLINE;
	}
}

/* ---- what a worker runs */

static void
log_on(struct work *wo, struct context *co, const struct password *pw)
{
	struct offline_logon on = offline_of(wo, pw);

	wo->as.password = (struct rd){ pw->blob, pw->len };
	if (!exchange(wo, co)) {
		without_kdc(wo, pw);
	} else if (believe(wo) && (!wo->keep || make_key(wo, pw, &wo->as.anchor))) {
		if (wo->cf->logon_offline)
			wo->verifier_lost = offline_keep(&on) != 0; /* it has said so in the log */
		wo->step = WORK_DONE;
	}
	if (wo->step == WORK_DONE)
		make_ntlm(wo, pw);
}

/* With a key, which is kept: there will be nobody to ask when the ticket ends. */
static void
log_on_with_key(struct work *wo, struct context *co, const struct password *pw)
{
	struct as_key key = { .etype = pw->etype, .blob = { pw->blob, pw->len } };

	if (pw->len > sizeof(wo->key)) {
		failed(wo, WORK_ISO, ISO_E_KIND);
		return;
	}
	memcpy(wo->key, pw->blob, pw->len);
	wo->key_len = pw->len;
	wo->key_etype = pw->etype;
	wo->keep = true;
	wo->as.keys = &key;
	wo->as.nkeys = 1;
	if (exchange(wo, co) && believe(wo))
		wo->step = WORK_DONE;
	wo->as.keys = NULL;
	wo->as.nkeys = 0;
}

void
work_logon(struct pool_job *job, struct context *co)
{
	struct work *wo = work_of(job);
	struct password pw = { 0 };

	wo->offline_verdict = OFFLINE_NONE;
	if (!open_box(wo, wo->box, &pw))
		return;
	if (pw.etype != 0)
		log_on_with_key(wo, co, &pw);
	else
		log_on(wo, co, &pw);
	wo->as.password = (struct rd){ 0 };
	explicit_bzero(&pw, sizeof(pw));
}

void
work_again(struct pool_job *job, struct context *co)
{
	struct work *wo = work_of(job);
	struct as_key key = { .etype = wo->key_etype, .blob = { wo->key, wo->key_len } };

	wo->as.keys = &key;
	wo->as.nkeys = 1;
	if (exchange(wo, co) && believe(wo))
		wo->step = WORK_DONE;
	wo->as.keys = NULL;
	wo->as.nkeys = 0;
}

void
work_unlock(struct pool_job *job, struct context *co)
{
	struct work *wo = work_of(job);
	struct password pw = { 0 };
	struct iso_req_session_unlock ask = { .session = wo->session,
					      .generation = wo->generation,
					      .owner = wo->owner,
					      .anchor = { wo->anchor.blob, wo->anchor.len },
					      .name = name_of(wo) };
	struct iso_rep_session_unlock is;
	enum iso_status status;

	(void)co;
	if (!open_box(wo, wo->box, &pw))
		return;
	if (make_key(wo, &pw, &wo->anchor)) {
		ask.key = (struct rd){ wo->key, wo->key_len };
		status = ask_session_unlock(&ask, &is);
		if (status == ISO_E_SECRET)
			failed(wo, WORK_PASSWORD, status);
		else
			failed(wo, status == ISO_OK ? WORK_DONE : WORK_ISO, status);
	}
	explicit_bzero(&pw, sizeof(pw));
}

/* What came of it, where a logon has it. */
static void
changed(struct work *wo)
{
	const struct passwd *ch = &wo->passwd;

	wo->code = ch->code;
	wo->status = ch->status;
	switch (ch->step) {
	case PASSWD_DONE:
		wo->step = WORK_DONE;
		break;
	case PASSWD_OLD:
		wo->step = WORK_AS;
		wo->as.who = ch->as.who;
		wo->as.nt_status = ch->as.nt_status;
		memcpy(wo->as.text, ch->as.text, sizeof(wo->as.text));
		break;
	case PASSWD_ISO:
		wo->step = WORK_ISO;
		break;
	case PASSWD_SERVER:
	case PASSWD_REFUSED:
	case PASSWD_UNSURE:
		wo->step = WORK_NEW;
		break;
	}
}

void
work_change(struct pool_job *job, struct context *co)
{
	struct work *wo = work_of(job);
	struct passwd *ch = &wo->passwd;
	struct password old = { 0 }, fresh = { 0 };
	struct fast_source source;

	if (open_box(wo, wo->box, &old) && open_box(wo, wo->new_box, &fresh)) {
		wo->code = context_get(co, wo->cf->krb5_config, 0);
		wo->as.who = AS_HERE;
		wo->step = WORK_AS;
		if (wo->code == 0) {
			ch->ctx = co->ctx;
			ch->session = wo->session;
			ch->generation = wo->generation;
			ch->owner = wo->owner;
			ch->principal = wo->name;
			ch->old = (struct rd){ old.blob, old.len };
			ch->fresh = (struct rd){ fresh.blob, fresh.len };
			ch->armor = machine_armor(wo->logons->machine, &source);
			ch->cancelled = &wo->job.cancelled;
			passwd_change(ch);
			changed(wo);
		}
	}
	ch->old = ch->fresh = (struct rd){ 0 };
	explicit_bzero(&old, sizeof(old));
	explicit_bzero(&fresh, sizeof(fresh));
}

/* ---- in the loop thread */

kcode
work_finish(struct work *wo, char name[CACHE_NAME_MAX + 1])
{
	struct held *he = wo->logon->held;

	he->keep = wo->keep;
	he->armored = wo->as.armored;
	he->verified = wo->verdict == VERIFY_GOOD;
	he->offline = wo->offline;
	he->password_expires = wo->as.password_expires;
	he->anchor = wo->as.anchor;
	if (!wo->offline)
		logons_set_principal(he, (struct rd){ wo->as.client.at, wo->as.client.len });
	if (wo->keep && wo->key_len != 0) {
		memcpy(he->key, wo->key, wo->key_len);
		he->key_len = wo->key_len;
		he->key_etype = wo->key_etype;
	}
	memcpy(he->ntlm, wo->ntlm, wo->ntlm_len);
	he->ntlm_len = wo->ntlm_len;
	if (!wo->offline)
		return logons_finish(wo->logons, he, &wo->as, wo->choice, name);
	he->begun = false; /* no cache holds it: the registry does */
	logons_save(he);
	return 0;
}

struct work *
work_new(struct logons *lg, struct logon *lo, const char *name)
{
	struct work *wo = calloc(1, sizeof(*wo));

	if (wo == NULL)
		return NULL;
	wo->job.uid = lo->owner;
	wo->cf = lg->cf;
	wo->logons = lg;
	wo->logon = logon_ref(lo);
	wo->session = lo->session;
	wo->generation = lo->generation;
	wo->owner = lo->owner;
	wo->step = WORK_ISO;
	(void)snprintf(wo->name, sizeof(wo->name), "%s", name);
	return wo;
}

void
work_free(struct work *wo)
{
	if (wo == NULL)
		return;
	as_free(&wo->as);
	logon_unref(wo->logon);
	explicit_bzero(wo, sizeof(*wo));
	free(wo);
}
