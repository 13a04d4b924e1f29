/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl watch report: what its files share. */
#ifndef LSACTL_REPORT_H
#define LSACTL_REPORT_H

#include "lsactl/watch.h"
#include "lsawatch/watch.h"

struct report {
	struct ctl *ct;
	FILE *out;
	json_t *status, *findings, *baseline; /* of lsawatch; baseline NULL: it does not say */
	long long from, to;		      /* milliseconds since 1970 */
	size_t count[CRITICAL + 1];	      /* findings of each severity */
};

/* ---- watch_report.c */
/* The number of a severity; 0: none of ours. */
enum watch_severity severity_of(const json_t *finding);
/* Class of the style sheet. */
const char *severity_class(const char *severity);
/* A number and what it counts: "1 finding", "2 findings". */
void put_count(FILE *out, size_t n, const char *one, const char *more);
/* A heading, and a sentence below it. */
void put_section(FILE *out, const char *id, const char *title, const char *sentence);

/* ---- report_findings.c */
void report_findings(struct report *re);

/* ---- report_parts.c */
void report_timeline(struct report *re);
void report_actors(struct report *re);
void report_sensors(struct report *re);
void report_baseline(struct report *re);

#endif
