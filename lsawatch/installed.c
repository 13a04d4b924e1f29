/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/installed.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/launch.h"

#define INSTALLED_MAX 48
#define PRELOAD	      "/etc/ld.so.preload"
#define DELETED	      " (deleted)"

static struct installed all[INSTALLED_MAX];
static size_t n_all;

const struct installed *
installed_all(size_t *n)
{
	*n = n_all;
	return all;
}

static bool
ends(const char *text, const char *with)
{
	size_t len = strlen(text), tail = strlen(with);

	return len > tail && strcmp(text + len - tail, with) == 0;
}

/* path[0 .. len of folder] is the folder, and the rest is the name. */
static bool
is_path_of(const char *path, const char *folder, const char *name)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/' &&
	       strcmp(path + len + 1, name) == 0;
}

const struct installed *
installed_find(const char *folder, const char *name)
{
	for (size_t i = 0; i < n_all; i++) {
		const struct installed *in = &all[i];

		if (is_path_of(in->path, folder, name) ||
		    (in->suffix != NULL && strcmp(in->path, folder) == 0 && ends(name, in->suffix)))
			return in;
	}
	return NULL;
}

const struct installed *
installed_at(const char *path)
{
	char folder[512];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || (size_t)(slash - path) >= sizeof(folder))
		return NULL;
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return installed_find(folder, slash + 1);
}

bool
installed_program(uint64_t dev, uint64_t ino)
{
	struct stat sb;

	for (size_t i = 0; i < n_all; i++) {
		if (all[i].kind == INSTALLED_PROGRAM && stat(all[i].path, &sb) == 0 &&
		    sb.st_dev == dev && sb.st_ino == ino)
			return true;
	}
	return false;
}

void
installed_folder(const struct installed *in, char folder[512])
{
	const char *slash = strrchr(in->path, '/');
	size_t len = in->suffix != NULL || slash == NULL ? strlen(in->path)
							 : (size_t)(slash - in->path);

	(void)snprintf(folder, 512, "%.*s", (int)len, in->path);
}

/* ---- finding them */

static struct installed *
add(enum installed_kind kind, const char *path)
{
	struct installed *in = &all[n_all];

	for (size_t i = 0; i < n_all; i++) {
		if (strcmp(all[i].path, path) == 0)
			return &all[i];
	}
	if (n_all == INSTALLED_MAX || path[0] != '/' || strlen(path) >= sizeof(in->path))
		return NULL;
	*in = (struct installed){ .kind = kind, .part = PART_NONE };
	(void)snprintf(in->path, sizeof(in->path), "%s", path);
	n_all++;
	return in;
}

static bool
is_image(const char *path, const struct watch_image *im)
{
	struct stat sb;

	return stat(path, &sb) == 0 && sb.st_dev == im->dev && sb.st_ino == im->ino;
}

static bool
find_program(const struct lsawatch *w, const char *name, char path[PATH_MAX])
{
	for (unsigned int i = 0; i < LAUNCH_CANDIDATES && launch_candidate(&w->cf, name, i, path);
	     i++) {
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/*
 * Where it should be. The path of the open file follows renames, so it counts
 * only if no other place is known.
 */
static void
add_image(const struct lsawatch *w, const struct watch_image *im, enum watch_part part)
{
	char path[PATH_MAX], is[sizeof(im->path)];
	const char *slash = strrchr(im->path, '/');
	struct installed *in;

	if (im->fd < 0)
		return;
	(void)snprintf(is, sizeof(is), "%s", im->path);
	if (ends(is, DELETED))
		is[strlen(is) - strlen(DELETED)] = '\0';
	if ((slash != NULL && strcmp(slash + 1, im->name) == 0 && is_image(im->path, im)) ||
	    !find_program(w, im->name, path))
		(void)snprintf(path, sizeof(path), "%s", is);
	in = add(INSTALLED_PROGRAM, path);
	if (in == NULL)
		return;
	in->part = part;
	in->image = im;
	(void)snprintf(in->name, sizeof(in->name), "%s", im->name);
}

static void
add_program(const struct lsawatch *w, const char *name)
{
	char path[PATH_MAX];
	struct installed *in;

	for (size_t i = 0; i < n_all; i++) {
		if (all[i].kind == INSTALLED_PROGRAM && strcmp(all[i].name, name) == 0)
			return;
	}
	in = find_program(w, name, path) ? add(INSTALLED_PROGRAM, path) : NULL;
	if (in != NULL)
		(void)snprintf(in->name, sizeof(in->name), "%s", name);
}

static void
add_folder(enum installed_kind kind, const char *path, const char *suffix)
{
	struct installed *in = add(kind, path);

	if (in != NULL)
		in->suffix = suffix;
}

static void
add_signed(const struct lsawatch *w)
{
	static struct launch la;
	char error[1024], signature[PATH_MAX + 8];

	if (strcmp(w->cf.launch_verify, "off") == 0)
		return;
	if (launch_read(&w->cf, &la, error, sizeof(error)) == 0) {
		for (size_t i = 0; i < la.manifest.n; i++)
			add_program(w, la.manifest.programs[i].name);
	}
	(void)snprintf(signature, sizeof(signature), "%s.sig", la.manifest_path);
	(void)add(INSTALLED_MANIFEST, la.manifest_path);
	(void)add(INSTALLED_SIGNATURE, signature);
	add_folder(INSTALLED_KEYS, la.keys_path, ".pub");
}

static void
add_configuration(const struct lsawatch *w)
{
	char folder[512];

	if (w->config_path == NULL)
		return;
	(void)add(INSTALLED_CONFIGURATION, w->config_path);
	(void)snprintf(folder, sizeof(folder), "%.500s%s", w->config_path,
		       ends(w->config_path, ".conf") ? ".d" : ".conf.d");
	add_folder(INSTALLED_CONFIGURATION, folder, ".conf");
}

int
installed_open(const struct lsawatch *w)
{
	/* Those of other levels, too: somebody may start them by hand. */
	static const char *const others[] = { "lsawatch", "lsactl",  "lsaiso",
					      "lsavmm",	  "lsalink", "lsaiso-host" };

	n_all = 0;
	for (int i = 0; i < PART_END; i++)
		add_image(w, &w->targets[i].image, (enum watch_part)i);
	add_image(w, &w->vm_image, PART_NONE);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		add_program(w, others[i]);
	add_signed(w);
	add_configuration(w);
	(void)add(INSTALLED_PRELOAD, PRELOAD);
	return 0;
}
