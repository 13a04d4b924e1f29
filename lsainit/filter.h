/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lsass may never ask the kernel for. lsass links large libraries
 * (Kerberos, the name service), so this is a list of what is refused; lsaiso
 * has a list of what is allowed, and sets it itself.
 *
 * The list holds every member of systemd's groups @clock, @cpu-emulation,
 * @debug, @module, @mount, @obsolete, @privileged, @raw-io, @reboot, @resources
 * and @swap that this architecture has (a test compares), and doors into the
 * kernel that no broker needs. Refused calls fail with EPERM,
 * sockets of other families with EAFNOSUPPORT.
 *
 * Refused by their arguments: new namespaces, sockets of other families than
 * UNIX, IPv4 and IPv6, memory that is writable and executable, set-id modes.
 * A call of another architecture's table ends the process.
 */
#ifndef LSAINIT_FILTER_H
#define LSAINIT_FILTER_H

/* clang-format off */
#define FILTER_DENIED(CALL) \
	/* @clock */ \
	CALL(adjtimex) CALL(clock_adjtime) CALL(clock_settime) CALL(settimeofday) \
	/* @cpu-emulation, @raw-io */ \
	CALL(modify_ldt) CALL(ioperm) CALL(iopl) \
	/* @debug */ \
	CALL(lookup_dcookie) CALL(perf_event_open) CALL(pidfd_getfd) CALL(ptrace) \
	CALL(process_vm_readv) CALL(process_vm_writev) CALL(kcmp) \
	/* @module, @reboot, @swap */ \
	CALL(delete_module) CALL(finit_module) CALL(init_module) CALL(kexec_file_load) \
	CALL(kexec_load) CALL(reboot) CALL(swapoff) CALL(swapon) \
	/* @mount */ \
	CALL(chroot) CALL(fsconfig) CALL(fsmount) CALL(fsopen) CALL(fspick) CALL(mount) \
	CALL(mount_setattr) CALL(move_mount) CALL(open_tree) CALL(pivot_root) CALL(umount2) \
	/* @obsolete */ \
	CALL(_sysctl) CALL(afs_syscall) CALL(create_module) CALL(get_kernel_syms) \
	CALL(getpmsg) CALL(putpmsg) CALL(query_module) CALL(security) CALL(sysfs) \
	CALL(tuxcall) CALL(uselib) CALL(ustat) CALL(vserver) \
	/* @privileged */ \
	CALL(chown) CALL(fchown) CALL(fchownat) CALL(lchown) CALL(acct) CALL(bpf) \
	CALL(capset) CALL(fanotify_init) CALL(fanotify_mark) CALL(nfsservctl) \
	CALL(open_by_handle_at) CALL(quotactl) CALL(quotactl_fd) CALL(setdomainname) \
	CALL(setfsuid) CALL(setfsgid) CALL(setgid) CALL(setgroups) CALL(sethostname) \
	CALL(setregid) CALL(setresgid) CALL(setresuid) CALL(setreuid) CALL(setuid) \
	CALL(vhangup) \
	/* @resources */ \
	CALL(ioprio_set) CALL(mbind) CALL(migrate_pages) CALL(move_pages) \
	CALL(sched_setaffinity) CALL(sched_setattr) CALL(sched_setparam) \
	CALL(sched_setscheduler) CALL(set_mempolicy) CALL(set_mempolicy_home_node) \
	CALL(setpriority) CALL(setrlimit) \
	/* doors */ \
	CALL(add_key) CALL(request_key) CALL(keyctl) CALL(io_uring_setup) \
	CALL(io_uring_enter) CALL(io_uring_register) CALL(name_to_handle_at) \
	CALL(personality) CALL(setns) CALL(syslog) CALL(unshare) CALL(userfaultfd) \
	CALL(mknod) CALL(mknodat)
/* clang-format on */

/* Set it for this thread; no_new_privs is set. 0, or -1 with errno. */
int filter_lsass(void);

#endif
