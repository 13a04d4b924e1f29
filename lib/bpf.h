/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guard of lsainit and the watch of lsawatch both need to know of BPF. */
#ifndef LSALIB_BPF_H
#define LSALIB_BPF_H

#include <stdint.h>

struct btf;

/*
 * Take the words of libbpf: they go to the log, level debug, and the one that
 * tells most of a refusal, the verifier's last before its count, is kept.
 */
void bpf_words_begin(void);
/* That line; "": there is none. Valid until the next word. */
const char *bpf_words(void);

/* Type of the perf events of a dynamic PMU ("kprobe"); UINT32_MAX: this kernel has none. */
uint32_t bpf_event_type(const char *pmu);
/*
 * The bits 1 << LOCKDOWN_NAME of enum lockdown_reason, for names without that
 * prefix, the last NULL. By name, because their numbers move between kernels;
 * what a kernel does not have has no bit.
 */
uint64_t bpf_lockdown_reasons(const struct btf *btf, const char *const *names);

/* Name of a program type that can read other processes' memory; NULL: it cannot. */
const char *bpf_tracing_type(uint32_t type);

#endif
