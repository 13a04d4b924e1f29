/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row network activity. lsaiso has the socket that it was started with and a
 * network without anything up. lsass talks to KDCs and to name servers and
 * listens to nobody but through its UNIX sockets: its internet sockets are
 * those in the tables of its network whose inode one of its descriptors has.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsawatch/judge/judge.h"
#include "lsawatch/judge/ports.h"

#define TCP_LISTENING 0x0a /* include/net/tcp_states.h: TCP_LISTEN */
#define UDP_BOUND     0x07 /* TCP_CLOSE: it has no peer */
#define PEERS_MOST    16   /* findings that last, at once */

static struct watch_case
about(const struct watch_target *ta, enum watch_rule rule)
{
	return (struct watch_case){
		.rule = rule, .layer = LAYER_SWEEP, .part = ta->part, .allowed = -1
	};
}

/* ---- lsaiso */

static void
judge_sockets(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = about(ta, RULE_network_socket);
	const struct look_fd *extra = NULL;
	size_t n = 0;

	for (size_t i = 0; i < lo->nfds; i++) {
		if (lo->fds[i].socket == 0 || judge_handles_first(ta->part, &lo->fds[i]))
			continue;
		extra = extra == NULL ? &lo->fds[i] : extra;
		n++;
	}
	finding_holds(
	    w, &ca, n > 0, "",
	    "%s (pid %d) has %zu sockets that it was not started with: descriptor %d is %s",
	    ta->image.name, (int)ta->pid, n, extra != NULL ? extra->fd : -1,
	    extra != NULL ? extra->what : "");
}

static size_t
lines_of(const char *text)
{
	size_t n = 0;

	for (; text != NULL && *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* Its network has a loopback interface, which is down. */
static void
judge_interfaces(struct lsawatch *w, const struct watch_target *ta, int dir)
{
	struct watch_case ca = about(ta, RULE_network_interface);
	/* Two lines of heads, and "lo"; addresses of what is up; groups of what is up. */
	size_t devices = lines_of(look_file(dir, "net/dev", NULL));
	size_t six = lines_of(look_file(dir, "net/if_inet6", NULL));
	size_t four = lines_of(look_file(dir, "net/igmp", NULL));

	if (devices == 0) /* not to be read: it has just ended */
		return;
	finding_holds(w, &ca, devices > 3 || six > 0 || four > 1, "",
		      "the network of %s (pid %d) has %zu interfaces, %zu IPv6 addresses and %s up "
		      "for IPv4",
		      ta->image.name, (int)ta->pid, devices > 2 ? devices - 2 : 0, six,
		      four > 1 ? "one" : "none");
}

/* ---- lsass */

struct entry {
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
	unsigned int local_port, remote_port, state, uid;
	uint64_t inode;
};

/* An address as the tables have it: words of the machine, in hexadecimal. */
static const char *
take_address(const char *at, char *text, unsigned int *port)
{
	uint32_t words[4] = { 0 };
	size_t digits = strspn(at, "0123456789ABCDEF");
	char part[9] = "";

	for (size_t i = 0; i < digits / 8 && i < 4; i++) {
		memcpy(part, at + 8 * i, 8);
		words[i] = (uint32_t)strtoul(part, NULL, 16);
	}
	if (inet_ntop(digits == 8 ? AF_INET : AF_INET6, words, text, INET6_ADDRSTRLEN) == NULL)
		text[0] = '\0';
	at += digits;
	*port = *at == ':' ? (unsigned int)strtoul(at + 1, NULL, 16) : 0;
	return at + strcspn(at, " ");
}

/* One line of tcp, tcp6, udp or udp6: "sl: local remote state queues timer retransmits uid ..." */
static bool
take_entry(const char *line, struct entry *en)
{
	const char *at = strchr(line, ':');
	char *end;

	if (at == NULL || at[1] != ' ')
		return false;
	at = take_address(at + 2, en->local, &en->local_port);
	at = take_address(at + strspn(at, " "), en->remote, &en->remote_port);
	en->state = (unsigned int)strtoul(at, &end, 16);
	for (int i = 0; i < 3; i++) { /* queues, timer, retransmits */
		end += strspn(end, " ");
		end += strcspn(end, " \n");
	}
	en->uid = (unsigned int)strtoul(end, &end, 10);
	(void)strtoul(end, &end, 10); /* timeout */
	en->inode = strtoull(end, NULL, 10);
	return en->inode != 0;
}

static bool
owns(const struct watch_look *lo, uint64_t inode)
{
	for (size_t i = 0; i < lo->nfds; i++) {
		if (lo->fds[i].socket == inode)
			return true;
	}
	return false;
}

/* Sockets that are bad now; the states of those of the last look end with them. */
struct bad {
	uint64_t inode; /* 0: free */
	enum watch_rule rule;
	bool now;
};
static struct bad bads[PEERS_MOST];

static void
tell(struct lsawatch *w, const struct watch_target *ta, enum watch_rule rule, const char *protocol,
     const struct entry *en)
{
	struct watch_case ca = about(ta, rule);
	struct bad *place = NULL;
	char key[32];

	for (size_t i = 0; i < PEERS_MOST; i++) {
		if (bads[i].inode == en->inode) {
			bads[i].now = true;
			return;
		}
		place = place == NULL && bads[i].inode == 0 ? &bads[i] : place;
	}
	if (place == NULL)
		return;
	*place = (struct bad){ en->inode, rule, true };
	(void)snprintf(key, sizeof(key), "%llu", (unsigned long long)en->inode);
	if (rule == RULE_network_listen)
		finding_holds(w, &ca, true, key, "%s (pid %d) listens at %s, %s port %u",
			      ta->image.name, (int)ta->pid, en->local, protocol, en->local_port);
	else
		finding_holds(w, &ca, true, key, "%s (pid %d) talks to %s, %s port %u",
			      ta->image.name, (int)ta->pid, en->remote, protocol, en->remote_port);
}

static void
judge_entry(struct lsawatch *w, const struct watch_target *ta, const char *protocol,
	    const struct entry *en)
{
	bool stream = protocol[0] == 't';

	if (en->state == (stream ? TCP_LISTENING : UDP_BOUND))
		tell(w, ta, RULE_network_listen, protocol, en);
	/* Port 0: glibc asks the kernel in that way which address it would use. */
	else if (en->remote_port != 0 && !ports_known(w, en->remote_port))
		tell(w, ta, RULE_network_peer, protocol, en);
}

static void
judge_table_of(struct lsawatch *w, const struct watch_target *ta, int dir, const char *protocol,
	       const struct watch_look *lo)
{
	char name[16];
	const char *text;
	struct entry en;

	(void)snprintf(name, sizeof(name), "net/%s", protocol);
	text = look_file(dir, name, NULL);
	while (text != NULL && *text != '\0') {
		const char *next = strchr(text, '\n');

		/* The user first: it is cheaper than to look for the inode. */
		if (take_entry(text, &en) && (lo->uid[1] == en.uid || en.uid == 0) &&
		    owns(lo, en.inode))
			judge_entry(w, ta, protocol, &en);
		text = next != NULL ? next + 1 : NULL;
	}
}

static void
judge_peers(struct lsawatch *w, const struct watch_target *ta, int dir, const struct watch_look *lo)
{
	char key[32];

	for (size_t i = 0; i < PEERS_MOST; i++)
		bads[i].now = false;
	judge_table_of(w, ta, dir, "tcp", lo);
	judge_table_of(w, ta, dir, "tcp6", lo);
	judge_table_of(w, ta, dir, "udp", lo);
	judge_table_of(w, ta, dir, "udp6", lo);
	for (size_t i = 0; i < PEERS_MOST; i++) {
		struct watch_case ca = about(ta, bads[i].rule);

		if (bads[i].inode == 0 || bads[i].now)
			continue;
		(void)snprintf(key, sizeof(key), "%llu", (unsigned long long)bads[i].inode);
		finding_holds(w, &ca, false, key, "%s", "");
		bads[i] = (struct bad){ 0 };
	}
}

void
judge_network_look(struct lsawatch *w, const struct watch_target *ta, int dir,
		   const struct watch_look *lo)
{
	if ((lo->seen & LOOK_FDS) == 0)
		return;
	if (ta->part == PART_LSASS) {
		judge_peers(w, ta, dir, lo);
		return;
	}
	judge_sockets(w, ta, lo);
	if (w->table.namespaces != 0)
		judge_interfaces(w, ta, dir);
}
