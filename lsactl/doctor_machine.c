/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kernel and hardware offer. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/machine.h"
#include "lsactl/doctor.h"

#define MEMLOCK_LEAST (8UL << 20) /* the kernel's default; lsaiso needs less */

void
check_memfd_secret(const struct ctl *ct, struct finding *fi)
{
	bool needed = strcmp(ct->cf.isolation_memory, "secret") == 0;
	int error = machine_memfd_secret();

	if (strcmp(ct->cf.isolation_level, "process") != 0) {
		found(fi, HEALTH_OK, "not used at level %s", ct->cf.isolation_level);
		return;
	}
	if (error == 0) {
		found(fi, HEALTH_OK, "works%s",
		      needed ? "" : ", but [isolation] memory = ordinary does not use it");
		if (!needed)
			advise(fi, "remove the line \"memory = ordinary\" from [isolation]");
		return;
	}
	found(fi, needed ? HEALTH_MISSING : HEALTH_WEAK, "%s", strerror(error));
	if (error == ENOSYS)
		advise(fi, "boot with secretmem.enable=1 (kernel 5.14 and newer)");
	else if (error == EAGAIN || error == ENOMEM)
		advise(fi, "raise the limit of locked memory (ulimit -l, LimitMEMLOCK=)");
	else
		advise(fi, "something refuses the system call: a container's seccomp profile?");
}

void
check_memlock(const struct ctl *ct, struct finding *fi)
{
	struct rlimit li;

	(void)ct;
	if (getrlimit(RLIMIT_MEMLOCK, &li) != 0) {
		found(fi, HEALTH_UNKNOWN, "%s", strerror(errno));
	} else if (li.rlim_max == RLIM_INFINITY) {
		found(fi, HEALTH_OK, "no limit");
	} else if (li.rlim_max >= MEMLOCK_LEAST) {
		found(fi, HEALTH_OK, "%lu KiB", (unsigned long)(li.rlim_max / 1024));
	} else {
		found(fi, HEALTH_WEAK, "%lu KiB here", (unsigned long)(li.rlim_max / 1024));
		advise(fi, "if lsaiso does not start: ulimit -l 8192, or LimitMEMLOCK=8M in its "
			   "unit");
	}
}

void
check_seccomp(const struct ctl *ct, struct finding *fi)
{
	char text[256];

	(void)ct;
	if (machine_line("/proc/sys/kernel/seccomp/actions_avail", text, sizeof(text)) >= 0 &&
	    machine_has_word(text, "kill_process")) {
		found(fi, HEALTH_OK, "filters can be set");
	} else {
		found(fi, HEALTH_MISSING, "the kernel has no seccomp filters");
		advise(fi, "use a kernel with CONFIG_SECCOMP_FILTER");
	}
}

void
check_bpf_lsm(const struct ctl *ct, struct finding *fi)
{
	char text[256];

	(void)ct;
	if (machine_line("/sys/kernel/security/lsm", text, sizeof(text)) < 0) {
		found(fi, HEALTH_UNKNOWN, "/sys/kernel/security/lsm: %s", strerror(errno));
		if (errno == ENOENT)
			advise(fi, "mount -t securityfs securityfs /sys/kernel/security");
		return;
	}
	if (machine_has_word(text, "bpf")) {
		found(fi, HEALTH_OK, "active: the guard can go up");
		return;
	}
	found(fi, HEALTH_WEAK, "not among %s", text);
	advise(fi, "boot with lsm=%s,bpf: the guard against code injection needs it", text);
}

void
check_lockdown(const struct ctl *ct, struct finding *fi)
{
	char text[128];

	(void)ct;
	if (machine_line("/sys/kernel/security/lockdown", text, sizeof(text)) < 0) {
		found(fi, HEALTH_UNKNOWN, "/sys/kernel/security/lockdown: %s", strerror(errno));
	} else if (strstr(text, "[confidentiality]") != NULL) {
		found(fi, HEALTH_OK, "confidentiality");
	} else {
		found(fi, HEALTH_WEAK, "%s", text);
		advise(fi, "boot with lockdown=confidentiality: root then has no easy way into the "
			   "kernel");
	}
}

void
check_yama(const struct ctl *ct, struct finding *fi)
{
	char text[32];

	(void)ct;
	if (machine_line("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) < 0) {
		found(fi, HEALTH_WEAK, "not in this kernel: root can inject code with ptrace");
		advise(fi, "boot a kernel with CONFIG_SECURITY_YAMA, and yama among lsm=");
	} else if (strcmp(text, "3") == 0) {
		found(fi, HEALTH_OK, "ptrace_scope = 3: nobody can attach");
	} else {
		found(fi, HEALTH_WEAK, "ptrace_scope = %s: root can inject code with ptrace", text);
		advise(fi, "sysctl kernel.yama.ptrace_scope=3 (no debugger works then, until the "
			   "next boot)");
	}
}

void
check_freed_pages(const struct ctl *ct, struct finding *fi)
{
	char text[4096];

	(void)ct;
	if (machine_line("/proc/cmdline", text, sizeof(text)) < 0) {
		found(fi, HEALTH_UNKNOWN, "/proc/cmdline: %s", strerror(errno));
	} else if (strstr(text, "init_on_free=1") != NULL) {
		found(fi, HEALTH_OK, "the kernel clears it");
	} else {
		found(fi, HEALTH_WEAK, "not cleared: keys of programs that ended stay in it");
		advise(fi, "boot with init_on_free=1, unless this kernel does so by itself");
	}
}

void
check_aes(const struct ctl *ct, struct finding *fi)
{
	(void)ct;
#if defined(__x86_64__) || defined(__i386__)
	if (__builtin_cpu_supports("aes")) {
		found(fi, HEALTH_OK, "of this CPU: no tables whose timing shows keys");
		return;
	}
	found(fi, HEALTH_WEAK, "the CPU has none: AES uses tables, whose timing depends on keys");
	advise(fi, "pass the CPU's features through to this virtual machine");
#else
	found(fi, HEALTH_UNKNOWN, "not looked at on this architecture");
#endif
}

static void
check_device(struct finding *fi, const char *path, const char *use)
{
	if (access(path, F_OK) == 0) {
		found(fi, HEALTH_OK, "%s; %s", path, use);
	} else {
		found(fi, HEALTH_WEAK, "no %s; %s", path, use);
		advise(fi, "nothing now: the level \"process\" does not need it");
	}
}

void
check_kvm(const struct ctl *ct, struct finding *fi)
{
	(void)ct;
	check_device(fi, "/dev/kvm", "for the level \"vm\" of a later version");
}

void
check_tpm(const struct ctl *ct, struct finding *fi)
{
	static const char kind[] = "device:";
	const char *tcti = ct->cf.seal_tcti, *path = tcti + sizeof(kind) - 1;
	bool needed = strcmp(ct->cf.seal_root, "tpm") == 0;

	if (strncmp(tcti, kind, sizeof(kind) - 1) != 0) {
		found(fi, HEALTH_UNKNOWN, "[seal] tcti = %.200s is no device", tcti);
		advise(fi, "lsactl seal status asks it");
	} else if (access(path, F_OK) == 0) {
		found(fi, HEALTH_OK, "%.120s; the root key is %s", path,
		      needed ? "sealed to it" : "not sealed to it (lsactl seal)");
	} else {
		found(fi, needed ? HEALTH_MISSING : HEALTH_WEAK, "no %.200s", path);
		advise(fi, needed ? "switch the TPM on in the firmware, or set [seal] root = random"
				  : "nothing: without a TPM, root = random; lsactl seal status "
				    "has the price of each choice");
	}
}
