/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing HTML. Whatever is not ours goes through page_text or page_plain:
 * a process may be called <script>.
 */
#ifndef LSACTL_PAGE_H
#define LSACTL_PAGE_H

#include <stdio.h>

/*
 * Foreign text in an element: escaped; what is not ASCII is marked, what
 * cannot be seen (or turns the text around) shows as U+202E.
 */
void page_text(FILE *out, const char *text);
/* Foreign text in an attribute or a <title>: escaped, ASCII only, \u{430} for the rest. */
void page_plain(FILE *out, const char *text);
/* How much of a time. */
enum page_time { DATE_AND_TIME, TIME_OF_DAY, SHORT_DATE };
/* <time>; milliseconds since 1970, shown in local time. */
void page_time(FILE *out, long long ms, enum page_time shown);
/* The same as text alone. */
const char *page_clock(long long ms, enum page_time shown, char text[32]);
/* Links to techniques of ATT&CK, separated by blanks in words. */
void page_techniques(FILE *out, const char *words);
/* From the doctype to the opened <body>. style is the only thing that the page may use. */
void page_begin(FILE *out, const char *title, const char *style);

#endif
