/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsawatch/sense/audit_event.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

/* ---- text */

/* A number of that base at the beginning of it. False: there is none, or it is too big. */
static bool
take_number(struct span *from, unsigned int base, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	for (; i < from->len; i++) {
		char c = from->at[i];
		unsigned int digit = c >= '0' && c <= '9'   ? (unsigned int)(c - '0')
				     : c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10)
				     : c >= 'A' && c <= 'F' ? (unsigned int)(c - 'A' + 10)
							    : 99;

		if (digit >= base)
			break;
		if (*value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	from->at += i;
	from->len -= i;
	return i != 0;
}

static bool
take_text(struct span *from, const char *text)
{
	size_t n = strlen(text);

	if (from->len < n || memcmp(from->at, text, n) != 0)
		return false;
	from->at += n;
	from->len -= n;
	return true;
}

/* The value of name=, up to the next blank. What somebody chose has no blank: it is in hex then. */
static bool
find(struct span in, const char *name, struct span *value)
{
	size_t n = strlen(name);

	while (in.len != 0) {
		const char *blank = memchr(in.at, ' ', in.len);
		size_t word = blank != NULL ? (size_t)(blank - in.at) : in.len;

		if (word > n && in.at[n] == '=' && memcmp(in.at, name, n) == 0) {
			*value = (struct span){ in.at + n + 1, word - n - 1 };
			return true;
		}
		word += blank != NULL;
		in.at += word;
		in.len -= word;
	}
	return false;
}

static uint64_t
number(struct span in, const char *name, unsigned int base)
{
	struct span value;
	uint64_t got;

	return find(in, name, &value) && take_number(&value, base, &got) ? got : 0;
}

/* Pairs of hex digits; what is none ends it. */
static void
unhex(struct span from, char *to, size_t size)
{
	size_t i = 0;
	uint64_t octet;

	for (; from.len >= 2 && i + 1 < size; i++) {
		struct span pair = { from.at, 2 };

		if (!take_number(&pair, 16, &octet) || pair.len != 0 || octet == 0)
			break;
		to[i] = (char)octet;
		from.at += 2;
		from.len -= 2;
	}
	to[i] = '\0';
}

/* A name: in quotes, or in hex, or (null). */
static void
name_of(struct span in, const char *name, char *to, size_t size)
{
	struct span value;

	to[0] = '\0';
	if (!find(in, name, &value) || value.len == 0 || value.at[0] == '(' || value.at[0] == '?')
		return;
	if (value.at[0] != '"') {
		unhex(value, to, size);
		return;
	}
	for (size_t i = 1; i < value.len && i < size && value.at[i] != '"'; i++) {
		to[i - 1] = value.at[i];
		to[i] = '\0';
	}
}

/* audit(SECONDS.MILLISECONDS:SERIAL): */
static bool
take_head(struct span *from, uint64_t *serial)
{
	uint64_t seconds, milliseconds;

	return take_text(from, "audit(") && take_number(from, 10, &seconds) &&
	       take_text(from, ".") && take_number(from, 10, &milliseconds) &&
	       take_text(from, ":") && take_number(from, 10, serial) && take_text(from, "):") &&
	       *serial != 0;
}

/* ---- records */

static void
take_syscall(struct audit_event *ev, struct span in)
{
	static const char *const args[4] = { "a0", "a1", "a2", "a3" };
	struct span value;
	bool negative;
	uint64_t got = 0;

	ev->known = true;
	ev->arch = (uint32_t)number(in, "arch", 16);
	ev->syscall = (int)(number(in, "syscall", 10) & 0x7fffffff);
	ev->success = find(in, "success", &value) && value.len == 3 &&
		      memcmp(value.at, "yes", 3) == 0;
	if (find(in, "exit", &value)) {
		negative = take_text(&value, "-");
		(void)take_number(&value, 10, &got);
		ev->exit = negative ? -(int64_t)(got & INT64_MAX) : (int64_t)(got & INT64_MAX);
	}
	for (size_t i = 0; i < 4; i++)
		ev->args[i] = number(in, args[i], 16);
	ev->ppid = (pid_t)(number(in, "ppid", 10) & 0x7fffffff);
	ev->pid = (pid_t)(number(in, "pid", 10) & 0x7fffffff);
	ev->uid = (uint32_t)number(in, "uid", 10);
	ev->login = find(in, "auid", &value) ? (uint32_t)number(in, "auid", 10) : UINT32_MAX;
	name_of(in, "comm", ev->comm, sizeof(ev->comm));
	name_of(in, "exe", ev->exe, sizeof(ev->exe));
	name_of(in, "key", ev->key, sizeof(ev->key));
}

static void
take_path(struct audit_event *ev, struct span in)
{
	if (ev->n_paths == AUDIT_EVENT_PATHS)
		return;
	name_of(in, "name", ev->paths[ev->n_paths], sizeof(ev->paths[0]));
	ev->n_paths += ev->paths[ev->n_paths][0] != '\0';
}

static void
take_pid(struct audit_event *ev, struct span in)
{
	uint64_t pid = number(in, "opid", 10);

	if (pid != 0 && pid <= INT32_MAX && ev->n_pids < AUDIT_EVENT_PIDS)
		ev->pids[ev->n_pids++] = (pid_t)pid;
}

static struct audit_event *
event_of(struct audit_events *es, uint64_t serial, bool make)
{
	struct audit_event *ev;

	for (size_t i = 0; i < AUDIT_EVENTS_OPEN; i++) {
		if (es->open[i].serial == serial)
			return &es->open[i];
	}
	if (!make)
		return NULL;
	ev = &es->open[es->next++ % AUDIT_EVENTS_OPEN];
	memset(ev, 0, sizeof(*ev));
	ev->serial = serial;
	return ev;
}

const struct audit_event *
audit_record(struct audit_events *es, unsigned int type, const char *text, size_t len)
{
	struct span in = { text, len };
	struct audit_event *ev;
	uint64_t serial;

	while (in.len != 0 && (in.at[in.len - 1] == '\0' || in.at[in.len - 1] == '\n'))
		in.len--;
	if (!take_head(&in, &serial))
		return NULL;
	/* Others (of logins, of changed rules) are one record each, and never end. */
	ev = event_of(es, serial, type == AUDIT_SYSCALL);
	if (ev == NULL)
		return NULL;
	switch (type) {
	case AUDIT_SYSCALL:
		take_syscall(ev, in);
		break;
	case AUDIT_PATH:
		take_path(ev, in);
		break;
	case AUDIT_CWD:
		name_of(in, "cwd", ev->cwd, sizeof(ev->cwd));
		break;
	case AUDIT_OBJ_PID:
		take_pid(ev, in);
		break;
	case AUDIT_EOE:
		ev->serial = 0;
		return ev->known ? ev : NULL;
	default:
		break;
	}
	return NULL;
}
