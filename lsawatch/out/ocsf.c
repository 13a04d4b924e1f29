/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A finding as an event of the Open Cybersecurity Schema Framework 1.8.0:
 * class Detection Finding (2004) with profiles host and security_control.
 */
#include <stdio.h>
#include <string.h>

#include "lib/levels.h"
#include "lsawatch/out/lines.h"
#include "lsawatch/out/out.h"

#define OCSF_VERSION "1.8.0"
/* Numbers of the schema. */
#define CATEGORY_FINDINGS	2
#define CLASS_DETECTION_FINDING 2004
#define STATUS_NEW		1
#define STATUS_RESOLVED		4
#define CONFIDENCE_HIGH		3
#define ANALYTIC_RULE		1
#define FILE_REGULAR		1
#define DEVICE_UNKNOWN		0
#define OBSERVABLE_HOSTNAME	1
#define OBSERVABLE_PROCESS_NAME 9
#define OBSERVABLE_FILE_PATH	45
#define ACTION_UNKNOWN		0
#define ACTION_ALLOWED		1
#define ACTION_DENIED		2
#define DISPOSITION_ALLOWED	1
#define DISPOSITION_BLOCKED	2
#define DISPOSITION_ALERT	19
#define DISPOSITION_LOGGED	17

static const char *const severities[] = {
	[INFO] = "Informational", [LOW] = "Low",	   [MEDIUM] = "Medium",
	[HIGH] = "High",	  [CRITICAL] = "Critical",
};

/* ---- ATT&CK */

static json_t *
id_name(const char *id, const char *name)
{
	return json_pack("{s:s, s:s}", "uid", id, "name", name);
}

static json_t *
attack(const char *version, const char *id, const char *name, const struct attack_tactic *tactic)
{
	json_t *to = json_object();
	const struct attack_technique *whole;
	char base[16];

	(void)snprintf(base, sizeof(base), "%.*s", (int)strcspn(id, "."), id);
	out_text(to, "version", version);
	if (tactic != NULL)
		(void)json_object_set_new(to, "tactic", id_name(tactic->id, tactic->name));
	whole = strcmp(base, attack_whole18.id) == 0 ? &attack_whole18 : attack_technique(base);
	if (strchr(id, '.') == NULL) {
		(void)json_object_set_new(to, "technique", id_name(id, name));
		return to;
	}
	if (whole != NULL)
		(void)json_object_set_new(to, "technique", id_name(whole->id, whole->name));
	(void)json_object_set_new(to, "sub_technique", id_name(id, name));
	return to;
}

/* One object per tactic of the technique, and one more where v18.1 calls it otherwise. */
static void
add_attacks(json_t *to, const struct attack_technique *te)
{
	const char *tactics = te->tactics;
	char word[16];

	while (attack_word(&tactics, word, sizeof(word)))
		(void)json_array_append_new(
		    to, attack(ATTACK_VERSION, te->id, te->name, attack_tactic(word)));
	if (te->id18[0] != '\0')
		(void)json_array_append_new(
		    to, attack(ATTACK_VERSION18, te->id18, te->name18, &attack_tactic18));
}

static json_t *
attacks(enum watch_rule rule)
{
	json_t *to = json_array();
	const char *list = watch_technique(rule);
	char id[16];

	while (attack_word(&list, id, sizeof(id))) {
		const struct attack_technique *te = attack_technique(id);

		if (te != NULL)
			add_attacks(to, te);
	}
	return to;
}

/* ---- processes */

static json_t *
file(const char *path)
{
	json_t *to = json_object();

	if (path[0] == '\0')
		return to;
	out_text(to, "name", out_base(path));
	out_text(to, "path", path);
	out_number(to, "type_id", FILE_REGULAR);
	return to;
}

static json_t *
user(uint32_t uid)
{
	json_t *to = json_object();
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", (unsigned int)uid);
	if (uid != UINT32_MAX)
		out_text(to, "uid", text);
	return to;
}

static json_t *
simple_process(pid_t pid, const char *exe)
{
	json_t *to = json_object();

	if (pid == 0)
		return to;
	out_number(to, "pid", pid);
	out_text(to, "name", out_base(exe));
	out_object(to, "file", file(exe));
	return to;
}

static json_t *
actor(const struct watch_actor *by)
{
	json_t *to = json_object(), *process = json_object();

	if (by->pid != 0) {
		out_number(process, "pid", by->pid);
		if (by->thread != 0)
			out_number(process, "tid", by->thread);
		out_text(process, "name", by->comm);
		out_text(process, "cmd_line", by->command);
		out_object(process, "file", file(by->exe));
		out_object(process, "user", user(by->uid));
		out_object(process, "parent_process", simple_process(by->parent, by->parent_exe));
		out_object(to, "user", user(by->uid));
	}
	out_object(to, "process", process);
	return to;
}

/* ---- parts of the event */

static json_t *
metadata(const struct watch_finding *fi, const char *rule)
{
	json_t *to = json_object();

	out_text(to, "version", OCSF_VERSION);
	(void)json_object_set_new(to, "product",
				  json_pack("{s:s, s:s, s:s}", "name", "lsawatch", "vendor_name",
					    "lsaiso", "version", lib_version));
	(void)json_object_set_new(to, "profiles", json_pack("[s, s]", "host", "security_control"));
	out_text(to, "log_name", "lsawatch");
	out_text(to, "event_code", rule);
	out_text(to, "correlation_uid", fi->uid);
	out_number(to, "sequence", (int64_t)fi->number);
	out_number(to, "logged_time", watch_time_ms());
	return to;
}

static json_t *
finding_info(const struct watch_finding *fi, const char *rule)
{
	json_t *to = json_object(), *analytic = json_object(), *list;

	out_text(to, "uid", fi->uid);
	out_text(to, "title", watch_rules[fi->rule].title);
	out_text(to, "desc", fi->evidence);
	out_number(to, "created_time", fi->first);
	out_number(to, "modified_time", fi->last);
	out_number(to, "first_seen_time", fi->first);
	out_number(to, "last_seen_time", fi->last);
	(void)json_object_set_new(to, "types", json_pack("[s]", out_row(fi->rule)));
	(void)json_object_set_new(to, "data_sources",
				  json_pack("[s]", watch_layer_names[fi->layer]));
	out_text(analytic, "uid", rule);
	out_text(analytic, "name", watch_rules[fi->rule].title);
	out_text(analytic, "category", out_row(fi->rule));
	out_text(analytic, "version", lib_version);
	out_text(analytic, "type", "Rule");
	out_number(analytic, "type_id", ANALYTIC_RULE);
	(void)json_object_set_new(to, "analytic", analytic);
	list = attacks(fi->rule);
	if (json_array_size(list) != 0)
		(void)json_object_set_new(to, "attacks", list);
	else
		json_decref(list);
	return to;
}

static json_t *
evidences(const struct watch_finding *fi)
{
	json_t *to = json_array(), *one = json_object(), *data = json_object();

	out_text(data, "evidence", fi->evidence);
	out_text(data, "layer", watch_layer_names[fi->layer]);
	out_object(one, "actor", actor(&fi->by));
	out_object(one, "process", simple_process(fi->subject_pid, fi->subject_exe));
	(void)json_object_set_new(one, "data", data);
	(void)json_array_append_new(to, one);
	return to;
}

static void
observe(json_t *list, const char *name, const char *type, int type_id, const char *value)
{
	json_t *one;

	if (value[0] == '\0')
		return;
	one = json_object();
	out_text(one, "name", name);
	out_text(one, "type", type);
	out_number(one, "type_id", type_id);
	out_text(one, "value", value);
	(void)json_array_append_new(list, one);
}

static json_t *
observables(const struct watch_finding *fi)
{
	json_t *to = json_array();

	observe(to, "device.hostname", "Hostname", OBSERVABLE_HOSTNAME, out_host());
	if (fi->by.pid != 0) {
		observe(to, "evidences[0].actor.process.name", "Process Name",
			OBSERVABLE_PROCESS_NAME, fi->by.comm);
		observe(to, "evidences[0].actor.process.file.path", "File Path",
			OBSERVABLE_FILE_PATH, fi->by.exe);
	}
	return to;
}

static json_t *
resources(const struct lsawatch *w, const struct watch_finding *fi)
{
	json_t *to = json_array(), *one;
	const char *part = out_part(w, fi);

	if (part[0] == '\0')
		return to;
	one = json_object();
	out_text(one, "name", part);
	out_text(one, "type", "process");
	out_text(one, "hostname", out_host());
	(void)json_array_append_new(to, one);
	return to;
}

static json_t *
unmapped(const struct watch_finding *fi)
{
	json_t *to = json_object();

	out_text(to, "row", out_row(fi->rule));
	out_text(to, "layer", watch_layer_names[fi->layer]);
	out_text(to, "response", fi->response);
	if (fi->by.pid != 0 && fi->by.login != UINT32_MAX)
		out_number(to, "actor_loginuid", fi->by.login);
	return to;
}

static void
add_class(json_t *to, const struct watch_finding *fi, enum watch_telling telling)
{
	static const char *const activities[] = {
		[TELL_NEW] = "Create", [TELL_MORE] = "Update", [TELL_OVER] = "Close"
	};
	int activity = (int)telling + 1;
	bool over = telling == TELL_OVER;

	out_number(to, "activity_id", activity);
	out_text(to, "activity_name", activities[telling]);
	out_number(to, "category_uid", CATEGORY_FINDINGS);
	out_text(to, "category_name", "Findings");
	out_number(to, "class_uid", CLASS_DETECTION_FINDING);
	out_text(to, "class_name", "Detection Finding");
	out_number(to, "type_uid", CLASS_DETECTION_FINDING * 100 + activity);
	out_number(to, "severity_id", fi->severity);
	out_text(to, "severity", severities[fi->severity]);
	out_number(to, "status_id", over ? STATUS_RESOLVED : STATUS_NEW);
	out_text(to, "status", over ? "Resolved" : "New");
	out_number(to, "confidence_id", CONFIDENCE_HIGH);
	out_text(to, "confidence", "High");
}

/* Profile security_control: what became of what was tried. */
static void
add_control(json_t *to, const struct watch_finding *fi)
{
	bool alert = fi->severity > INFO;

	(void)json_object_set_new(to, "is_alert", json_boolean(alert));
	if (fi->allowed < 0) {
		out_number(to, "action_id", ACTION_UNKNOWN);
		out_text(to, "action", "Unknown");
		out_number(to, "disposition_id", alert ? DISPOSITION_ALERT : DISPOSITION_LOGGED);
		out_text(to, "disposition", alert ? "Alert" : "Logged");
		return;
	}
	out_number(to, "action_id", fi->allowed ? ACTION_ALLOWED : ACTION_DENIED);
	out_text(to, "action", fi->allowed ? "Allowed" : "Denied");
	out_number(to, "disposition_id", fi->allowed ? DISPOSITION_ALLOWED : DISPOSITION_BLOCKED);
	out_text(to, "disposition", fi->allowed ? "Allowed" : "Blocked");
}

json_t *
ocsf_of(const struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling)
{
	enum watch_row row = watch_rules[fi->rule].row;
	json_t *to = json_object();
	char message[OUT_MESSAGE], rule[WATCH_NAME];

	watch_rule_name(fi->rule, rule);
	out_message(fi, telling, message);
	add_class(to, fi, telling);
	add_control(to, fi);
	out_number(to, "time", telling == TELL_NEW ? fi->first : fi->last);
	out_number(to, "start_time", fi->first);
	out_number(to, "end_time", fi->last);
	out_number(to, "count", fi->count);
	out_text(to, "message", message);
	(void)json_object_set_new(to, "metadata", metadata(fi, rule));
	(void)json_object_set_new(to, "finding_info", finding_info(fi, rule));
	(void)json_object_set_new(to, "evidences", evidences(fi));
	(void)json_object_set_new(to, "resources", resources(w, fi));
	(void)json_object_set_new(to, "observables", observables(fi));
	if (row != ROW_none)
		(void)json_object_set_new(to, "remediation",
					  json_pack("{s:s}", "desc", watch_rows[row].todo));
	if (out_host()[0] != '\0') {
		json_t *device = json_object();

		out_text(device, "hostname", out_host());
		out_text(device, "name", out_host());
		out_number(device, "type_id", DEVICE_UNKNOWN);
		out_text(device, "type", "Unknown");
		(void)json_object_set_new(to, "device", device);
	}
	out_object(to, "unmapped", unmapped(fi));
	return to;
}

/* ---- the output */

static struct lines lines = { .name = "findings.ocsf.json", .fd = -1 };

static bool
ocsf_open(struct lsawatch *w)
{
	lines_open(&lines, w);
	return strcmp(w->cf.watch_format, "ocsf") == 0 || strcmp(w->cf.watch_format, "both") == 0;
}

static int
ocsf_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling, char *why,
	  size_t n)
{
	return lines_add(&lines, w, ocsf_of(w, fi, telling), why, n);
}

static void
ocsf_close(struct lsawatch *w)
{
	lines_close(&lines);
}

const struct output output_ocsf = {
	.name = "findings.ocsf.json",
	.open = ocsf_open,
	.tell = ocsf_tell,
	.close = ocsf_close,
};
