/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes down what lsawatch/rules.h says:
 *
 *   mkwatch man < lsawatch.rules.5.in   fills @ROWS@, @SEES@ and @LAYERS@
 *   mkwatch md                          docs/watch-rules.md
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lsawatch/watch.h"

/* Sentences of the table begin small and have no full stop. */
static void
print_sentence(const char *text)
{
	(void)printf("%c%s.\n", toupper((unsigned char)text[0]), text + 1);
}

static bool
has_own(enum watch_rule rule)
{
	return watch_rules[rule].technique[0] != '\0';
}

/* ---- mdoc */

/* Techniques in bold, with commas. */
static void
man_techniques(const char *words, const char *end)
{
	while (*words != '\0') {
		size_t len = strcspn(words, " ");
		const char *next = words + len + strspn(words + len, " ");

		(void)printf(".Sy %.*s%s\n", (int)len, words, *next != '\0' ? " ," : end);
		words = next;
	}
}

static void
man_sees(uint32_t sees)
{
	for (int i = 0; i < SEE_END; i++) {
		if ((sees >> i & 1) == 0)
			continue;
		sees &= ~(1u << i);
		(void)printf(".Cm %s%s\n", watch_see_names[i], sees != 0 ? " ," : " .");
	}
}

static void
man_rule(enum watch_rule rule)
{
	char name[WATCH_NAME];

	watch_rule_name(rule, name);
	(void)printf(".It Cm %s Pq %s\n", name, watch_severity_names[watch_rules[rule].severity]);
	print_sentence(watch_rules[rule].title);
	if (has_own(rule)) {
		(void)printf("ATT&CK:\n");
		man_techniques(watch_technique(rule), " .");
	}
	(void)printf("Seen by\n");
	man_sees(watch_rules[rule].sees);
}

static void
man_rules(enum watch_row row)
{
	(void)puts(".Bl -tag -width Ds");
	for (int i = 0; i < RULE_END; i++) {
		if (watch_rules[i].row == row)
			man_rule((enum watch_rule)i);
	}
	(void)puts(".El");
}

static void
man_row(const struct watch_row_text *row)
{
	(void)printf(".Ss %s\n", row->title);
	(void)printf("Key of\n.Ql [respond] :\n.Cm %s .\n.Pp\nNormal: %s.\n", row->name,
		     row->normal);
	(void)printf(".Pp\nSeen in %s.\n.Pp\nATT&CK:\n", row->signals);
	man_techniques(row->technique, row->technique18[0] != '\0' ? "" : " .");
	if (row->technique18[0] != '\0') {
		(void)printf("(in v18.1:\n");
		man_techniques(row->technique18, " ) .");
	}
	(void)printf(".Pp\nWhat to do: %s.\n", row->todo);
}

static void
man_rows(void)
{
	for (int i = 0; i < ROW_END; i++) {
		man_row(&watch_rows[i]);
		man_rules((enum watch_row)i);
	}
	(void)puts(".Ss The watch itself\nThese count in no property's verdict.");
	man_rules(ROW_none);
}

static void
man_kinds(void)
{
	(void)puts(".Bl -tag -width Ds");
	for (int i = 0; i < SEE_END; i++) {
		(void)printf(".It Cm %s\n", watch_see_names[i]);
		print_sentence(watch_see_texts[i]);
	}
	(void)puts(".El");
}

static int
man_fill(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "@ROWS@\n") == 0)
			man_rows();
		else if (strcmp(line, "@SEES@\n") == 0)
			man_kinds();
		else
			(void)fputs(line, stdout);
	}
	return ferror(stdin) ? 1 : 0;
}

/* ---- Markdown */

/* T1003.007 is at attack.mitre.org/techniques/T1003/007/. */
static void
md_techniques(const char *words)
{
	while (*words != '\0') {
		size_t len = strcspn(words, " "), parent = strcspn(words, ". ");
		const char *next = words + len + strspn(words + len, " ");

		(void)printf("[%.*s](https://attack.mitre.org/techniques/%.*s/", (int)len, words,
			     (int)parent, words);
		if (parent < len)
			(void)printf("%.*s/", (int)(len - parent - 1), words + parent + 1);
		(void)printf(")%s", *next != '\0' ? ", " : "");
		words = next;
	}
}

static void
md_rules(enum watch_row row)
{
	char name[WATCH_NAME];

	(void)puts("\n| Rule | Severity | What it tells | Seen by | ATT&CK |\n"
		   "| --- | --- | --- | --- | --- |");
	for (int i = 0; i < RULE_END; i++) {
		uint32_t sees = watch_rules[i].sees;

		if (watch_rules[i].row != row)
			continue;
		watch_rule_name((enum watch_rule)i, name);
		(void)printf("| `%s` | %s | %s |", name,
			     watch_severity_names[watch_rules[i].severity], watch_rules[i].title);
		for (int see = 0; see < SEE_END; see++) {
			if ((sees >> see & 1) != 0)
				(void)printf(" %s", watch_see_names[see]);
		}
		(void)printf(" | ");
		if (has_own((enum watch_rule)i))
			md_techniques(watch_rules[i].technique);
		(void)puts(" |");
	}
}

static void
md_row(enum watch_row row)
{
	const struct watch_row_text *te = &watch_rows[row];

	(void)printf("\n## %d. %s\n\n* **Normal:** %s.\n* **Seen in:** %s.\n* **ATT&CK v19.1:** ",
		     (int)row + 1, te->title, te->normal, te->signals);
	md_techniques(te->technique);
	if (te->technique18[0] != '\0') {
		(void)printf("; v18.1: ");
		md_techniques(te->technique18);
	}
	(void)printf("\n* **What to do:** %s.\n* **Key of `[respond]`:** `%s`\n", te->todo,
		     te->name);
	md_rules(row);
}

static void
md_all(void)
{
	(void)puts("# The rules of lsawatch\n\n"
		   "Made by `man/mkwatch.c` from `lsawatch/rules.h`; a test compares them. How\n"
		   "lsawatch works is in [watch.md](watch.md), which layer sees what in\n"
		   "[watch-layers.md](watch-layers.md).\n\n"
		   "A rule without ATT&CK techniques of its own has those of its property.");
	for (int i = 0; i < ROW_END; i++)
		md_row((enum watch_row)i);
	(void)puts("\n## The watch itself\n\nThese count in no property's verdict.");
	md_rules(ROW_none);
	(void)puts("\n## Kinds of sight\n\n| Kind | What is seen |\n| --- | --- |");
	for (int i = 0; i < SEE_END; i++)
		(void)printf("| %s | %s |\n", watch_see_names[i], watch_see_texts[i]);
}

int
main(int argc, char **argv)
{
	int bad = 0;

	if (argc != 2) {
		(void)fputs("usage: mkwatch man|md\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "md") == 0)
		md_all();
	else
		bad = man_fill();
	return bad != 0 || fflush(stdout) != 0 ? 1 : 0;
}
