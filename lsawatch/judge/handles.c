/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row handles and threads. lsaiso has the descriptors that it had when lsainit
 * named it, of kinds that its level allows, and its threads; nothing of it is
 * to be written and executed, or executed without a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsawatch/judge/judge.h"

#define FDS_MOST 64 /* of lsaiso; it has one, lsavmm about a dozen */

/* What may be there, by the program that holds lsaiso's place. */
static const struct keeper {
	const char *name;
	uint64_t threads;
	bool speaks;	       /* it keeps 0, 1 and 2: stderr may be anything */
	const char *kinds[12]; /* beginnings of links */
} keepers[] = {
	{ "lsaiso", 1, false, { "socket:", "/dev/null" } },
	/* Newer kernels make a thread of the machine's own in it. */
	{ "lsavmm",
	  3,
	  true,
	  { "socket:", "/dev/null", "/dev/kvm", "anon_inode:kvm-", "anon_inode:[kvm-",
	    "anon_inode:[eventfd]", "anon_inode:[guest_memfd]", "/memfd:lsaiso" } },
	/* Both ways at once; the channel is a socket. */
	{ "lsalink", 2, false, { "socket:", "/dev/null", "/memfd:lsaiso" } },
};

static struct {
	bool any;
	struct look_fd fds[FDS_MOST];
	size_t n;
} first[PART_END];

void
judge_handles_anew(enum watch_part part)
{
	first[part].any = false;
}

static const struct keeper *
keeper_of(const struct watch_target *ta)
{
	for (size_t i = 0; i < sizeof(keepers) / sizeof(keepers[0]); i++) {
		if (strcmp(ta->image.name, keepers[i].name) == 0)
			return &keepers[i];
	}
	return NULL;
}

/* ---- descriptors */

bool
judge_handles_first(enum watch_part part, const struct look_fd *fd)
{
	for (size_t i = 0; i < first[part].n; i++) {
		const struct look_fd *was = &first[part].fds[i];

		if (was->fd == fd->fd && was->socket == fd->socket &&
		    strcmp(was->what, fd->what) == 0)
			return true;
	}
	return false;
}

static bool
is_allowed(const struct keeper *ke, const char *what)
{
	for (size_t i = 0; i < sizeof(ke->kinds) / sizeof(ke->kinds[0]) && ke->kinds[i]; i++) {
		if (strncmp(what, ke->kinds[i], strlen(ke->kinds[i])) == 0)
			return true;
	}
	return false;
}

static void
record(const struct watch_target *ta, const struct keeper *ke, const struct watch_look *lo)
{
	first[ta->part].any = true;
	first[ta->part].n = 0;
	for (size_t i = 0; i < lo->nfds && first[ta->part].n < FDS_MOST; i++) {
		/* lsaiso has one socket, and knows it by its number. */
		bool wrong = ke->threads == 1 && lo->fds[i].socket != 0 && lo->fds[i].fd != 4;
		bool standard = ke->speaks && lo->fds[i].fd <= STDERR_FILENO;

		if ((is_allowed(ke, lo->fds[i].what) || standard) && !wrong)
			first[ta->part].fds[first[ta->part].n++] = lo->fds[i];
	}
}

static void
judge_fds(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_handles_extra);
	const struct keeper *ke = keeper_of(ta);
	const struct look_fd *extra = NULL;
	size_t n = 0;

	if (ke == NULL)
		return;
	if (!first[ta->part].any)
		record(ta, ke, lo);
	for (size_t i = 0; i < lo->nfds; i++) {
		/* Sockets are the matter of network.c. */
		if (lo->fds[i].socket != 0 || judge_handles_first(ta->part, &lo->fds[i]))
			continue;
		extra = extra == NULL ? &lo->fds[i] : extra;
		n++;
	}
	finding_holds(w, &ca, n > 0, "",
		      "%s (pid %d) has %zu descriptors that it was not started with: %d is %s",
		      ta->image.name, (int)ta->pid, n, extra != NULL ? extra->fd : -1,
		      extra != NULL ? extra->what : "");
}

static void
judge_threads(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_handles_thread);
	const struct keeper *ke = keeper_of(ta);

	if (ke == NULL)
		return;
	finding_holds(w, &ca, lo->threads > ke->threads, "",
		      "%s (pid %d) has %llu threads; it was made with %llu at most", ta->image.name,
		      (int)ta->pid, (unsigned long long)lo->threads,
		      (unsigned long long)ke->threads);
}

/* Of lsass: more than was learned is a word, more than its limits allow a finding. */
static void
judge_band(struct lsawatch *w, const struct watch_target *ta, enum watch_measure measure,
	   uint64_t value)
{
	struct watch_case ca = judge_about(ta, RULE_handles_band);
	bool above = baseline_above(w, ta->part, measure, value);
	const struct watch_band *band = baseline_band(w, ta->part, measure);
	uint64_t high = band != NULL ? band->high : 0, bound = band != NULL ? band->bound : value;
	const char *name = watch_measure_names[measure];
	char key[16];

	(void)snprintf(key, sizeof(key), "%s bound", name);
	finding_holds(w, &ca, value > bound, key, "%s (pid %d) has %llu %s; it needs %llu at most",
		      ta->image.name, (int)ta->pid, (unsigned long long)value, name,
		      (unsigned long long)bound);
	ca.severity = INFO;
	finding_holds(w, &ca, above && value <= bound, name,
		      "%s (pid %d) has %llu %s; learned up to %llu", ta->image.name, (int)ta->pid,
		      (unsigned long long)value, name, (unsigned long long)high);
}

/* ---- mappings */

struct mapping {
	const char *perms;
	unsigned long long from, dev_major, dev_minor, ino;
	char name[128]; /* "": anonymous */
};

/* One line of maps. */
static bool
take_mapping(const char *line, struct mapping *ma)
{
	const char *end = strchr(line, '\n');
	char *at;
	size_t n;

	ma->from = strtoull(line, &at, 16);
	if (*at != '-')
		return false;
	(void)strtoull(at + 1, &at, 16);
	ma->perms = at + 1;
	(void)strtoull(at + 6, &at, 16); /* offset */
	ma->dev_major = strtoull(at, &at, 16);
	ma->dev_minor = *at == ':' ? strtoull(at + 1, &at, 16) : 0;
	ma->ino = strtoull(at, &at, 10);
	at += strspn(at, " ");
	n = end != NULL && end > at ? (size_t)(end - at) : 0;
	n = n < sizeof(ma->name) ? n : sizeof(ma->name) - 1;
	memcpy(ma->name, at, n);
	ma->name[n] = '\0';
	return true;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Where libraries are installed. What lies elsewhere was put there for us. */
static bool
is_library(const char *path)
{
	static const char *const folders[] = { "/usr/lib",    "/lib/",		"/lib64/",
					       "/lib32/",     "/usr/local/lib", "/nix/store/",
					       "/gnu/store/", "/usr/libexec/" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (begins(path, folders[i]))
			return true;
	}
	return false;
}

/* What is wrong with it; NULL: nothing. */
static const char *
wrong_with(const struct watch_target *ta, const struct mapping *ma)
{
	if (ma->perms[2] != 'x' || begins(ma->name, "[vdso]") || begins(ma->name, "[vsyscall]"))
		return NULL;
	if (ma->perms[1] == 'w')
		return "can be written and executed";
	if (ma->ino == 0)
		return "is executed and has no file";
	if (begins(ma->name, "/memfd:"))
		return "is executed and is a memory file";
	/* Of overlays maps shows another device than stat: the inode must do. */
	if (ma->ino == ta->image.ino)
		return NULL;
	/* A library that an upgrade replaced is still one. */
	return ta->part != PART_ISO && is_library(ma->name) ? NULL
							    : "is executed and is no part of it";
}

static void
judge_maps(struct lsawatch *w, const struct watch_target *ta, int dir)
{
	struct watch_case ca = judge_about(ta, RULE_handles_executable);
	const char *text = look_file(dir, "maps", NULL), *wrong = NULL;
	struct mapping ma = { .perms = "" };

	while (text != NULL && *text != '\0' && wrong == NULL) {
		const char *next = strchr(text, '\n');

		wrong = take_mapping(text, &ma) ? wrong_with(ta, &ma) : NULL;
		text = next != NULL ? next + 1 : NULL;
	}
	/* The machine of lsavmm, and libraries of the other two, are their own. */
	finding_holds(w, &ca, wrong != NULL, "", "memory of %s (pid %d) at %llx %s: %.4s %s",
		      ta->image.name, (int)ta->pid, ma.from, wrong != NULL ? wrong : "", ma.perms,
		      ma.name[0] != '\0' ? ma.name : "anonymous");
}

void
judge_handles_look(struct lsawatch *w, const struct watch_target *ta, int dir,
		   const struct watch_look *lo)
{
	if ((lo->seen & LOOK_STATUS) != 0) {
		judge_threads(w, ta, lo);
		judge_band(w, ta, MEASURE_THREADS, lo->threads);
	}
	if ((lo->seen & LOOK_FDS) != 0) {
		judge_fds(w, ta, lo);
		judge_band(w, ta, MEASURE_FDS, lo->nfds);
	}
	judge_maps(w, ta, dir);
}
