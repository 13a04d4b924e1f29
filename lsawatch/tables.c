/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of rules.h and watch.h as rows. */
#include "lsawatch/watch.h"

#include <string.h>

const struct watch_row_text watch_rows[ROW_END] = {
#define ROW_TEXT(name, title, normal, signals, technique, technique18, todo)                       \
	[ROW_##name] = { #name, title, normal, signals, technique, technique18, todo },
	WATCH_ROWS(ROW_TEXT)
#undef ROW_TEXT
};

/* Names as written in rules.h, and their techniques, until tables_open. */
#define S(kind) SEES(kind)
const struct watch_rule_row watch_rules[RULE_END] = {
#define RULE_ROW(name, row, severity, technique, sees, title)                                      \
	[RULE_##name] = { #name, ROW_##row, severity, technique, sees, title },
	WATCH_RULES(RULE_ROW)
#undef RULE_ROW
};
#undef S

const char *const watch_see_texts[SEE_END] = {
#define SEE_TEXT(name, text) text,
	WATCH_SEES(SEE_TEXT)
#undef SEE_TEXT
};

const char *const watch_see_names[SEE_END] = {
#define SEE_NAME(name, text) #name,
	WATCH_SEES(SEE_NAME)
#undef SEE_NAME
};

const char *const watch_layer_names[LAYER_END] = {
	[LAYER_BPF] = "bpf",	   [LAYER_TRACE] = "trace", [LAYER_AUDIT] = "audit",
	[LAYER_EVENTS] = "events", [LAYER_SWEEP] = "sweep", [LAYER_GUARD] = "guard",
};

const char *const watch_severity_names[CRITICAL + 1] = {
	[0] = "unknown",     [INFO] = "info", [LOW] = "low",
	[MEDIUM] = "medium", [HIGH] = "high", [CRITICAL] = "critical",
};

const char *const watch_way_texts[WAY_END] = {
#define WAY_TEXT(name, text) text,
	WATCH_WAYS(WAY_TEXT)
#undef WAY_TEXT
};

const char *
watch_technique(enum watch_rule rule)
{
	const struct watch_rule_row *row = &watch_rules[rule];

	return row->technique[0] != '\0' || row->row == ROW_none ? row->technique
								 : watch_rows[row->row].technique;
}

const char *
watch_technique18(enum watch_rule rule)
{
	const struct watch_rule_row *row = &watch_rules[rule];

	if (row->technique[0] == '\0' && row->row != ROW_none &&
	    watch_rows[row->row].technique18[0] != '\0')
		return watch_rows[row->row].technique18;
	return watch_technique(rule);
}

void
watch_rule_name(enum watch_rule rule, char name[WATCH_NAME])
{
	size_t i = 0;

	for (; watch_rules[rule].name[i] != '\0' && i + 1 < WATCH_NAME; i++)
		name[i] = watch_rules[rule].name[i] == '_' ? '-' : watch_rules[rule].name[i];
	name[i] = '\0';
}
