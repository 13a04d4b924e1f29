/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/files.h"

#define KEYS_INSTALLED SYSCONFDIR "/lsaiso/keys"
#define MANIFEST       "manifest"
#define SIGNATURE      ".sig"

/* ---- places */

/* Programs that are not kept with the others, and where they are installed. */
static const struct {
	const char *name, *folder;
} elsewhere[] = {
	{ "lsainit", SBINDIR },
	{ "lsasign", SBINDIR },
	{ "lsactl", BINDIR },
};

static const char *
elsewhere_folder(const char *name)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (strcmp(elsewhere[i].name, name) == 0)
			return elsewhere[i].folder;
	}
	return NULL;
}

static int
own_folder(char folder[PATH_MAX])
{
	ssize_t got = readlink("/proc/self/exe", folder, PATH_MAX - 1);

	if (got <= 0)
		return -1;
	folder[got] = '\0';
	*strrchr(folder, '/') = '\0';
	return 0;
}

/* The folder above it: of a build, or what a staged tree has for /usr. */
static int
above_own(char folder[PATH_MAX])
{
	char *slash;

	if (own_folder(folder) != 0)
		return -1;
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return -1;
	*slash = '\0';
	return 0;
}

static bool
is_installed(const char *own)
{
	return strcmp(own, SBINDIR) == 0 || strcmp(own, BINDIR) == 0 ||
	       strcmp(own, LIBEXECDIR) == 0;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
join(char path[PATH_MAX], const char *folder, const char *rest, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/%s%s%s", folder, rest, rest[0] != '\0' ? "/" : "",
			name) < PATH_MAX;
}

/* The folder of the build that a program is made in: it bears its name, but for one. */
static const char *
built_in(const char *name)
{
	return strcmp(name, "lsaiso-vm") == 0 ? "lsaiso" : name;
}

/* The i-th place from a program that is not where it was built for. */
static bool
candidate_beside(const char *name, unsigned int i, char path[PATH_MAX])
{
	const char *usual = elsewhere_folder(name);
	char above[PATH_MAX];

	if (above_own(above) != 0)
		return false;
	switch (i) {
	case 0:
		return join(path, above, usual != NULL ? last_part(usual) : "libexec/lsaiso", name);
	case 1:
		return join(path, above, built_in(name), name);
	default:
		return false;
	}
}

bool
launch_candidate(const struct config *cf, const char *name, unsigned int i, char path[PATH_MAX])
{
	const char *usual = elsewhere_folder(name);
	char own[PATH_MAX];

	if (cf->run_programs[0] != '\0' && usual == NULL) {
		if (i > 1)
			return false;
		return join(path, cf->run_programs, i == 0 ? built_in(name) : "", name);
	}
	if (own_folder(own) != 0)
		return false;
	if (!is_installed(own))
		return candidate_beside(name, i, path);
	return i == 0 && join(path, usual != NULL ? usual : LIBEXECDIR, "", name);
}

static bool
manifest_place(const struct config *cf, char path[PATH_MAX])
{
	char own[PATH_MAX];

	if (cf->launch_manifest[0] != '\0')
		return snprintf(path, PATH_MAX, "%s", cf->launch_manifest) < PATH_MAX;
	if (cf->run_programs[0] != '\0')
		return join(path, cf->run_programs, "", MANIFEST);
	if (own_folder(own) != 0)
		return false;
	if (is_installed(own))
		return join(path, LIBEXECDIR, "", MANIFEST);
	if (above_own(own) != 0)
		return false;
	if (join(path, own, "libexec/lsaiso", MANIFEST) && access(path, F_OK) == 0)
		return true;
	return join(path, own, "", MANIFEST);
}

/* Not moved by [run] programs: who may sign is not a question of what is started. */
static bool
keys_place(const struct config *cf, char path[PATH_MAX])
{
	char own[PATH_MAX];

	if (cf->launch_keys[0] != '\0')
		return snprintf(path, PATH_MAX, "%s", cf->launch_keys) < PATH_MAX;
	if (own_folder(own) != 0)
		return false;
	if (is_installed(own))
		return snprintf(path, PATH_MAX, "%s", KEYS_INSTALLED) < PATH_MAX;
	return above_own(own) == 0 && join(path, own, "", "lsasign");
}

/* ---- reading */

static int
read_pair(const char *path, char **text, size_t *len, char **signature, size_t *siglen, char *error,
	  size_t n)
{
	char sig[PATH_MAX + sizeof(SIGNATURE)];

	(void)snprintf(sig, sizeof(sig), "%s" SIGNATURE, path);
	if (files_read(AT_FDCWD, path, MANIFEST_OCTETS, text, len, NULL) != 0) {
		(void)snprintf(error, n,
			       "%s, the manifest: %s; install it, or make and sign one "
			       "(lsasign(8)), or accept less: verify = off in [launch]",
			       path, strerror(errno));
		return -1;
	}
	if (files_read(AT_FDCWD, sig, SIGN_TEXT, signature, siglen, NULL) != 0) {
		(void)snprintf(error, n,
			       "%s, the signature of the manifest: %s; install it, or sign the "
			       "manifest (`lsasign sign`)",
			       sig, strerror(errno));
		return -1;
	}
	return 0;
}

int
launch_keys(const struct config *cf, struct trust *trust, char *error, size_t n)
{
	char path[PATH_MAX];

	if (keys_place(cf, path))
		return trust_read(path, trust, error, n);
	(void)snprintf(error, n, "where the keys are cannot be said; set [launch] keys");
	return -1;
}

int
launch_read(const struct config *cf, struct launch *la, char *error, size_t n)
{
	char *text = NULL, *signature = NULL, why[1024];
	size_t len = 0, siglen = 0;
	int status = -1;

	memset(la, 0, sizeof(*la));
	if (!manifest_place(cf, la->manifest_path) || !keys_place(cf, la->keys_path)) {
		(void)snprintf(error, n,
			       "where the manifest and the keys are cannot be said; set "
			       "manifest and keys in [launch]");
		return -1;
	}
	if (trust_read(la->keys_path, &la->trust, error, n) == 0 &&
	    read_pair(la->manifest_path, &text, &len, &signature, &siglen, error, n) == 0) {
		status = manifest_verify(la->trust.keys, la->trust.n, text, len, signature, siglen,
					 &la->manifest, &la->by, why, sizeof(why));
		if (status != 0)
			(void)snprintf(error, n, "%s (keys: %s): %s", la->manifest_path,
				       la->keys_path, why);
	}
	files_free(text, len);
	files_free(signature, siglen);
	return status;
}

/* ---- one program */

enum launch_state
launch_match(const struct launch *la, const char *name, int fd, const char *path,
	     struct measure *is, char *error, size_t n)
{
	const struct manifest_program *want = manifest_find(&la->manifest, name);
	struct measure own;

	if (is == NULL)
		is = &own;
	if (measure_file(fd, MANIFEST_SIZE, is) != 0) {
		(void)snprintf(error, n,
			       "%s: %s; the file or the disk is damaged: install it again", path,
			       strerror(errno));
		return LAUNCH_UNREADABLE;
	}
	if (want == NULL) {
		(void)snprintf(error, n,
			       "%s is not in the manifest %s; make one that names it, and sign it "
			       "(lsasign(8))",
			       path, la->manifest_path);
		return LAUNCH_UNNAMED;
	}
	if (is->size == want->size && memcmp(is->sha256, want->sha256, sizeof(is->sha256)) == 0)
		return LAUNCH_GOOD;
	if (is->size != want->size)
		(void)snprintf(error, n,
			       "%s is not the program that was signed (%" PRIu64
			       " octets instead of %" PRIu64
			       "); install it again, or, if the change is "
			       "yours, sign it (lsasign(8))",
			       path, is->size, want->size);
	else
		(void)snprintf(error, n,
			       "%s is not the program that was signed (its SHA-256 begins "
			       "%02x%02x%02x%02x instead of %02x%02x%02x%02x); install it again, "
			       "or, if the change is yours, sign it (lsasign(8))",
			       path, is->sha256[0], is->sha256[1], is->sha256[2], is->sha256[3],
			       want->sha256[0], want->sha256[1], want->sha256[2], want->sha256[3]);
	return LAUNCH_CHANGED;
}
