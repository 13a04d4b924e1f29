/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer bpf: the ends of the kernel's calls of security hooks, by which
 * everything goes whatever system call it began with, and with the verdict;
 * and the ends of two functions for what is refused before a hook is asked.
 * The BPF security module need not be there for that, only trampolines.
 */
#include "lsawatch/sense/bpf/ring.h"
#include "lsawatch/sense/sense.h"

static const struct ring_program programs[] = {
	{ "on_access", SEES(ATTACH) | SEES(ACCESS) | SEES(LOOK) },
	{ "on_may_access", SEES(DENIED) },
	{ "on_attach", 0 },
	{ "on_open", SEES(KERNEL) },
	{ "on_perf", SEES(PERF) | SEES(PROBE) },
	{ "on_prog", SEES(BPF) },
	{ "on_locked_down", 0 },
	{ "on_setrlimit", SEES(LIMITS) },
	{ "on_creds", SEES(CREDS) },
	{ "on_exec", SEES(EXEC) },
	{ "on_rename", 0 },
	{ "on_fork", SEES(FORK) },
	{ "on_exit", SEES(EXIT) | SEES(CORE) },
	{ "on_signal", SEES(SIGNAL) },
	{ 0 },
};

static struct ring *hooks;

static uint32_t
bpf_open(struct lsawatch *w, char *why, size_t n)
{
	uint32_t shows;

	hooks = ring_open(w, LAYER_BPF, programs, &shows, why, n);
	return shows;
}

static void
bpf_targets(struct lsawatch *w)
{
	(void)w;
	ring_targets(hooks);
}

static void
bpf_close(struct lsawatch *w)
{
	(void)w;
	ring_close(hooks);
	hooks = NULL;
}

const struct watch_sensor sense_bpf = {
	.name = "bpf",
	.layer = LAYER_BPF,
	.sees = RING_SEES,
	.open = bpf_open,
	.targets = bpf_targets,
	.close = bpf_close,
};
