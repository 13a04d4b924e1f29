/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is told of findings. Each output is a row of out.c; what several of them
 * need is here. All texts of a finding are an attacker's to choose (names,
 * arguments, paths): nothing here takes them for clean.
 */
#ifndef LSAWATCH_OUT_H
#define LSAWATCH_OUT_H

#include <jansson.h>

#include "lsawatch/watch.h"

struct output {
	const char *name; /* for the log */
	/* Is it wanted and ready? true, also if it only cannot write yet. */
	bool (*open)(struct lsawatch *w);
	/* 0 or -1 with why. Must not wait. */
	int (*tell)(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling,
		    char *why, size_t n);
	void (*close)(struct lsawatch *w);
};
extern const struct output output_journal;
extern const struct output output_text;
extern const struct output output_ecs;
extern const struct output output_ocsf;

/* ---- json.c */

/*
 * What is shown of hostile text: valid UTF-8 without control characters (C0,
 * C1, DEL) and without those that change the direction of writing; each of
 * these, and each octet that is no UTF-8, becomes one '?'.
 */
void out_clean(char *to, size_t n, const char *from);
json_t *out_string(const char *text); /* cleaned */
/* Add text unless it is "". A failure leaves it out. */
void out_text(json_t *to, const char *name, const char *text);
void out_number(json_t *to, const char *name, int64_t value);
/* Add an object unless it is empty; takes it. */
void out_object(json_t *to, const char *name, json_t *object);

/* ---- names.c: the words that all outputs share */

const char *out_row(enum watch_rule rule); /* "memory_access"; "watch" */
const char *out_part(const struct lsawatch *w, const struct watch_finding *fi);
const char *out_base(const char *path); /* behind the last slash */
const char *out_host(void);		/* name of this machine when outputs were opened */
void out_host_read(void);
int out_priority(enum watch_severity severity); /* LOG_* of syslog(3) */
/* One line for people: what, evidence, who. */
#define OUT_MESSAGE 1400
void out_message(const struct watch_finding *fi, enum watch_telling telling,
		 char text[OUT_MESSAGE]);

/* ---- attack.c: MITRE ATT&CK, as much of it as rules.h names */

#define ATTACK_VERSION	 "19.1"
#define ATTACK_VERSION18 "18.1"

struct attack_tactic {
	const char *id, *name;
};
struct attack_technique {
	const char *id, *name;
	/* In v18.1, where it was another; "": the same. Its tactic was attack_tactic18 then. */
	const char *id18, *name18;
	const char *tactics; /* ids with blanks */
};
extern const struct attack_technique attack_techniques[]; /* id NULL ends */
extern const struct attack_tactic attack_tactics[];	  /* likewise */
extern const struct attack_tactic attack_tactic18;
extern const struct attack_technique attack_whole18; /* that of which id18 is a part */

/* The next word of a list with blanks: true, and *word is it. */
bool attack_word(const char **list, char *word, size_t n);
const struct attack_technique *attack_technique(const char *id); /* NULL: not in the table */
const struct attack_tactic *attack_tactic(const char *id);

/* ---- metrics.c: Prometheus over the socket and into the file */

int metrics_open(struct lsawatch *w);
void metrics_close(struct lsawatch *w);

#endif
