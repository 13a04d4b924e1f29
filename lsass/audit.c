/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsass/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"

#define BATCH	(ISO_RECORDS_MAX / RECORD_SIZE)
#define BEHIND	512u	   /* uses after which one does not wait for more */
#define WAIT_NS 100000000L /* for more, from the first on */
#define RETRY_S 1	   /* after an error, and to see whether the file is there */
#define IDLE_S	60	   /* without any use */
#define HEAD_S	3600	   /* between two lines that say where the chain is */

struct audit {
	const struct config *cf;
	pthread_t thread;
	pthread_mutex_t wake, work; /* work: all that follows it */
	pthread_cond_t rung;	    /* under wake */
	bool ring, stop;	    /* under wake */
	unsigned int uses;	    /* since the last collection; atomic */

	char directory[PATH_MAX], path[PATH_MAX + USELOG_NAME];
	char name[USELOG_NAME];
	int fd; /* -1: no file is open */
	uint8_t boot_id[ISO_BOOT_ID];
	off_t size;	     /* of the file as it was left */
	struct uselog_at at; /* its end */
	uint64_t lost;
	bool large;	 /* it was said that the file alone is too large */
	time_t head_due; /* when to say where the chain is */
	char error[256];
};

/* ---- saying */

static void
say_head(const struct audit *au, const char *when)
{
	char boot[USELOG_BOOT], chain[2 * ISO_HASH + 1];

	if (au->fd < 0)
		return;
	uselog_boot_text(au->boot_id, boot);
	for (size_t i = 0; i < ISO_HASH; i++)
		(void)snprintf(chain + 2 * i, 3, "%02x", au->at.chain[i]);
	log_notice("use log%s: boot %s, %llu records, chain %s", when, boot,
		   (unsigned long long)au->at.next - 1, chain);
}

/* Nothing can be stored: said once, and again when it is for another reason. */
static int
failed(struct audit *au, const char *what, const char *why)
{
	char text[sizeof(au->error)];

	(void)snprintf(text, sizeof(text), "%s: %s", what, why);
	if (strcmp(text, au->error) != 0)
		log_err("use log: %s; uses of keys are not stored until this is mended, and the "
			"gap will show in lsactl audit verify",
			text);
	memcpy(au->error, text, sizeof(text));
	return -1;
}

static void
mended(struct audit *au)
{
	if (au->error[0] != '\0')
		log_notice("use log: records are stored again");
	au->error[0] = '\0';
}

/* ---- files */

static void
close_file(struct audit *au)
{
	if (au->fd >= 0)
		(void)close(au->fd);
	au->fd = -1;
	au->large = false;
}

/* Append whole entries or nothing. */
static int
append(struct audit *au, const void *entries, size_t len)
{
	ssize_t got = pwrite(au->fd, entries, len, au->size);
	int error = errno;

	if (got == (ssize_t)len) {
		au->size += (off_t)len;
		return 0;
	}
	if (got >= 0 && ftruncate(au->fd, au->size) != 0)
		log_warn("use log: %s: %s", au->path, strerror(errno));
	return failed(au, au->path, got < 0 ? strerror(error) : strerror(ENOSPC));
}

static void
set_path(struct audit *au, const char *name)
{
	(void)snprintf(au->name, sizeof(au->name), "%s", name);
	(void)snprintf(au->path, sizeof(au->path), "%s/%s", au->directory, name);
}

/*
 * Go to the end of the open file: what is there is not judged here, only a
 * torn last entry is cut off. -1: it is no file of this boot.
 */
static int
go_to_end(struct audit *au)
{
	struct uselog_entry some[BATCH];
	struct uselog_head head;
	ssize_t got = pread(au->fd, &head, sizeof(head), 0);

	if (got != sizeof(head) || !uselog_head_good(&head, au->boot_id))
		return -1;
	uselog_begin(au->boot_id, &au->at);
	au->size = sizeof(head);
	while ((got = pread(au->fd, some, sizeof(some), au->size)) >= (ssize_t)sizeof(some[0])) {
		for (size_t i = 0; i < (size_t)got / sizeof(some[0]); i++)
			(void)uselog_step(&au->at, &some[i]);
		au->size += got - got % (ssize_t)sizeof(some[0]);
	}
	if (got > 0)
		log_warn("use log: the last record of %s was cut short; it is collected again",
			 au->path);
	return got < 0 || (got > 0 && ftruncate(au->fd, au->size) != 0) ? -1 : 0;
}

/* The file of this boot, if it has one: the latest. */
static bool
resume(struct audit *au, const char *boot)
{
	char **names, is[USELOG_BOOT];
	int n = uselog_list(au->directory, &names);

	for (int i = n - 1; i >= 0; i--) {
		if (au->fd < 0 && uselog_named(names[i], is) && strcmp(is, boot) == 0) {
			set_path(au, names[i]);
			au->fd = open(au->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
			if (au->fd >= 0 && go_to_end(au) != 0) {
				log_err("use log: %s is not as it was left; another is begun",
					au->path);
				close_file(au);
			}
		}
		free(names[i]);
	}
	free(names);
	return au->fd >= 0;
}

/* A new file. What lsaiso still has goes into it, from the first record on. */
static int
create(struct audit *au)
{
	struct uselog_head head;
	char name[USELOG_NAME];

	uselog_begin(au->boot_id, &au->at);
	uselog_name(au->boot_id, name);
	set_path(au, name);
	au->fd = open(au->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (au->fd < 0)
		return failed(au, au->path, strerror(errno));
	au->size = 0;
	uselog_head_make(au->boot_id, &head);
	if (append(au, &head, sizeof(head)) == 0)
		return 0;
	(void)unlink(au->path);
	close_file(au);
	return -1;
}

/* The file of the running lsaiso, at its end. */
static int
open_file(struct audit *au)
{
	char boot[USELOG_BOOT];

	if (uselog_directory(au->cf, au->directory, sizeof(au->directory)) != 0)
		return failed(au, "[audit] directory", strerror(ENAMETOOLONG));
	if (au->cf->audit_directory[0] == '\0' && mkdir(au->directory, 0700) != 0 &&
	    errno != EEXIST)
		return failed(au, au->directory, strerror(errno));
	uselog_boot_text(au->boot_id, boot);
	return resume(au, boot) ? 0 : create(au);
}

/* Is the open file there, and as it was left? Else somebody had it in his hands. */
static bool
is_as_left(const struct audit *au)
{
	struct stat named, is;

	return au->fd >= 0 && stat(au->path, &named) == 0 && fstat(au->fd, &is) == 0 &&
	       named.st_ino == is.st_ino && named.st_dev == is.st_dev && is.st_size == au->size;
}

static int
have_file(struct audit *au)
{
	if (is_as_left(au))
		return 0;
	if (au->fd >= 0)
		log_err("use log: %s was removed or changed by somebody else", au->path);
	close_file(au);
	return open_file(au);
}

/* Remove the oldest files of other starts while all are too large. */
static void
make_room(struct audit *au)
{
	char **names, path[sizeof(au->path)];
	int n = uselog_list(au->directory, &names);
	uint64_t all = 0;
	struct stat sb;

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < n; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", au->directory, names[i]);
			if (stat(path, &sb) != 0)
				continue;
			if (pass == 0)
				all += (uint64_t)sb.st_size;
			else if (all > au->cf->audit_octets && strcmp(names[i], au->name) != 0 &&
				 unlink(path) == 0) {
				all -= (uint64_t)sb.st_size;
				log_notice("use log: %s removed, [audit] octets = %llu", path,
					   (unsigned long long)au->cf->audit_octets);
			}
		}
	}
	while (n > 0)
		free(names[--n]);
	free(names);
	if (all > au->cf->audit_octets && !au->large) {
		log_warn("use log: %s alone has more than [audit] octets = %llu; it ends with this "
			 "lsaiso",
			 au->path, (unsigned long long)au->cf->audit_octets);
		au->large = true;
	}
}

/* ---- collecting */

/* Lsaiso has records from first on, and we are elsewhere. False: nothing can be stored. */
static bool
bridge(struct audit *au, const struct iso_rep_audit_read *rep)
{
	struct uselog_entry gap;

	if (rep->first < au->at.next) {
		/* More was stored than was ever made. */
		log_err("use log: %s has records that lsaiso never made; another is begun",
			au->path);
		close_file(au);
		return create(au) == 0;
	}
	if (rep->first == au->at.next) {
		log_err("use log: the end of %s is not as it was written", au->path);
		memcpy(au->at.chain, rep->chain, ISO_HASH); /* the break shows in verify */
		return true;
	}
	uselog_gap_make(rep->chain, &gap);
	if (append(au, &gap, sizeof(gap)) != 0)
		return false;
	log_err("use log: records %llu to %llu are lost: they were not collected in time, "
		"or removed with the file",
		(unsigned long long)au->at.next, (unsigned long long)rep->first - 1);
	au->lost += rep->first - au->at.next;
	au->at.next = rep->first;
	memcpy(au->at.chain, rep->chain, ISO_HASH);
	return true;
}

/* Store the records of one answer. */
static int
store_some(struct audit *au, const struct iso_rep_audit_read *rep)
{
	struct uselog_entry some[BATCH];
	struct uselog_at end = au->at;
	size_t n = rep->records.len / RECORD_SIZE;

	for (size_t i = 0; i < n; i++) {
		memcpy(&some[i].of, rep->records.at + i * RECORD_SIZE, RECORD_SIZE);
		uselog_add(end.chain, &some[i].of);
		memcpy(some[i].chain, end.chain, ISO_HASH);
	}
	if (n > 0 && append(au, some, n * sizeof(some[0])) != 0)
		return -1;
	end.next += n;
	end.gap = false;
	au->at = end;
	return 0;
}

/* Is another lsaiso there than the open file is of? Then that file ends. */
static bool
look_who(struct audit *au)
{
	uint8_t boot_id[ISO_BOOT_ID];

	if (!ask_boot_id(boot_id))
		return false;
	if (au->at.next != 0 && memcmp(boot_id, au->boot_id, ISO_BOOT_ID) == 0)
		return true;
	say_head(au, ", ended");
	close_file(au);
	memcpy(au->boot_id, boot_id, ISO_BOOT_ID);
	uselog_begin(boot_id, &au->at);
	return true;
}

/* All that waits in lsaiso. */
static void
collect(struct audit *au)
{
	struct iso_rep_audit_read rep;
	struct iso_req_audit_read req;
	uint8_t still[ISO_BOOT_ID];
	bool fresh = au->fd < 0;
	uint64_t before;

	if (!look_who(au) || have_file(au) != 0)
		return;
	do {
		before = req.from = au->at.next;
		if (ask_audit_read(&req, &rep) != ISO_OK || !ask_boot_id(still) ||
		    memcmp(still, au->boot_id, ISO_BOOT_ID) != 0)
			return;
		if ((rep.first != au->at.next || memcmp(rep.chain, au->at.chain, ISO_HASH) != 0) &&
		    !bridge(au, &rep))
			return;
		if (rep.first == au->at.next && store_some(au, &rep) != 0)
			return;
	} while (au->at.next < rep.next && au->at.next != before);
	mended(au);
	if (fresh)
		make_room(au);
}

/* ---- the thread */

static void
on_use(void *arg)
{
	struct audit *au = arg;
	unsigned int uses = __atomic_add_fetch(&au->uses, 1, __ATOMIC_SEQ_CST);

	if (uses != 1 && uses != BEHIND)
		return;
	pthread_mutex_lock(&au->wake);
	au->ring = true;
	pthread_cond_signal(&au->rung);
	pthread_mutex_unlock(&au->wake);
}

static struct timespec
after(time_t seconds, long ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += seconds;
	ts.tv_nsec += ns;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000L;
	}
	return ts;
}

/* Sleep until rung or then. The lock wake is held. */
static void
wait_until(struct audit *au, struct timespec then)
{
	while (!au->ring && !au->stop &&
	       pthread_cond_timedwait(&au->rung, &au->wake, &then) != ETIMEDOUT)
		;
	au->ring = false;
}

static void *
collector(void *arg)
{
	struct audit *au = arg;
	bool stop = false, bad = false;
	struct timespec now;

	while (!stop) {
		pthread_mutex_lock(&au->wake);
		wait_until(au, after(bad ? RETRY_S : IDLE_S, 0));
		if (!au->stop && __atomic_load_n(&au->uses, __ATOMIC_SEQ_CST) < BEHIND)
			wait_until(au, after(0, WAIT_NS));
		stop = au->stop;
		pthread_mutex_unlock(&au->wake);
		pthread_mutex_lock(&au->work);
		/* A use that comes from here on rings again. */
		__atomic_store_n(&au->uses, 0, __ATOMIC_SEQ_CST);
		collect(au);
		bad = au->error[0] != '\0';
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= au->head_due) {
			say_head(au, "");
			make_room(au);
			au->head_due = now.tv_sec + HEAD_S;
		}
		pthread_mutex_unlock(&au->work);
	}
	return NULL;
}

struct audit *
audit_start(const struct config *cf)
{
	struct audit *au = calloc(1, sizeof(*au));
	pthread_condattr_t attr;
	struct timespec now;
	int error;

	if (au == NULL)
		return NULL;
	au->cf = cf;
	au->fd = -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	au->head_due = now.tv_sec + HEAD_S;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&au->rung, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&au->wake, NULL);
	pthread_mutex_init(&au->work, NULL);
	au->ring = true; /* what there is by now */
	error = pthread_create(&au->thread, NULL, collector, au);
	if (error != 0) {
		free(au);
		errno = error;
		return NULL;
	}
	ask_on_use(on_use, au);
	return au;
}

void
audit_changed(struct audit *au)
{
	if (au != NULL)
		on_use(au);
}

/* The loop thread does not wait for a disk that hangs. */
static bool
lock_soon(struct audit *au)
{
	struct timespec then;

	clock_gettime(CLOCK_REALTIME, &then);
	then.tv_sec++;
	return au != NULL && pthread_mutex_timedlock(&au->work, &then) == 0;
}

void
audit_flush(struct audit *au)
{
	if (!lock_soon(au))
		return;
	collect(au);
	pthread_mutex_unlock(&au->work);
}

void
audit_stop(struct audit *au)
{
	if (au == NULL)
		return;
	ask_on_use(NULL, NULL);
	pthread_mutex_lock(&au->wake);
	au->stop = true;
	pthread_cond_signal(&au->rung);
	pthread_mutex_unlock(&au->wake);
	(void)pthread_join(au->thread, NULL);
	collect(au);
	say_head(au, ", lsass stops");
	if (au->fd >= 0 && fdatasync(au->fd) != 0)
		log_err("use log: %s: %s", au->path, strerror(errno));
	close_file(au);
	pthread_cond_destroy(&au->rung);
	pthread_mutex_destroy(&au->wake);
	pthread_mutex_destroy(&au->work);
	free(au);
}

void
audit_is(struct audit *au, struct audit_is *is)
{
	memset(is, 0, sizeof(*is));
	if (!lock_soon(au)) {
		(void)snprintf(is->error, sizeof(is->error), "the disk does not answer");
		return;
	}
	(void)snprintf(is->directory, sizeof(is->directory), "%.*s", (int)sizeof(is->directory) - 1,
		       au->directory);
	if (au->fd >= 0)
		memcpy(is->file, au->name, sizeof(is->file));
	is->stored = au->at.next > 0 ? au->at.next - 1 : 0;
	is->lost = au->lost;
	memcpy(is->error, au->error, sizeof(is->error));
	pthread_mutex_unlock(&au->work);
}
