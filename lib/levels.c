/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/levels.h"

#include <stdbool.h>
#include <string.h>

#include "lib/config.h"
#include "lib/control.h"

const char lib_version[] = VERSION;

static const char *const process_lacks[] = {
	"the kernel sees everything: exploits of it, modules, kexec, DMA, a hypervisor get the "
	"keys",
	"root can use a live session as its user, within policy and rate, until it ends; "
	"each use is counted",
	"credentials at entry: kinit holds password and TGT key until it exits, lsass the key for "
	"the instant of STORE",
	"service tickets leave with their session keys, because clients need them",
	NULL,
};

static const char *const vm_lacks[] = {
	"the kernel sees everything: the memory of a virtual machine is in its map of all memory; "
	"exploits of it, modules, kexec, DMA get the keys",
	"root who can trace lsavmm makes the machine do and show what root likes; the guard, or "
	"Yama ptrace_scope = 3, stops that",
	"root can use a live session as its user, within policy and rate, until it ends; "
	"each use is counted",
	"credentials at entry: kinit holds password and TGT key until it exits, lsass the key for "
	"the instant of STORE",
	"service tickets leave with their session keys, because clients need them",
	NULL,
};

static const char *const hypervisor_lacks[] = {
	"the kernel of this machine, and root, can use live sessions as their users, within policy "
	"and rate, until they end; each use is counted on the host",
	"credentials at entry: passwords and TGT keys are in this machine's memory while they are "
	"typed, fetched and stored, and its kernel can take them then",
	"service tickets leave with their session keys, because clients need them: they lie in "
	"this machine's memory",
	"the host: its root and kernel see all of this machine, and of lsaiso what the level there "
	"lets them",
	"physical access to the host: its memory is not encrypted by anything here",
	NULL,
};

static const struct level levels[] = {
	{
	    .name = "process",
	    .holds = "other users, and every read of memory, cores and files by root",
	    .lacks = process_lacks,
	},
	{
	    .name = "vm",
	    .holds = "other users, and every read of memory, cores and files by root; a fault in "
		     "lsaiso finds no system call to make",
	    .lacks = vm_lacks,
	},
	{
	    .name = "hypervisor",
	    .holds = "everything on this machine, its kernel too: the keys that lsaiso holds are "
		     "never in its memory",
	    .lacks = hypervisor_lacks,
	},
};

const struct level *
level_find(const char *name)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, name) == 0)
			return &levels[i];
	}
	return NULL;
}

const char *
level_memory(const struct config *cf, const struct control_table *table)
{
	if (strcmp(cf->isolation_level, "hypervisor") == 0)
		return "of the host";
	if (strcmp(cf->isolation_level, "vm") != 0)
		return cf->isolation_memory;
	switch (table != NULL ? table->vm_memory : CONTROL_VM_NONE) {
	case CONTROL_VM_ORDINARY:
		return "ordinary";
	case CONTROL_VM_GMEM:
		return "guest_memfd";
	case CONTROL_VM_GMEM_ALL:
		return "guest_memfd, page tables too";
	default:
		return "unknown";
	}
}

size_t
level_weaker(const struct config *cf, const struct control_table *table,
	     struct weaker list[WEAKER_MAX])
{
	bool far = strcmp(cf->isolation_level, "hypervisor") == 0;
	size_t n = 0;

	if (far && (table != NULL ? !table->host_proven : cf->isolation_host_key[0] == '\0'))
		list[n++] = (struct weaker){
			"no [isolation] host_key",
			"nothing shows that it is the host's lsaiso who answers: whoever gets hold "
			"of that end of the channel is given every key that is stored",
		};
	if (strcmp(cf->isolation_level, "process") == 0 &&
	    strcmp(cf->isolation_memory, "ordinary") == 0)
		list[n++] = (struct weaker){
			"[isolation] memory = ordinary",
			"root can read the keys in /proc/PID/mem and they can reach a hypervisor's "
			"view or kernel memory dumps",
		};
	if (table != NULL && table->vm_memory == CONTROL_VM_ORDINARY)
		list[n++] = (struct weaker){
			"no guest_memfd",
			"the memory of lsaiso's machine is ordinary memory of lsavmm: root can "
			"read it in /proc/PID/mem unless the guard refuses that",
		};
	else if (table != NULL && table->vm_memory == CONTROL_VM_GMEM)
		list[n++] = (struct weaker){
			"page tables in ordinary memory",
			"this KVM reads page tables and doorbell by itself: root can change them "
			"in /proc/PID/mem, and so have lsaiso hand its memory out, unless the "
			"guard refuses that",
		};
	if (table != NULL && !table->separate_users)
		list[n++] = (struct weaker){
			"started by an ordinary user",
			"lsaiso and lsass have no users of their own: every program of this user "
			"is "
			"as close to them as root is",
		};
	if (table != NULL && table->guard.state != CONTROL_GUARD_UP)
		list[n++] = (struct weaker){
			table->guard.state == CONTROL_GUARD_OFF ? "[isolation] guard = off"
								: "no guard",
			far ? "root can make lsalink and lsass run its code, and see what passes "
			      "through them"
			    : "root can make lsaiso run its code, with ptrace, and read its memory "
			      "with BPF tracing, perf and uprobes; Yama ptrace_scope = 3 stops the "
			      "first",
		};
	else if (table != NULL && table->guard.armed != 0)
		list[n++] = (struct weaker){
			"armed before the guard",
			"what could trace this machine before the guard went up still can",
		};
	if (table != NULL && !table->namespaces)
		list[n++] = (struct weaker){
			"no namespaces",
			"lsaiso shares the network and file system view of its starter; its system "
			"call filter alone keeps it from using them",
		};
	if (strcmp(cf->launch_verify, "off") == 0)
		list[n++] = (struct weaker){
			"[launch] verify = off",
			"programs are started unchecked: whoever replaces a file is trusted at the "
			"next start",
		};
	else if (table != NULL && table->launch_floor < (int)table->launch_svn)
		list[n++] = (struct weaker){
			"[host] directory cannot be written",
			"nothing remembers which security version ran: programs with known "
			"weaknesses, if they are signed, are not refused",
		};
	if (strcmp(cf->seal_root, "file") == 0)
		list[n++] = (struct weaker){
			"[seal] root = file",
			"the root key lies in the clear in a file of root: whoever has the disk, a "
			"backup or root has it",
		};
	if (cf->krb5_rc4)
		list[n++] = (struct weaker){ "[krb5] rc4 = yes",
					     "tickets with a weak cipher are accepted" };
	if (strcmp(cf->delegation_forward, "allow") == 0)
		list[n++] = (struct weaker){
			"[delegation] forward = allow",
			"keys of forwarded TGTs leave lsaiso: a taken-over lsass, and each server "
			"that gets one, can act as the user until it ends",
		};
	if (cf->delegation_s4u)
		list[n++] = (struct weaker){
			"[delegation] s4u = yes",
			"who uses the credentials of a service can have tickets in the name of "
			"others, as far as its KDC lets that service",
		};
	return n;
}
