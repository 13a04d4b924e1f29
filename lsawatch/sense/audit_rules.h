/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules of the audit system that are ours, beside those of the administrator:
 * each has a key of its own, lsawatch-PID. For audit.c.
 */
#ifndef LSAWATCH_AUDIT_RULES_H
#define LSAWATCH_AUDIT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_KEY "lsawatch-"

/*
 * Open the line, switch auditing on if it is off, take away what a lsawatch
 * left that was killed. note: what should be known although it worked, or "".
 * Returns 0, or -1 with the reason in note.
 */
int audit_rules_open(char *note, size_t n);

/* Make one: begin, then what it is about, then add. */
void audit_rule_begin(void);
void audit_rule_call(int number); /* a system call; several: any of them */
void audit_rule_all_calls(void);
void audit_rule_is(uint32_t field, uint32_t op, uint32_t value);
void audit_rule_text(uint32_t field, const char *text); /* AUDIT_WATCH, AUDIT_DIR */
/* group: it goes with audit_rules_forget of that group. 0 or -1 with errno. */
int audit_rule_add(unsigned int group);

/*
 * Those of a group are to go. The kernel takes up to 100 ms for each, so one
 * at a time: audit_rules_take_one is false when there are no more.
 */
void audit_rules_forget(unsigned int group);
bool audit_rules_take_one(void);
/*
 * Text of a record of type AUDIT_CONFIG_CHANGE. True: somebody took away a rule
 * of ours, or switched auditing off.
 */
bool audit_rules_changed(const char *text, size_t len);
/*
 * Is it switched on, and has nobody a rule that hides everything? What is missing of ours is
 * set again if asked to. Returns how many rules that were, or -1: why.
 */
int audit_rules_mend(bool again, char *why, size_t n);
/* Take away all, and switch auditing off if we have switched it on. */
void audit_rules_close(void);

#endif
