/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows image path, parent process and instances: what the processes that are
 * watched run and who started them, and every other process that has our
 * program, our name, or nearly.
 *
 * A process is judged when it starts, or when it is first seen, and again a
 * moment later (again.c), because it may take its name only after its exec; and
 * whenever its program or name has changed at a scan. What is bad about it
 * lasts as long as it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsawatch/installed.h"
#include "lsawatch/judge/again.h"
#include "lsawatch/judge/judge.h"
#include "lsawatch/judge/names.h"

#define SEEN_MOST (1u << 18) /* processes that are remembered */
#define BAD_MOST  64	     /* processes with a finding that lasts; of others it does not last */

/* What was judged. */
struct seen {
	pid_t pid; /* 0: free */
	pid_t parent;
	uint64_t start;
	uint64_t face; /* of program and name */
	uint32_t turn; /* scan that saw it last */
};

struct bad {
	pid_t pid; /* 0: free */
	uint64_t start;
	struct watch_case ca;
	char key[48];
};

struct watch_processes_judged {
	struct seen *seen; /* hashed by pid, next places; room is a power of two */
	size_t room, used;
	uint32_t turn;
	struct bad bad[BAD_MOST];
	int proc;		 /* /proc */
	struct watch_image self; /* of lsawatch; fd 0: it is known */
};

static struct watch_processes_judged judged;

/* One process, as it shows itself. */
struct face {
	pid_t pid, parent;
	uint64_t start;
	char state;
	char comm[16];
	char argv0[64]; /* without folders */
	char exe[256];	/* "": not to be seen */
	uint64_t dev, ino;
	uint32_t owner; /* of its file */
	uint32_t mode;
	bool deleted, memfd;
	bool kernel; /* a thread of the kernel */
	bool unseen; /* its program is not shown to us: of another user, or with more rights */
};

/* ---- reading */

/* Name, state, parent and start of the text of stat. */
static bool
take_stat(struct face *fa, const char *text)
{
	const char *from = strchr(text, '('), *to = strrchr(text, ')'), *at = to;
	size_t n;

	if (from == NULL || to == NULL || to < from || to[1] != ' ')
		return false;
	n = (size_t)(to - from - 1);
	n = n < sizeof(fa->comm) ? n : sizeof(fa->comm) - 1;
	memcpy(fa->comm, from + 1, n);
	fa->comm[n] = '\0';
	fa->state = to[2];
	if (fa->state == '\0' || to[3] != ' ')
		return false;
	fa->parent = (pid_t)strtol(to + 4, NULL, 10);
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	fa->start = at != NULL ? strtoull(at, NULL, 10) : 0;
	return at != NULL;
}

/* What is read of every process that is new. */
static bool
glance(pid_t pid, struct face *fa)
{
	char name[32], text[1024];
	struct stat sb;
	ssize_t got;
	int fd;

	*fa = (struct face){ .pid = pid };
	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	fd = openat(judged.proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[got > 0 ? got : 0] = '\0';
	if (!take_stat(fa, text) || strchr("ZXx", fa->state) != NULL)
		return false;
	/* Children of kthreadd, without a program. */
	fa->kernel = pid == 2 || fa->parent == 2;
	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	if (fstatat(judged.proc, name, &sb, 0) == 0) {
		fa->dev = sb.st_dev;
		fa->ino = sb.st_ino;
		fa->owner = sb.st_uid;
		fa->mode = sb.st_mode;
	} else {
		fa->unseen = errno == EACCES || errno == EPERM;
	}
	return true;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
cut_end(char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	if (n >= m && strcmp(text + n - m, end) == 0)
		text[n - m] = '\0';
}

/* What the link of exe tells. */
static void
take_exe(struct face *fa)
{
	fa->memfd = strncmp(fa->exe, "/memfd:", 7) == 0;
	fa->deleted = strstr(fa->exe, " (deleted)") != NULL;
	cut_end(fa->exe, " (deleted)");
}

/* The rest of what is judged. */
static void
stare(struct face *fa)
{
	char text[512];

	(void)process_exe(fa->pid, fa->exe, sizeof(fa->exe));
	take_exe(fa);
	if (process_read(fa->pid, "cmdline", text, sizeof(text)) > 0)
		(void)snprintf(fa->argv0, sizeof(fa->argv0), "%.63s",
			       last_part(text[0] == '-' ? text + 1 : text));
}

/* ---- what is remembered */

static uint64_t
face_of(const struct face *fa)
{
	uint64_t h = 1469598103934665603u ^ fa->dev ^ fa->ino << 16; /* FNV-1a */

	for (const char *at = fa->comm; *at != '\0'; at++)
		h = (h ^ (unsigned char)*at) * 1099511628211u;
	return (h ^ fa->ino) * 1099511628211u;
}

static struct seen *
place_of(pid_t pid)
{
	size_t at = (size_t)pid * 2654435761u & (judged.room - 1);

	while (judged.seen[at].pid != 0 && judged.seen[at].pid != pid)
		at = (at + 1) & (judged.room - 1);
	return &judged.seen[at];
}

/* Room for twice as many, without those that the last scan did not see. */
static void
sieve(uint32_t oldest)
{
	struct seen *old = judged.seen;
	size_t n = judged.room, keep = 0, room = 256;

	for (size_t i = 0; i < n; i++)
		keep += old[i].pid != 0 && old[i].turn >= oldest;
	while (room < 4 * keep)
		room *= 2;
	judged.seen = calloc(room, sizeof(*judged.seen));
	if (judged.seen == NULL) {
		judged.seen = old;
		return;
	}
	judged.room = room;
	judged.used = keep;
	for (size_t i = 0; i < n; i++) {
		if (old[i].pid != 0 && old[i].turn >= oldest)
			*place_of(old[i].pid) = old[i];
	}
	free(old);
}

/* Was it judged with this face? Remembers that it is now. */
static bool
known_face(const struct face *fa)
{
	struct seen *se = place_of(fa->pid);
	uint64_t face = face_of(fa);
	bool same = se->pid == fa->pid && se->start == fa->start && se->face == face;

	if (se->pid == 0)
		judged.used++;
	*se = (struct seen){ fa->pid, fa->parent, fa->start, face, judged.turn };
	if (judged.used * 2 > judged.room && judged.room < SEEN_MOST)
		sieve(0);
	if (judged.used * 4 > judged.room * 3) { /* no memory: judge all anew */
		memset(judged.seen, 0, judged.room * sizeof(*judged.seen));
		judged.used = 0;
	}
	return same;
}

/*
 * Has it the program and the name that it was judged with? What every scan
 * asks of every process: stat would cost the kernel three times as much.
 */
static bool
is_unchanged(pid_t pid)
{
	struct seen *se = place_of(pid);
	struct face fa = { .pid = pid };
	struct stat sb;
	char name[32];
	ssize_t got;
	int fd;

	if (se->pid != pid)
		return false;
	(void)snprintf(name, sizeof(name), "%d/comm", (int)pid);
	fd = openat(judged.proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, fa.comm, sizeof(fa.comm) - 1);
	(void)close(fd);
	fa.comm[got > 0 ? got : 0] = '\0';
	fa.comm[strcspn(fa.comm, "\n")] = '\0';
	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	if (fstatat(judged.proc, name, &sb, 0) == 0) {
		fa.dev = sb.st_dev;
		fa.ino = sb.st_ino;
	}
	if (face_of(&fa) != se->face)
		return false;
	se->turn = judged.turn;
	return true;
}

/* Without room it is as if it had not been seen: the next scan judges it. */
static void
look_later(pid_t pid, enum stage stage, enum watch_layer layer)
{
	if (!again_later(pid, stage, layer, true))
		place_of(pid)->face = 0;
}

/* ---- findings about processes: as long as they run */

static void
raise(struct lsawatch *w, const struct face *fa, struct watch_case ca, const char *text)
{
	struct watch_actor by = {
		.pid = fa->pid, .uid = UINT32_MAX, .login = UINT32_MAX, .parent = fa->parent
	};
	struct bad *room = NULL;
	char key[48];

	(void)snprintf(key, sizeof(key), "%d:%llu", (int)fa->pid, (unsigned long long)fa->start);
	for (size_t i = 0; i < BAD_MOST; i++) {
		struct bad *ba = &judged.bad[i];

		if (ba->pid == fa->pid && ba->ca.rule == ca.rule && strcmp(ba->key, key) == 0)
			return;
		room = ba->pid == 0 && room == NULL ? ba : room;
	}
	(void)snprintf(by.comm, sizeof(by.comm), "%s", fa->comm);
	(void)snprintf(by.exe, sizeof(by.exe), "%s", fa->exe);
	if (room == NULL) { /* a state that nothing would end is none */
		ca.by = &by;
		finding_raise(w, &ca, "%s", text);
		return;
	}
	*room = (struct bad){ fa->pid, fa->start, ca, "" };
	(void)snprintf(room->key, sizeof(room->key), "%s", key);
	ca.by = &by;
	finding_holds(w, &ca, true, key, "%s", text);
}

static struct watch_case
about(const struct face *fa, enum watch_rule rule, enum watch_part part, enum watch_layer layer)
{
	return (struct watch_case){
		.rule = rule, .layer = layer, .part = part, .subject = fa->pid, .allowed = -1
	};
}

/* ---- who is who */

static bool
has_image(const struct face *fa, const struct watch_image *im)
{
	return im->fd >= 0 && fa->ino == im->ino && fa->dev == im->dev;
}

/* A genuine program of ours, started by hand: it says so and ends. */
static bool
is_genuine(const struct lsawatch *w, const struct face *fa)
{
	return has_image(fa, &w->targets[PART_INIT].image) || has_image(fa, &judged.self) ||
	       installed_program(fa->dev, fa->ino);
}

/* The same of one that has ended: by its path. */
static bool
was_genuine(const char *exe)
{
	const struct installed *in = installed_at(exe);

	return (in != NULL && in->kind == INSTALLED_PROGRAM) || strcmp(exe, judged.self.path) == 0;
}

static enum watch_part
part_of_name(const struct lsawatch *w, const char *name)
{
	if (strcmp(name, "lsainit") == 0)
		return PART_INIT;
	if (strcmp(name, w->targets[PART_LSASS].image.name) == 0 || strcmp(name, "lsass") == 0)
		return PART_LSASS;
	return strcmp(name, "lsawatch") == 0 ? PART_NONE : PART_ISO;
}

/* Nobody but root, or who runs us, may change the file. */
static bool
is_trusted(const struct face *fa)
{
	return (fa->owner == 0 || fa->owner == geteuid()) && (fa->mode & 022) == 0 && fa->ino != 0;
}

/* A process called lsainit; *fa is it. */
static bool
is_supervisor(pid_t pid, struct face *fa)
{
	if (!glance(pid, fa))
		return false;
	stare(fa);
	return strcmp(fa->comm, "lsainit") == 0 &&
	       (fa->exe[0] == '\0' || strcmp(last_part(fa->exe), "lsainit") == 0);
}

static bool
has_children(const struct face *fa)
{
	char name[64], text[16];

	(void)snprintf(name, sizeof(name), "task/%d/children", (int)fa->pid);
	if (process_read(fa->pid, name, text, sizeof(text)) >= 0) /* CONFIG_PROC_CHILDREN */
		return text[0] != '\0';
	for (size_t i = 0; i < judged.room; i++) {
		if (judged.seen[i].pid != 0 && judged.seen[i].parent == fa->pid &&
		    judged.seen[i].turn + 1 >= judged.turn &&
		    process_parent(judged.seen[i].pid) == fa->pid)
			return true;
	}
	return false;
}

static bool
is_known(const struct lsawatch *w, const struct face *fa)
{
	size_t n = strlen(fa->exe);

	for (const char *at = w->cf.watch_known; n > 0 && *at != '\0'; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		if (strncmp(at, fa->exe, n) == 0 && (at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* ---- another instance on this machine */

enum instance { INSTANCE_NO, INSTANCE_YES, INSTANCE_OPEN, INSTANCE_UNSURE };

/*
 * Does fa, called like ours, belong to another instance? YES: below a lsainit
 * that only root can have installed. UNSURE: below one that others can change,
 * or whose file cannot be seen, or a lsainit of root's that starts nothing. OPEN: a lsainit that
 * has no children yet, or a lsawatch that has no parent any more.
 */
static enum instance
other_instance(const struct face *fa, const char *name, enum stage stage)
{
	struct face parent;

	if (strcmp(name, "lsainit") == 0 && strcmp(fa->comm, "lsainit") == 0) {
		if (has_children(fa))
			return is_trusted(fa) || fa->unseen ? INSTANCE_YES : INSTANCE_UNSURE;
		if (stage != STAGE_LATE)
			return INSTANCE_OPEN;
		return is_trusted(fa) ? INSTANCE_UNSURE : INSTANCE_NO;
	}
	if (!is_supervisor(fa->parent, &parent)) {
		/* The only one that outlives its lsainit, for a moment. */
		return strcmp(name, "lsawatch") == 0 && stage != STAGE_LATE && is_trusted(fa)
			   ? INSTANCE_OPEN
			   : INSTANCE_NO;
	}
	/* An ordinary user sees no files of processes of others, and can tell no more. */
	if (fa->unseen)
		return INSTANCE_YES;
	return is_trusted(fa) && is_trusted(&parent) ? INSTANCE_YES : INSTANCE_UNSURE;
}

static void
tell_instance(struct lsawatch *w, const struct face *fa, enum watch_layer layer)
{
	struct face top = *fa;
	char text[384];

	if (strcmp(fa->comm, "lsainit") != 0 && !is_supervisor(fa->parent, &top))
		return;
	(void)snprintf(text, sizeof(text), "pid %d is the lsainit of another instance: %s",
		       (int)top.pid, top.exe);
	raise(w, &top, about(&top, RULE_instances_other, PART_INIT, layer), text);
}

/* ---- impostors */

static enum watch_rule
rule_of(const struct face *fa, enum name_like like)
{
	if (like == NAME_NEAR)
		return RULE_impostor_near;
	if (fa->memfd)
		return RULE_impostor_memfd;
	if (fa->deleted)
		return RULE_impostor_deleted;
	return like == NAME_SAME ? RULE_impostor_name : RULE_impostor_homoglyph;
}

static void
tell_impostor(struct lsawatch *w, const struct face *fa, enum name_like like, const char *of,
	      const char *which, const char *name, enum watch_layer layer, bool unsure)
{
	static const char *const how[] = { [NAME_OTHER] = "",
					   [NAME_NEAR] = "one letter from",
					   [NAME_ALIKE] = "made to look like",
					   [NAME_SAME] = "the same as" };
	struct watch_case ca = about(fa, rule_of(fa, like), part_of_name(w, of), layer);
	char text[384];

	ca.severity = unsure ? MEDIUM : 0;
	(void)snprintf(text, sizeof(text), "its %s \"%.64s\" is %s %s, but it runs %.120s%s%s",
		       which, name, how[like], of,
		       fa->exe[0] != '\0' ? fa->exe : "what we may not see",
		       fa->deleted && !fa->memfd ? ", whose file is gone" : "",
		       unsure ? "; maybe of another instance" : "");
	raise(w, fa, ca, text);
}

/* Of the names that a process has the one that is most like ours. */
static void
judge_names(struct lsawatch *w, const struct face *fa, enum stage stage, enum watch_layer layer)
{
	const char *of = "", *best_of = "";
	const struct {
		const char *which, *name;
	} names[] = { { "file", last_part(fa->exe) },
		      { "name", fa->comm },
		      { "first argument", fa->argv0 } };
	enum name_like best = NAME_OTHER;
	enum instance other;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum name_like like = name_like(names[i].name, &of);

		if (like > best) {
			best = like;
			best_of = of;
			at = i;
		}
	}
	if (best == NAME_OTHER || is_known(w, fa))
		return;
	if (is_genuine(w, fa) && strcmp(best_of, "lsainit") != 0)
		return;
	if (stage == STAGE_FOUND) {
		/* Between a fork and an exec a child still has its parent's name. */
		look_later(fa->pid, STAGE_NAMED, layer);
		return;
	}
	other = best == NAME_SAME ? other_instance(fa, best_of, stage) : INSTANCE_NO;
	if (other == INSTANCE_OPEN)
		look_later(fa->pid, STAGE_LATE, layer);
	else if (other == INSTANCE_YES)
		tell_instance(w, fa, layer);
	else
		tell_impostor(w, fa, best, best_of, names[at].which, names[at].name, layer,
			      other == INSTANCE_UNSURE);
}

/* ---- our own program, run by others */

/* It has the program of a part, but it is not the process of that part. */
static void
judge_second(struct lsawatch *w, const struct face *fa, const struct watch_target *ta,
	     enum stage stage, enum watch_layer layer)
{
	struct face parent = { 0 };
	bool supervised = is_supervisor(fa->parent, &parent);
	bool ours = watch_target_of(w, fa->parent) != NULL;
	char text[384];

	/* It may have ended by then, or lsainit says that it is the one. */
	if (stage < STAGE_NAMED) {
		look_later(fa->pid, STAGE_NAMED, layer);
		return;
	}
	if (supervised && !ours) {
		tell_instance(w, fa, layer);
		return;
	}
	if (!ours) {
		process_exe(fa->parent, parent.exe, sizeof(parent.exe));
		(void)snprintf(text, sizeof(text),
			       "pid %d runs %.160s and was started by pid %d, %.128s", (int)fa->pid,
			       ta->image.path, (int)fa->parent, parent.exe);
		raise(w, fa, about(fa, RULE_parent_foreign, ta->part, layer), text);
	}
	if (!judge_target_runs(ta))
		return; /* ours: it is being started */
	(void)snprintf(text, sizeof(text), "pid %d and pid %d both run %.160s", (int)ta->pid,
		       (int)fa->pid, ta->image.path);
	raise(w, fa, about(fa, RULE_instances_second, ta->part, layer), text);
}

static void
tell_child(struct lsawatch *w, const struct face *fa, const struct watch_target *ta,
	   enum watch_layer layer)
{
	char text[384];

	(void)snprintf(text, sizeof(text), "%s (pid %d) has a child: pid %d, \"%s\", %s",
		       ta->image.name, (int)ta->pid, (int)fa->pid, fa->comm, fa->exe);
	raise(w, fa, about(fa, RULE_parent_child, ta->part, layer), text);
}

/* ---- one process */

/* On its way out: it has no memory any more, and so no program. */
static bool
is_empty(const struct face *fa)
{
	return fa->ino == 0 && !fa->unseen && !fa->kernel;
}

static bool
has_ended(pid_t pid)
{
	struct face now;

	return !glance(pid, &now) || is_empty(&now);
}

/* False: it ended meanwhile. */
static bool
judge_face(struct lsawatch *w, struct face *fa, enum stage stage, enum watch_layer layer)
{
	const struct watch_target *ta = watch_target_of(w, fa->pid);
	const struct watch_target *parent = watch_target_of(w, fa->parent);

	if (ta != NULL || fa->pid == getpid())
		return true; /* judge_process_look */
	stare(fa);
	if (parent != NULL && parent->part != PART_INIT)
		tell_child(w, fa, parent, layer);
	/* A path may also be too long to be read. */
	if (fa->exe[0] == '\0' && has_ended(fa->pid))
		return false;
	for (int part = PART_ISO; part < PART_END; part++) {
		if (has_image(fa, &w->targets[part].image)) {
			judge_second(w, fa, &w->targets[part], stage, layer);
			return true;
		}
	}
	/* What our lsainit starts is what it has checked; or it has not yet executed it. */
	if (parent == NULL || parent->part != PART_INIT)
		judge_names(w, fa, stage, layer);
	return true;
}

/* False: it has ended. */
static bool
judge_one(struct lsawatch *w, pid_t pid, enum stage stage, enum watch_layer layer)
{
	struct face fa;

	if (!glance(pid, &fa) || is_empty(&fa))
		return false;
	(void)known_face(&fa);
	return fa.kernel || judge_face(w, &fa, stage, layer);
}

/* ---- events and scans */

void
judge_process_ended(struct lsawatch *w)
{
	for (size_t i = 0; i < BAD_MOST; i++) {
		struct bad *ba = &judged.bad[i];

		if (ba->pid == 0 || process_start(ba->pid) == ba->start)
			continue;
		finding_holds(w, &ba->ca, false, ba->key, "%s", "");
		*ba = (struct bad){ 0 };
	}
}

/*
 * Is it worth to be read about, as far as the event tells? Most are not, and a
 * busy machine has many.
 */
static bool
is_of_interest(struct lsawatch *w, const struct watch_actor *by, const char *path)
{
	const struct watch_target *parent = watch_target_of(w, by->parent);
	char exe[sizeof(by->exe)], first[sizeof(by->command)], name[32];
	const char *of;
	struct stat sb;
	struct face fa = { 0 };

	if (path[0] == '\0' || by->comm[0] == '\0' || by->parent == 0 ||
	    (parent != NULL && parent->part != PART_INIT))
		return true;
	(void)snprintf(name, sizeof(name), "%d/exe", (int)by->pid);
	if (fstatat(judged.proc, name, &sb, 0) == 0) {
		fa.dev = sb.st_dev;
		fa.ino = sb.st_ino;
	}
	for (int part = PART_ISO; part < PART_END; part++) {
		if (has_image(&fa, &w->targets[part].image))
			return true;
	}
	(void)snprintf(exe, sizeof(exe), "%.255s", path);
	cut_end(exe, " (deleted)");
	(void)snprintf(first, sizeof(first), "%s", by->command);
	first[strcspn(first, " ")] = '\0';
	return name_like(by->comm, &of) != NAME_OTHER ||
	       name_like(last_part(exe), &of) != NAME_OTHER ||
	       name_like(last_part(first), &of) != NAME_OTHER;
}

/* It ended before it could be looked at: what the event told of it must do. */
static void
judge_gone(struct lsawatch *w, const struct watch_sight *si, const char *path)
{
	struct face fa = { .pid = si->by.pid, .parent = si->by.parent, .start = 1 };

	if (path[0] != '/' || was_genuine(path) || si->by.parent == w->targets[PART_INIT].pid)
		return;
	(void)snprintf(fa.comm, sizeof(fa.comm), "%s", si->by.comm);
	(void)snprintf(fa.exe, sizeof(fa.exe), "%.255s", path);
	take_exe(&fa);
	(void)snprintf(fa.argv0, sizeof(fa.argv0), "%.*s", (int)strcspn(si->by.command, " "),
		       si->by.command);
	memmove(fa.argv0, last_part(fa.argv0), strlen(last_part(fa.argv0)) + 1);
	judge_names(w, &fa, STAGE_EXEC, si->layer);
}

static void
judge_exec(struct lsawatch *w, const struct watch_sight *si)
{
	const struct watch_target *ta = watch_target_of(w, si->by.pid);

	if (ta != NULL) {
		judge_target_exec(w, ta, si->layer);
	} else if (si->by.pid != 0) {
		const char *path = si->by.exe[0] != '\0' ? si->by.exe : si->name;

		if (is_of_interest(w, &si->by, path) &&
		    !judge_one(w, si->by.pid, STAGE_EXEC, si->layer))
			judge_gone(w, si, path);
		(void)again_later(si->by.pid, STAGE_NAMED, si->layer, false);
	}
}

void
judge_process(struct lsawatch *w, const struct watch_sight *si)
{
	const struct watch_target *ta = watch_target_of(w, si->by.pid);
	/* A thread is neither an instance nor a child; "handles and threads" counts it. */
	bool thread = si->number == 1 || strcmp(si->name, "thread") == 0;

	if (si->see == SEE_EXEC)
		judge_exec(w, si);
	else if (!thread && ta != NULL && ta->part != PART_INIT && si->target != ta->pid)
		(void)judge_one(w, si->target, STAGE_FOUND, si->layer);
}

void
judge_process_one(struct lsawatch *w, pid_t pid, enum watch_layer layer)
{
	(void)judge_one(w, pid, STAGE_FOUND, layer);
}

void
judge_process_scan(struct lsawatch *w, pid_t pid, enum watch_layer layer)
{
	struct face fa;

	if (is_unchanged(pid) || !glance(pid, &fa) || known_face(&fa) || fa.kernel || is_empty(&fa))
		return;
	(void)judge_face(w, &fa, STAGE_FOUND, layer);
	(void)again_later(pid, STAGE_NAMED, layer, false);
}

void
judge_process_scanned(struct lsawatch *w)
{
	sieve(judged.turn);
	judged.turn++;
}

static void
judge_due(struct lsawatch *w, pid_t pid, enum stage stage, enum watch_layer layer)
{
	(void)judge_one(w, pid, stage, layer);
}

void
judge_process_again(struct lsawatch *w)
{
	again_due(w, judge_due);
}

int
judge_process_open(struct lsawatch *w)
{
	struct stat sb;

	judged = (struct watch_processes_judged){ .room = 256 };
	judged.seen = calloc(judged.room, sizeof(*judged.seen));
	if (stat("/proc/self/exe", &sb) == 0)
		judged.self = (struct watch_image){ .dev = sb.st_dev, .ino = sb.st_ino };
	(void)process_exe(getpid(), judged.self.path, sizeof(judged.self.path));
	judged.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return judged.seen != NULL && judged.proc >= 0 ? 0 : -1;
}

void
judge_process_close(struct lsawatch *w)
{
	if (judged.seen == NULL)
		return;
	(void)close(judged.proc);
	free(judged.seen);
	judged.seen = NULL;
}
