/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row user account: users, groups, capabilities, no_new_privs, the filter and
 * the namespaces. What lsainit gave it is recorded at the first look, which
 * must itself be right: lsainit names a process only once it is confined.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lsawatch/judge/judge.h"

#define SECCOMP_FILTER 2 /* /proc/PID/status: Seccomp */

static struct {
	bool any, any_ns;
	uint32_t uid, gid;
	uint64_t ns[NS_END];
} first[PART_END];

/* Namespaces of its own: child.c of lsainit, jail. */
static const bool own_ns[NS_END] = {
	[NS_pid] = true, [NS_net] = true, [NS_ipc] = true, [NS_uts] = true, [NS_mnt] = true
};

/* Those of lsainit, as last seen. */
static uint64_t init_ns[NS_END];

/* What holds for a process as long as it is as it is. */
static const enum watch_rule lasting[] = {
	RULE_path_foreign,	 RULE_parent_lost,	 RULE_user_changed,
	RULE_user_capabilities,	 RULE_user_unconfined,	 RULE_user_namespace,
	RULE_resource_spinning,	 RULE_resource_memory,	 RULE_resource_swapped,
	RULE_resource_band,	 RULE_network_socket,	 RULE_network_listen,
	RULE_network_peer,	 RULE_network_interface, RULE_stability_stopped,
	RULE_memory_attach,	 RULE_handles_extra,	 RULE_handles_thread,
	RULE_handles_executable, RULE_handles_band,
};

void
judge_look_anew(struct lsawatch *w, enum watch_part part)
{
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		findings_end(w, lasting[i], part);
	first[part].any_ns = false; /* its user stays that of the one before it */
	judge_handles_anew(part);
	judge_resource_anew(part);
}

/* All four are one, and it is that. */
static bool
all_are(const uint32_t id[4], uint32_t want)
{
	return id[0] == want && id[1] == want && id[2] == want && id[3] == want;
}

static void
judge_ids(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_user_changed);
	bool apart = w->table.separate_users != 0;
	uint32_t uid, gid;

	if (!first[ta->part].any) {
		first[ta->part].any = true;
		first[ta->part].uid = lo->uid[0];
		first[ta->part].gid = lo->gid[0];
	}
	uid = first[ta->part].uid;
	gid = first[ta->part].gid;
	finding_holds(
	    w, &ca,
	    !all_are(lo->uid, uid) || !all_are(lo->gid, gid) ||
		(apart && (uid == 0 || uid == geteuid() || lo->groups != 0)),
	    "",
	    "%s (pid %d) has the users %u %u %u %u and the groups %u %u %u %u and %u more; "
	    "it was started with user %u and group %u",
	    ta->image.name, (int)ta->pid, lo->uid[0], lo->uid[1], lo->uid[2], lo->uid[3],
	    lo->gid[0], lo->gid[1], lo->gid[2], lo->gid[3], lo->groups, uid, gid);
}

static void
judge_capabilities(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_user_capabilities);
	uint64_t any = 0;

	/* The bounding set is that of who started us where all is one user. */
	for (int i = 0; i < CAPS_END; i++)
		any |= i != CAPS_BND || w->table.separate_users != 0 ? lo->caps[i] : 0;
	finding_holds(
	    w, &ca, any != 0, "",
	    "%s (pid %d) has capabilities: inheritable %llx, permitted %llx, effective "
	    "%llx, bounding %llx, ambient %llx",
	    ta->image.name, (int)ta->pid, (unsigned long long)lo->caps[CAPS_INH],
	    (unsigned long long)lo->caps[CAPS_PRM], (unsigned long long)lo->caps[CAPS_EFF],
	    (unsigned long long)lo->caps[CAPS_BND], (unsigned long long)lo->caps[CAPS_AMB]);
}

static void
judge_confined(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_user_unconfined);

	finding_holds(w, &ca, lo->no_new_privs != 1 || lo->seccomp != SECCOMP_FILTER, "",
		      "%s (pid %d) has no_new_privs %d and seccomp mode %d; it was started with 1 "
		      "and 2",
		      ta->image.name, (int)ta->pid, lo->no_new_privs, lo->seccomp);
}

static void
judge_namespaces(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	struct watch_case ca = judge_about(ta, RULE_user_namespace);
	bool jailed = ta->part == PART_ISO && w->table.namespaces != 0;

	if (!first[ta->part].any_ns) {
		first[ta->part].any_ns = true;
		memcpy(first[ta->part].ns, lo->ns, sizeof(lo->ns));
	}
	for (int i = 0; i < NS_END; i++) {
		uint64_t was = first[ta->part].ns[i];
		bool known = init_ns[i] != 0;
		bool wrong = lo->ns[i] != was ||
			     (known && (lo->ns[i] == init_ns[i]) == (jailed && own_ns[i]));

		finding_holds(
		    w, &ca, wrong, look_ns_names[i],
		    "%s (pid %d) is in the %s namespace %llu; it was started in %llu, and "
		    "that of lsainit is %llu",
		    ta->image.name, (int)ta->pid, look_ns_names[i], (unsigned long long)lo->ns[i],
		    (unsigned long long)was, (unsigned long long)init_ns[i]);
	}
}

void
judge_user_look(struct lsawatch *w, const struct watch_target *ta, const struct watch_look *lo)
{
	if ((lo->seen & LOOK_NS) != 0 && ta->part == PART_INIT)
		memcpy(init_ns, lo->ns, sizeof(init_ns));
	if (ta->part == PART_INIT)
		return;
	if ((lo->seen & LOOK_STATUS) != 0) {
		judge_ids(w, ta, lo);
		judge_capabilities(w, ta, lo);
		judge_confined(w, ta, lo);
	}
	if ((lo->seen & LOOK_NS) != 0)
		judge_namespaces(w, ta, lo);
}

/* A change of user is no finding by itself: it may be of before the start. */
void
judge_user(struct lsawatch *w, const struct watch_sight *si)
{
	const struct watch_target *ta = watch_target_of(w, si->by.pid);
	struct watch_look lo = { 0 };
	int dir = ta != NULL && ta->part != PART_INIT ? look_open(ta->pid) : -1;

	if (dir < 0)
		return;
	if (look_at(dir, &lo) == 0)
		judge_user_look(w, ta, &lo);
	look_free(&lo);
	(void)close(dir);
}
