/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/sense/audit_rules.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 1000
#define TEXTS	  1024 /* octets of paths and key of one rule */
#define RULES	  96
#define SWITCHED  "-on"
#define LOCKED	  2 /* audit_status.enabled */

union rule {
	struct audit_rule_data data;
	uint8_t octets[sizeof(struct audit_rule_data) + TEXTS];
};

union message {
	struct nlmsghdr head;
	uint8_t octets[NLMSG_HDRLEN + sizeof(union rule) + 7168];
};

static struct {
	int fd;
	uint32_t seq;
	bool switched_on;     /* by us, or by another lsawatch which runs */
	bool others;	      /* there are rules that are not ours */
	unsigned int removed; /* rules of ours, which the kernel will tell of */
	struct {
		uint8_t *octets; /* as it was added; NULL: free */
		size_t len;
		unsigned int group;
		bool over; /* to be taken away */
	} kept[RULES];
	union message got;
	bool task_never; /* a rule keeps new processes out of it */
	uint8_t *stale[RULES];
	size_t n_stale;
} ar = { .fd = -1 };

static union rule made; /* being made */

/* ---- the line */

static int
send_message(uint16_t type, const void *data, size_t len)
{
	union message msg = { .head = { .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
					.nlmsg_type = type,
					.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
					.nlmsg_seq = ++ar.seq } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	if (len > sizeof(msg) - NLMSG_HDRLEN) {
		errno = EMSGSIZE;
		return -1;
	}
	if (len != 0)
		memcpy(msg.octets + NLMSG_HDRLEN, data, len);
	sent = sendto(ar.fd, &msg, msg.head.nlmsg_len, 0, (const struct sockaddr *)&kernel,
		      sizeof(kernel));
	return sent == (ssize_t)msg.head.nlmsg_len ? 0 : -1;
}

/* The next message of the kernel in answer to our last: octets of its data, or -1. */
static ssize_t
receive(void)
{
	struct pollfd pf = { .fd = ar.fd, .events = POLLIN };
	struct sockaddr_nl from = { 0 };

	while (poll(&pf, 1, ANSWER_MS) > 0) {
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(ar.fd, &ar.got, sizeof(ar.got), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &size);

		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (got >= NLMSG_HDRLEN && from.nl_pid == 0 && ar.got.head.nlmsg_seq == ar.seq)
			return got - NLMSG_HDRLEN;
	}
	errno = ETIMEDOUT;
	return -1;
}

static const void *
data(void)
{
	return ar.got.octets + NLMSG_HDRLEN;
}

/* Send it, and wait for its acknowledgement. each: gets what comes before, or NULL. */
static int
ask(uint16_t type, const void *from, size_t len, void (*each)(size_t len))
{
	struct nlmsgerr error;
	ssize_t got;

	if (send_message(type, from, len) != 0)
		return -1;
	while ((got = receive()) >= 0) {
		if (ar.got.head.nlmsg_type != NLMSG_ERROR) {
			if (each != NULL)
				each((size_t)got);
			continue;
		}
		if ((size_t)got < sizeof(error.error))
			continue;
		memcpy(&error.error, data(), sizeof(error.error));
		errno = -error.error;
		return error.error == 0 ? 0 : -1;
	}
	return -1;
}

/* ---- rules that are there */

static bool
has_text(uint32_t field)
{
	return field == AUDIT_WATCH || field == AUDIT_DIR || field == AUDIT_FILTERKEY ||
	       field == AUDIT_EXE || (field >= AUDIT_SUBJ_USER && field <= AUDIT_SUBJ_CLR) ||
	       (field >= AUDIT_OBJ_USER && field <= AUDIT_OBJ_LEV_HIGH);
}

/*
 * A key of another lsawatch. True: it has ended. The keys of those that run
 * say whether one of them has switched auditing on; the last switches it off.
 */
static bool
is_of_dead(const char *key)
{
	char *after;
	long pid;

	if (strncmp(key, AUDIT_KEY, strlen(AUDIT_KEY)) != 0)
		return false;
	pid = strtol(key + strlen(AUDIT_KEY), &after, 10);
	if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		return true;
	ar.switched_on |= strcmp(after, SWITCHED) == 0;
	return false;
}

/* A rule that was made by a lsawatch which has ended. */
static bool
is_stale(const struct audit_rule_data *rule, const char *texts)
{
	size_t at = 0;

	for (uint32_t i = 0; i < rule->field_count && i < AUDIT_MAX_FIELDS; i++) {
		uint32_t field = rule->fields[i], len = rule->values[i];
		char key[32] = "";

		if (!has_text(field))
			continue;
		if (len > rule->buflen - at)
			return false;
		if (field == AUDIT_FILTERKEY && len < sizeof(key)) {
			memcpy(key, texts + at, len);
			if (is_of_dead(key))
				return true;
		}
		at += len;
	}
	return false;
}

static void
see_rule(size_t len)
{
	const struct audit_rule_data *rule = data();

	if (ar.got.head.nlmsg_type != AUDIT_LIST_RULES || len < sizeof(*rule) ||
	    rule->buflen > len - sizeof(*rule))
		return;
	ar.others = true;
	if (rule->flags == AUDIT_FILTER_TASK && rule->action == AUDIT_NEVER)
		ar.task_never = true;
	len = sizeof(*rule) + rule->buflen;
	if (ar.n_stale == RULES || !is_stale(rule, rule->buf))
		return;
	ar.stale[ar.n_stale] = malloc(len);
	if (ar.stale[ar.n_stale] != NULL)
		memcpy(ar.stale[ar.n_stale++], rule, len);
}

/* All rules: they come behind the acknowledgement, and end with a message of their own. */
static void
see_rules(void)
{
	ssize_t got;

	ar.others = false;
	if (ask(AUDIT_LIST_RULES, NULL, 0, see_rule) != 0)
		return;
	while (ar.got.head.nlmsg_type != NLMSG_DONE && (got = receive()) >= 0)
		see_rule((size_t)got);
	for (size_t i = 0; i < ar.n_stale; i++) {
		const struct audit_rule_data *rule = (const void *)ar.stale[i];

		(void)ask(AUDIT_DEL_RULE, rule, sizeof(*rule) + rule->buflen, NULL);
		free(ar.stale[i]);
	}
	ar.n_stale = 0;
}

/* ---- making rules */

void
audit_rule_begin(void)
{
	memset(&made, 0, sizeof(made));
	made.data.flags = AUDIT_FILTER_EXIT;
	made.data.action = AUDIT_ALWAYS;
}

void
audit_rule_is(uint32_t field, uint32_t op, uint32_t value)
{
	struct audit_rule_data *ru = &made.data;

	if (ru->field_count == AUDIT_MAX_FIELDS)
		return;
	ru->fields[ru->field_count] = field;
	ru->fieldflags[ru->field_count] = op;
	ru->values[ru->field_count++] = value;
}

void
audit_rule_call(int number)
{
	struct audit_rule_data *ru = &made.data;

	/* Numbers are those of this architecture; it must be the first field. */
	if (ru->field_count == 0)
		audit_rule_is(AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64);
	ru->mask[(unsigned int)number / 32] |= 1U << ((unsigned int)number % 32);
}

void
audit_rule_all_calls(void)
{
	memset(made.data.mask, 0xff, sizeof(made.data.mask));
}

void
audit_rule_text(uint32_t field, const char *text)
{
	struct audit_rule_data *ru = &made.data;
	size_t len = strlen(text);

	if (ru->buflen + len > TEXTS)
		return; /* the rule lacks it, and is refused */
	memcpy(made.octets + sizeof(*ru) + ru->buflen, text, len);
	audit_rule_is(field, AUDIT_EQUAL, (uint32_t)len);
	ru->buflen += (uint32_t)len;
}

int
audit_rule_add(unsigned int group)
{
	char key[32];
	size_t len, i = 0;
	uint8_t *kept;

	(void)snprintf(key, sizeof(key), AUDIT_KEY "%d%s", (int)getpid(),
		       ar.switched_on ? SWITCHED : "");
	audit_rule_text(AUDIT_FILTERKEY, key);
	while (i < RULES && ar.kept[i].octets != NULL)
		i++;
	len = sizeof(made.data) + made.data.buflen;
	kept = i < RULES ? malloc(len) : NULL;
	if (kept == NULL) {
		errno = ENOMEM;
		return -1;
	}
	memcpy(kept, &made, len);
	if (ask(AUDIT_ADD_RULE, &made, len, NULL) != 0) {
		free(kept);
		return -1;
	}
	ar.kept[i].octets = kept;
	ar.kept[i].len = len;
	ar.kept[i].group = group;
	ar.kept[i].over = false;
	return 0;
}

static void
take_away(size_t i)
{
	ar.removed += ask(AUDIT_DEL_RULE, ar.kept[i].octets, ar.kept[i].len, NULL) == 0;
	free(ar.kept[i].octets);
	ar.kept[i].octets = NULL;
}

bool
audit_rules_changed(const char *text, size_t len)
{
	char line[512], key[32];

	(void)snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line)),
		       text);
	if (strstr(line, "op=set audit_enabled=0 ") != NULL)
		return true;
	(void)snprintf(key, sizeof(key), "key=\"" AUDIT_KEY "%d", (int)getpid());
	if (strstr(line, "op=remove_rule ") == NULL || strstr(line, key) == NULL)
		return false;
	if (ar.removed == 0)
		return true;
	ar.removed--;
	return false;
}

void
audit_rules_forget(unsigned int group)
{
	for (size_t i = 0; i < RULES; i++)
		ar.kept[i].over |= ar.kept[i].octets != NULL && ar.kept[i].group == group;
}

bool
audit_rules_take_one(void)
{
	for (size_t i = 0; i < RULES; i++) {
		if (ar.kept[i].octets == NULL || !ar.kept[i].over)
			continue;
		take_away(i);
		return true;
	}
	return false;
}

/* ---- open and close */

static struct audit_status status;
static bool has_status;

static void
see_status(size_t len)
{
	if (ar.got.head.nlmsg_type != AUDIT_GET || len < sizeof(status.mask) * 2)
		return;
	memset(&status, 0, sizeof(status));
	memcpy(&status, data(), len < sizeof(status) ? len : sizeof(status));
	has_status = true;
}

/* The answer may come behind the acknowledgement. */
static int
get_status(void)
{
	ssize_t got;

	has_status = false;
	if (ask(AUDIT_GET, NULL, 0, see_status) != 0)
		return -1;
	while (!has_status && (got = receive()) >= 0)
		see_status((size_t)got);
	return has_status ? 0 : -1;
}

static int
set_enabled(uint32_t enabled)
{
	struct audit_status set = { .mask = AUDIT_STATUS_ENABLED, .enabled = enabled };

	return ask(AUDIT_SET, &set, sizeof(set), NULL);
}

int
audit_rules_open(char *note, size_t n)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };

	note[0] = '\0';
	ar.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (ar.fd < 0 || bind(ar.fd, (const struct sockaddr *)&self, sizeof(self)) != 0 ||
	    get_status() != 0) {
		(void)snprintf(note, n, "audit: %s%s", strerror(errno),
			       errno == ECONNREFUSED || errno == EPERM
				   ? " (initial namespaces and CAP_AUDIT_CONTROL are needed)"
				   : "");
		audit_rules_close();
		return -1;
	}
	if (status.enabled == LOCKED) {
		(void)snprintf(note, n, "the rules of audit are locked (auditctl -e 2)");
		audit_rules_close();
		return -1;
	}
	see_rules();
	if (ar.task_never)
		(void)snprintf(note, n,
			       "a rule of audit (never,task) hides every program; take it away");
	if (ar.task_never || (status.enabled == 0 && set_enabled(1) != 0)) {
		if (!ar.task_never)
			(void)snprintf(note, n, "audit cannot be switched on: %s", strerror(errno));
		audit_rules_close();
		return -1;
	}
	ar.switched_on |= status.enabled == 0;
	if (status.enabled == 0)
		(void)snprintf(note, n,
			       "audit was off: what was started before it was first switched on "
			       "is not seen");
	return 0;
}

int
audit_rules_mend(bool again, char *why, size_t n)
{
	int missing = 0;

	if (get_status() != 0) {
		(void)snprintf(why, n, "audit: %s", strerror(errno));
		return -1;
	}
	if (status.enabled == 0) {
		(void)snprintf(why, n, "audit was switched off (auditctl -e 0)");
		return -1;
	}
	if (!again)
		return 0;
	ar.task_never = false;
	see_rules();
	for (size_t i = 0; i < RULES; i++) {
		if (ar.kept[i].octets == NULL || ar.kept[i].over)
			continue;
		if (ask(AUDIT_ADD_RULE, ar.kept[i].octets, ar.kept[i].len, NULL) == 0)
			missing++;
		else if (errno == EPERM)
			missing = RULES; /* they are locked */
	}
	if (!ar.task_never && missing < RULES)
		return missing;
	(void)snprintf(why, n, "%s",
		       ar.task_never ? "a rule of audit (never,task) hides every program"
				     : "the rules of audit were locked (auditctl -e 2)");
	return -1;
}

void
audit_rules_close(void)
{
	if (ar.fd < 0)
		return;
	for (size_t i = 0; i < RULES; i++) {
		if (ar.kept[i].octets != NULL)
			take_away(i);
	}
	if (ar.switched_on)
		see_rules();
	if (ar.switched_on && !ar.others && get_status() == 0 && status.enabled == 1)
		(void)set_enabled(0);
	ar.switched_on = false;
	(void)close(ar.fd);
	ar.fd = -1;
}
