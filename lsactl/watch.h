/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsactl watch: what the files of it share. All that lsawatch says can have
 * names in it that an attacker chose; none reaches a terminal or a page as
 * it is (watch_safe, page_text).
 */
#ifndef LSACTL_WATCH_H
#define LSACTL_WATCH_H

#include "lsactl/lsactl.h"

/* Exit codes of lsactl watch and its verbs: 0, 1 and 2 as everywhere, and */
#define EXIT_ABNORMAL 1
#define EXIT_UNKNOWN  3 /* lsawatch could not be asked */

/* ---- cmd_watch.c */
/* Ask lsawatch. NULL: the reason is on stderr. */
json_t *watch_ask(const struct ctl *ct, const char *method, json_t *parameters);
enum colour verdict_colour(const char *verdict);
enum colour severity_colour(const char *severity);
/* "ABNORMAL" is to be seen without colour, too. */
const char *verdict_word(const char *verdict);
/* How many rows have this verdict. */
size_t count_verdicts(const json_t *status, const char *verdict);

/* ---- safe.c */
/*
 * Text of an attacker for a terminal: printable ASCII stays, anything else
 * becomes \u{430}, so that look-alikes show. Cut with ... at n, 5 or more. Returns to.
 */
const char *watch_safe(const char *text, char *to, size_t n);

/* ---- watch_text.c */
/* "gdb, pid 4711, user root"; "" if nobody is known. Safe. */
const char *watch_actor(const json_t *finding, char *to, size_t n);
/* Milliseconds since 1970 as "2026-11-24 06:30:12". */
const char *watch_time(long long ms, char to[32]);
/* How long ago that was: "4s", "3m 1s". */
const char *watch_ago(long long ms, char to[32]);

/* What is measured, for people: "processor". */
const char *watch_measure(const char *measure);
/* A value of the baseline with its unit: "1.2 %", "12.4 MiB", "7". */
const char *watch_value(const char *measure, long long value, char to[48]);

/* ---- watch_findings.c */
/*
 * All kept findings above number after, oldest first; NULL: error has why.
 * since tells one lsawatch from the next: all findings of one that is new
 * come, whatever after is. In and out; 0 at first.
 */
json_t *findings_after(const struct ctl *ct, long long after, long long *since, char *error,
		       size_t n);
int watch_findings(struct ctl *ct);

/* ---- watch_live.c: until q, or a signal */
int watch_live(struct ctl *ct);

/* ---- watch_report.c */
int watch_report(struct ctl *ct);

#endif
