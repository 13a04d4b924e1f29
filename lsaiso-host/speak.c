/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guest says, frame by frame, and what it is answered. */
#define _GNU_SOURCE
#include <string.h>

#include "lib/control.h"
#include "lib/log.h"
#include "lsaiso-host/private.h"
#include "lsass/ask.h"

static bool
is_zero(const uint8_t *at, size_t n)
{
	uint8_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= at[i];
	return all == 0;
}

/* ---- what is sent */

static void
put(struct conn *co, size_t lead, uint32_t type, uint32_t seq, struct rd payload)
{
	struct wr to = { co->out + lead, sizeof(co->out) - lead };

	memset(co->out, 0, lead);
	co->out_at = 0;
	co->stuck_since = loop_now_ms(co->gu->lo);
	co->out_len = lead + stream_put(to, type, seq, payload);
}

void
speak_gone(struct conn *co, bool first)
{
	put(co, first ? LEAD : 0, STREAM_GONE, 0, (struct rd){ NULL, 0 });
	co->gone_due = false;
}

static void
refuse(struct conn *co, const struct stream_hello *hello, enum stream_why why)
{
	struct stream_refused no = { .why = why };
	struct guest *gu = co->gu;

	memcpy(no.nonce, hello->nonce, sizeof(no.nonce));
	put(co, LEAD, STREAM_REFUSED, 0, (struct rd){ (const uint8_t *)&no, sizeof(no) });
	gu->count.turned_away[why]++;
	if (gu->served == co)
		gu->served = NULL;
	co->state = CONN_NEW;
	guest_say(gu, "the guest is refused: %s", stream_why_text(why));
}

static void
welcome(struct conn *co)
{
	struct stream_welcome yes = { .version = STREAM_VERSION, .rpc = RPC_VERSION };

	memcpy(yes.nonce, co->hello.nonce, sizeof(yes.nonce));
	memcpy(yes.boot_id, co->gu->boot_id, sizeof(yes.boot_id));
	put(co, LEAD, STREAM_WELCOME, 0, (struct rd){ (const uint8_t *)&yes, sizeof(yes) });
	co->state = CONN_WELCOMED;
	co->gu->count.welcomes++;
	if (co->peer.by_vsock)
		guest_say(co->gu, "the guest is connected, by vsock as CID %u", co->peer.cid);
	else
		guest_say(co->gu, "the guest is connected, through pid %d of uid %u",
			  (int)co->peer.pid, (unsigned int)co->peer.uid);
}

/* ---- HELLO: whom lsaiso works for */

/* The lsaiso that runs works for another boot of the guest: it ends with all it holds. */
static bool
replace_iso(struct guest *gu, uint64_t now)
{
	struct control_msg msg = { .type = CTL_WIPE };

	if (gu->wiped_at != 0 && now - gu->wiped_at < WIPE_GAP_MS)
		return true; /* asked again by the next tick */
	log_notice("the guest was started anew; what lsaiso holds of its last boot is ended");
	if (control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 }) != 0)
		return false;
	gu->wiped_at = now;
	gu->count.wipes++;
	gu->attached = false; /* until the next one */
	return true;
}

static bool
bind_iso(struct guest *gu, const struct stream_hello *hello)
{
	struct control_msg msg = { .type = CTL_GUEST };

	memcpy(msg.boot_id, gu->boot_id, sizeof(msg.boot_id));
	memcpy(msg.table.guest_boot, hello->machine, sizeof(msg.table.guest_boot));
	if (control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 }) != 0)
		return false;
	memcpy(gu->count.boot, hello->machine, sizeof(gu->count.boot));
	return true;
}

/* Not if it stands still; then the guest waits, as for one that is started. */
static bool
answers(void)
{
	struct iso_req_ping ask = { 0 };
	struct iso_rep_ping is = { 0 };

	return ask_ping(&ask, &is) == ISO_OK;
}

void
speak_settle(struct guest *gu)
{
	struct conn *co = gu->served;
	uint64_t now = loop_now_ms(gu->lo);
	bool able = true;

	if (co == NULL || co->state != CONN_WAITS || co->out_len != 0)
		return;
	if (gu->attached && is_zero(gu->count.boot, sizeof(gu->count.boot)))
		able = bind_iso(gu, &co->hello);
	if (gu->attached && able &&
	    memcmp(gu->count.boot, co->hello.machine, sizeof(gu->count.boot)) != 0)
		able = replace_iso(gu, now);
	else if (gu->attached && able && answers())
		welcome(co);
	if (co->state == CONN_WAITS && (!able || now - co->waits_since > ISO_MS))
		refuse(co, &co->hello, STREAM_WHY_ISO);
}

/*
 * Another connection is served. Is it, still? One whose guest has gone without
 * a word (a vsock connection of a guest that was reset) shows it only when
 * something is sent there, and a zero octet between frames is nothing.
 */
static bool
is_busy(struct conn *served)
{
	if (guest_is_dead(served)) {
		guest_drop(served);
		return false;
	}
	if (served->out_len == 0) {
		served->out[0] = 0;
		served->out_at = 0;
		served->out_len = 1;
		served->stuck_since = loop_now_ms(served->gu->lo);
		guest_pump(served);
	}
	return served->gu->served == served;
}

static void
hear_hello(struct conn *co, const struct stream_frame *fr)
{
	struct guest *gu = co->gu;
	uint64_t now = loop_now_ms(gu->lo);
	struct stream_hello hello;

	if (fr->payload.len != sizeof(hello) || fr->seq != 0) {
		gu->count.refused++;
		return;
	}
	memcpy(&hello, fr->payload.at, sizeof(hello));
	if (!co->token && !bucket_take(&gu->hellos, now)) {
		refuse(co, &hello, STREAM_WHY_RATE);
		return;
	}
	co->token = false;
	if (hello.version != STREAM_VERSION || hello.rpc != RPC_VERSION) {
		refuse(co, &hello, STREAM_WHY_VERSION);
	} else if (is_zero(hello.machine, sizeof(hello.machine))) {
		refuse(co, &hello, STREAM_WHY_TENANT);
	} else if (gu->served != NULL && gu->served != co && is_busy(gu->served)) {
		refuse(co, &hello, STREAM_WHY_BUSY);
	} else {
		gu->served = co;
		co->state = CONN_WAITS;
		co->waits_since = now;
		co->hello = hello;
		speak_settle(gu);
	}
}

/* ---- CALL */

/* The reply is made where it is sent from. */
static void
hear_call(struct conn *co, const struct stream_frame *fr)
{
	struct wr reply = { co->out + STREAM_HDR, RPC_REP_MAX };
	size_t len = 0;

	if (fr->seq == 0) {
		co->gu->count.refused++;
		return;
	}
	if (co->state != CONN_WELCOMED) {
		co->gu->count.refused++;
		speak_gone(co, false); /* so that it says HELLO again */
		return;
	}
	co->gu->count.calls++;
	if (ask_raw(fr->payload, reply, &len)) {
		put(co, 0, STREAM_REPLY, fr->seq, (struct rd){ reply.at, len });
		return;
	}
	/* Ended, or (stopped) as good as: the guest shall not wait for an answer. */
	co->gu->served = NULL;
	co->state = CONN_NEW;
	speak_gone(co, false);
}

void
speak_frame(struct conn *co, const struct stream_frame *fr)
{
	switch (fr->type) {
	case STREAM_HELLO:
		hear_hello(co, fr);
		return;
	case STREAM_CALL:
		hear_call(co, fr);
		return;
	default:
		co->gu->count.refused++;
	}
}
