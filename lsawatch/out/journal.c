/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal, by its native protocol: one datagram per entry, each field as
 * NAME=value and a newline, or, should the value have a newline, NAME, a
 * newline, its length in 64 bits little-endian, the value, a newline
 * (systemd, "Native Journal Protocol").
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lsawatch/out/journal.h"
#include "lsawatch/out/out.h"

#define PATIENCE 10 /* times 10 ms */

static int sock = -1;
static const struct sockaddr_un journald = { AF_UNIX, "/run/systemd/journal/socket" };

/* One id per row: `journalctl MESSAGE_ID=...` finds all of it. They never change. */
static const char *const message_ids[ROW_END + 1] = {
	[ROW_image_path] = "6b750e30b4e6419a856456639de32ccb",
	[ROW_parent_process] = "295252dd16eb4f3fb20cbe25147c82c4",
	[ROW_instances] = "22111a343dcd4a1894d64a1f23226740",
	[ROW_user_account] = "e9e3b3d548954579a3992073a9bc4257",
	[ROW_resource_usage] = "d92ef6d8ff4045bbbef2ea3690dbfb81",
	[ROW_network_activity] = "904a8d02402f47caa1d8c3ea0b19d9fd",
	[ROW_stability] = "636bc6f57fc44bc99a761adba85545bf",
	[ROW_file_integrity] = "3162e105d70a498d84b300a7623579e8",
	[ROW_memory_access] = "f89f60d8a90f4ff683cb3e48156a64ec",
	[ROW_handles_threads] = "5250c3cba05c4b68a964f5eadbe5c44f",
	[ROW_none] = "c8bb69b133cc40ad802205f02ea7c43c",
};

/* ---- one entry */

static void
put(struct journal_entry *en, const void *octets, size_t len)
{
	if (len > sizeof(en->octets) - en->len) {
		en->full = true;
		return;
	}
	memcpy(en->octets + en->len, octets, len);
	en->len += len;
}

void
journal_field(struct journal_entry *en, const char *name, const char *value)
{
	size_t len = strlen(value), before = en->len;
	uint64_t size = htole64(len);

	if (len == 0)
		return;
	put(en, name, strlen(name));
	if (strchr(value, '\n') == NULL) {
		put(en, "=", 1);
	} else {
		put(en, "\n", 1);
		put(en, &size, sizeof(size));
	}
	put(en, value, len);
	put(en, "\n", 1);
	if (en->full)
		en->len = before; /* never half a field */
}

static void
number(struct journal_entry *en, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	journal_field(en, name, text);
}

static void
cleaned(struct journal_entry *en, const char *name, const char *value)
{
	char clean[512];

	out_clean(clean, sizeof(clean), value);
	journal_field(en, name, clean);
}

static void
put_actor(struct journal_entry *en, const struct watch_actor *by)
{
	if (by->pid == 0)
		return;
	number(en, "LSAWATCH_ACTOR_PID", by->pid);
	if (by->uid != UINT32_MAX)
		number(en, "LSAWATCH_ACTOR_UID", by->uid);
	if (by->login != UINT32_MAX)
		number(en, "LSAWATCH_ACTOR_LOGINUID", by->login);
	cleaned(en, "LSAWATCH_ACTOR_COMM", by->comm);
	cleaned(en, "LSAWATCH_ACTOR_EXE", by->exe);
	cleaned(en, "LSAWATCH_ACTOR_CMDLINE", by->command);
	if (by->parent != 0)
		number(en, "LSAWATCH_ACTOR_PARENT_PID", by->parent);
	cleaned(en, "LSAWATCH_ACTOR_PARENT_EXE", by->parent_exe);
}

static const char *
allowed_word(int allowed)
{
	return allowed < 0 ? "" : allowed ? "yes" : "no";
}

void
journal_entry(const struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling,
	      struct journal_entry *en)
{
	static const char *const states[] = {
		[TELL_NEW] = "new", [TELL_MORE] = "more", [TELL_OVER] = "over"
	};
	char message[OUT_MESSAGE], name[WATCH_NAME];

	*en = (struct journal_entry){ .len = 0 };
	watch_rule_name(fi->rule, name);
	out_message(fi, telling, message);
	journal_field(en, "MESSAGE", message);
	journal_field(en, "MESSAGE_ID", message_ids[watch_rules[fi->rule].row]);
	number(en, "PRIORITY", out_priority(fi->severity));
	journal_field(en, "SYSLOG_IDENTIFIER", "lsawatch");
	journal_field(en, "LSAWATCH_ROW", out_row(fi->rule));
	journal_field(en, "LSAWATCH_RULE", name);
	journal_field(en, "LSAWATCH_SEVERITY", watch_severity_names[fi->severity]);
	journal_field(en, "LSAWATCH_UID", fi->uid);
	journal_field(en, "LSAWATCH_STATE", states[telling]);
	number(en, "LSAWATCH_COUNT", fi->count);
	put_actor(en, &fi->by);
	cleaned(en, "LSAWATCH_PART", out_part(w, fi));
	if (fi->subject_pid != 0)
		number(en, "LSAWATCH_TARGET_PID", fi->subject_pid);
	cleaned(en, "LSAWATCH_TARGET_EXE", fi->subject_exe);
	journal_field(en, "LSAWATCH_LAYER", watch_layer_names[fi->layer]);
	journal_field(en, "LSAWATCH_ALLOWED", allowed_word(fi->allowed));
	journal_field(en, "LSAWATCH_TECHNIQUE", watch_technique(fi->rule));
	journal_field(en, "LSAWATCH_RESPONSE", fi->response);
	cleaned(en, "LSAWATCH_EVIDENCE", fi->evidence);
}

/* ---- the output */

static bool
journal_open(struct lsawatch *w)
{
	struct stat sb;

	/* No journal at all is no failure; one that is away for a while is. */
	if (stat(journald.sun_path, &sb) != 0 || !S_ISSOCK(sb.st_mode))
		return false;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return sock >= 0;
}

/*
 * To the name, each time: journald may have been started anew. When its queue
 * is full it gets a moment, unless it did not use the last one.
 */
static bool
send_entry(const struct journal_entry *en)
{
	static bool slow;
	ssize_t sent = -1;

	for (int i = 0; i < (slow ? 1 : PATIENCE); i++) {
		if (i != 0)
			(void)poll(NULL, 0, 10);
		sent = sendto(sock, en->octets, en->len, MSG_NOSIGNAL,
			      (const struct sockaddr *)&journald, sizeof(journald));
		if (sent >= 0 || errno != EAGAIN)
			break;
	}
	slow = sent < 0 && errno == EAGAIN;
	return sent == (ssize_t)en->len;
}

static int
journal_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling,
	     char *why, size_t n)
{
	static struct journal_entry en;

	journal_entry(w, fi, telling, &en);
	if (send_entry(&en))
		return 0;
	(void)snprintf(why, n, "%s: %s", journald.sun_path, strerror(errno));
	return -1;
}

static void
journal_close(struct lsawatch *w)
{
	if (sock >= 0)
		(void)close(sock);
	sock = -1;
}

const struct output output_journal = {
	.name = "journal",
	.open = journal_open,
	.tell = journal_tell,
	.close = journal_close,
};
