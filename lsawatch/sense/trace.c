/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer trace: tracepoints, by BPF programs of the kind that nearly every
 * kernel takes. What is done by system calls is seen at their end, with the
 * result.
 */
#include "lsawatch/sense/bpf/ring.h"
#include "lsawatch/sense/bpf/shared.h"
#include "lsawatch/sense/sense.h"

/* io_uring opens without a system call; what it then was told is not seen. */
static const struct ring_program programs[] = {
	{ "on_sys_exit",
	  SEES(LIMITS) | SEES(ATTACH) | SEES(ACCESS) | SEES(LOOK) | SEES(DENIED) | SEES(PERF) |
	      SEES(PROBE) | SEES(BPF) | SEES(KERNEL) | SEES(CREDS),
	  PROOF_CALL },
	{ "on_submit_old", 0, 0 },
	{ "on_submit", 0, 0 },
	{ "on_exec", SEES(EXEC), 0 },
	{ "on_rename", 0, PROOF_NAMED },
	{ "on_fork", SEES(FORK), 0 },
	{ "on_exit", SEES(EXIT) | SEES(CORE), 0 },
	{ "on_signal", SEES(SIGNAL), 0 },
	{ "on_module", 0, 0 },
	{ 0 },
};

static struct ring *trace;

static uint32_t
trace_open(struct lsawatch *w, char *why, size_t n)
{
	uint32_t shows;

	trace = ring_open(w, LAYER_TRACE, programs, &shows, why, n);
	return shows;
}

static void
trace_targets(struct lsawatch *w)
{
	(void)w;
	ring_targets(trace);
}

static enum watch_health
trace_health(struct lsawatch *w, char *why, size_t n)
{
	(void)w;
	return ring_health(trace, why, n);
}

static void
trace_close(struct lsawatch *w)
{
	(void)w;
	ring_close(trace);
	trace = NULL;
}

const struct watch_sensor sense_trace = {
	.name = "trace",
	.layer = LAYER_TRACE,
	.sees = RING_SEES,
	.open = trace_open,
	.targets = trace_targets,
	.health = trace_health,
	.replaced = true,
	.close = trace_close,
};
