/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One file of the use log, entry by entry: is it what lsaiso made? */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsactl/audit.h"

#define CHUNK	  512
#define FOUND_MAX 20 /* told of one file; then only that there are more */

int
audit_files(const struct ctl *ct, struct audit_files *fi)
{
	memset(fi, 0, sizeof(*fi));
	if (ct->cf.state_directory == NULL ||
	    uselog_directory(&ct->cf, fi->directory, sizeof(fi->directory)) != 0) {
		errno = ENOENT;
		return -1;
	}
	fi->n = uselog_list(fi->directory, &fi->names);
	return fi->n < 0 ? -1 : 0;
}

void
audit_files_end(struct audit_files *fi)
{
	while (fi->n > 0)
		free(fi->names[--fi->n]);
	free(fi->names);
	fi->names = NULL;
}

int
audit_open(const struct audit_files *fi, const char *name, char boot[USELOG_BOOT])
{
	char path[PATH_MAX + USELOG_NAME];

	(void)uselog_named(name, boot);
	(void)snprintf(path, sizeof(path), "%s/%s", fi->directory, name);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

void
audit_found(json_t *to, const char *kind, const char *format, ...)
{
	json_t *list = json_object_get(to, "findings");
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (json_array_size(list) < FOUND_MAX)
		(void)json_array_append_new(list,
					    json_pack("{s:s, s:s}", "kind", kind, "text", text));
	else if (json_array_size(list) == FOUND_MAX)
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:s}", "kind", kind, "text", "and more"));
}

/* ---- one walk through a file */

struct walk {
	struct uselog_at at;
	uint64_t records, first, last;
	uint64_t missing; /* the one record that the latest finding misses; 0: none */
	bool gap;	  /* told, and no record has followed */
	const struct audit_head *head;
	bool reached; /* the record of head came by */
	bool differs; /* with another value of the chain */
	json_t *to;
};

static void
found_missing(struct walk *wa, uint64_t from, uint64_t until)
{
	if (from == until)
		audit_found(wa->to, "removed", "record %llu is not there",
			    (unsigned long long)from);
	else
		audit_found(wa->to, "removed", "records %llu to %llu are not there",
			    (unsigned long long)from, (unsigned long long)until);
	wa->missing = from == until ? from : 0;
}

static void
found_order(struct walk *wa, uint64_t sequence)
{
	json_t *list = json_object_get(wa->to, "findings");

	/* What was missing stands further on: one finding, not two. */
	if (wa->missing == sequence && json_array_size(list) <= FOUND_MAX)
		(void)json_array_remove(list, json_array_size(list) - 1);
	wa->missing = 0;
	audit_found(wa->to, "reordered", "record %llu stands after record %llu",
		    (unsigned long long)sequence, (unsigned long long)wa->last);
}

static void
step(struct walk *wa, const struct uselog_entry *en)
{
	uint64_t due = wa->at.next, sequence = en->of.sequence;
	enum uselog_step is = uselog_step(&wa->at, en);
	bool gap = wa->gap;

	wa->gap = is == USELOG_GAP;
	switch (is) {
	case USELOG_GAP:
		return;
	case USELOG_GOOD:
		if (gap)
			audit_found(wa->to, "gap",
				    "a gap is told before record %llu, but nothing is missing",
				    (unsigned long long)sequence);
		break;
	case USELOG_LOST:
		audit_found(wa->to, "gap", "records %llu to %llu were never collected",
			    (unsigned long long)due, (unsigned long long)sequence - 1);
		break;
	case USELOG_MISSING:
		found_missing(wa, due, sequence - 1);
		break;
	case USELOG_ORDER:
		found_order(wa, sequence);
		return;
	case USELOG_CHANGED:
		audit_found(wa->to, "changed",
			    "record %llu, or the chain there, is not as lsaiso made it",
			    (unsigned long long)(sequence != 0 ? sequence : due));
		if (sequence == 0)
			return;
		break;
	}
	wa->records++;
	wa->first = wa->first == 0 ? sequence : wa->first;
	wa->last = sequence;
	if (wa->head != NULL && sequence == wa->head->sequence) {
		wa->reached = true;
		wa->differs = memcmp(wa->at.chain, wa->head->chain, ISO_HASH) != 0;
	}
}

/* All entries; the number of octets that are no whole entry. -1 with errno. */
static ssize_t
walk(struct walk *wa, int fd)
{
	struct uselog_entry some[CHUNK];
	off_t at = USELOG_ENTRY;
	ssize_t got;

	while ((got = pread(fd, some, sizeof(some), at)) >= (ssize_t)sizeof(some[0])) {
		for (size_t i = 0; i < (size_t)got / sizeof(some[0]); i++)
			step(wa, &some[i]);
		at += got - got % (ssize_t)sizeof(some[0]);
	}
	return got;
}

/* Does it end where lsaiso says that it should? */
static void
check_end(struct walk *wa, ssize_t torn)
{
	if (torn > 0)
		audit_found(wa->to, "cut off", "the last record is not whole");
	if (wa->gap)
		audit_found(wa->to, "gap", "records after %llu were never collected",
			    (unsigned long long)wa->last);
	if (wa->head == NULL || wa->head->sequence == 0)
		return;
	if (wa->last < wa->head->sequence)
		audit_found(wa->to, "cut off",
			    "lsaiso has made %llu records, but the last one here is %llu",
			    (unsigned long long)wa->head->sequence, (unsigned long long)wa->last);
	else if (!wa->reached)
		audit_found(wa->to, "removed", "record %llu is not there",
			    (unsigned long long)wa->head->sequence);
	else if (wa->differs)
		audit_found(wa->to, "changed",
			    "the chain ends otherwise than lsaiso's own: records up to %llu were "
			    "changed, and the chain made anew",
			    (unsigned long long)wa->head->sequence);
}

static void
parse_boot(const char *text, uint8_t boot_id[ISO_BOOT_ID])
{
	for (size_t i = 0; i < ISO_BOOT_ID; i++) {
		const char two[3] = { text[2 * i], text[2 * i + 1], '\0' };

		boot_id[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

static void
finish(const struct walk *wa)
{
	char chain[2 * ISO_HASH + 1];

	for (size_t i = 0; i < ISO_HASH; i++)
		(void)snprintf(chain + 2 * i, 3, "%02x", wa->at.chain[i]);
	(void)json_object_set_new(wa->to, "records", json_integer((json_int_t)wa->records));
	(void)json_object_set_new(wa->to, "first", json_integer((json_int_t)wa->first));
	(void)json_object_set_new(wa->to, "last", json_integer((json_int_t)wa->last));
	(void)json_object_set_new(wa->to, "chain", json_string(chain));
	(void)json_object_set_new(wa->to, "running", json_boolean(wa->head != NULL));
}

json_t *
audit_check(const struct audit_files *fi, const char *name, const struct audit_head *head)
{
	struct walk wa = { .head = head };
	char boot[USELOG_BOOT] = "";
	uint8_t boot_id[ISO_BOOT_ID];
	struct uselog_head top;
	int fd = audit_open(fi, name, boot);
	ssize_t torn = 0;

	wa.to = json_pack("{s:s, s:s, s:[]}", "boot", boot, "file", name, "findings");
	parse_boot(boot, boot_id);
	uselog_begin(boot_id, &wa.at);
	if (fd >= 0 && pread(fd, &top, sizeof(top), 0) != sizeof(top))
		audit_found(wa.to, "cut off", "the file does not even begin");
	else if (fd >= 0 && !uselog_head_good(&top, boot_id))
		audit_found(wa.to, "changed", "the beginning of the file is not of this boot");
	if (fd >= 0)
		torn = walk(&wa, fd);
	if (fd < 0 || torn < 0)
		audit_found(wa.to, "unreadable", "%s", strerror(errno));
	check_end(&wa, torn);
	finish(&wa);
	if (fd >= 0)
		(void)close(fd);
	return wa.to;
}
