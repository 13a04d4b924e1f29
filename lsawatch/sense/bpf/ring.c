/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading, attaching, hearing, and telling the kernel side whom to watch. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <watch.skel.h>

#include "lib/bpf.h"
#include "lib/log.h"
#include "lsass/loop.h"
#include "lsawatch/sense/bpf/ring.h"
#include "lsawatch/sense/bpf/shared.h"

#define LINKS_MAX 32
#define LOST_MS	  1000

struct ring {
	struct lsawatch *w;
	enum watch_layer layer;
	struct bpf_object *obj;
	struct watch_bpf__bss *bss; /* shared with the kernel side */
	struct bpf_link *links[LINKS_MAX];
	size_t nlinks;
	struct ring_buffer *buffer;
	struct watch *watch;
	uint64_t lost; /* as far as it was told */
	/* Enum seen_proof: of what is attached, and what came of them since they were asked. */
	uint32_t can_prove, proved;
	uint64_t lost_then;
	bool asked;
	uint32_t targets[SEEN_TARGETS]; /* as they were set */
};

/* ---- why it cannot be had */

/* ---- which programs this kernel takes */

/* What a program is attached to is a function or a type of the kernel. */
static bool
fits(const struct btf *btf, const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog), *name = strchr(section, '/');
	char text[96];

	if (name == NULL)
		return false;
	if (strncmp(section, "raw_tp/", 7) == 0) {
		(void)snprintf(text, sizeof(text), "btf_trace_%s", name + 1);
		return btf__find_by_name_kind(btf, text, BTF_KIND_TYPEDEF) > 0;
	}
	return btf__find_by_name_kind(btf, name + 1, BTF_KIND_FUNC) > 0;
}

static const struct ring_program *
listed(const struct ring_program *programs, const char *name)
{
	for (; programs->name != NULL; programs++) {
		if (strcmp(programs->name, name) == 0)
			return programs;
	}
	return NULL;
}

static void
choose(const struct ring *ri, const struct btf *btf, const struct ring_program *programs)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, ri->obj)
	{
		const char *name = bpf_program__name(prog);
		bool wanted = listed(programs, name) != NULL, fit = wanted && fits(btf, prog);

		(void)bpf_program__set_autoload(prog, fit);
		if (wanted && !fit)
			log_debug("this kernel does not have what %s is attached to", name);
	}
}

/* ---- what is set before loading */

static const struct {
	uint16_t number, number_32; /* of x86-64, and of i386 (0: as x86-64) */
	uint8_t what;
} call_list[] = {
	{ SYS_ptrace, 26, CALL_PTRACE },
	{ SYS_process_vm_readv, 347, CALL_PID },
	{ SYS_process_vm_writev, 348, CALL_PID },
	{ SYS_move_pages, 317, CALL_PID },
	{ SYS_get_robust_list, 312, CALL_PID },
	{ SYS_kill, 37, CALL_PID },
	{ SYS_tkill, 238, CALL_PID },
	{ SYS_tgkill, 270, CALL_PID },
	{ SYS_pidfd_getfd, 0, CALL_PIDFD },
	{ SYS_process_madvise, 0, CALL_PIDFD },
	{ SYS_kcmp, 349, CALL_KCMP },
	{ SYS_open, 5, CALL_OPEN },
	{ SYS_openat, 295, CALL_OPENAT },
	{ SYS_openat2, 0, CALL_OPENAT },
	{ SYS_perf_event_open, 336, CALL_PERF },
	{ SYS_bpf, 357, CALL_BPF },
	{ SYS_prlimit64, 340, CALL_PRLIMIT },
	{ SYS_setuid, 213, CALL_CREDS },
	{ SYS_setgid, 214, CALL_CREDS },
	{ SYS_setreuid, 203, CALL_CREDS },
	{ SYS_setregid, 204, CALL_CREDS },
	{ SYS_setgroups, 206, CALL_CREDS },
	{ SYS_setresuid, 208, CALL_CREDS },
	{ SYS_setresgid, 210, CALL_CREDS },
	{ SYS_setfsuid, 215, CALL_CREDS },
	{ SYS_setfsgid, 216, CALL_CREDS },
	{ SYS_capset, 185, CALL_CREDS },
};

/* A table in the kernel side's constants; the first octets of a name are compared as a number. */
static void
set_tables(struct watch_bpf__rodata *ro)
{
	static const char look_list[][sizeof(uint64_t)] = {
		"maps",	   "smaps", "smaps_ro", "numa_map", "pagemap", "environ", "auxv",
		"syscall", "stack", "map_file", "fd",	    "fdinfo",  "personal"
	};

	for (size_t i = 0; i < sizeof(call_list) / sizeof(call_list[0]); i++) {
		uint16_t other = call_list[i].number_32;

		ro->calls[call_list[i].number] = call_list[i].what;
		ro->calls_32[other != 0 ? other : call_list[i].number] = call_list[i].number;
	}
	for (size_t i = 0; i < sizeof(look_list) / sizeof(look_list[0]); i++) {
		char first[sizeof(uint64_t)] = { 0 };

		/* The kernel side reads seven and a zero. */
		memcpy(first, look_list[i], sizeof(first) - 1);
		memcpy(&ro->looks[i], first, sizeof(first));
	}
}

/* As judge/names.c has them, of those that the names of ours begin with. */
static void
set_letters(struct watch_bpf__rodata *ro)
{
	for (const char *at = "lL1iI|!"; *at != '\0'; at++)
		ro->letters[(uint8_t)*at] = LETTER_L;
	for (const char *at = "sS5$"; *at != '\0'; at++)
		ro->letters[(uint8_t)*at] = LETTER_S;
	for (const char *at = "aA4@"; *at != '\0'; at++)
		ro->letters[(uint8_t)*at] = LETTER_A;
	for (int i = 0x80; i <= 0xff; i++)
		ro->letters[i] = LETTER_STRANGE;
	ro->letters['/'] = LETTER_SLASH;
}

static int
set_constants(const struct ring *ri, const struct btf *btf)
{
	/* Those that nothing else shows. */
	static const char *const reasons[] = {
		"MSR", "KEXEC", "HIBERNATION", "DBG_READ_KERNEL", "DBG_WRITE_KERNEL", NULL
	};
	struct watch_bpf__rodata ro = { 0 };

	ro.self = (uint32_t)getpid();
	ro.type_kprobe = bpf_event_type("kprobe");
	ro.type_uprobe = bpf_event_type("uprobe");
	ro.reasons = bpf_lockdown_reasons(btf, reasons);
	set_tables(&ro);
	set_letters(&ro);
	return bpf_map__set_initial_value(bpf_object__find_map_by_name(ri->obj, ".rodata"), &ro,
					  sizeof(ro));
}

/* ---- up */

static void
attach(struct ring *ri, const struct ring_program *programs, uint32_t *shows)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, ri->obj)
	{
		const struct ring_program *is = listed(programs, bpf_program__name(prog));
		struct bpf_link *link;

		if (is == NULL || !bpf_program__autoload(prog) || ri->nlinks == LINKS_MAX)
			continue;
		link = bpf_program__attach(prog);
		if (link == NULL) {
			log_info("%s is not attached: %s", is->name, strerror(errno));
			continue;
		}
		ri->links[ri->nlinks++] = link;
		*shows |= is->sees;
		ri->can_prove |= is->proof;
	}
}

static int
take_event(void *arg, void *data, size_t len)
{
	struct ring *ri = arg;

	if (len >= sizeof(struct seen)) {
		const struct seen *se = data;

		if (se->kind == SEEN_FORK && se->number == 1)
			ring_targets(ri);
		if (se->kind == SEEN_PROOF)
			ri->proved |= (uint32_t)se->number;
		else if (se->kind == SEEN_NAMED && se->pid == (uint32_t)getpid())
			ri->proved |= PROOF_NAMED;
		else
			ring_sight(ri->w, ri->layer, se);
	}
	return 0;
}

static void
ready(void *arg, uint32_t events)
{
	struct ring *ri = arg;

	(void)events;
	(void)ring_buffer__consume(ri->buffer);
}

static void
tick(void *arg)
{
	struct ring *ri = arg;
	uint64_t lost = *(volatile __u64 *)&ri->bss->lost;
	char text[96];

	if (lost <= ri->lost) { /* less: somebody has written to it, ring_health */
		ri->lost = lost;
		return;
	}
	(void)snprintf(text, sizeof(text), "%llu events of the layer %s did not fit its ring",
		       (unsigned long long)(lost - ri->lost), watch_layer_names[ri->layer]);
	ri->lost = lost;
	sensors_lost(ri->w, ri->layer, text);
}

static int
hear(struct ring *ri)
{
	ri->buffer = ring_buffer__new(bpf_object__find_map_fd_by_name(ri->obj, "events"),
				      take_event, ri, NULL);
	if (ri->buffer == NULL)
		return -1;
	ri->watch = loop_watch(ri->w->lo, ring_buffer__epoll_fd(ri->buffer), EPOLLIN, ready, ri);
	return ri->watch != NULL && loop_every(ri->w->lo, LOST_MS, tick, ri) == 0 ? 0 : -1;
}

/* What is set at any time; nothing of it needs a system call. */
static int
share(struct ring *ri)
{
	int fd = bpf_object__find_map_fd_by_name(ri->obj, ".bss");
	void *at = mmap(NULL, sizeof(*ri->bss), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	ri->bss = at;
	return 0;
}

/* Root can open a map by its number, and write to it. */
static void
name_maps(const struct ring *ri)
{
	const struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map(map, ri->obj)
	{
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);

		if (i < SEEN_MAPS && bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) == 0)
			ri->bss->maps[i++] = info.id;
	}
}

/* As watch_bpf__open() would, without what the analyzers say of generated code. */
static int
load_object(struct ring *ri, const struct btf *btf, const struct ring_program *programs)
{
	size_t size = 0;
	const void *octets = watch_bpf__elf_bytes(&size);
	int error;

	ri->obj = bpf_object__open_mem(octets, size, NULL);
	if (ri->obj == NULL)
		return -ENOMEM;
	error = set_constants(ri, btf);
	if (error != 0)
		return error;
	choose(ri, btf, programs);
	error = bpf_object__load(ri->obj);
	if (error == 0)
		error = share(ri);
	if (error == 0 && ri->bss != NULL)
		name_maps(ri);
	return error;
}

static int
load(struct ring *ri, const struct ring_program *programs, char *why, size_t n)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int error;

	if (btf == NULL) {
		(void)snprintf(why, n,
			       "the kernel does not describe itself (/sys/kernel/btf/vmlinux): "
			       "CONFIG_DEBUG_INFO_BTF is needed");
		return -1;
	}
	error = load_object(ri, btf, programs);
	btf__free(btf);
	if (error != 0)
		(void)snprintf(why, n, "the kernel refuses its BPF programs: %s%s%s",
			       strerror(-error), bpf_words()[0] != '\0' ? ": " : "", bpf_words());
	return error;
}

/* Numbers of processes are those of the initial namespace, which is ours only there. */
static bool
namespace_is_first(void)
{
	char link[32] = { 0 };

	return readlink("/proc/self/ns/pid", link, sizeof(link) - 1) < 0 ||
	       strcmp(link, "pid:[4026531836]") == 0;
}

/* ---- does it still tell */

/* A list that others have changed is set again: they need no program of ours for that. */
static bool
list_is_ours(struct ring *ri)
{
	bool ours = true;

	for (size_t i = 0; i < SEEN_TARGETS; i++)
		ours &= ri->bss->targets[i] == ri->targets[i];
	if (!ours)
		ring_targets(ri);
	return ours;
}

enum watch_health
ring_health(struct ring *ri, char *why, size_t n)
{
	uint32_t missing = ri->asked ? ri->can_prove & ~ri->proved : 0;
	bool full = *(volatile __u64 *)&ri->bss->lost != ri->lost_then;

	ri->asked = true;
	ri->proved = 0;
	ri->lost_then = *(volatile __u64 *)&ri->bss->lost;
	ri->bss->proof = ri->can_prove;
	if (missing != 0 && !full) {
		(void)snprintf(why, n,
			       "its programs do not see what lsawatch itself does (%#x of %#x)",
			       missing, ri->can_prove);
		return HEALTH_BAD;
	}
	if (!list_is_ours(ri)) {
		(void)snprintf(why, n,
			       "somebody has changed its list of whom to watch; it is set again");
		return HEALTH_MENDED;
	}
	return HEALTH_GOOD;
}

/* At once, so that a kernel which takes programs and does not call them is found out. */
static bool
tells(struct ring *ri, char *why, size_t n)
{
	(void)ring_health(ri, why, n);
	sensors_deed();
	(void)ring_buffer__consume(ri->buffer);
	if (ring_health(ri, why, n) != HEALTH_BAD)
		return true;
	ri->asked = false;
	return false;
}

struct ring *
ring_open(struct lsawatch *w, enum watch_layer layer, const struct ring_program *programs,
	  uint32_t *shows, char *why, size_t n)
{
	struct ring *ri = calloc(1, sizeof(*ri));
	bool good = false;

	*shows = 0;
	if (ri == NULL || !namespace_is_first()) {
		(void)snprintf(why, n, "%s",
			       ri == NULL ? "no memory"
					  : "lsainit runs in a process namespace of its own, where "
					    "the kernel's process numbers are not ours");
		free(ri);
		return NULL;
	}
	ri->w = w;
	ri->layer = layer;
	bpf_words_begin();
	if (load(ri, programs, why, n) == 0) {
		attach(ri, programs, shows);
		if (*shows == 0)
			(void)snprintf(why, n, "nothing of it can be attached: %s", bpf_words());
		else if (hear(ri) != 0)
			(void)snprintf(why, n, "its ring: %s", strerror(errno));
		else
			good = tells(ri, why, n);
	}
	/* The description of the kernel's types took megabytes. */
	(void)malloc_trim(0);
	if (good)
		return ri;
	*shows = 0;
	ring_close(ri);
	return NULL;
}

/* ---- whom to watch */

static void
add_tasks(const struct ring *ri, pid_t pid, size_t *n)
{
	char path[32];
	const struct dirent *de;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while (*n < SEEN_TASKS && (de = readdir(dir)) != NULL) {
		long task = strtol(de->d_name, NULL, 10);

		if (task <= 0 || task == pid)
			continue;
		ri->bss->tasks_of[*n] = (uint32_t)pid;
		ri->bss->tasks[(*n)++] = (uint32_t)task;
	}
	(void)closedir(dir);
}

void
ring_targets(struct ring *ri)
{
	size_t n = 0;

	_Static_assert(PART_END <= SEEN_TARGETS, "room for all");
	for (size_t i = 0; i < PART_END; i++) {
		const struct watch_image *im = &ri->w->targets[i].image;

		ri->targets[i] = (uint32_t)ri->w->targets[i].pid;
		ri->bss->targets[i] = ri->targets[i];
		ri->bss->images_ino[i] = im->fd >= 0 ? im->ino : 0;
		ri->bss->images_dev[i] = major(im->dev) << 20 | minor(im->dev);
		if (ri->w->targets[i].pid != 0)
			add_tasks(ri, ri->w->targets[i].pid, &n);
	}
	while (n < SEEN_TASKS)
		ri->bss->tasks[n++] = 0;
}

void
ring_close(struct ring *ri)
{
	if (ri == NULL)
		return;
	if (ri->watch != NULL) {
		(void)loop_every(ri->w->lo, 0, tick, ri);
		loop_unwatch(ri->watch);
	}
	ring_buffer__free(ri->buffer);
	for (size_t i = 0; i < ri->nlinks; i++)
		(void)bpf_link__destroy(ri->links[i]);
	if (ri->bss != NULL)
		(void)munmap(ri->bss, sizeof(*ri->bss));
	bpf_object__close(ri->obj);
	free(ri);
}
