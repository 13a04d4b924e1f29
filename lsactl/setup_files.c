/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* memfd_create */
#endif
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lsactl/replace.h"
#include "lsactl/setup.h"

extern char **environ;

void
setup_note(struct setup *se, const char *format, ...)
{
	size_t n = strlen(se->notes);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(se->notes + n, sizeof(se->notes) - n, format, args);
	va_end(args);
}

/* What is there, as text; -1: said. */
static int
read_file(struct setup_file *fi)
{
	char error[512] = "";
	struct replace re;
	uint8_t *at = NULL;
	size_t len = 0;
	int bad = replace_open(&re, fi->path, REPLACE_LOOK | REPLACE_MAY_LACK, error,
			       sizeof(error));

	/* Without the folder there is no file either. */
	if (bad != 0 && access(fi->path, F_OK) != 0 && errno == ENOENT) {
		replace_close(&re);
		fi->is = strdup("");
		return fi->is != NULL ? 0 : -1;
	}
	if (bad == 0)
		bad = replace_read(&re, SETUP_MOST, &at, &len, error, sizeof(error));
	fi->exists = re.fd >= 0;
	replace_close(&re);
	if (bad == 0 && strlen((const char *)at) != len) {
		(void)snprintf(error, sizeof(error), "%.400s: it is no text", fi->path);
		bad = -1;
	}
	fi->is = (char *)at;
	if (bad != 0)
		(void)fprintf(stderr, "lsactl: %s\n", error);
	return bad;
}

struct setup_file *
setup_find(struct setup *se, const char *path)
{
	for (size_t i = 0; i < se->n; i++) {
		if (strcmp(se->files[i].path, path) == 0)
			return &se->files[i];
	}
	return NULL;
}

struct setup_file *
setup_add(struct setup *se, const char *path, bool whole)
{
	struct setup_file *fi = setup_find(se, path);

	if (fi != NULL)
		return fi;
	if (se->n == SETUP_FILES || strlen(path) >= sizeof(fi->path)) {
		(void)fprintf(stderr, "lsactl: %s: there are too many files\n", path);
		return NULL;
	}
	fi = &se->files[se->n++];
	(void)snprintf(fi->path, sizeof(fi->path), "%s", path);
	fi->whole = whole;
	if (read_file(fi) != 0)
		return NULL;
	if (whole)
		return fi;
	lines_read(&fi->then, fi->is);
	(void)lines_undo(&fi->then);
	fi->clean = lines_text(&fi->then);
	return fi->clean != NULL ? fi : NULL;
}

static bool
is_saved(const struct setup_file *fi)
{
	char path[sizeof(fi->path) + sizeof(SETUP_SAVED)];

	(void)snprintf(path, sizeof(path), "%s%s", fi->path, SETUP_SAVED);
	return access(path, F_OK) == 0;
}

char *
setup_then(const struct setup_file *fi, bool undo, bool *failed)
{
	char *text = NULL;

	if (undo && (fi->clean == NULL || (fi->clean[0] == '\0' && !is_saved(fi))))
		return NULL; /* there was none before us */
	text = undo ? strdup(fi->clean) : lines_text(&fi->then);
	*failed |= text == NULL;
	return text;
}

bool
setup_differs(const struct setup_file *fi, const char *then)
{
	if (then == NULL || !fi->exists)
		return then == NULL ? fi->exists : then[0] != '\0';
	return strcmp(fi->is, then) != 0;
}

/* ---- the difference, by diff(1) */

static int
in_memory(const char *text)
{
	int fd = memfd_create("setup", 0);

	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

void
setup_diff(const struct setup_file *fi, const char *then)
{
	int was = in_memory(fi->is), will = in_memory(then != NULL ? then : "");
	char a[32], b[32];
	char path[sizeof(fi->path)];
	char *argv[] = { (char *)(uintptr_t) "diff",
			 (char *)(uintptr_t) "-u",
			 (char *)(uintptr_t) "--label",
			 path,
			 (char *)(uintptr_t) "--label",
			 path,
			 a,
			 b,
			 NULL };
	pid_t pid = -1;
	int status = -1;

	(void)snprintf(path, sizeof(path), "%s", fi->path);
	(void)snprintf(a, sizeof(a), "/dev/fd/%d", was);
	(void)snprintf(b, sizeof(b), "/dev/fd/%d", will);
	(void)fflush(stdout);
	if (was >= 0 && will >= 0 && posix_spawnp(&pid, "diff", NULL, NULL, argv, environ) == 0)
		(void)waitpid(pid, &status, 0);
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		(void)printf("%s would be:\n%s", fi->path, then != NULL ? then : "(no file)\n");
	if (was >= 0)
		(void)close(was);
	if (will >= 0)
		(void)close(will);
}

/* ---- writing */

static struct rd
octets(const char *text)
{
	return (struct rd){ (const uint8_t *)text, strlen(text) };
}

/* A copy of the original, which is not touched again; or away with it, if the original is back. */
static int
save(const struct replace *original, const struct setup_file *fi, bool undo, char *error, size_t n)
{
	char path[sizeof(fi->path) + sizeof(SETUP_SAVED)];
	struct replace re;
	uint8_t *at = NULL;
	size_t len = 0;
	int bad;

	if (fi->whole || !fi->exists)
		return 0;
	(void)snprintf(path, sizeof(path), "%s%s", fi->path, SETUP_SAVED);
	bad = replace_open(&re, path, REPLACE_MAY_LACK, error, n);
	if (bad == 0)
		bad = replace_read(&re, SETUP_MOST, &at, &len, error, n);
	if (bad == 0 && undo && re.fd >= 0 && strcmp((const char *)at, fi->clean) == 0) {
		bad = replace_remove(&re, error, n);
	} else if (bad == 0 && !undo && re.fd < 0) {
		re.was.st_mode = original->was.st_mode;
		re.was.st_uid = original->was.st_uid;
		re.was.st_gid = original->was.st_gid;
		bad = replace_write(&re, octets(fi->clean), false, error, n);
	}
	free(at);
	replace_close(&re);
	return bad;
}

static int
make_folder(const char *path, char *error, size_t n)
{
	char folder[4096];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	if (access(folder, F_OK) == 0)
		return 0;
	if (make_folder(folder, error, n) != 0)
		return -1;
	if (mkdir(folder, 0755) == 0 || errno == EEXIST)
		return 0;
	(void)snprintf(error, n, "%.400s: %s", folder, strerror(errno));
	return -1;
}

int
setup_write(const struct setup_file *fi, const char *then, bool undo)
{
	char error[512] = "";
	struct replace re = { .folder = -1, .fd = -1 };
	uint8_t *at = NULL;
	size_t len = 0;
	int bad = then != NULL ? make_folder(fi->path, error, sizeof(error)) : 0;

	if (bad == 0)
		bad = replace_open(&re, fi->path, REPLACE_MAY_LACK, error, sizeof(error));
	if (bad == 0)
		bad = replace_read(&re, SETUP_MOST, &at, &len, error, sizeof(error));
	if (bad == 0 && strcmp((const char *)at, fi->is) != 0) {
		(void)snprintf(error, sizeof(error), "%.400s: it was changed meanwhile; try again",
			       fi->path);
		bad = -1;
	}
	if (bad == 0 && !undo)
		bad = save(&re, fi, false, error, sizeof(error));
	if (bad == 0 && then == NULL)
		bad = replace_remove(&re, error, sizeof(error));
	else if (bad == 0)
		bad = replace_write(&re, octets(then), false, error, sizeof(error));
	if (bad == 0 && undo)
		bad = save(&re, fi, true, error, sizeof(error));
	free(at);
	replace_close(&re);
	if (bad != 0)
		(void)fprintf(stderr, "lsactl: %s\n", error);
	return bad;
}

void
setup_free(struct setup *se)
{
	for (size_t i = 0; i < se->n; i++) {
		free(se->files[i].is);
		free(se->files[i].clean);
		lines_free(&se->files[i].then);
	}
	for (size_t i = 0; i < se->nrealms; i++)
		lines_free(&se->realms[i].real);
}
