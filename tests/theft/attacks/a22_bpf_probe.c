/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BPF, probe_read_user: see pages.bpf.c. */
#include "bpf_pages.h"

int
main(int argc, char **argv)
{
	static struct theft t;

	theft_begin(&t, argc, argv);
	bpf_pages(&t, BPF_PROBE, theft_patience(10));
	theft_end(&t, "BPF, probe_read_user");
}
