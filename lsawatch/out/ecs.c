/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A finding as a document of the Elastic Common Schema, version 9.4. What ECS
 * has no field for is below lsawatch, a name that ECS leaves to us.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/levels.h"
#include "lsawatch/out/lines.h"
#include "lsawatch/out/out.h"

#define ECS_VERSION "9.4.0"

/* event.category and event.type of a row; the type is one that ECS expects for the category. */
struct kind {
	const char *category, *type;
};

static const struct kind kinds[ROW_END + 1] = {
	[ROW_image_path] = { "process", "change" },
	[ROW_parent_process] = { "process", "start" },
	[ROW_instances] = { "process", "start" },
	[ROW_user_account] = { "process", "change" },
	[ROW_resource_usage] = { "process", "info" },
	[ROW_network_activity] = { "network", "connection" },
	[ROW_stability] = { "process", "end" },
	[ROW_file_integrity] = { "file", "change" },
	[ROW_memory_access] = { "process", "access" },
	[ROW_handles_threads] = { "process", "change" },
	[ROW_none] = { "host", "info" },
};

static json_t *
time_text(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char day[32] = "", text[48];
	struct tm utc;

	if (gmtime_r(&seconds, &utc) != NULL)
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(ms % 1000));
	return json_string(text);
}

/* 0..100, as rules of Elastic Security have it for low, medium, high, critical. */
static int
severity_number(enum watch_severity severity)
{
	switch (severity) {
	case INFO:
		return 1;
	case LOW:
		return 21;
	case MEDIUM:
		return 47;
	case HIGH:
		return 73;
	case CRITICAL:
		break;
	}
	return 99;
}

static const char *
outcome(int allowed)
{
	return allowed < 0 ? "unknown" : allowed ? "success" : "failure";
}

static json_t *
event(const struct watch_finding *fi, const char *rule)
{
	const struct kind *ki = &kinds[watch_rules[fi->rule].row];
	json_t *to = json_object(), *categories = json_array(), *types = json_array();
	bool alert = fi->severity > INFO;

	(void)json_array_append_new(categories, json_string(ki->category));
	(void)json_array_append_new(types, json_string(ki->type));
	if (alert)
		(void)json_array_append_new(categories, json_string("intrusion_detection"));
	if (alert && fi->allowed >= 0)
		(void)json_array_append_new(types, json_string(fi->allowed ? "allowed" : "denied"));
	out_text(to, "kind", alert ? "alert" : "event");
	(void)json_object_set_new(to, "category", categories);
	(void)json_object_set_new(to, "type", types);
	out_text(to, "action", rule);
	out_text(to, "outcome", outcome(fi->allowed));
	out_number(to, "severity", severity_number(fi->severity));
	out_text(to, "code", rule);
	out_text(to, "module", "lsawatch");
	out_text(to, "provider", "lsawatch");
	out_text(to, "dataset", "lsawatch.finding");
	out_text(to, "id", fi->uid);
	out_number(to, "sequence", (int64_t)fi->number);
	(void)json_object_set_new(to, "start", time_text(fi->first));
	(void)json_object_set_new(to, "end", time_text(fi->last));
	(void)json_object_set_new(to, "created", time_text(fi->first));
	return to;
}

static json_t *
rule_of(const struct watch_finding *fi, const char *rule)
{
	json_t *to = json_object();

	out_text(to, "id", rule);
	out_text(to, "name", watch_rules[fi->rule].title);
	out_text(to, "category", out_row(fi->rule));
	out_text(to, "ruleset", "lsawatch");
	out_text(to, "version", lib_version);
	return to;
}

static bool
has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	}
	return false;
}

/* Add id and name to the lists id and name of to, once. */
static void
add_pair(json_t *to, const char *id, const char *name)
{
	json_t *ids = json_object_get(to, "id"), *names = json_object_get(to, "name");

	if (ids == NULL) {
		(void)json_object_set_new(to, "id", json_array());
		(void)json_object_set_new(to, "name", json_array());
		ids = json_object_get(to, "id");
		names = json_object_get(to, "name");
	}
	if (has_text(ids, id))
		return;
	(void)json_array_append_new(ids, json_string(id));
	(void)json_array_append_new(names, json_string(name));
}

static void
add_technique(json_t *tactics, json_t *techniques, json_t *subs, const char *id)
{
	const struct attack_technique *te = attack_technique(id), *whole;
	const char *list;
	char base[16], word[16];

	if (te == NULL)
		return;
	list = te->tactics;
	(void)snprintf(base, sizeof(base), "%.*s", (int)strcspn(id, "."), id);
	whole = attack_technique(base);
	if (whole != NULL)
		add_pair(techniques, whole->id, whole->name);
	if (strchr(id, '.') != NULL)
		add_pair(subs, te->id, te->name);
	while (attack_word(&list, word, sizeof(word))) {
		const struct attack_tactic *ta = attack_tactic(word);

		if (ta != NULL)
			add_pair(tactics, ta->id, ta->name);
	}
}

static json_t *
threat(enum watch_rule rule)
{
	json_t *to = json_object(), *tactics = json_object();
	json_t *techniques = json_object(), *subs = json_object();
	const char *list = watch_technique(rule);
	char word[16];

	while (attack_word(&list, word, sizeof(word)))
		add_technique(tactics, techniques, subs, word);
	out_object(techniques, "subtechnique", subs);
	out_object(to, "tactic", tactics);
	out_object(to, "technique", techniques);
	if (json_object_size(to) != 0)
		out_text(to, "framework", "MITRE ATT&CK");
	return to;
}

/* Whom it is about, for where nobody else is known. */
static json_t *
subject(const struct watch_finding *fi)
{
	json_t *to = json_object();

	if (fi->subject_pid == 0)
		return to;
	out_number(to, "pid", fi->subject_pid);
	out_text(to, "executable", fi->subject_exe);
	out_text(to, "name", out_base(fi->subject_exe));
	return to;
}

/* Who did it. */
static json_t *
actor(const struct watch_actor *by)
{
	json_t *to = json_object(), *parent = json_object();

	out_number(to, "pid", by->pid);
	out_text(to, "name", by->comm);
	out_text(to, "executable", by->exe);
	out_text(to, "command_line", by->command);
	if (by->thread != 0)
		(void)json_object_set_new(to, "thread",
					  json_pack("{s:I}", "id", (json_int_t)by->thread));
	if (by->parent != 0)
		out_number(parent, "pid", by->parent);
	out_text(parent, "executable", by->parent_exe);
	out_text(parent, "name", out_base(by->parent_exe));
	out_object(to, "parent", parent);
	return to;
}

static json_t *
user(const struct watch_actor *by)
{
	json_t *to = json_object();
	char id[16];

	if (by->pid == 0 || by->uid == UINT32_MAX)
		return to;
	(void)snprintf(id, sizeof(id), "%u", (unsigned int)by->uid);
	out_text(to, "id", id);
	return to;
}

/* What it is about, and what ECS has no field for. */
static json_t *
ours(const struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling)
{
	static const char *const states[] = {
		[TELL_NEW] = "new", [TELL_MORE] = "more", [TELL_OVER] = "over"
	};
	json_t *to = json_object(), *target = json_object();
	char name[WATCH_NAME];

	watch_rule_name(fi->rule, name);
	out_text(to, "row", out_row(fi->rule));
	out_text(to, "rule", name);
	out_text(to, "severity", watch_severity_names[fi->severity]);
	out_text(to, "state", states[telling]);
	out_number(to, "count", fi->count);
	out_text(to, "evidence", fi->evidence);
	out_text(to, "layer", watch_layer_names[fi->layer]);
	out_text(to, "response", fi->response);
	if (fi->allowed >= 0)
		(void)json_object_set_new(to, "allowed", json_boolean(fi->allowed));
	if (fi->by.pid != 0 && fi->by.login != UINT32_MAX)
		out_number(to, "actor_loginuid", fi->by.login);
	out_text(target, "part", out_part(w, fi));
	if (fi->subject_pid != 0)
		out_number(target, "pid", fi->subject_pid);
	out_text(target, "executable", fi->subject_exe);
	out_object(to, "target", target);
	return to;
}

json_t *
ecs_of(const struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling)
{
	json_t *to = json_object(), *host = json_object();
	char message[OUT_MESSAGE], rule[WATCH_NAME];

	watch_rule_name(fi->rule, rule);
	out_message(fi, telling, message);
	(void)json_object_set_new(to, "@timestamp",
				  time_text(telling == TELL_NEW ? fi->first : fi->last));
	(void)json_object_set_new(to, "ecs", json_pack("{s:s}", "version", ECS_VERSION));
	out_text(to, "message", message);
	out_object(to, "event", event(fi, rule));
	out_object(to, "rule", rule_of(fi, rule));
	out_object(to, "threat", threat(fi->rule));
	out_object(to, "process", fi->by.pid != 0 ? actor(&fi->by) : subject(fi));
	out_object(to, "user", user(&fi->by));
	out_text(host, "name", out_host());
	out_text(host, "hostname", out_host());
	out_object(to, "host", host);
	(void)json_object_set_new(to, "observer",
				  json_pack("{s:s, s:s, s:s, s:s}", "vendor", "lsaiso", "product",
					    "lsawatch", "type", "hids", "version", lib_version));
	out_object(to, "lsawatch", ours(w, fi, telling));
	return to;
}

/* ---- the output */

static struct lines file = { .name = "findings.ecs.json", .fd = -1 };

static bool
ecs_open(struct lsawatch *w)
{
	lines_open(&file, w);
	return strcmp(w->cf.watch_format, "ecs") == 0 || strcmp(w->cf.watch_format, "both") == 0;
}

static int
ecs_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling, char *why,
	 size_t n)
{
	return lines_add(&file, w, ecs_of(w, fi, telling), why, n);
}

static void
ecs_close(struct lsawatch *w)
{
	lines_close(&file);
}

const struct output output_ecs = {
	.name = "findings.ecs.json",
	.open = ecs_open,
	.tell = ecs_tell,
	.close = ecs_close,
};
