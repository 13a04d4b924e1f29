/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row network activity. lsaiso has the socket that it was started with and a
 * network without anything up. lsass talks to KDCs and to name servers and
 * listens through its UNIX sockets, and at the addresses of [kdc] listen: its internet
 * sockets are those of the network whose inode one of its descriptors has.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/kdc.h"
#include "lsawatch/judge/judge.h"
#include "lsawatch/judge/ports.h"
#include "lsawatch/sense/sockets.h"

#define PEERS_MOST 16 /* findings that last, at once */

/* ---- lsaiso */

static void
judge_sockets(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_network_socket);
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
	struct watch_case ca = judge_about(ta, RULE_network_interface);
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

static const char *
address(const struct watch_socket *so, bool remote, char text[INET6_ADDRSTRLEN])
{
	const uint32_t *of = remote ? so->remote : so->local;

	return inet_ntop(so->six ? AF_INET6 : AF_INET, of, text, INET6_ADDRSTRLEN) != NULL ? text
											   : "?";
}

static void
tell(struct lsawatch *w, const struct watch_target *ta, enum watch_rule rule,
     const struct watch_socket *so)
{
	struct watch_case ca = judge_about(ta, rule);
	const char *protocol = so->stream ? "TCP" : "UDP";
	struct bad *place = NULL;
	char key[32], text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < PEERS_MOST; i++) {
		if (bads[i].inode == so->inode) {
			bads[i].now = true;
			return;
		}
		place = place == NULL && bads[i].inode == 0 ? &bads[i] : place;
	}
	if (place == NULL)
		return;
	*place = (struct bad){ so->inode, rule, true };
	(void)snprintf(key, sizeof(key), "%llu", (unsigned long long)so->inode);
	if (rule == RULE_network_listen)
		finding_holds(w, &ca, true, key, "%s (pid %d) listens at %s, %s port %u",
			      ta->image.name, (int)ta->pid, address(so, false, text), protocol,
			      so->local_port);
	else
		finding_holds(w, &ca, true, key, "%s (pid %d) talks to %s, %s port %u",
			      ta->image.name, (int)ta->pid, address(so, true, text), protocol,
			      so->remote_port);
}

/* At one of the addresses where it is the KDC of this machine: listening there, or with a client.
 */
static bool
is_endpoint(const struct lsawatch *w, const struct watch_socket *so)
{
	static struct kdc_address list[KDC_LISTEN_MAX];
	static int n = -2; /* not read yet */
	char error[256];

	if (n == -2)
		n = kdc_addresses(&w->cf, list, error, sizeof(error));
	for (int i = 0; i < n; i++) {
		const struct sockaddr_in *v4 = (const void *)&list[i].addr;
		const struct sockaddr_in6 *v6 = (const void *)&list[i].addr;
		bool six = list[i].addr.ss_family == AF_INET6;
		const void *at = six ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr;

		if (six == so->six && ntohs(six ? v6->sin6_port : v4->sin_port) == so->local_port &&
		    memcmp(at, so->local, six ? 16 : 4) == 0)
			return true;
	}
	return false;
}

struct asking {
	struct lsawatch *w;
	const struct watch_target *ta;
	const struct watch_look *lo;
};

static void
judge_socket(void *arg, const struct watch_socket *so)
{
	const struct asking *as = arg;

	/* The user first: it is cheaper than to look for the inode. */
	if ((so->uid != as->lo->uid[1] && so->uid != 0) || !owns(as->lo, so->inode) ||
	    is_endpoint(as->w, so))
		return;
	if (so->listens)
		tell(as->w, as->ta, RULE_network_listen, so);
	/* Port 0: glibc asks the kernel in that way which address it would use. */
	else if (so->remote_port != 0 && !ports_known(as->w, so->remote_port))
		tell(as->w, as->ta, RULE_network_peer, so);
}

static void
judge_peers(struct lsawatch *w, const struct watch_target *ta, int dir, const struct watch_look *lo)
{
	struct asking as = { w, ta, lo };
	char key[32];

	for (size_t i = 0; i < PEERS_MOST; i++)
		bads[i].now = false;
	sockets_each(dir, judge_socket, &as);
	for (size_t i = 0; i < PEERS_MOST; i++) {
		struct watch_case ca = judge_about(ta, bads[i].rule);

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
