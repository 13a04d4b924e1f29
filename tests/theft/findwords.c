/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judge's tool: where in a file are these words? One pass, however many
 * words there are; holes of the file are left out.
 *
 * usage: findwords FILE <WORDS     WORDS: one a line, hexadecimal, 8..64 octets each
 *
 * Prints "LINE OFFSET" for each place, LINE from 0. Exit 0: the file was read
 * to its end; 2: not, or the usage was wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS	   1024
#define WORD_LEAST 8
#define WORD_MAX   64
#define PIECE	   (16u << 20)

struct word {
	uint8_t octets[WORD_MAX];
	size_t len;
};

static struct word words[WORDS];
static size_t nwords;
/* Does any word begin with these two octets? */
static bool begins[1u << 16];
static uint8_t piece[PIECE];

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "findwords: %s: %s\n", what, why);
	exit(2);
}

static unsigned int
head(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static void
read_words(void)
{
	char line[2 * WORD_MAX + 2];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct word *w = &words[nwords];
		size_t digits = strcspn(line, "\n");

		if (nwords == WORDS)
			die("words", "too many");
		if (digits % 2 != 0 || digits / 2 < WORD_LEAST || digits / 2 > WORD_MAX)
			die("a word", "not 8 to 64 octets in hexadecimal");
		if (strspn(line, "0123456789abcdef") != digits)
			die("a word", "not hexadecimal");
		for (w->len = 0; w->len < digits / 2; w->len++) {
			const char pair[3] = { line[2 * w->len], line[2 * w->len + 1], '\0' };

			w->octets[w->len] = (uint8_t)strtoul(pair, NULL, 16);
		}
		begins[head(w->octets)] = true;
		nwords++;
	}
}

/* Words that begin before last. */
static void
look(off_t offset, size_t last, size_t len)
{
	for (size_t at = 0; at < last; at++) {
		if (at + 1 >= len || !begins[head(piece + at)])
			continue;
		for (size_t i = 0; i < nwords; i++) {
			if (words[i].len <= len - at &&
			    memcmp(piece + at, words[i].octets, words[i].len) == 0)
				printf("%zu %jd\n", i, (intmax_t)offset + (intmax_t)at);
		}
	}
}

/* What is left at the end of a piece is read again, with what follows it. */
static void
search(int fd, off_t from, off_t to)
{
	while (from < to) {
		size_t ask = to - from < (off_t)PIECE ? (size_t)(to - from) : PIECE;
		ssize_t got = pread(fd, piece, ask, from);
		size_t len = got > 0 ? (size_t)got : 0, last = len;

		if (got <= 0)
			die("read", got < 0 ? strerror(errno) : "the file ends early");
		if (from + got < to && len > WORD_MAX)
			last = len - WORD_MAX + 1;
		look(from, last, len);
		from += (off_t)last;
	}
}

int
main(int argc, char **argv)
{
	off_t from = 0, end;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: findwords FILE <WORDS\n");
		return 2;
	}
	read_words();
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(argv[1], strerror(errno));
	while ((from = lseek(fd, from, SEEK_DATA)) >= 0) {
		end = lseek(fd, from, SEEK_HOLE);
		if (end < 0)
			die(argv[1], strerror(errno));
		search(fd, from, end);
		from = end;
	}
	if (errno != ENXIO) /* no data after this */
		die(argv[1], strerror(errno));
	close(fd);
	return 0;
}
