/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket of `lsactl watch`: the framing of lsass/front/admin/admin.h, for
 * root and our own user.
 *
 *   org.lsaiso.watch.Status    rows, processes, sensors, what is blind, counts
 *   org.lsaiso.watch.Findings  {after?: N} kept findings with a number above N, oldest first
 *   org.lsaiso.watch.Baseline  {forget?: true} what use is usual; forget: learn anew
 *   org.lsaiso.watch.Navigator a layer for the ATT&CK Navigator
 *
 * since, of the first two, tells one lsawatch from the next: numbers begin anew with each.
 */
#include <jansson.h>
#include <unistd.h>

#include "lib/levels.h"
#include "lsass/front/admin/methods.h"
#include "lsawatch/out/out.h"
#include "lsawatch/watch.h"

#define FINDINGS_MOST 100 /* in one answer; more: ask again */

/* The methods get an admin_view, which knows nothing of us. */
static struct lsawatch *served;
static int64_t since; /* milliseconds since 1970: we run since then */

static bool
may_see(uid_t uid, struct admin_error *error)
{
	if (uid == 0 || uid == geteuid())
		return true;
	*error = (struct admin_error){ "PermissionDenied",
				       "only root sees what lsawatch has found" };
	return false;
}

static json_t *
actor(const struct watch_actor *by)
{
	json_t *to = json_object();

	(void)json_object_set_new(to, "pid", json_integer(by->pid));
	if (by->uid != UINT32_MAX)
		(void)json_object_set_new(to, "uid", json_integer(by->uid));
	if (by->login != UINT32_MAX)
		(void)json_object_set_new(to, "login", json_integer(by->login));
	out_text(to, "name", by->comm);
	out_text(to, "exe", by->exe);
	out_text(to, "command", by->command);
	if (by->parent != 0)
		(void)json_object_set_new(to, "parent", json_integer(by->parent));
	out_text(to, "parent_exe", by->parent_exe);
	return to;
}

static const char *
part_name(const struct lsawatch *w, enum watch_part part)
{
	return part < PART_END ? w->targets[part].image.name : "";
}

static json_t *
one_finding(const struct lsawatch *w, const struct watch_finding *fi)
{
	const struct watch_rule_row *rule = &watch_rules[fi->rule];
	char name[WATCH_NAME];
	json_t *to = json_object();

	watch_rule_name(fi->rule, name);
	(void)json_object_set_new(to, "number", json_integer((json_int_t)fi->number));
	out_text(to, "uid", fi->uid);
	out_text(to, "rule", name);
	out_text(to, "row", rule->row == ROW_none ? "watch" : watch_rows[rule->row].name);
	out_text(to, "severity", watch_severity_names[fi->severity]);
	out_text(to, "title", rule->title);
	out_text(to, "evidence", fi->evidence);
	out_text(to, "part", part_name(w, fi->part));
	out_text(to, "layer", watch_layer_names[fi->layer]);
	out_text(to, "technique", watch_technique(fi->rule));
	out_text(to, "technique18", watch_technique18(fi->rule));
	out_text(to, "response", fi->response);
	if (fi->allowed >= 0)
		(void)json_object_set_new(to, "allowed", json_boolean(fi->allowed));
	(void)json_object_set_new(to, "first", json_integer(fi->first));
	(void)json_object_set_new(to, "last", json_integer(fi->last));
	(void)json_object_set_new(to, "count", json_integer(fi->count));
	if (fi->subject_pid != 0)
		(void)json_object_set_new(to, "subject_pid", json_integer(fi->subject_pid));
	out_text(to, "subject_exe", fi->subject_exe);
	if (fi->by.pid != 0)
		(void)json_object_set_new(to, "actor", actor(&fi->by));
	return to;
}

static json_t *
watch_findings(const struct admin_view *view, uid_t uid, const json_t *ask,
	       struct admin_error *error)
{
	json_int_t after = json_integer_value(json_object_get(ask, "after"));
	json_t *list = json_array();
	const struct watch_finding *fi;

	(void)view;
	if (!may_see(uid, error)) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0;
	     (fi = findings_kept(served, i)) != NULL && json_array_size(list) < FINDINGS_MOST;
	     i++) {
		if ((json_int_t)fi->number > after)
			(void)json_array_append_new(list, one_finding(served, fi));
	}
	return json_pack("{s:o, s:I, s:I}", "findings", list, "untold",
			 (json_int_t)findings_untold(served), "since", (json_int_t)since);
}

/* The rules that no sensor shows: of a row, or of all (ROW_END). */
static json_t *
blind(const struct lsawatch *w, enum watch_row row)
{
	json_t *list = json_array();
	char name[WATCH_NAME];

	for (int i = 0; i < RULE_END; i++) {
		if ((w->sees & watch_rules[i].sees) != 0 ||
		    (row != ROW_END && watch_rules[i].row != row))
			continue;
		watch_rule_name((enum watch_rule)i, name);
		(void)json_array_append_new(list, json_string(name));
	}
	return list;
}

static json_t *
rows(const struct lsawatch *w)
{
	static const char *const verdicts[] = { [VERDICT_NORMAL] = "normal",
						[VERDICT_LEARNING] = "learning",
						[VERDICT_ABNORMAL] = "abnormal",
						[VERDICT_BLIND] = "blind" };
	json_t *list = json_array();

	for (int i = 0; i < ROW_END; i++) {
		const struct watch_row_state *st = &w->rows[i];
		json_t *row = json_pack("{s:s, s:s, s:s, s:I}", "name", watch_rows[i].name, "title",
					watch_rows[i].title, "verdict",
					verdicts[findings_verdict(w, (enum watch_row)i)],
					"findings", (json_int_t)st->findings);

		(void)json_object_set_new(row, "respond",
					  json_string(respond_policy(w, (enum watch_row)i)));
		(void)json_object_set_new(row, "blind", blind(w, (enum watch_row)i));
		if (st->any)
			(void)json_object_set_new(row, "last", one_finding(w, &st->last));
		(void)json_array_append_new(list, row);
	}
	return list;
}

static json_t *
sensors(const struct lsawatch *w)
{
	json_t *list = json_array();
	size_t n;
	const struct watch_sensor_state *st = sensors_state(w, &n);

	for (size_t i = 0; i < n; i++) {
		json_t *shows = json_array();

		for (int see = 0; see < SEE_END; see++) {
			if ((st[i].shows >> see & 1) != 0)
				(void)json_array_append_new(shows,
							    json_string(watch_see_names[see]));
		}
		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s}", "name",
							    st[i].sensor->name, "layer",
							    watch_layer_names[st[i].sensor->layer],
							    "shows", shows, "why", st[i].why));
	}
	return list;
}

static json_t *
parts(const struct lsawatch *w)
{
	const int64_t started[] = { [PART_INIT] = w->table.lsainit_since,
				    [PART_ISO] = w->table.lsaiso_since,
				    [PART_LSASS] = w->table.lsass_since };
	json_t *list = json_array();

	for (int i = 0; i < PART_END; i++) {
		const struct watch_target *ta = &w->targets[i];
		json_t *one = json_pack("{s:I, s:I}", "pid", (json_int_t)ta->pid, "since",
					(json_int_t)(ta->pid != 0 ? started[i] : 0));

		out_text(one, "name", ta->image.name);
		out_text(one, "exe", ta->image.path);
		(void)json_array_append_new(list, one);
	}
	return list;
}

/* Sights that each layer brought. */
static json_t *
sights(const struct lsawatch *w)
{
	json_t *to = json_object();

	for (int i = 0; i < LAYER_END; i++)
		(void)json_object_set_new(to, watch_layer_names[i],
					  json_integer((json_int_t)w->sights[i]));
	return to;
}

static json_t *
watch_status(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	(void)view;
	(void)ask;
	if (!may_see(uid, error))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I}",
			 "version", lib_version, "instance", served->cf.run_directory, "level",
			 served->cf.isolation_level, "layers", served->cf.watch_layers, "since",
			 (json_int_t)since, "learning", (int)baseline_learning(served), "rows",
			 rows(served), "parts", parts(served), "sensors", sensors(served), "blind",
			 blind(served, ROW_END), "sights", sights(served), "lost",
			 (json_int_t)served->lost, "untold", (json_int_t)findings_untold(served));
}

static json_t *
band(const struct lsawatch *w, enum watch_part part, enum watch_measure measure)
{
	const struct watch_band *ba = baseline_band(w, part, measure);
	json_t *to;

	if (ba == NULL)
		return NULL;
	to = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "measure", watch_measure_names[measure],
		       "now", (json_int_t)ba->now, "low", (json_int_t)ba->low, "high",
		       (json_int_t)ba->high, "bound", (json_int_t)ba->bound, "samples",
		       (json_int_t)ba->samples);
	out_text(to, "name", part_name(w, part));
	return to;
}

static json_t *
watch_baseline(const struct admin_view *view, uid_t uid, const json_t *ask,
	       struct admin_error *error)
{
	json_t *list;

	(void)view;
	if (!may_see(uid, error))
		return NULL;
	if (json_is_true(json_object_get(ask, "forget")))
		baseline_forget(served);
	list = json_array();
	for (int i = 0; i < PART_END; i++) {
		for (int k = 0; k < MEASURE_END; k++) {
			json_t *one = band(served, (enum watch_part)i, (enum watch_measure)k);

			if (one != NULL)
				(void)json_array_append_new(list, one);
		}
	}
	return json_pack("{s:o, s:b, s:I, s:I}", "bands", list, "learning",
			 (int)baseline_learning(served), "since",
			 (json_int_t)baseline_since(served), "learn_seconds",
			 (json_int_t)served->cf.watch_learn_seconds);
}

static json_t *
watch_navigator(const struct admin_view *view, uid_t uid, const json_t *ask,
		struct admin_error *error)
{
	json_t *layer;

	(void)view;
	(void)ask;
	if (!may_see(uid, error))
		return NULL;
	layer = navigator_of(served);
	if (layer == NULL)
		*error = (struct admin_error){ "Failed", "no memory" };
	return layer;
}

int
serve_open(struct lsawatch *w)
{
	static const struct admin_row methods[] = {
		{ "org.lsaiso.watch.Status", watch_status },
		{ "org.lsaiso.watch.Findings", watch_findings },
		{ "org.lsaiso.watch.Baseline", watch_baseline },
		{ "org.lsaiso.watch.Navigator", watch_navigator },
		{ 0 },
	};
	struct admin_view view = { .cf = &w->cf, .table = &w->table };

	served = w;
	since = watch_time_ms();
	return admin_serve(w->lo, CONTROL_FD_WATCH, methods, &view);
}
