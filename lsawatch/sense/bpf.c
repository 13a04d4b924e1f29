/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer bpf: the ends of the kernel's calls of security hooks, by which
 * everything goes whatever system call it began with, and with the verdict;
 * and the ends of two functions for what is refused before a hook is asked.
 * The BPF security module need not be there for that, only trampolines.
 */
#include "lsawatch/sense/bpf/ring.h"
#include "lsawatch/sense/bpf/shared.h"
#include "lsawatch/sense/sense.h"

static const struct ring_program programs[] = {
	{ "on_access", SEES(ATTACH) | SEES(ACCESS) | SEES(LOOK), PROOF_CHECK },
	{ "on_may_access", SEES(DENIED), PROOF_MAY },
	{ "on_attach", 0, 0 },
	{ "on_open", SEES(KERNEL), PROOF_OPEN },
	{ "on_perf", SEES(PERF) | SEES(PROBE), 0 },
	{ "on_prog", SEES(BPF), 0 },
	{ "on_map", 0, 0 },
	{ "on_locked_down", 0, 0 },
	{ "on_setrlimit", SEES(LIMITS), 0 },
	{ "on_creds", SEES(CREDS), 0 },
	{ "on_exec", SEES(EXEC), 0 },
	{ "on_rename", 0, PROOF_NAMED },
	{ "on_fork", SEES(FORK), 0 },
	{ "on_exit", SEES(EXIT) | SEES(CORE), 0 },
	{ "on_signal", SEES(SIGNAL), 0 },
	{ "on_module", 0, 0 },
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

static enum watch_health
bpf_health(struct lsawatch *w, char *why, size_t n)
{
	(void)w;
	return ring_health(hooks, why, n);
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
	.health = bpf_health,
	.replaced = true,
	.close = bpf_close,
};
