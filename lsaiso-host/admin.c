/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsaiso-host/admin.h"

#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsaiso-host/guest.h"
#include "lsass/ask.h"
#include "lsass/front/admin/methods.h"

static void
add_peer(json_t *to, const struct guest_look *is)
{
	if (!is->connected)
		return;
	(void)json_object_set_new(to, "by", json_string(is->by_vsock ? "vsock" : "unix"));
	(void)ADMIN_COUNT(*is, since);
	if (is->by_vsock) {
		(void)ADMIN_COUNT(*is, cid);
	} else {
		(void)ADMIN_COUNT(*is, pid);
		(void)ADMIN_COUNT(*is, uid);
	}
}

static json_t *
turned_away(const struct guest_look *is)
{
	json_t *to = json_object();

#define WHY_COUNT(n, name, text)                                                                   \
	(void)json_object_set_new(to, #name, json_integer((json_int_t)is->turned_away[n]));
	STREAM_WHY_LIST(WHY_COUNT)
#undef WHY_COUNT
	return to;
}

static json_t *
guest(const struct admin_view *view)
{
	static const uint8_t nobody[16];
	struct guest_look look;
	const struct guest_look *is = &look;
	json_t *to;

	guest_look(view->guest, &look);
	to = json_pack("{s:b, s:s, s:I, s:I, s:o}", "connected", (int)is->connected, "socket",
		       view->cf->guest_socket, "vsock_cid", (json_int_t)view->cf->guest_vsock_cid,
		       "vsock_port", (json_int_t)view->cf->guest_vsock_port, "turned_away",
		       turned_away(is));
	add_peer(to, is);
	if (memcmp(is->boot, nobody, sizeof(nobody)) != 0)
		admin_add_hex(to, "boot", is->boot, sizeof(is->boot));
	(void)ADMIN_COUNT(*is, calls);
	(void)ADMIN_COUNT(*is, refused);
	(void)ADMIN_COUNT(*is, torn);
	(void)ADMIN_COUNT(*is, skipped);
	(void)ADMIN_COUNT(*is, connections);
	(void)ADMIN_COUNT(*is, strangers);
	(void)ADMIN_COUNT(*is, welcomes);
	(void)ADMIN_COUNT(*is, wipes);
	return to;
}

static json_t *
host_status(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	json_t *to = admin_status(view);

	(void)json_object_set_new(to, "guest", guest(view));
	return to;
}

/* lsainit ends lsaiso, whose memory the kernel clears; the guest hears GONE. */
static json_t *
host_wipe(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	struct control_msg msg = { .type = CTL_WIPE };
	struct iso_req_status question = { 0 };
	struct iso_rep_status is = { 0 };
	uint32_t sessions = ask_status(&question, &is) == ISO_OK ? is.sessions : 0;

	if (uid != 0 && uid != geteuid()) {
		*error = (struct admin_error){ "PermissionDenied", "only root may wipe" };
		return NULL;
	}
	log_notice("wipe, asked for by uid %u (lsactl): %u logons of the guest", (unsigned int)uid,
		   (unsigned int)sessions);
	if (control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 }) != 0) {
		*error = (struct admin_error){ "Failed", "lsainit does not answer; end it to end "
							 "lsaiso" };
		return NULL;
	}
	return json_pack("{s:i, s:I}", "caches", 0, "logons", (json_int_t)sessions);
}

static json_t *
in_the_guest(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	*error = (struct admin_error){ "NotHere",
				       "this instance serves a guest, whose caches and logons are "
				       "known in the guest alone; run lsactl there" };
	return NULL;
}

static const struct admin_row methods[] = {
	{ "org.lsaiso.Status", host_status },	     { "org.lsaiso.Wipe", host_wipe },
	{ "org.lsaiso.Stop", method_stop },	     { "org.lsaiso.ListSessions", in_the_guest },
	{ "org.lsaiso.ListCaches", in_the_guest },   { "org.lsaiso.ShowCache", in_the_guest },
	{ "org.lsaiso.DestroyCache", in_the_guest }, { NULL, NULL },
};

int
host_admin_start(struct loop *lo, int listen_fd, const struct admin_view *view)
{
	return admin_serve(lo, listen_fd, methods, view);
}
