/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/ask.h"

#define INTERRUPT 3 /* ^C, which is no signal while nothing is shown */
#define END	  4 /* ^D */

/* Octet by octet: nothing stays in a buffer of stdio, or is taken from later lines. */
static long
read_line(char *text, size_t n)
{
	size_t have = 0;
	ssize_t got;
	char c = 0;

	for (;;) {
		do
			got = read(STDIN_FILENO, &c, 1);
		while (got < 0 && errno == EINTR);
		if (got <= 0 || c == INTERRUPT || c == END) {
			got = got == 0 && have > 0 ? 1 : -1;
			break;
		}
		if (c == '\n' || c == '\r')
			break;
		if (have + 1 >= n || c == '\0') {
			got = -1;
			break;
		}
		text[have++] = c;
	}
	text[have] = '\0';
	c = 0;
	return got < 0 ? -1 : (long)have;
}

long
ask_line(const char *prompt, char *text, size_t n)
{
	struct termios before, silent;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	long len;

	if (terminal) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
			return -1;
		/* Only now: what is typed at the prompt is neither shown nor flushed. */
		(void)fprintf(stderr, "%s: ", prompt);
		(void)fflush(stderr);
	}
	len = read_line(text, n);
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		(void)fputc('\n', stderr);
	}
	if (len < 0)
		explicit_bzero(text, n);
	return len;
}
