/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row file integrity, and what of row image path is about files. A change is
 * judged when it has been quiet for a moment: a package is unpacked file by
 * file, and each state between is neither the old one nor the new one. Then
 * every file is looked at, one at each turn of the loop, and all are judged
 * together against the signed manifest.
 */
#define _GNU_SOURCE
#include "lsawatch/judge/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/launch.h"
#include "lsass/loop.h"
#include "lsawatch/judge/files_look.h"

#define QUIET_MS    500
#define WAIT_MS	    1200   /* since the first change; less than 2 s in all */
#define PACKAGE_MS  15000  /* while dpkg has its new files beside ours */
#define REGULAR_MS  600000 /* even if nothing was seen */
#define TICK_MS	    50
#define SLICE_MS    2
#define RECENT_MS   5000 /* an actor that was seen so long ago did it */
#define MOST_SMALL  (1 << 20)
#define ITEMS	    48
#define MOUNTERS    8
#define PACKAGE_NEW ".dpkg-new"

struct item {
	struct file_look base; /* as it should be: of the start, or since it was judged good */
	struct file_look now;
	bool looked; /* ever */
	bool good;   /* of programs: as signed; with verify = off: as at the start */
	struct watch_actor by;
	int64_t by_when; /* 0: nobody was seen */
	enum watch_layer layer;
};

static struct {
	struct lsawatch *w;
	const struct installed *all;
	size_t n;
	struct item items[ITEMS];
	struct launch *la; /* NULL: verify = off */
	bool la_good;
	char la_why[384];
	bool begun;		    /* the first round is over */
	int64_t first, last;	    /* changes that wait; 0: none */
	int64_t mount;		    /* mount table, likewise */
	int64_t round_begun, ended; /* 0: no round runs */
	size_t next;		    /* of the round */
	struct {
		int64_t when;
		enum watch_layer layer;
		struct watch_actor by;
		char path[256];
	} mounters[MOUNTERS];
	size_t n_mounters;
	uint32_t ms;
} fi;

static void tick(void *arg);

static void
pace(uint32_t ms)
{
	if (fi.ms == ms)
		return;
	fi.ms = ms;
	(void)loop_every(fi.w->lo, ms, tick, fi.w);
}

/* The end of a path, which tells files apart well enough. */
static const char *
key_of(const struct installed *in)
{
	size_t len = strlen(in->path);

	return len > 120 ? in->path + len - 120 : in->path;
}

static struct watch_case
case_of(enum watch_rule rule, const struct installed *in, const struct item *it)
{
	bool known = it->by_when != 0 && watch_now_ms() - it->by_when < RECENT_MS + WAIT_MS;

	return (struct watch_case){ .rule = rule,
				    .layer = known ? it->layer : LAYER_SWEEP,
				    .by = known && it->by.pid != 0 ? &it->by : NULL,
				    .part = in->part,
				    .allowed = -1 };
}

static void
note_change(void)
{
	fi.last = watch_now_ms();
	fi.first = fi.first != 0 ? fi.first : fi.last;
}

/* ---- one file */

/* Without a good manifest nothing may become another. */
static bool
judges_by_manifest(void)
{
	return fi.la != NULL && fi.la_good;
}

static const struct manifest_program *
signed_as(const struct installed *in)
{
	return judges_by_manifest() ? manifest_find(&fi.la->manifest, in->name) : NULL;
}

/* As it is to be: where lsainit opened what runs, and that, if nothing was signed. */
static void
set_base(const struct installed *in, struct item *it)
{
	struct measure is;

	it->base = it->now;
	if (in->image == NULL)
		return;
	it->base.mount = file_look_mount(in->image->fd);
	if (fi.la == NULL && measure_file(in->image->fd, MANIFEST_SIZE, &is) == 0)
		memcpy(it->base.digest, is.sha256, sizeof(is.sha256));
}

static void
look_at_item(size_t i)
{
	const struct installed *in = &fi.all[i];
	struct item *it = &fi.items[i];
	const struct manifest_program *want = in->kind == INSTALLED_PROGRAM ? signed_as(in) : NULL;
	struct file_look now;

	file_look(in, &now);
	/* What has not changed need not be read again; of a folder files may have. */
	if (it->looked && in->suffix == NULL && file_look_same(&now, &it->now)) {
		it->now.mode = now.mode;
		it->now.uid = now.uid;
		it->now.gid = now.gid;
		it->now.attributes = now.attributes;
		it->now.capable = now.capable;
	} else if (want != NULL && now.exists && now.size != want->size) {
		it->now = now; /* is wrong, however long it takes to read */
		(void)snprintf(it->now.why, sizeof(it->now.why), "%llu octets instead of %llu",
			       (unsigned long long)now.size, (unsigned long long)want->size);
	} else {
		file_look_into(in, in->kind == INSTALLED_PROGRAM ? MANIFEST_SIZE : MOST_SMALL,
			       &it->now);
	}
	if (!it->looked)
		set_base(in, it);
	it->looked = true;
}

static bool
same_content(const struct file_look *one, const struct file_look *other)
{
	return one->exists == other->exists && one->readable == other->readable &&
	       memcmp(one->digest, other->digest, sizeof(one->digest)) == 0;
}

/* Is it what it should be: as signed, or as it was? */
static bool
has_its_octets(const struct item *it, const struct manifest_program *want)
{
	if (!judges_by_manifest())
		return same_content(&it->now, &it->base);
	return want != NULL && it->now.size == want->size &&
	       memcmp(it->now.digest, want->sha256, sizeof(want->sha256)) == 0;
}

/* Is a program as it should be? Else why not. */
static bool
is_good(const struct installed *in, const struct item *it, char *why, size_t n)
{
	const struct manifest_program *want = signed_as(in);

	if (!it->now.exists) {
		(void)snprintf(why, n, "it is not there: %s", it->now.why);
		return false;
	}
	if (!it->now.readable) {
		(void)snprintf(why, n, "%s", it->now.why);
		return false;
	}
	if (has_its_octets(it, want))
		return true;
	if (!judges_by_manifest())
		(void)snprintf(why, n, "it is another than it was");
	else if (want == NULL)
		(void)snprintf(why, n, "the manifest does not name it");
	else
		(void)snprintf(
		    why, n, "its SHA-256 begins %02x%02x%02x%02x instead of %02x%02x%02x%02x",
		    it->now.digest[0], it->now.digest[1], it->now.digest[2], it->now.digest[3],
		    want->sha256[0], want->sha256[1], want->sha256[2], want->sha256[3]);
	return false;
}

/* ---- mounts */

static bool
is_above(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	return strncmp(folder, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Who mounted there; false: was not seen. */
static bool
find_mounter(const char *path, struct watch_case *ca)
{
	for (size_t i = 0; i < MOUNTERS && i < fi.n_mounters; i++) {
		size_t at = (fi.n_mounters - 1 - i) % MOUNTERS;

		if (watch_now_ms() - fi.mounters[at].when > RECENT_MS)
			break;
		if (fi.mounters[at].path[0] == '\0' || is_above(fi.mounters[at].path, path)) {
			ca->by = &fi.mounters[at].by;
			ca->layer = fi.mounters[at].layer;
			return true;
		}
	}
	return false;
}

/* True: something lies over it now. */
static bool
judge_cover(struct lsawatch *w, const struct installed *in, const struct item *it,
	    const struct file_look *now)
{
	struct watch_case ca = case_of(RULE_path_covered, in, it);
	bool covered = now->mount != 0 && it->base.mount != 0 && now->mount != it->base.mount;

	if (covered && !find_mounter(in->path, &ca))
		ca.by = NULL;
	finding_holds(w, &ca, covered, key_of(in), "another file system is mounted over %s",
		      in->path);
	return covered;
}

static void
judge_mounts(struct lsawatch *w)
{
	for (size_t i = 0; i < fi.n; i++) {
		struct file_look now;

		if (!fi.items[i].looked || fi.all[i].kind == INSTALLED_PRELOAD)
			continue;
		file_look(&fi.all[i], &now);
		(void)judge_cover(w, &fi.all[i], &fi.items[i], &now);
		if (now.mount != fi.items[i].now.mount)
			note_change(); /* and what lies there now? */
	}
}

/* ---- what was found */

static void
judge_attributes(struct lsawatch *w, const struct installed *in, struct item *it, bool covered)
{
	struct watch_case ca = case_of(RULE_integrity_attributes, in, it);
	bool another = it->now.ino != it->base.ino || it->now.dev != it->base.dev;
	char what[96] = "";
	bool same = !it->now.exists || !it->base.exists || covered ||
		    file_look_attributes(&it->base, &it->now, what, sizeof(what));

	/* A package brings its own, as long as nobody gains by them. */
	if (!same && another && it->good && it->now.uid == it->base.uid && !it->now.capable &&
	    (it->now.mode & 06022) == 0)
		same = true;
	finding_holds(w, &ca, !same, key_of(in), "%s: %s", in->path, what);
}

static void
judge_place(struct lsawatch *w, const struct installed *in, const struct item *it, bool covered)
{
	struct watch_case ca = case_of(RULE_path_replaced, in, it);
	bool other;

	if (in->image == NULL)
		return;
	other = it->now.exists && (it->now.ino != in->image->ino || it->now.dev != in->image->dev);
	finding_holds(w, &ca, other && !covered && !it->good, "",
		      "%s is another file than the %s that runs, and not one that was signed",
		      in->path, in->name);
	ca.rule = RULE_path_upgraded;
	finding_holds(w, &ca, other && !covered && it->good, "",
		      "%s is another file than the %s that runs", in->path, in->name);
}

/* True: it is another than it was, and good. */
static bool
judge_program(struct lsawatch *w, const struct installed *in, struct item *it)
{
	struct watch_case ca = case_of(RULE_integrity_changed, in, it);
	bool covered = judge_cover(w, in, it, &it->now), new;
	char why[160] = "";

	it->good = is_good(in, it, why, sizeof(why));
	if (fi.la == NULL)
		ca.severity = HIGH;
	finding_holds(w, &ca, !it->good, key_of(in), "%s is not what was %s: %s", in->path,
		      fi.la != NULL ? "signed" : "there at the start", why);
	judge_place(w, in, it, covered);
	judge_attributes(w, in, it, covered);
	new = it->good && !covered && !same_content(&it->now, &it->base);
	if (it->good && !covered && (new || it->now.ino != it->base.ino)) {
		uint64_t mount = it->base.mount;

		it->base = it->now;
		it->base.mount = mount;
	}
	return new;
}

static const struct item *
newest(const struct item *one, const struct item *other)
{
	return one == NULL || (other != NULL && other->by_when > one->by_when) ? other : one;
}

/* The manifest and its signature are one thing: one finding. True: it is another than it was. */
static bool
judge_manifest(struct lsawatch *w)
{
	const struct installed *in = NULL;
	struct item *it = NULL;
	const struct item *by = NULL;
	struct watch_case ca;
	bool new;

	for (size_t i = 0; i < fi.n; i++) {
		if (fi.all[i].kind != INSTALLED_MANIFEST && fi.all[i].kind != INSTALLED_SIGNATURE)
			continue;
		by = newest(by, &fi.items[i]);
		(void)judge_cover(w, &fi.all[i], &fi.items[i], &fi.items[i].now);
		judge_attributes(w, &fi.all[i], &fi.items[i], false);
		if (fi.all[i].kind == INSTALLED_MANIFEST)
			in = &fi.all[i], it = &fi.items[i];
	}
	if (in == NULL || fi.la == NULL)
		return false;
	ca = case_of(RULE_integrity_changed, in, by);
	finding_holds(w, &ca, !fi.la_good, key_of(in), "%s", fi.la_why);
	new = fi.la_good && !same_content(&it->now, &it->base);
	if (new)
		it->base = it->now;
	return new;
}

static void
judge_kept(struct lsawatch *w, enum watch_rule rule, const struct installed *in, struct item *it,
	   const char *what)
{
	struct watch_case ca = case_of(rule, in, it);

	finding_holds(w, &ca, !same_content(&it->now, &it->base), key_of(in), "%s: %s", in->path,
		      what);
	if (in->kind == INSTALLED_KEYS)
		judge_attributes(w, in, it, judge_cover(w, in, it, &it->now));
}

static void
judge_configuration(struct lsawatch *w, const struct installed *in, struct item *it)
{
	struct watch_case ca = case_of(RULE_integrity_configuration, in, it);

	(void)judge_cover(w, in, it, &it->now);
	judge_attributes(w, in, it, false);
	if (same_content(&it->now, &it->base))
		return;
	finding_raise(w, &ca, "%s is not what it was when lsawatch started", in->path);
	it->base = it->now;
}

static void
judge_rest(struct lsawatch *w, const struct installed *in, struct item *it)
{
	struct watch_case ca = case_of(RULE_integrity_preload, in, it);

	switch (in->kind) {
	case INSTALLED_KEYS:
		judge_kept(w, RULE_integrity_keys, in, it,
			   "the keys in it are not those of the start");
		break;
	case INSTALLED_CONFIGURATION:
		judge_configuration(w, in, it);
		break;
	case INSTALLED_PRELOAD:
		ca.severity = INFO;
		if (!fi.begun && it->now.exists && it->now.size != 0)
			finding_raise(w, &ca, "%s was there before lsawatch", in->path);
		judge_kept(w, RULE_integrity_preload, in, it, "it was made, changed or removed");
		break;
	case INSTALLED_PROGRAM:
	case INSTALLED_MANIFEST:
	case INSTALLED_SIGNATURE:
		break;
	}
}

static void
say_upgraded(struct lsawatch *w, size_t programs, bool manifest)
{
	struct watch_case ca = { .rule = RULE_integrity_upgraded,
				 .layer = LAYER_SWEEP,
				 .part = PART_NONE,
				 .allowed = -1 };
	const struct item *by = NULL;

	for (size_t i = 0; i < fi.n; i++) {
		if (fi.items[i].by_when != 0)
			by = newest(by, &fi.items[i]);
		if (fi.all[i].kind == INSTALLED_PROGRAM && !fi.items[i].good)
			return; /* of that there is a finding */
	}
	if (by != NULL && by->by.pid != 0 && watch_now_ms() - by->by_when < RECENT_MS) {
		ca.by = &by->by;
		ca.layer = by->layer;
	}
	finding_raise(w, &ca, "%zu programs%s changed, and all are as signed", programs,
		      manifest ? " and the manifest" : "");
}

static void
conclude(struct lsawatch *w)
{
	size_t programs = 0;
	bool manifest = judge_manifest(w);

	for (size_t i = 0; i < fi.n; i++) {
		if (fi.all[i].kind == INSTALLED_PROGRAM)
			programs += judge_program(w, &fi.all[i], &fi.items[i]);
		else
			judge_rest(w, &fi.all[i], &fi.items[i]);
	}
	if (fi.begun && fi.la != NULL && fi.la_good && (programs != 0 || manifest))
		say_upgraded(w, programs, manifest);
	fi.begun = true;
}

/* ---- rounds */

static void
begin_round(struct lsawatch *w)
{
	char error[1024];

	fi.round_begun = watch_now_ms();
	fi.next = 0;
	if (fi.la == NULL)
		return;
	fi.la_good = launch_read(&w->cf, fi.la, error, sizeof(error)) == 0;
	if (!fi.la_good)
		(void)snprintf(fi.la_why, sizeof(fi.la_why), "%.380s", error);
}

static void
end_round(struct lsawatch *w, int64_t now)
{
	bool again = fi.last > fi.round_begun && now - fi.first < WAIT_MS;

	fi.round_begun = 0;
	if (again) /* something changed meanwhile */
		return;
	fi.first = fi.last = 0;
	fi.ended = now;
	conclude(w);
}

static bool
unpacking(void)
{
	char path[512 + sizeof(PACKAGE_NEW)];

	for (size_t i = 0; i < fi.n; i++) {
		(void)snprintf(path, sizeof(path), "%s" PACKAGE_NEW, fi.all[i].path);
		if (fi.all[i].kind == INSTALLED_PROGRAM && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static bool
is_due(int64_t now)
{
	if (!fi.begun || now - fi.ended >= REGULAR_MS)
		return true;
	if (fi.first == 0 || (now - fi.last < QUIET_MS && now - fi.first < WAIT_MS))
		return false;
	return now - fi.first >= PACKAGE_MS || !unpacking();
}

static void
tick(void *arg)
{
	struct lsawatch *w = arg;
	int64_t now = watch_now_ms();

	if (fi.mount != 0 && now - fi.mount >= TICK_MS) {
		fi.mount = 0;
		judge_mounts(w);
	}
	if (fi.round_begun == 0 && is_due(now))
		begin_round(w);
	if (fi.round_begun != 0) {
		if (fi.next < fi.n)
			look_at_item(fi.next++);
		else
			end_round(w, now);
	}
	pace(fi.round_begun != 0 ? SLICE_MS : fi.first != 0 || fi.mount != 0 ? TICK_MS : 10000);
}

/* ---- what comes */

static void
note_mount(const struct watch_sight *si)
{
	size_t at = fi.n_mounters++ % MOUNTERS;

	fi.mounters[at].when = watch_now_ms();
	fi.mounters[at].layer = si->layer;
	fi.mounters[at].by = si->by;
	process_complete(fi.w, &fi.mounters[at].by);
	(void)snprintf(fi.mounters[at].path, sizeof(fi.mounters[at].path), "%s", si->name);
}

static void
note_actor(const struct watch_sight *si)
{
	const struct installed *in = installed_at(si->name);
	struct item *it;

	if (in == NULL || (size_t)(in - fi.all) >= fi.n)
		return;
	it = &fi.items[in - fi.all];
	/* A sensor that does not know who hides none that does. */
	if (si->by.pid == 0 && it->by.pid != 0 && watch_now_ms() - it->by_when < RECENT_MS)
		return;
	it->by = si->by;
	it->by_when = watch_now_ms();
	it->layer = si->layer;
	process_complete(fi.w, &it->by);
}

void
judge_files(struct lsawatch *w, const struct watch_sight *si)
{
	(void)w;
	if (si->see == SEE_MOUNT && si->by.pid != 0)
		note_mount(si);
	else
		note_actor(si);
	if (si->see == SEE_MOUNT)
		fi.mount = watch_now_ms();
	else
		note_change();
	if (fi.round_begun == 0)
		pace(TICK_MS);
}

int
files_judge_open(struct lsawatch *w)
{
	memset(&fi, 0, sizeof(fi));
	fi.w = w;
	if (installed_open(w) != 0)
		return -1;
	fi.all = installed_all(&fi.n);
	fi.n = fi.n < ITEMS ? fi.n : ITEMS;
	if (strcmp(w->cf.launch_verify, "off") != 0) {
		fi.la = calloc(1, sizeof(*fi.la));
		if (fi.la == NULL)
			return -1;
	}
	fi.ms = SLICE_MS;
	return loop_every(w->lo, fi.ms, tick, w);
}

void
files_judge_close(struct lsawatch *w)
{
	(void)w;
	free(fi.la);
	fi.la = NULL;
}
