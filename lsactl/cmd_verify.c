/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are the programs those that were signed? Reads the files itself, so it needs
 * no daemon; what runs is compared as far as the caller may look.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/floor.h"
#include "lib/launch.h"
#include "lsactl/lsactl.h"

#define ERROR_TEXT (3 * PATH_MAX)

struct view {
	const struct ctl *ct;
	struct launch *la;
	bool is_signed; /* la is good; else why */
	char why[ERROR_TEXT];
	struct floor floor;
	bool floor_known;
	char floor_why[ERROR_TEXT];
	json_t *processes; /* of the running instance; NULL: none answers */
	bool bad;
};

/* The running image, by what the kernel says. NULL pid: not asked for, or not running. */
static const char *
running(const struct view *vi, const char *name, const struct stat *file)
{
	char path[64];
	const json_t *one;
	struct stat sb;
	size_t i;

	json_array_foreach(vi->processes, i, one)
	{
		if (strcmp(get_text(one, "name"), name) != 0 || get_number(one, "pid") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%lld/exe", get_number(one, "pid"));
		if (stat(path, &sb) != 0)
			return "not visible";
		return sb.st_dev == file->st_dev && sb.st_ino == file->st_ino ? "this file"
									      : "another file";
	}
	return "-";
}

static int
find(const struct view *vi, const char *name, char path[PATH_MAX])
{
	int fd = -1;

	path[0] = '\0';
	for (unsigned int i = 0; launch_candidate(&vi->ct->cf, name, i, path); i++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
			break;
	}
	return fd;
}

static const char *
state_word(enum launch_state state)
{
	switch (state) {
	case LAUNCH_GOOD:
		return "good";
	case LAUNCH_UNNAMED:
		return "not in manifest";
	case LAUNCH_CHANGED:
		return "changed";
	case LAUNCH_UNREADABLE:
		return "unreadable";
	}
	return "?";
}

static const char *
verity_word(enum verity verity)
{
	switch (verity) {
	case VERITY_NONE:
		return "no";
	case VERITY_ON:
		return "yes";
	case VERITY_UNKNOWN:
		return "unknown";
	}
	return "?";
}

static void
add_hex(json_t *to, const char *key, const uint8_t *at, size_t n)
{
	char text[2 * MEASURE_VERITY_MAX + 1] = "";

	for (size_t i = 0; i < n && i < MEASURE_VERITY_MAX; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", at[i]);
	if (n > 0)
		(void)json_object_set_new(to, key, json_string(text));
}

/* What an open program is, into its row. */
static void
look(struct view *vi, json_t *row, const char *name, int fd, const char *path)
{
	uint8_t digest[MEASURE_VERITY_MAX];
	char error[ERROR_TEXT] = "";
	enum launch_state state;
	struct stat sb = { 0 };
	struct measure is;
	unsigned int len;

	(void)fstat(fd, &sb);
	state = launch_match(vi->la, name, fd, path, &is, error, sizeof(error));
	if (state != LAUNCH_UNREADABLE) {
		(void)json_object_set_new(row, "size", json_integer((json_int_t)is.size));
		add_hex(row, "sha256", is.sha256, sizeof(is.sha256));
	}
	if (!vi->is_signed && state != LAUNCH_UNREADABLE)
		(void)json_object_set_new(row, "state", json_string("unsigned"));
	else
		(void)json_object_set_new(row, "state", json_string(state_word(state)));
	if (vi->is_signed && error[0] != '\0')
		(void)json_object_set_new(row, "why", json_string(error));
	vi->bad |= !vi->is_signed || state != LAUNCH_GOOD;
	(void)json_object_set_new(row, "verity",
				  json_string(verity_word(measure_verity(fd, digest, &len))));
	add_hex(row, "verity_digest", digest, len);
	(void)json_object_set_new(row, "running", json_string(running(vi, name, &sb)));
}

/* needed: there must be one */
static json_t *
program(struct view *vi, const char *name, bool needed)
{
	const struct manifest_program *want = manifest_find(&vi->la->manifest, name);
	json_t *row = json_pack("{s:s}", "name", name);
	char path[PATH_MAX];
	int fd = find(vi, name, path), error = errno;

	(void)json_object_set_new(row, "path", json_string(path));
	if (want != NULL) {
		(void)json_object_set_new(row, "version", json_string(want->version));
		(void)json_object_set_new(row, "svn", json_integer((json_int_t)want->svn));
	}
	if (fd >= 0) {
		look(vi, row, name, fd, path);
		(void)close(fd);
	} else {
		bool gone = error == ENOENT || error == ENOTDIR;

		(void)json_object_set_new(row, "state",
					  json_string(gone ? "missing" : "unreadable"));
		vi->bad |= needed || !gone;
	}
	return row;
}

/* What must be there, then what else the manifest names. */
static json_t *
programs(struct view *vi)
{
	bool guest = strcmp(vi->ct->cf.run_serves, "guest") == 0;
	const char *const needed[] = { "lsainit", "lsaiso", guest ? "lsaiso-host" : "lsass",
				       "lsactl" };
	json_t *list = json_array();
	size_t n = sizeof(needed) / sizeof(needed[0]);

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, program(vi, needed[i], true));
	for (size_t i = 0; i < vi->la->manifest.n; i++) {
		const char *name = vi->la->manifest.programs[i].name;
		size_t k = 0;

		while (k < n && strcmp(needed[k], name) != 0)
			k++;
		if (k == n)
			(void)json_array_append_new(list, program(vi, name, false));
	}
	return list;
}

/* ---- reading */

static void
read_floor(struct view *vi)
{
	vi->floor_known = floor_read(&vi->ct->cf, &vi->floor, vi->floor_why,
				     sizeof(vi->floor_why)) == 0;
	if (vi->floor_known && vi->is_signed &&
	    vi->floor.svn > (int)manifest_svn(&vi->la->manifest)) {
		(void)snprintf(vi->floor_why, sizeof(vi->floor_why),
			       "security version %u is older than %d, which ran here: install the "
			       "newer one; or, if going back is meant, `lsactl verify "
			       "--lower-floor %u` as root",
			       manifest_svn(&vi->la->manifest), vi->floor.svn,
			       manifest_svn(&vi->la->manifest));
		vi->bad = true;
	}
}

static void
read_processes(struct view *vi)
{
	char error[512];
	json_t *is = try_call(vi->ct, "Status", NULL, error, sizeof(error));

	vi->processes = json_incref(json_object_get(is, "processes"));
	json_decref(is);
}

static json_t *
collect(struct view *vi)
{
	char id[SIGN_ID_TEXT];
	json_t *to = json_pack("{s:s, s:s, s:s, s:b}", "verify", vi->ct->cf.launch_verify,
			       "manifest", vi->la->manifest_path, "keys", vi->la->keys_path,
			       "signed", vi->is_signed);

	if (vi->is_signed) {
		sign_id_text(vi->la->by->id, id);
		(void)json_object_set_new(to, "key", json_string(id));
		(void)json_object_set_new(to, "signer", json_string(vi->la->by->name));
		(void)json_object_set_new(to, "created", json_string(vi->la->manifest.created));
		(void)json_object_set_new(
		    to, "svn", json_integer((json_int_t)manifest_svn(&vi->la->manifest)));
	} else {
		(void)json_object_set_new(to, "why", json_string(vi->why));
		vi->bad = true;
	}
	if (vi->floor_known && vi->floor.svn != FLOOR_NONE) {
		(void)json_object_set_new(to, "floor", json_integer(vi->floor.svn));
		(void)json_object_set_new(to, "floor_seen",
					  json_integer((json_int_t)vi->floor.seen));
	}
	if (vi->floor_why[0] != '\0')
		(void)json_object_set_new(to, "floor_why", json_string(vi->floor_why));
	(void)json_object_set_new(to, "programs", programs(vi));
	return to;
}

/* ---- showing */

static void
show_programs(const struct ctl *ct, const json_t *list)
{
	static const char *const heads[] = { "PROGRAM", "STATE",     "VERSION", "SVN", "SIZE",
					     "SHA-256", "FS-VERITY", "RUNS",	"PATH" };
	struct table *ta = table_new(heads, 9);
	const json_t *one;
	char text[32];
	size_t i;

	json_array_foreach(list, i, one)
	{
		bool good = strcmp(get_text(one, "state"), "good") == 0;

		table_cell(ta, PLAIN, get_text(one, "name"));
		table_cell(ta, good ? GREEN : RED, get_text(one, "state"));
		table_cell(ta, PLAIN, get_text(one, "version"));
		(void)snprintf(text, sizeof(text), "%lld", get_number(one, "svn"));
		table_cell(ta, PLAIN, json_object_get(one, "svn") != NULL ? text : "-");
		(void)snprintf(text, sizeof(text), "%lld", get_number(one, "size"));
		table_cell(ta, PLAIN, json_object_get(one, "size") != NULL ? text : "-");
		(void)snprintf(text, sizeof(text), "%.12s", get_text(one, "sha256"));
		table_cell(ta, PLAIN, text);
		table_cell(ta, PLAIN, get_text(one, "verity"));
		table_cell(ta,
			   strcmp(get_text(one, "running"), "another file") == 0 ? YELLOW : PLAIN,
			   get_text(one, "running"));
		table_cell(ta, PLAIN, get_text(one, "path"));
	}
	table_print(ta, ct);
	json_array_foreach(list, i, one)
	{
		if (json_object_get(one, "why") != NULL)
			(void)printf("%s\n", get_text(one, "why"));
	}
}

static void
show(const struct ctl *ct, const json_t *is)
{
	char when[32];

	(void)printf("%sManifest:%s %s, ", paint(ct, BOLD), paint(ct, PLAIN),
		     get_text(is, "manifest"));
	if (json_is_true(json_object_get(is, "signed")))
		(void)printf("made %s,\n  signed by %s, key %s; security version %lld\n",
			     get_text(is, "created"), get_text(is, "signer"), get_text(is, "key"),
			     get_number(is, "svn"));
	else
		(void)printf("%snot valid%s\n  %s\n", paint(ct, RED), paint(ct, PLAIN),
			     get_text(is, "why"));
	(void)printf("%sKeys:%s     %s\n%sFloor:%s    ", paint(ct, BOLD), paint(ct, PLAIN),
		     get_text(is, "keys"), paint(ct, BOLD), paint(ct, PLAIN));
	if (json_object_get(is, "floor") != NULL)
		(void)printf("%lld, since %s\n", get_number(is, "floor"),
			     show_time(get_number(is, "floor_seen"), when));
	else
		(void)puts(json_object_get(is, "floor_why") != NULL ? "not known" : "none yet");
	if (json_object_get(is, "floor_why") != NULL)
		(void)printf("  %s\n", get_text(is, "floor_why"));
	if (strcmp(get_text(is, "verify"), "off") == 0)
		(void)printf("%sChecked here only: [launch] verify = off%s\n", paint(ct, YELLOW),
			     paint(ct, PLAIN));
	(void)putchar('\n');
	show_programs(ct, json_object_get(is, "programs"));
}

/* ---- going back */

static int
refuse(const char *what)
{
	(void)fprintf(stderr, "lsactl: %s\n", what);
	return EXIT_FAILED;
}

/* Whoever keeps it (root), the very number, and only for what is installed and signed. */
static int
lower_floor(const struct view *vi)
{
	int svn = vi->ct->lower_floor, own;
	char error[ERROR_TEXT];
	struct stat sb;

	if (stat(vi->ct->cf.host_directory, &sb) != 0 || sb.st_uid != geteuid())
		return refuse("only the owner of [host] directory, which is root, lowers the "
			      "floor");
	if (!vi->is_signed)
		return refuse(vi->why);
	if (!vi->floor_known)
		return refuse(vi->floor_why);
	own = (int)manifest_svn(&vi->la->manifest);
	if (svn != own) {
		(void)fprintf(stderr,
			      "lsactl: what is installed has security version %d, not %d; install "
			      "first what is to run\n",
			      own, svn);
		return EXIT_FAILED;
	}
	if (svn >= vi->floor.svn)
		return refuse("the floor is not higher than that; nothing to do");
	if (floor_lower(&vi->ct->cf, svn, (int64_t)time(NULL), error, sizeof(error)) != 0)
		return refuse(error);
	(void)printf("The floor was %d and is %d: what was mended since may be weak again.\n",
		     vi->floor.svn, svn);
	return EXIT_DONE;
}

static int
run(struct view *vi)
{
	json_t *is;

	vi->is_signed = launch_read(&vi->ct->cf, vi->la, vi->why, sizeof(vi->why)) == 0;
	read_floor(vi);
	if (vi->ct->lower_floor >= 0)
		return lower_floor(vi);
	read_processes(vi);
	is = collect(vi);
	if (vi->ct->json)
		print_json(is);
	else
		show(vi->ct, is);
	json_decref(is);
	json_decref(vi->processes);
	return vi->bad ? EXIT_FAILED : EXIT_DONE;
}

int
cmd_verify(struct ctl *ct, int argc, char **argv)
{
	struct view *vi = calloc(1, sizeof(*vi));
	char error[1024];
	int code = EXIT_FAILED;

	(void)argc;
	(void)argv;
	if (vi != NULL)
		vi->la = calloc(1, sizeof(*vi->la));
	if (vi == NULL || vi->la == NULL) {
		(void)refuse("out of memory");
	} else if (config_read(&ct->cf, ct->config_path, error, sizeof(error)) != 0) {
		(void)refuse(error);
	} else {
		if (ct->socket == NULL)
			ct->socket = ct->cf.admin_socket;
		vi->ct = ct;
		code = run(vi);
		config_free(&ct->cf);
	}
	if (vi != NULL)
		free(vi->la);
	free(vi);
	return code;
}
