/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was armed before the guard: it goes on working beside it, so it is
 * looked for before the guard goes up and again afterwards.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bpf.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lsainit/guard/guard.h"

struct search {
	struct armed *ar;
	int priority;
	bool (*own)(const struct guard *gd, enum guard_own_kind kind, uint32_t id);
	const struct guard *gd;
	char self[256], mem[64]; /* how a descriptor of our memory reads */
};

static void __attribute__((format(printf, 2, 3)))
found(const struct search *se, const char *format, ...)
{
	char text[sizeof(se->ar->first)];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_line(se->priority, "armed before the guard: %s", text);
	if (se->ar->n++ == 0)
		memcpy(se->ar->first, text, sizeof(text));
}

/* ---- BPF */

static void
find_programs(const struct search *se)
{
	uint32_t id = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd;

		if (se->own(se->gd, GUARD_OWN_PROG, id))
			continue;
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0) {
			if (errno != ENOENT)
				found(se, "BPF program %u, which is not to be looked at (%s)", id,
				      strerror(errno));
			continue;
		}
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
		    bpf_tracing_type(info.type) != NULL)
			found(se, "BPF program %u \"%.15s\" (%s), loaded by uid %u", id, info.name,
			      bpf_tracing_type(info.type), info.created_by_uid);
		(void)close(fd);
	}
}

/* ---- tracing file system */

/* Lines of a file that name a probe: not empty, not a comment. */
static void
find_probes(const struct search *se, const char *root, const char *name)
{
	char path[128], line[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			found(se, "%s in %s", line, path);
	}
	(void)fclose(file);
}

static void
find_tracing(const struct search *se)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	static const char *const names[] = { "dynamic_events", "uprobe_events", "kprobe_events" };
	char path[128];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/trace", roots[i]);
		if (access(path, F_OK) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/dynamic_events", roots[i]);
		if (access(path, F_OK) == 0) {
			find_probes(se, roots[i], names[0]);
		} else {
			find_probes(se, roots[i], names[1]);
			find_probes(se, roots[i], names[2]);
		}
		return;
	}
}

/* ---- descriptors of other processes */

/* Whoever has it open switches the guard off by writing a zero. */
static bool
is_switch(const char *target)
{
	const char *name = strrchr(target, '/');

	return name != NULL && strcmp(name, strrchr(GUARD_SWITCH, '/')) == 0;
}

static void
look_at_link(const struct search *se, const char *pid, const char *link)
{
	char target[256], path[64], comm[32];
	struct stat sb;
	ssize_t got = readlink(link, target, sizeof(target) - 1);

	if (got <= 0)
		return;
	target[got] = '\0';
	if (is_switch(target)) {
		/* The mode of the link says how the file is open. */
		if (lstat(link, &sb) == 0 && (sb.st_mode & S_IWUSR) != 0)
			found(se, "kernel.ftrace_enabled, open to be written to in pid %s", pid);
		return;
	}
	if (strcmp(target, "anon_inode:[perf_event]") != 0 && strcmp(target, se->mem) != 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	if (machine_line(path, comm, sizeof(comm)) < 0)
		(void)snprintf(comm, sizeof(comm), "?");
	found(se, "%s, open in pid %s (%s)", target[0] == 'a' ? "a perf event" : "our memory", pid,
	      comm);
}

static void
find_in_process(const struct search *se, const char *pid)
{
	char path[288];
	struct dirent *de;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((de = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, de->d_name);
		look_at_link(se, pid, path);
	}
	(void)closedir(dir);
}

/* A ring of perf that is mapped outlives its descriptor. */
static void
find_in_maps(const struct search *se, const char *pid)
{
	char path[64], line[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%.16s/maps", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strstr(line, "anon_inode:[perf_event]") == NULL)
			continue;
		found(se, "a ring of perf, mapped by pid %s", pid);
		break;
	}
	(void)fclose(file);
}

static void
find_descriptors(const struct search *se)
{
	DIR *dir = opendir("/proc");
	struct dirent *de;

	if (dir == NULL) {
		found(se, "/proc is not to be read: %s", strerror(errno));
		return;
	}
	while ((de = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		find_in_process(se, de->d_name);
		find_in_maps(se, de->d_name);
	}
	(void)closedir(dir);
}

/* ---- ourselves */

static void
find_tracer(const struct search *se)
{
	char line[128];
	FILE *file = fopen("/proc/self/status", "re");

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		long tracer = strncmp(line, "TracerPid:\t", 11) == 0 ? strtol(line + 11, NULL, 10)
								     : 0;

		if (tracer != 0)
			found(se, "pid %ld traces lsainit", tracer);
	}
	(void)fclose(file);
}

static void
find_preloads(const struct search *se)
{
	static const char *const names[] = { "LD_PRELOAD", "LD_AUDIT" };
	char text[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (getenv(names[i]) != NULL)
			found(se, "%s in the environment of lsainit", names[i]);
	}
	if (machine_line("/etc/ld.so.preload", text, sizeof(text)) > 0)
		found(se, "/etc/ld.so.preload: %s", text);
}

void
armed_find(struct armed *ar, int priority,
	   bool (*own)(const struct guard *gd, enum guard_own_kind kind, uint32_t id),
	   const struct guard *gd)
{
	struct search se = { .ar = ar, .priority = priority, .own = own, .gd = gd };

	memset(ar, 0, sizeof(*ar));
	(void)snprintf(se.mem, sizeof(se.mem), "/proc/%d/mem", (int)getpid());
	find_programs(&se);
	find_tracing(&se);
	find_descriptors(&se);
	find_tracer(&se);
	find_preloads(&se);
}
