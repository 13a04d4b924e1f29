/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BPF, direct map of the kernel: see pages.bpf.c. */
#include "bpf_pages.h"

int
main(int argc, char **argv)
{
	static struct theft t;

	theft_begin(&t, argc, argv);
	bpf_pages(&t, BPF_DIRECT, theft_patience(10));
	theft_end(&t, "BPF, direct map of the kernel");
}
