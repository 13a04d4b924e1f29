/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A layer for the ATT&CK Navigator, format 4.5: which techniques the rules
 * cover, and how often each was found since the start.
 */
#include <stdio.h>
#include <string.h>

#include "lib/levels.h"
#include "lsawatch/out/out.h"

#define COVERED "#c7e9c0" /* a rule watches for it */
#define FOUND	"#fc8d62" /* and found it */
#define BLIND	"#d9d9d9" /* a rule is there, but no sensor that shows it */

struct coverage {
	uint64_t found;
	int rules, blind;
	char names[512]; /* of the rules, with commas */
};

static bool
rule_has(enum watch_rule rule, const char *id)
{
	const char *list = watch_technique(rule);
	char word[16];

	while (attack_word(&list, word, sizeof(word))) {
		if (strcmp(word, id) == 0)
			return true;
	}
	return false;
}

static void
cover(const struct lsawatch *w, const char *id, struct coverage *co)
{
	size_t at = 0;
	char name[WATCH_NAME];

	*co = (struct coverage){ 0 };
	for (int i = 0; i < RULE_END; i++) {
		enum watch_rule rule = (enum watch_rule)i;
		int put;

		if (!rule_has(rule, id))
			continue;
		co->rules++;
		co->found += findings_count(w, rule);
		if ((w->sees & watch_rules[i].sees) == 0)
			co->blind++;
		watch_rule_name(rule, name);
		put = snprintf(co->names + at, sizeof(co->names) - at, "%s%s", at != 0 ? ", " : "",
			       name);
		if (put > 0 && at + (size_t)put < sizeof(co->names))
			at += (size_t)put;
	}
}

static json_t *
technique(const struct attack_technique *te, const struct coverage *co)
{
	json_t *to = json_object();
	const char *color = co->found != 0 ? FOUND : co->blind == co->rules ? BLIND : COVERED;
	char comment[640];

	(void)snprintf(comment, sizeof(comment), "%llu found; rules: %s%s",
		       (unsigned long long)co->found, co->names,
		       co->blind == co->rules ? "; no sensor that is active shows it"
		       : co->blind != 0	      ? "; some are blind"
					      : "");
	out_text(to, "techniqueID", te->id);
	out_number(to, "score", (int64_t)co->found);
	out_text(to, "color", color);
	out_text(to, "comment", comment);
	(void)json_object_set_new(to, "enabled", json_true());
	if (strchr(te->id, '.') == NULL)
		(void)json_object_set_new(to, "showSubtechniques", json_true());
	return to;
}

json_t *
navigator_of(const struct lsawatch *w)
{
	json_t *list = json_array();
	struct coverage co;

	for (size_t i = 0; attack_techniques[i].id != NULL; i++) {
		cover(w, attack_techniques[i].id, &co);
		if (co.rules != 0)
			(void)json_array_append_new(list, technique(&attack_techniques[i], &co));
	}
	return json_pack(
	    "{s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:{s:[s]}, s:i, s:b, s:o, s:[{s:s, s:s}, "
	    "{s:s, s:s}, {s:s, s:s}], s:[{s:s, s:s}]}",
	    "name", "lsawatch", "domain", "enterprise-attack", "versions", "attack", "19",
	    "navigator", "5.1.0", "layer", "4.5", "description",
	    "What the rules of lsawatch cover, and how often it was found", "filters", "platforms",
	    "Linux", "sorting", 3, "hideDisabled", 0, "techniques", list, "legendItems", "label",
	    "a rule watches for it", "color", COVERED, "label", "found", "color", FOUND, "label",
	    "no active sensor shows it", "color", BLIND, "metadata", "name", "version", "value",
	    lib_version);
}
