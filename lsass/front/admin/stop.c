/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.Stop: lsainit, asked over the line, ends everything in order.
 * With the guard up no signal of a shell does. Whether it may, with
 * guard_lock = yes, lsainit decides by the token.
 */
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsass/front/admin/methods.h"

json_t *
method_stop(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	struct control_msg msg = { .type = CTL_QUIT };
	const char *token = json_string_value(json_object_get(ask, "token"));

	if (uid != 0 && uid != geteuid()) {
		*error = (struct admin_error){ "PermissionDenied", "only root may stop it" };
		return NULL;
	}
	if (view->table->guard.locked && token == NULL) {
		*error = (struct admin_error){
			"Locked", "guard_lock = yes: only a reboot ends it, or a token (lsasign "
				  "token) with lsactl stop FILE"
		};
		return NULL;
	}
	if (token != NULL && strlen(token) >= sizeof(msg.token)) {
		*error = (struct admin_error){ "InvalidParameter", "this is no token" };
		return NULL;
	}
	if (token != NULL)
		memcpy(msg.token, token, strlen(token));
	log_notice("stop, asked for by uid %u (lsactl)", (unsigned int)uid);
	if (control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 }) != 0) {
		*error = (struct admin_error){ "Failed", "lsainit does not answer" };
		return NULL;
	}
	return json_object();
}
