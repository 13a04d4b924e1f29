/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes in the places of lsainit, lsaiso and lsass that do what the real
 * ones cannot be made to do, in front of the real lsawatch. The program is
 * copied to three files, so that each part has an image of its own.
 */
#ifndef TESTS_WATCH_STANDIN_H
#define TESTS_WATCH_STANDIN_H

#define WORDS_MOST 8
#define LINE_MOST  512

/* In the place of lsaiso or lsass: obey what comes over the socket fd; does not return. */
void play(int fd) __attribute__((noreturn));

/* Blank-separated words of line, which is cut into them. How many. */
int split(char *line, char *words[WORDS_MOST]);

#endif
