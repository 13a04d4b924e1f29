/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Manifests: made from files, signed, checked; and files that stay as they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/launch.h"
#include "lsasign/lsasign.h"

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* ---- manifest */

/* Now, or what SOURCE_DATE_EPOCH says, for builds that can be repeated. */
static int
set_created(char created[MANIFEST_CREATED + 1])
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = epoch != NULL ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(created, MANIFEST_CREATED + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) != MANIFEST_CREATED)
		return failed("SOURCE_DATE_EPOCH is no time");
	return EXIT_DONE;
}

static int
add_program(struct manifest *m, const struct options *op, const char *path)
{
	struct manifest_program *p = &m->programs[m->n];
	struct measure is;
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return failed("%s: %s", path, strerror(errno));
	status = measure_file(fd, MANIFEST_SIZE, &is);
	(void)close(fd);
	if (status != 0)
		return failed("%s: %s", path, strerror(errno));
	if (snprintf(p->name, sizeof(p->name), "%s", base_name(path)) > MANIFEST_NAME ||
	    snprintf(p->version, sizeof(p->version), "%s", op->version) > MANIFEST_VERSION)
		return failed("%s: the name or the version is too long", path);
	p->size = is.size;
	memcpy(p->sha256, is.sha256, sizeof(p->sha256));
	p->svn = (unsigned int)op->svn;
	m->n++;
	return EXIT_DONE;
}

/* What was made must be what the other side reads. */
static int
write_manifest(const struct manifest *m, const char *out)
{
	struct manifest again;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int code = EXIT_DONE;
	unsigned int line;

	if (to == NULL || manifest_write(m, to) != 0 || fclose(to) != 0) {
		free(text);
		return failed("out of memory");
	}
	line = manifest_parse(text, len, &again);
	if (line > 2)
		code = failed("program %s: names and versions are letters, digits, . _ - and each "
			      "program stands once",
			      m->programs[line - 3].name);
	else if (line != 0)
		code = failed("the manifest would be malformed in line %u", line);
	else if (out == NULL)
		(void)fputs(text, stdout);
	else if (files_replace(out, text, len, 0644) != 0)
		code = failed("%s: %s", out, strerror(errno));
	free(text);
	return code;
}

int
cmd_manifest(const struct options *op, int argc, char **argv)
{
	struct manifest m = { 0 };

	if (op->version == NULL || op->svn < 0) {
		(void)failed("say --version-of VERSION and --svn NUMBER");
		return EXIT_USAGE;
	}
	if (argc > MANIFEST_PROGRAMS)
		return failed("at most %d programs", MANIFEST_PROGRAMS);
	if (set_created(m.created) != EXIT_DONE)
		return EXIT_FAILED;
	for (int i = 0; i < argc; i++) {
		if (add_program(&m, op, argv[i]) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return write_manifest(&m, op->out);
}

/* ---- sign */

static int
sign_text(const struct options *op, const char *text, size_t len, const char *out)
{
	struct sign_private key;
	char signature[SIGN_TEXT];
	int status;

	if (read_private(op->key, &key) != 0)
		return EXIT_FAILED;
	status = sign_data(&key, SIGN_MANIFEST, text, len, signature);
	sign_wipe(&key);
	if (status != 0)
		return failed("out of memory");
	if (files_replace(out, signature, strlen(signature), 0644) != 0)
		return failed("%s: %s", out, strerror(errno));
	return EXIT_DONE;
}

int
cmd_sign(const struct options *op, int argc, char **argv)
{
	char out[PATH_MAX], *text = NULL;
	struct manifest m;
	size_t len = 0;
	unsigned int line;
	int code;

	(void)argc;
	if (snprintf(out, sizeof(out), "%s%s", op->out != NULL ? op->out : argv[0],
		     op->out != NULL ? "" : ".sig") >= PATH_MAX)
		return failed("the name is too long");
	if (files_read(AT_FDCWD, argv[0], MANIFEST_OCTETS, &text, &len, NULL) != 0)
		return failed("%s: %s", argv[0], strerror(errno));
	line = manifest_parse(text, len, &m);
	if (line != 0)
		code = failed("%s:%u: this is not a manifest; nothing else is signed", argv[0],
			      line);
	else
		code = sign_text(op, text, len, out);
	files_free(text, len);
	return code;
}

/* ---- verify */

static int
verify_file(const struct launch *la, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum launch_state state;
	char error[PATH_MAX + 512];

	if (fd < 0)
		return failed("%s: %s", path, strerror(errno));
	state = launch_match(la, base_name(path), fd, path, NULL, error, sizeof(error));
	(void)close(fd);
	if (state != LAUNCH_GOOD)
		return failed("%s", error);
	(void)printf("%s: good\n", path);
	return EXIT_DONE;
}

int
cmd_verify(const struct options *op, int argc, char **argv)
{
	struct config cf = { 0 };
	struct launch *la;
	char error[3 * PATH_MAX], id[SIGN_ID_TEXT], none[] = "", *keys;
	int code = EXIT_DONE;

	if (op->keys == NULL) {
		(void)failed("name the folder of the public keys with --keys FOLDER");
		return EXIT_USAGE;
	}
	la = malloc(sizeof(*la));
	keys = strdup(op->keys);
	if (la == NULL || keys == NULL) {
		free(la);
		free(keys);
		return failed("out of memory");
	}
	cf.run_programs = none;
	cf.launch_manifest = argv[0];
	cf.launch_keys = keys;
	if (launch_read(&cf, la, error, sizeof(error)) != 0) {
		code = failed("%s", error);
	} else {
		sign_id_text(la->by->id, id);
		(void)printf("%s: signed by %s, key %s, security version %u\n", argv[0],
			     la->by->name, id, manifest_svn(&la->manifest));
	}
	for (int i = 1; code != EXIT_FAILED && i < argc; i++)
		code = verify_file(la, argv[i]);
	free(la);
	free(keys);
	return code;
}

/* ---- fs-verity */

static int
enable_verity(const char *path)
{
	struct fsverity_enable_arg arg = { .version = 1,
					   .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
					   .block_size = 4096 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return failed("%s: %s", path, strerror(errno));
	error = ioctl(fd, FS_IOC_ENABLE_VERITY, &arg) == 0 ? 0 : errno;
	(void)close(fd);
	switch (error) {
	case 0:
		(void)printf("%s: cannot be changed any more, only replaced\n", path);
		return EXIT_DONE;
	case EEXIST:
		(void)printf("%s: has it already\n", path);
		return EXIT_DONE;
	case EOPNOTSUPP:
	case ENOTTY:
		return failed("%s: this kernel or file system has no fs-verity (ext4: tune2fs -O "
			      "verity DEVICE; a kernel with CONFIG_FS_VERITY)",
			      path);
	case ETXTBSY:
		return failed("%s: somebody has it open for writing; try again when it is closed",
			      path);
	default:
		return failed("%s: %s", path, strerror(error));
	}
}

int
cmd_fsverity(const struct options *op, int argc, char **argv)
{
	int code = EXIT_DONE;

	(void)op;
	for (int i = 0; i < argc; i++) {
		if (enable_verity(argv[i]) != EXIT_DONE)
			code = EXIT_FAILED;
	}
	return code;
}
