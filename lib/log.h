/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Log lines on stderr, with the <N> priority prefix that journald reads when
 * stderr is a journal stream (JOURNAL_STREAM set), else with time and name.
 * Never pass a secret. One line per call; control characters of the message
 * are shown as ?.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <syslog.h>

void log_open(const char *program, int least); /* least: LOG_ERR..LOG_DEBUG */
int log_level(const char *word);	       /* "info" -> LOG_INFO; -1 if none */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_err(...)	log_line(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_DEBUG, __VA_ARGS__)

#endif
