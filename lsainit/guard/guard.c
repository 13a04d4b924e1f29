/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading, attaching, enrolling, sealing. What was refused is in report.c. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <guard.skel.h>

#include "lib/bpf.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lsainit/guard/guard.h"
#include "lsainit/guard/private.h"
#include "lsainit/init.h"
#include "lsainit/rival.h"

#define NEEDED "; [isolation] guard = required in %s"

/* ---- why it cannot be had */

static void __attribute__((format(printf, 2, 3)))
because(struct instance *in, const char *format, ...)
{
	struct control_guard *cg = &in->table.guard;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(cg->why, sizeof(cg->why), format, ap);
	va_end(ap);
	cg->state = CONTROL_GUARD_MISSING;
}

static void
because_refused(struct instance *in, int error)
{
	pid_t other = error == EPERM ? other_lsainit() : 0;

	if (other > 0)
		because(
		    in,
		    "the kernel refuses it (%s): another instance (lsainit, pid %d) is up, whose "
		    "guard, if it has one, refuses a second; else CAP_BPF and CAP_PERFMON are "
		    "needed",
		    strerror(error), (int)other);
	else if (error == EPERM)
		because(in,
			"the kernel refuses it (%s): CAP_BPF and CAP_PERFMON are needed, and "
			"no other guard may be up",
			strerror(error));
	else
		because(in, "the kernel refuses it: %s: %s", strerror(error), bpf_words());
}

/* ---- which programs this kernel takes */

/* Number of arguments of a hook; -1: this kernel does not have it. */
static int
hook_arguments(const struct btf *btf, const char *hook)
{
	const struct btf_type *ty;
	char name[64];
	int id;

	(void)snprintf(name, sizeof(name), "bpf_lsm_%s", hook);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	if (id < 0)
		return -1;
	ty = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
	return ty != NULL ? (int)(btf_vlen(ty)) : -1;
}

static int
hook_number(const char *name)
{
	for (int i = 0; i < GUARD_HOOK_END; i++) {
		if (strcmp(guard_hooks[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* Whether to load a program, of those that are there in two forms or need not be. */
static bool
fits(const struct guard_bpf *skel, const struct bpf_program *prog, int arguments)
{
	if (prog == skel->progs.on_setattr_old)
		return arguments == 2;
	if (prog == skel->progs.on_setattr)
		return arguments == 3;
	if (prog == skel->progs.on_perf_open)
		return arguments == 2;
	return arguments > 0;
}

static int
choose(struct instance *in, struct guard *gd, const struct btf *btf)
{
	bool have[GUARD_HOOK_END] = { false };
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, gd->skel->obj)
	{
		const char *name = bpf_program__section_name(prog) + strlen("lsm/");
		int hook = hook_number(name);
		bool fit = fits(gd->skel, prog, hook_arguments(btf, name));

		if (hook < 0 || bpf_program__set_autoload(prog, fit) != 0)
			return -1;
		have[hook] |= fit;
	}
	for (int i = 0; i < GUARD_HOOK_END; i++) {
		in->table.guard.hooks_all++;
		if (have[i])
			continue;
		log_info("the guard goes without the hook %s: this kernel does not have it",
			 guard_hooks[i].name);
		if (guard_hooks[i].must) {
			because(in, "this kernel does not have the hook %s", guard_hooks[i].name);
			return -1;
		}
	}
	return 0;
}

/* ---- what is set before loading */

static int
set_constants(const struct instance *in, struct guard *gd, const struct btf *btf)
{
	static const char *const always[] = { "DEV_MEM",	  "KCORE",
					      "BPF_WRITE_USER",	  "DBG_READ_KERNEL",
					      "DBG_WRITE_KERNEL", NULL };
	static const char *const tracing[] = { "KPROBES", "PERF", NULL };
	static const char *const integrity[] = { "MODULE_SIGNATURE",
						 "EFI_TEST",
						 "KEXEC",
						 "HIBERNATION",
						 "PCI_ACCESS",
						 "IOPORT",
						 "MSR",
						 "ACPI_TABLES",
						 "DEVICE_TREE",
						 "PCMCIA_CIS",
						 "TIOCSSERIAL",
						 "MODULE_PARAMETERS",
						 "MMIOTRACE",
						 "DEBUGFS",
						 "XMON_WR",
						 "XMON_RW",
						 "XFRM_SECRET",
						 "RTAS_ERROR_INJECTION",
						 "XEN_USER_ACTIONS",
						 NULL };
	struct bpf_map *map = bpf_object__find_map_by_name(gd->skel->obj, ".rodata");
	struct guard_bpf__rodata ro = { 0 };

	ro.locked = in->cf.isolation_guard_lock;
	ro.reasons = bpf_lockdown_reasons(btf, always);
	if (in->cf.isolation_lockdown)
		ro.reasons |= bpf_lockdown_reasons(btf, integrity);
	ro.reasons_but_watch = bpf_lockdown_reasons(btf, tracing);
	ro.type_kprobe = bpf_event_type("kprobe");
	ro.type_uprobe = bpf_event_type("uprobe");
	return bpf_map__set_initial_value(map, &ro, sizeof(ro));
}

/* ---- its own objects: nobody gets at them by number */

static bool
is_own(const struct guard *gd, enum guard_own_kind kind, uint32_t id)
{
	struct guard_own key = { .kind = kind, .id = id };
	uint32_t value;

	return gd != NULL && bpf_map_lookup_elem(gd->own_fd, &key, &value) == 0;
}

static int
add_own(const struct guard *gd, enum guard_own_kind kind, uint32_t id)
{
	struct guard_own key = { .kind = kind, .id = id };
	uint32_t value = 1;

	return bpf_map_update_elem(gd->own_fd, &key, &value, BPF_ANY);
}

static int
own_maps_and_programs(struct guard *gd)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	gd->own_fd = bpf_map__fd(gd->skel->maps.own);
	bpf_object__for_each_map(map, gd->skel->obj)
	{
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) != 0 ||
		    add_own(gd, GUARD_OWN_MAP, info.id) != 0)
			return -1;
	}
	bpf_object__for_each_program(prog, gd->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (!bpf_program__autoload(prog))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) != 0 ||
		    add_own(gd, GUARD_OWN_PROG, info.id) != 0)
			return -1;
	}
	return 0;
}

/* ---- up */

static int
set_phase(const struct guard *gd, const struct guard_phase *ph)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(gd->skel->maps.phase), &zero, ph, BPF_ANY);
}

static int
attach(struct guard *gd, struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach_lsm(prog);
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (link == NULL)
		return -1;
	gd->links[gd->nlinks++] = link;
	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &len) != 0)
		return -1;
	return add_own(gd, GUARD_OWN_LINK, info.id);
}

/* Be known to it. This shows, too, that the kernel does call the hooks. */
static int
claim(struct guard *gd)
{
	struct guard_phase ph = { 0 };
	union {
		uint64_t nonce;
		union bpf_attr attr;
	} say = { 0 };
	uint32_t zero = 0;

	while (ph.nonce == 0) {
		if (getrandom(&ph.nonce, sizeof(ph.nonce), 0) != sizeof(ph.nonce))
			return -1;
	}
	if (set_phase(gd, &ph) != 0)
		return -1;
	say.nonce = ph.nonce;
	(void)syscall(SYS_bpf, GUARD_CLAIM, &say, sizeof(say));
	if (bpf_map_lookup_elem(bpf_map__fd(gd->skel->maps.phase), &zero, &ph) != 0)
		return -1;
	errno = ENODEV;
	return ph.claimed ? 0 : -1;
}

/* The hook of bpf(2) first: by it we become known, and may attach the others. */
static int
attach_all(struct instance *in, struct guard *gd)
{
	struct bpf_program *prog, *first = gd->skel->progs.on_bpf;
	char list[128];

	if (attach(gd, first) != 0) {
		because_refused(in, errno);
		return -1;
	}
	if (claim(gd) != 0) {
		if (offer_bpf_lsm(list, sizeof(list)) < 0)
			(void)snprintf(list, sizeof(list), "...");
		because(in, "BPF is not among the active security modules: boot with lsm=%s,bpf",
			list);
		return -1;
	}
	bpf_object__for_each_program(prog, gd->skel->obj)
	{
		if (prog == first || !bpf_program__autoload(prog))
			continue;
		if (attach(gd, prog) != 0) {
			because_refused(in, errno);
			return -1;
		}
	}
	return 0;
}

/* As guard_bpf__open() would, without what the analyzers say of generated code. */
static struct guard_bpf *
open_object(void)
{
	size_t size = 0;
	const void *octets = guard_bpf__elf_bytes(&size);
	struct guard_bpf *skel = calloc(1, sizeof(*skel));

	if (skel == NULL)
		return NULL;
	skel->obj = bpf_object__open_mem(octets, size, NULL);
	if (skel->obj == NULL) {
		free(skel);
		return NULL;
	}
	skel->maps.own = bpf_object__find_map_by_name(skel->obj, "own");
	skel->maps.phase = bpf_object__find_map_by_name(skel->obj, "phase");
	skel->maps.files = bpf_object__find_map_by_name(skel->obj, "files");
	skel->maps.marks = bpf_object__find_map_by_name(skel->obj, "marks");
	skel->maps.counts = bpf_object__find_map_by_name(skel->obj, "counts");
	skel->maps.events = bpf_object__find_map_by_name(skel->obj, "events");
	skel->progs.on_bpf = bpf_object__find_program_by_name(skel->obj, "on_bpf");
	skel->progs.on_setattr = bpf_object__find_program_by_name(skel->obj, "on_setattr");
	skel->progs.on_setattr_old = bpf_object__find_program_by_name(skel->obj, "on_setattr_old");
	skel->progs.on_perf_open = bpf_object__find_program_by_name(skel->obj, "on_perf_open");
	return skel;
}

static int
load(struct instance *in, struct guard *gd)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int bad = -1;

	gd->skel = open_object();
	if (btf == NULL || gd->skel == NULL) {
		because(in, "the kernel does not describe itself (/sys/kernel/btf/vmlinux): "
			    "CONFIG_DEBUG_INFO_BTF is needed");
	} else if (choose(in, gd, btf) == 0) {
		bad = set_constants(in, gd, btf);
		if (bad == 0)
			bad = bpf_object__load(gd->skel->obj);
		if (bad != 0)
			because_refused(in, -bad);
	}
	btf__free(btf);
	return bad == 0 ? 0 : -1;
}

static int
open_reports(struct guard *gd)
{
	gd->counts = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED,
			  bpf_map__fd(gd->skel->maps.counts), 0);
	if (gd->counts == MAP_FAILED) {
		gd->counts = NULL;
		return -1;
	}
	return report_open(gd, bpf_map__fd(gd->skel->maps.events));
}

/* No program that is attached to a function of the kernel is called then. */
static bool
switched_off(void)
{
	char line[16];

	return machine_line(GUARD_SWITCH, line, sizeof(line)) >= 0 && strcmp(line, "0") == 0;
}

static int
try_up(struct instance *in, struct guard *gd)
{
	char list[128];

	if (geteuid() != 0) {
		because(in, "lsainit was not started as root");
		return -1;
	}
	if (offer_bpf_lsm(list, sizeof(list)) == 0) {
		because(in, "BPF is not among the active security modules: boot with lsm=%s,bpf",
			list);
		return -1;
	}
	if (switched_off()) {
		because(in, "kernel.ftrace_enabled is 0, so the kernel calls no BPF program at its "
			    "hooks: `sysctl kernel.ftrace_enabled=1`");
		return -1;
	}
	if (load(in, gd) != 0)
		return -1;
	if (own_maps_and_programs(gd) != 0 || open_reports(gd) != 0) {
		because_refused(in, errno);
		return -1;
	}
	return attach_all(in, gd);
}

static void
destroy(struct guard *gd)
{
	report_close(gd);
	for (size_t i = 0; i < gd->nlinks; i++)
		(void)bpf_link__destroy(gd->links[i]);
	if (gd->counts != NULL)
		(void)munmap(gd->counts, (size_t)sysconf(_SC_PAGESIZE));
	if (gd->skel != NULL)
		bpf_object__close(gd->skel->obj);
	free(gd->skel);
	free(gd);
}

/* Is there something armed that must keep us from starting? */
static int
look_for_armed(struct instance *in, const struct guard *gd)
{
	bool refuse = strcmp(in->cf.isolation_guard, "required") == 0 &&
		      strcmp(in->cf.isolation_armed, "refuse") == 0;
	struct armed ar;

	armed_find(&ar, refuse ? LOG_ERR : LOG_WARNING, is_own, gd);
	if (ar.n > in->table.guard.armed) {
		in->table.guard.armed = ar.n < UINT16_MAX ? (uint16_t)ar.n : UINT16_MAX;
		(void)snprintf(in->table.guard.armed_first, sizeof(in->table.guard.armed_first),
			       "%s", ar.first);
	}
	if (ar.n == 0 || !refuse)
		return 0;
	log_err("not started: what was armed before the guard can read lsaiso; end it (bpftool "
		"prog, perf), start lsainit before it, or accept it with [isolation] armed = "
		"report in %s",
		in->config_path);
	return -1;
}

int
guard_up(struct instance *in)
{
	bool required = strcmp(in->cf.isolation_guard, "required") == 0;
	struct control_guard *cg = &in->table.guard;
	struct guard *gd;

	cg->yama = (int8_t)offer_yama();
	cg->lockdown = (int8_t)offer_lockdown();
	if (strcmp(in->cf.isolation_guard, "off") == 0) {
		cg->state = CONTROL_GUARD_OFF;
		return 0;
	}
	bpf_words_begin();
	gd = calloc(1, sizeof(*gd));
	if (gd == NULL)
		return -1;
	if (try_up(in, gd) != 0) {
		destroy(gd);
		log_line(required ? LOG_ERR : LOG_WARNING, "no guard: %s", cg->why);
		if (required)
			log_err("not started: [isolation] guard = required in %s; do what the line "
				"above says, or accept less with guard = auto",
				in->config_path);
		return required ? -1 : 0;
	}
	in->guard = gd;
	cg->state = CONTROL_GUARD_UP;
	cg->hooks = (uint8_t)gd->nlinks;
	cg->locked = in->cf.isolation_guard_lock;
	cg->lockdown_refused = in->cf.isolation_lockdown;
	return 0;
}

/* ---- files */

int
guard_enroll(struct instance *in, int fd, enum guard_role role, const char *path)
{
	struct guard_phase ph = { .claimed = 1, .enroll = role };
	char again[32];
	int bad, opened;

	if (in->guard == NULL)
		return 0;
	/* Opened once more, because the hook tells best which inodes are behind a name. */
	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	bad = set_phase(in->guard, &ph);
	opened = bad == 0 ? open(again, O_RDONLY | O_CLOEXEC) : -1;
	ph.enroll = GUARD_NONE;
	bad |= set_phase(in->guard, &ph);
	if (bad != 0 || opened < 0) {
		log_err("%s is not guarded: %s", path, strerror(errno));
		close_fd(&opened);
		return -1;
	}
	(void)close(opened);
	return 0;
}

/* ---- sealed */

static int
freeze(const struct guard *gd)
{
	struct guard_phase ph = { .claimed = 1, .sealed = 1 };

	if (set_phase(gd, &ph) != 0 || bpf_map_freeze(bpf_map__fd(gd->skel->maps.phase)) != 0 ||
	    bpf_map_freeze(bpf_map__fd(gd->skel->maps.files)) != 0 ||
	    bpf_map_freeze(bpf_map__fd(gd->skel->maps.own)) != 0 ||
	    bpf_map_freeze(bpf_map__fd(gd->skel->maps.marks)) != 0)
		return -1;
	return 0;
}

/* Of what is dropped: lsawatch gets these at its start. lsainit has them in no set that acts. */
static bool
is_for_watch(unsigned int cap)
{
	return cap == CAP_SYS_PTRACE || cap == CAP_BPF || cap == CAP_PERFMON ||
	       cap == CAP_NET_ADMIN;
}

/* What neither lsainit nor a child of it, but for lsawatch, needs from here on. */
static int
drop_capabilities(bool watches)
{
	static const unsigned int drop[] = { CAP_SYS_PTRACE, CAP_BPF,	    CAP_PERFMON,
					     CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT,
					     CAP_SYSLOG,     CAP_MKNOD,	    CAP_NET_ADMIN,
					     CAP_NET_RAW,    CAP_SYS_TIME };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++) {
		struct __user_cap_data_struct *at = &caps[CAP_TO_INDEX(drop[i])];

		at->effective &= ~CAP_TO_MASK(drop[i]);
		at->inheritable &= ~CAP_TO_MASK(drop[i]);
		if (watches && is_for_watch(drop[i]))
			continue;
		if (prctl(PR_CAPBSET_READ, drop[i], 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, drop[i], 0, 0, 0) != 0)
			return -1;
		at->permitted &= ~CAP_TO_MASK(drop[i]);
	}
	return (int)syscall(SYS_capset, &head, caps);
}

int
guard_seal(struct instance *in)
{
	const struct control_guard *cg = &in->table.guard;

	if (in->guard == NULL)
		return 0;
	if (freeze(in->guard) != 0) {
		log_err("the guard could not be sealed: %s", strerror(errno));
		return -1;
	}
	if (look_for_armed(in, in->guard) != 0)
		return -1;
	if (drop_capabilities(in->watches) != 0) {
		log_err("could not drop capabilities: %s", strerror(errno));
		return -1;
	}
	log_notice("the guard is up: %u of %u hooks%s%s", cg->hooks, cg->hooks_all,
		   cg->locked ? ", locked until the next boot" : "",
		   cg->armed != 0 ? ", but something was armed before it" : "");
	return 0;
}

/* ---- is it still called */

/*
 * What it refuses to everybody, and to us without a report. Where this can be opened the
 * hooks are not called any more, by whatever means.
 */
static bool
is_called(void)
{
	int fd = open(GUARD_SWITCH, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return true; /* also where there is no such switch */
	(void)close(fd);
	return false;
}

void
guard_look(struct instance *in)
{
	struct control_guard *cg = &in->table.guard;
	int64_t now = monotonic_ms();

	if (in->guard == NULL || now < in->guard_look_due)
		return;
	in->guard_look_due = now + GUARD_LOOK_MS;
	if (is_called() == (cg->state == CONTROL_GUARD_UP))
		return;
	if (cg->state != CONTROL_GUARD_UP) {
		cg->state = CONTROL_GUARD_UP;
		cg->why[0] = '\0';
		log_notice("the guard is called again; what happened meanwhile it did not see");
		table_changed(in);
		return;
	}
	because(in, "it was up, and the kernel does not call it any more%s",
		switched_off() ? ": somebody has set kernel.ftrace_enabled to 0; `sysctl "
				 "kernel.ftrace_enabled=1`"
			       : "");
	log_err("no guard: %s", cg->why);
	table_changed(in);
	if (strcmp(in->cf.isolation_guard, "required") == 0) {
		log_err("stopping: [isolation] guard = required in %s", in->config_path);
		in->asked_to_end = in->guard_lost = true;
	}
}

int
guard_look_wait(const struct instance *in)
{
	int64_t wait = in->guard_look_due - monotonic_ms();

	if (in->guard == NULL)
		return -1;
	return wait > 0 ? (int)wait : 0;
}

/* ---- as long as anything lives that it protects */

int
guard_keep(const struct instance *in, int socket)
{
	union {
		struct cmsghdr head;
		char octets[CMSG_SPACE(GUARD_LINKS_MAX * sizeof(int))];
	} space = { 0 };
	int fds[GUARD_LINKS_MAX];
	char word[] = "guard";
	struct iovec part = { .iov_base = word, .iov_len = sizeof(word) };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.octets };
	struct cmsghdr *cm = &space.head;
	size_t n;

	if (in->guard == NULL)
		return 0;
	n = in->guard->nlinks;
	for (size_t i = 0; i < n; i++)
		fds[i] = bpf_link__fd(in->guard->links[i]);
	head.msg_controllen = CMSG_SPACE(n * sizeof(int));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	return sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

bool
guard_locked(const struct instance *in)
{
	return in->guard != NULL && in->table.guard.locked;
}

void
guard_free(struct instance *in)
{
	if (in->guard != NULL)
		destroy(in->guard);
	in->guard = NULL;
}
