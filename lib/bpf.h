/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guard of lsainit and the watch of lsawatch both need to know of BPF. */
#ifndef LSALIB_BPF_H
#define LSALIB_BPF_H

#include <stdint.h>

/*
 * Take the words of libbpf: they go to the log, level debug, and the one that
 * tells most of a refusal, the verifier's last before its count, is kept.
 */
void bpf_words_begin(void);
/* That line; "": there is none. Valid until the next word. */
const char *bpf_words(void);

/* Name of a program type that can read other processes' memory; NULL: it cannot. */
const char *bpf_tracing_type(uint32_t type);

#endif
