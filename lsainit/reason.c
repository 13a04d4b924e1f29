/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lsainit/init.h"
#include "rpc/rpc.h"
#include "rpc/vm.h"

/* What to do about an exit code of lsaiso. */
static const char *
advice(int code)
{
	switch (code) {
	case ISO_EXIT_SECRET:
		return "boot with secretmem.enable=1, or accept less: memory = ordinary in "
		       "[isolation]";
	case ISO_EXIT_MEMLOCK:
		return "raise the limit (LimitMEMLOCK= of the unit, ulimit -l)";
	case ISO_EXIT_ARGS:
	case ISO_EXIT_CHANNEL:
		return "lsainit and lsaiso are of different versions; install them together";
	case ISO_EXIT_SECCOMP:
		return "the kernel needs CONFIG_SECCOMP_FILTER";
	case VMM_EXIT_KVM:
	case VMM_EXIT_START:
		return "see above; accept level = process if this machine has no usable KVM";
	case VMM_EXIT_GMEM:
		return "it needs Linux 6.18 or later; vm_memory = auto takes what there is";
	case VMM_EXIT_MEMORY:
		return "raise the limit (LimitMEMLOCK= of the unit, ulimit -l)";
	case VMM_EXIT_IMAGE:
	case VMM_EXIT_ARGS:
		return "lsainit, lsavmm and lsaiso-vm are of different versions; install them "
		       "together";
	case VMM_EXIT_FAULT:
	case VMM_EXIT_PORT:
	case VMM_EXIT_LOOP:
	case ISO_EXIT_STACK:
	case ISO_EXIT_ASSERT:
		return "a bug or an attack: please report it";
	case LINK_EXIT_LOST:
		return "look at lsaiso-host and its guest's channel there";
	case LINK_EXIT_PROTOCOL:
		return "if both are of one version, it is a bug or an attack: please report it";
	case LINK_EXIT_SILENT:
		return "look at lsaiso-host there, and how busy that machine is";
	case LINK_EXIT_NOBODY:
		return "start lsaiso-host for this guest there, and see that the channel leads to "
		       "it";
	case LINK_EXIT_VERSION:
		return "install the same version on both";
	case LINK_EXIT_TENANT:
		return "name this guest there, in a file of /etc/lsaiso/guests";
	case LINK_EXIT_BUSY:
		return "only one lsainit of a guest is served; an older connection may still be "
		       "ending";
	case LINK_EXIT_RATE:
		return "it is tried again; [guest] connects there sets how many";
	case LINK_EXIT_ISO:
		return "look at the log of lsainit there";
	default:
		return NULL;
	}
}

static void
signal_text(int number, bool iso, char *text, size_t n)
{
	const char *why = "";

	if (number == SIGSYS)
		why = ": it made a system call that its filter refuses";
	else if (number == SIGKILL)
		why = ": somebody killed it, or memory ran out (see the kernel's log)";
	(void)snprintf(text, n, "ended by signal %d (%s)%s", number, strsignal(number),
		       number == SIGSYS && !iso ? "" : why);
}

void
reason_text(const struct instance *in, int status, bool iso, char *text, size_t n)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	const char *known = iso ? rpc_exit_text(code) : NULL;
	const char *hint = known != NULL ? advice(code) : NULL;

	if (WIFSIGNALED(status))
		signal_text(WTERMSIG(status), iso, text, n);
	else if (known == NULL)
		(void)snprintf(text, n, "exit code %d", code);
	else
		(void)snprintf(text, n, "%s%s%s%s%s", known, hint != NULL ? "; " : "",
			       hint != NULL ? hint : "", code == ISO_EXIT_SECRET ? " of " : "",
			       code == ISO_EXIT_SECRET ? in->config_path : "");
}
