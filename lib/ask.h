/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people type that nobody is to see: passwords, passphrases. */
#ifndef LIB_ASK_H
#define LIB_ASK_H

#include <stddef.h>

/*
 * One line into text, at most n - 1 octets; with the echo off if stdin is a
 * terminal, else the next line of stdin. Returns its length, -1: none, or too
 * long.
 */
long ask_line(const char *prompt, char *text, size_t n);

#endif
