/* SPDX-License-Identifier: GPL-3.0-or-later */
/* org.lsaiso.AuditRead and AuditHead, and what Status says of the use log. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/config.h"
#include "lsass/ask.h"
#include "lsass/audit.h"
#include "lsass/front/admin/methods.h"

#define LIMIT	   1000 /* records of an answer, unless the caller says */
#define LIMIT_MOST 10000
#define LOOK_MOST  100000 /* entries of a file for one answer: some 10 ms */
#define CHUNK	   512

json_t *
admin_audit(const struct admin_view *view)
{
	struct audit_is is;
	json_t *to;

	audit_is(view->audit, &is);
	to = json_pack("{s:s, s:s, s:I, s:I}", "directory", is.directory, "file", is.file, "stored",
		       (json_int_t)is.stored, "lost", (json_int_t)is.lost);
	if (is.error[0] != '\0')
		(void)json_object_set_new(to, "error", json_string(is.error));
	return to;
}

/* ---- AuditRead */

/* What is asked for. Places of a file are numbers of entries, the head is 0. */
struct question {
	char boot[USELOG_BOOT]; /* "": of the latest file */
	json_int_t from, limit;
	bool all; /* of every uid */
	uid_t uid;
};

/* 0, or -1 with error. least: what it may not be below. */
static int
number(const json_t *ask, const char *name, json_int_t least, json_int_t most, json_int_t *value,
       struct admin_error *error)
{
	const json_t *given = json_object_get(ask, name);

	if (given == NULL)
		return 0;
	*value = json_integer_value(given);
	if (json_is_integer(given) && *value >= least && *value <= most)
		return 0;
	*error = (struct admin_error){ "InvalidParameter", "from and limit are numbers, and limit "
							   "is 1 to 10000" };
	return -1;
}

static int
read_question(uid_t uid, const json_t *ask, struct question *qu, struct admin_error *error)
{
	const json_t *boot = json_object_get(ask, "boot");
	const char *text = json_string_value(boot);
	size_t len = text != NULL ? strlen(text) : 0;

	*qu = (struct question){ .from = 1, .limit = LIMIT };
	qu->all = uid == 0 && json_object_get(ask, "uid") == NULL;
	if (admin_whose(uid, ask, &qu->uid, error) != 0 ||
	    number(ask, "from", 1, INT64_MAX / USELOG_ENTRY, &qu->from, error) != 0 ||
	    number(ask, "limit", 1, LIMIT_MOST, &qu->limit, error) != 0)
		return -1;
	if (boot != NULL &&
	    (len == 0 || len >= sizeof(qu->boot) || strspn(text, "0123456789abcdef") != len)) {
		*error = (struct admin_error){ "InvalidParameter",
					       "boot is the beginning of a boot id" };
		return -1;
	}
	memcpy(qu->boot, len > 0 ? text : "", len + 1);
	return 0;
}

/* The latest file whose boot id begins so; its descriptor, or -1. */
static int
open_file(const struct admin_view *view, const struct question *qu, char name[USELOG_NAME])
{
	char directory[PATH_MAX], path[PATH_MAX + USELOG_NAME], boot[USELOG_BOOT], **names = NULL;
	int n = -1, fd = -1;

	if (uselog_directory(view->cf, directory, sizeof(directory)) == 0)
		n = uselog_list(directory, &names);
	for (int i = n - 1; i >= 0; i--) {
		if (fd < 0 && uselog_named(names[i], boot) &&
		    strncmp(boot, qu->boot, strlen(qu->boot)) == 0) {
			(void)snprintf(name, USELOG_NAME, "%s", names[i]);
			(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		}
		free(names[i]);
	}
	free(names);
	return fd;
}

/* Add what is asked for of the entries from qu->from on; that goes on. True: the end. */
static bool
add_records(int fd, struct question *qu, json_t *list)
{
	struct uselog_entry some[CHUNK];
	json_int_t looked = 0;

	while (looked < LOOK_MOST && qu->limit > 0) {
		ssize_t got = pread(fd, some, sizeof(some), (off_t)qu->from * USELOG_ENTRY);
		size_t n = got > 0 ? (size_t)got / USELOG_ENTRY : 0;

		if (n == 0)
			return true;
		for (size_t i = 0; i < n && qu->limit > 0; i++, looked++, qu->from++) {
			const struct record *re = &some[i].of;

			if (re->sequence == 0 || (!qu->all && re->owner != qu->uid))
				continue;
			(void)json_array_append_new(list, uselog_json(re));
			qu->limit--;
		}
	}
	return false;
}

json_t *
method_audit_read(const struct admin_view *view, uid_t uid, const json_t *ask,
		  struct admin_error *error)
{
	struct question qu;
	char name[USELOG_NAME] = "", boot[USELOG_BOOT] = "";
	json_t *list;
	bool end;
	int fd;

	if (read_question(uid, ask, &qu, error) != 0)
		return NULL;
	audit_flush(view->audit);
	fd = open_file(view, &qu, name);
	if (fd < 0) {
		*error = (struct admin_error){ "NotFound", "no records of use are stored of it" };
		return NULL;
	}
	list = json_array();
	end = add_records(fd, &qu, list);
	(void)close(fd);
	(void)uselog_named(name, boot);
	return json_pack("{s:s, s:o, s:I, s:b, s:b}", "boot", boot, "records", list, "next",
			 (json_int_t)qu.from, "end", (int)end, "whole", (int)qu.all);
}

/* ---- AuditHead */

static int
unhex(const json_t *ask, const char *name, uint8_t *at, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const char *text = json_string_value(json_object_get(ask, name));

	if (text == NULL || strlen(text) != 2 * n || strspn(text, digits) != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
				  (strchr(digits, text[2 * i + 1]) - digits));
	return 0;
}

/*
 * What lsaiso proves of itself to the caller, past us: a change of any octet
 * shows there. Each call leaves a record, therefore only root may.
 */
json_t *
method_audit_head(const struct admin_view *view, uid_t uid, const json_t *ask,
		  struct admin_error *error)
{
	struct iso_req_prove req = { 0 };
	struct iso_rep_prove rep;
	json_t *to;

	(void)view;
	if (uid != 0 && uid != geteuid()) {
		*error = (struct admin_error){ "PermissionDenied", "only root may ask for it" };
		return NULL;
	}
	if (unhex(ask, "public", req.public, sizeof(req.public)) != 0 ||
	    unhex(ask, "nonce", req.nonce, sizeof(req.nonce)) != 0) {
		*error = (struct admin_error){ "InvalidParameter",
					       "public and nonce are 64 hexadecimal digits" };
		return NULL;
	}
	if (ask_prove(&req, &rep) != ISO_OK) {
		*error = (struct admin_error){ "Failed", "lsaiso does not answer, or not to this "
							 "public key" };
		return NULL;
	}
	to = json_pack("{s:I}", "sequence", (json_int_t)rep.sequence);
	admin_add_hex(to, "public", rep.public, sizeof(rep.public));
	admin_add_hex(to, "boot_id", rep.boot_id, sizeof(rep.boot_id));
	admin_add_hex(to, "chain", rep.chain, sizeof(rep.chain));
	admin_add_hex(to, "proof", rep.proof, sizeof(rep.proof));
	return to;
}
