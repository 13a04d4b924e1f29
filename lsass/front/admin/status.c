/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What org.lsaiso.Status says of lsass and of lsaiso-host alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/config.h"
#include "lib/levels.h"
#include "lsass/ask.h"
#include "lsass/front/admin/methods.h"

static json_t *
process(const char *name, int32_t pid, int64_t since, uint32_t restarts)
{
	json_t *to = json_pack("{s:s, s:s, s:i, s:I}", "name", name, "state",
			       pid != 0 ? "running" : "not running", "restarts", (int)restarts,
			       "since", (json_int_t)(pid != 0 ? since : 0));

	if (to != NULL && pid != 0)
		(void)json_object_set_new(to, "pid", json_integer(pid));
	return to;
}

static void
add_last_exit(json_t *iso, int status)
{
	char text[128];
	const char *known = WIFEXITED(status) ? rpc_exit_text(WEXITSTATUS(status)) : NULL;

	if (status == 0)
		return;
	if (WIFSIGNALED(status))
		(void)snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	else if (known != NULL)
		(void)snprintf(text, sizeof(text), "%s", known);
	else
		(void)snprintf(text, sizeof(text), "exit code %d", WEXITSTATUS(status));
	(void)json_object_set_new(iso, "last_exit", json_string(text));
}

static json_t *
processes(const struct admin_view *view, const char *broker)
{
	const struct control_table *ta = view->table;
	json_t *list = json_array();
	json_t *iso = process("lsaiso", ta->lsaiso_pid, ta->lsaiso_since, ta->lsaiso_restarts);

	if (iso != NULL)
		add_last_exit(iso, ta->lsaiso_last_exit);
	if (iso != NULL && ta->far) /* who plays its part here */
		(void)json_object_set_new(iso, "program", json_string("lsalink"));
	(void)json_array_append_new(list,
				    process("lsainit", ta->lsainit_pid, ta->lsainit_since, 0));
	(void)json_array_append_new(list, iso);
	(void)json_array_append_new(
	    list, process(broker, ta->lsass_pid, ta->lsass_since, ta->lsass_restarts));
	if (strcmp(view->cf->watch_mode, "off") != 0)
		(void)json_array_append_new(list,
					    process("lsawatch", ta->lsawatch_pid,
						    ta->lsawatch_since, ta->lsawatch_restarts));
	return list;
}

/* SHA-256 of the image that holds the keys; null: not known here. */
static json_t *
image(const struct control_table *ta)
{
	static const uint8_t none[sizeof(ta->iso_image)];
	char text[2 * sizeof(ta->iso_image) + 1];

	if (memcmp(ta->iso_image, none, sizeof(none)) == 0)
		return json_null();
	for (size_t i = 0; i < sizeof(ta->iso_image); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", ta->iso_image[i]);
	return json_string(text);
}

static json_t *
level(const struct admin_view *view)
{
	const struct level *le = level_find(view->cf->isolation_level);
	struct weaker weak[WEAKER_MAX];
	size_t n = level_weaker(view->cf, view->table, weak);
	json_t *lacks = json_array(), *weaker = json_array(), *to;

	for (size_t i = 0; le != NULL && le->lacks[i] != NULL; i++)
		(void)json_array_append_new(lacks, json_string(le->lacks[i]));
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
		    weaker,
		    json_pack("{s:s, s:s}", "setting", weak[i].setting, "means", weak[i].means));
	to = json_pack("{s:s, s:s, s:o, s:s, s:b, s:b, s:o, s:o}", "name",
		       view->cf->isolation_level, "memory", level_memory(view->cf, view->table),
		       "image", image(view->table), "holds", le != NULL ? le->holds : "",
		       "separate_users", view->table->separate_users, "namespaces",
		       view->table->namespaces, "lacks", lacks, "weaker", weaker);
	if (to != NULL && view->table->far) {
		(void)json_object_set_new(to, "channel", json_string(view->cf->isolation_channel));
		(void)json_object_set_new(to, "host_proven",
					  json_boolean(view->table->host_proven));
	}
	return to;
}

/* What was checked before anything was started; null: nothing was. */
static json_t *
launch(const struct control_table *ta)
{
	char id[2 * sizeof(ta->launch_key) + 1];
	json_t *to;

	if (ta->launch == 0)
		return json_null();
	for (size_t i = 0; i < sizeof(ta->launch_key); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", ta->launch_key[i]);
	to = json_pack("{s:s, s:i}", "key", id, "svn", (int)ta->launch_svn);
	if (ta->launch_floor >= 0)
		(void)json_object_set_new(to, "floor", json_integer(ta->launch_floor));
	return to;
}

/* The guard as it was reported last: within a second. */
static json_t *
guard(const struct control_table *ta)
{
	static const char *const states[] = { "off", "missing", "up" };
	const struct control_guard *cg = &ta->guard;
	json_t *to = json_pack("{s:s, s:i, s:i, s:b, s:b, s:i, s:I, s:i, s:i}", "state",
			       cg->state <= CONTROL_GUARD_UP ? states[cg->state] : "?", "hooks",
			       (int)cg->hooks, "hooks_all", (int)cg->hooks_all, "locked",
			       (int)cg->locked, "lockdown_refused", (int)cg->lockdown_refused,
			       "armed_before", (int)cg->armed, "refused", (json_int_t)cg->refused,
			       "yama", (int)cg->yama, "lockdown", (int)cg->lockdown);

	if (cg->state == CONTROL_GUARD_MISSING)
		(void)json_object_set_new(to, "why", json_string(cg->why));
	if (cg->armed != 0)
		(void)json_object_set_new(to, "armed_first", json_string(cg->armed_first));
	return to;
}

void
admin_add_hex(json_t *to, const char *name, const uint8_t *at, size_t n)
{
	char text[2 * ISO_PUBLIC + 1] = { 0 };

	for (size_t i = 0; i < n && i < ISO_PUBLIC; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", at[i]);
	(void)json_object_set_new(to, name, json_string(text));
}

/* What lsaiso says of itself; null when there is none to ask. */
static json_t *
isolated(void)
{
	struct iso_req_status ask = { 0 };
	struct iso_rep_status is = { 0 };
	json_t *to;

	if (ask_status(&ask, &is) != ISO_OK)
		return json_null();
	to = json_object();
	admin_add_hex(to, "boot_id", is.boot_id, sizeof(is.boot_id));
	(void)json_object_set_new(to, "phase", json_string(is.phase == ISO_RUN ? "run" : "boot"));
	(void)json_object_set_new(to, "root_kind",
				  json_string(is.root_kind == ISO_ROOT_KEPT ? "kept" : "random"));
	admin_add_hex(to, "root_id", is.root_id, sizeof(is.root_id));
	admin_add_hex(to, "public_key", is.public_key, sizeof(is.public_key));
	(void)ADMIN_COUNT(is, policy);
	(void)ADMIN_COUNT(is, uptime_ms);
	(void)ADMIN_COUNT(is, sessions);
	(void)ADMIN_COUNT(is, sessions_max);
	(void)ADMIN_COUNT(is, pending);
	(void)ADMIN_COUNT(is, pending_max);
	(void)ADMIN_COUNT(is, served);
	(void)ADMIN_COUNT(is, refused);
	(void)ADMIN_COUNT(is, absorbed);
	(void)ADMIN_COUNT(is, sealed);
	(void)ADMIN_COUNT(is, released);
	(void)ADMIN_COUNT(is, withheld);
	(void)ADMIN_COUNT(is, dropped);
	return to;
}

json_t *
admin_status(const struct admin_view *view)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s}}", "version",
			 lib_version, "serves", view->cf->run_serves, "level", level(view),
			 "launch", launch(view->table), "guard", guard(view->table), "processes",
			 processes(view, view->guest != NULL ? "lsaiso-host" : "lsass"), "lsaiso",
			 isolated(), "seal", "root", view->cf->seal_root, "pcrs",
			 view->cf->seal_pcrs);
}
