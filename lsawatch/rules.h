/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lsawatch judges, once: the ten properties that tell a normal lsaiso
 * from an abnormal one, and the rules of each. From these two tables come the
 * enums, the names in every output, lsawatch.rules(5), docs/watch-rules.md
 * and the [respond] keys of lsaiso.conf(5) (a test compares them).
 *
 *   ROW(name, title, normal, signals, technique, technique18, todo)
 *     normal       from the configuration and what lsainit recorded at start
 *     signals      where it is seen, best first
 *     technique    of MITRE ATT&CK v19.1, most fitting first, separated by blanks
 *     technique18  the same in v18.1, where it was another; else ""
 *     todo         what to do about a finding
 *
 *   RULE(name, row, severity, technique, sees, title)
 *     name         in outputs with a dash for the underscore: memory_read is memory-read
 *     severity     INFO LOW MEDIUM HIGH CRITICAL; a judge may lower it, never raise it
 *     technique    "": those of the row
 *     sees         the kinds of sight that show it (S(KIND), joined by |): a rule is blind
 *                  when no sensor that is active shows any of them
 *     title        without actor and evidence, for people
 */
#ifndef LSAWATCH_RULES_H
#define LSAWATCH_RULES_H

/* clang-format off */
#define WATCH_ROWS(ROW)                                                                          \
	ROW(image_path, "Image path",                                                            \
	    "each process runs the file that lsainit opened at its start: same device and "      \
	    "inode, still at its installed path, nothing mounted over it",                       \
	    "exec events, fanotify and mount table, /proc/PID/exe",                              \
	    "T1036.005 T1036.003", "",                                                           \
	    "compare the file with its package (dpkg --verify, lsactl verify), then restart the service") \
	ROW(parent_process, "Parent process",                                                    \
	    "lsainit started it and still is its parent; it has no children of its own",         \
	    "fork and exec events, /proc/PID/stat",                                              \
	    "T1036.009 T1055", "",                                                               \
	    "find out who started it (the actor and its parents); end it")                       \
	ROW(instances, "Instances",                                                              \
	    "one of each below one lsainit, and nothing else that has or imitates their name",   \
	    "exec events, scan of /proc",                                                        \
	    "T1036.005", "",                                                                     \
	    "end the impostor after keeping its image (cp /proc/PID/exe); [watch] known lists "  \
	    "programs that only happen to be called so")                                         \
	ROW(user_account, "User account",                                                        \
	    "its own user and group, no capabilities, no_new_privs, seccomp filter, its own "    \
	    "namespaces",                                                                        \
	    "credential events, /proc/PID/status, /proc/PID/ns",                                 \
	    "T1068 T1548", "",                                                                   \
	    "lsactl wipe: what runs there is not what lsainit started")                          \
	ROW(resource_usage, "Resource usage",                                                    \
	    "processor time and memory within what was learned in the first minutes, nothing "   \
	    "swapped out",                                                                       \
	    "/proc/PID/stat, /proc/PID/status, cgroup",                                          \
	    "T1499.004", "",                                                                     \
	    "lsactl status shows the load; lsactl watch baseline what was learned")              \
	ROW(network_activity, "Network activity",                                                \
	    "lsaiso: no socket but the channel to lsainit, a network of its own without any "    \
	    "interface up; lsass: local sockets, the loopback addresses of [kdc] listen, and "   \
	    "connections to the ports of KDCs",                                                  \
	    "/proc/PID/fd, /proc/PID/net",                                                       \
	    "T1071 T1041", "",                                                                   \
	    "lsactl wipe if it is lsaiso; for lsass see where the connection goes")              \
	ROW(stability, "Stability",                                                              \
	    "it runs until lsainit ends it, and nobody stops or silences lsawatch",                                                     \
	    "signal events, exit events, pidfd, what lsainit says",                              \
	    "T1489 T1499.004 T1685", "T1489 T1499.004 T1562.001",                                \
	    "the actor ended or disturbed it; without one, look for a crash in the log")         \
	ROW(file_integrity, "File integrity",                                                    \
	    "programs, manifest, signature and keys are as they were signed and installed",      \
	    "fanotify, inotify, digests and the signed manifest",                                \
	    "T1554 T1574.006", "",                                                               \
	    "lsactl verify names the file; install the package again, then restart the service") \
	ROW(memory_access, "Memory access",                                                      \
	    "nobody traces it, reads its memory or takes its descriptors",                       \
	    "BPF at security hooks, reports of the guard, tracepoints, audit, TracerPid",                      \
	    "T1003.007 T1055.008 T1055.009", "",                                                 \
	    "the actor tried to steal credentials: find out how it came to run; where the "      \
	    "guard is not up, see lsactl doctor")                                                \
	ROW(handles_threads, "Handles and threads",                                              \
	    "exactly the descriptors it was started with and one thread (lsass: within what "    \
	    "was learned); no memory that can be written and executed",                          \
	    "/proc/PID/fd, /proc/PID/task, /proc/PID/maps",                                      \
	    "T1055 T1620", "",                                                                   \
	    "lsactl wipe: something was added to the process")

#define WATCH_RULES(RULE)                                                                        \
	RULE(path_foreign, image_path, CRITICAL, "", S(PLACE)|S(EXEC),                           \
	     "it runs another file than lsainit started")                                        \
	RULE(path_replaced, image_path, HIGH, "", S(FILE)|S(STATE),                              \
	     "another file lies at the installed path")                                          \
	RULE(path_covered, image_path, HIGH, "", S(MOUNT)|S(STATE),                              \
	     "a mount lies over the installed path")                                             \
	RULE(path_upgraded, image_path, INFO, "", S(FILE)|S(STATE),                              \
	     "a newer signed program is installed; restart the service to run it")               \
	RULE(parent_foreign, parent_process, HIGH, "", S(EXEC)|S(SCAN),                          \
	     "our program was started by somebody else than lsainit")                            \
	RULE(parent_lost, parent_process, CRITICAL, "", S(STATE),                                \
	     "lsainit is not its parent any more")                                               \
	RULE(parent_child, parent_process, HIGH, "T1059", S(FORK)|S(STATE),                      \
	     "it has started a process of its own")                                              \
	RULE(instances_second, instances, HIGH, "", S(EXEC)|S(SCAN),                             \
	     "there is more than one of it")                                                     \
	RULE(instances_missing, instances, MEDIUM, "T1489", S(STATE),                            \
	     "none of it runs")                                                                  \
	RULE(instances_other, instances, INFO, "", S(EXEC)|S(SCAN),                              \
	     "another instance of the service runs on this machine")                             \
	RULE(impostor_name, instances, HIGH, "T1036.005", S(EXEC)|S(SCAN),                       \
	     "another program goes by its name")                                                 \
	RULE(impostor_homoglyph, instances, HIGH, "T1036.005 T1036.008", S(EXEC)|S(SCAN),        \
	     "a program's name looks like its name")                                             \
	RULE(impostor_near, instances, MEDIUM, "T1036.005", S(EXEC)|S(SCAN),                     \
	     "a program's name is one letter away from its name")                                \
	RULE(impostor_deleted, instances, HIGH, "T1036.005 T1070.004", S(EXEC)|S(SCAN),          \
	     "a program of its name whose file was removed")                                     \
	RULE(impostor_memfd, instances, CRITICAL, "T1036.005 T1620", S(EXEC)|S(SCAN),            \
	     "a program of its name without a file")                                             \
	RULE(user_changed, user_account, CRITICAL, "", S(CREDS)|S(STATE),                        \
	     "its user or group changed")                                                        \
	RULE(user_capabilities, user_account, CRITICAL, "", S(STATE),                            \
	     "it has capabilities")                                                              \
	RULE(user_unconfined, user_account, CRITICAL, "", S(STATE),                              \
	     "it runs without no_new_privs or its system call filter")                           \
	RULE(user_namespace, user_account, HIGH, "", S(PLACE),                                   \
	     "it left its namespaces")                                                           \
	RULE(resource_spinning, resource_usage, MEDIUM, "", S(USE),                              \
	     "it uses a processor without serving anybody")                                      \
	RULE(resource_memory, resource_usage, MEDIUM, "", S(USE),                                \
	     "it uses far more memory than it ever needs")                                       \
	RULE(resource_swapped, resource_usage, HIGH, "T1003", S(USE),                            \
	     "memory of it was swapped out")                                                     \
	RULE(resource_band, resource_usage, INFO, "", S(USE),                                    \
	     "it uses more than was learned")                                                    \
	RULE(network_socket, network_activity, CRITICAL, "", S(NET),                             \
	     "it has a socket that it was not started with")                                     \
	RULE(network_listen, network_activity, HIGH, "", S(NET),                                 \
	     "it listens on the network")                                                        \
	RULE(network_peer, network_activity, MEDIUM, "", S(NET),                                 \
	     "it talks to something that is no KDC")                                             \
	RULE(network_interface, network_activity, HIGH, "", S(NET),                              \
	     "its network, which is to be empty, has an interface up")                           \
	RULE(stability_killed, stability, HIGH, "", S(EXIT)|S(SIGNAL),                           \
	     "it was killed")                                                                    \
	RULE(stability_crashed, stability, HIGH, "T1499.004", S(EXIT)|S(CORE),                   \
	     "it crashed")                                                                       \
	RULE(stability_ended, stability, MEDIUM, "", S(EXIT),                                    \
	     "it ended, and nobody asked for that")                                              \
	RULE(stability_signal, stability, MEDIUM, "", S(SIGNAL),                                 \
	     "it was sent a signal")                                                             \
	RULE(stability_stopped, stability, HIGH, "", S(STATE),                                   \
	     "it is stopped and serves nobody")                                                  \
	RULE(stability_restarts, stability, MEDIUM, "", S(EXIT),                                 \
	     "it ends again and again")                                                          \
	RULE(stability_supervisor, stability, CRITICAL, "", S(EXIT),                             \
	     "lsainit is gone")                                                                  \
	RULE(stability_watch, stability, MEDIUM, "T1685", S(STATE)|S(SIGNAL),                    \
	     "lsawatch was ended, stopped or sent a signal")                                     \
	RULE(watch_touched, stability, HIGH, "T1685", S(BPF),                                    \
	     "what the watch works with was opened by another program")                          \
	RULE(watch_blind, stability, HIGH, "T1685", S(STATE),                                    \
	     "a sensor of the watch was silenced")                                               \
	RULE(stability_restarted, stability, INFO, "", S(EXIT),                                  \
	     "it was ended and started again by its administrator")                              \
	RULE(integrity_changed, file_integrity, CRITICAL, "", S(FILE)|S(DIGEST),                 \
	     "an installed file is not what was signed")                                         \
	RULE(integrity_attributes, file_integrity, MEDIUM, "T1222.002", S(FILE)|S(DIGEST),       \
	     "owner, mode or attributes of an installed file changed")                           \
	RULE(integrity_keys, file_integrity, HIGH, "T1553", S(FILE)|S(DIGEST),                   \
	     "the keys that may sign changed")                                                   \
	RULE(integrity_preload, file_integrity, HIGH, "T1574.006", S(FILE)|S(DIGEST),            \
	     "a library is loaded into every program")                                           \
	RULE(integrity_configuration, file_integrity, INFO, "", S(FILE)|S(DIGEST),               \
	     "the configuration changed; it counts from the next start")                         \
	RULE(integrity_upgraded, file_integrity, INFO, "", S(FILE)|S(DIGEST),                    \
	     "the installed files changed and are signed")                                       \
	RULE(memory_attach, memory_access, CRITICAL, "T1055.008", S(ATTACH)|S(STATE),            \
	     "somebody traces it")                                                               \
	RULE(memory_read, memory_access, CRITICAL, "T1003.007", S(ACCESS),                       \
	     "its memory was opened or read")                                                    \
	RULE(memory_descriptor, memory_access, CRITICAL, "T1003.007 T1055", S(ACCESS),           \
	     "a descriptor of it was taken")                                                     \
	RULE(memory_perf, memory_access, HIGH, "T1003.007", S(PERF),                             \
	     "a perf event that can sample it was opened")                                       \
	RULE(memory_probe, memory_access, HIGH, "T1055", S(PROBE),                               \
	     "a probe was put into a program or the kernel")                                     \
	RULE(memory_bpf, memory_access, MEDIUM, "T1055 T1014", S(BPF),                           \
	     "a BPF program that can read memory was loaded")                                    \
	RULE(memory_kernel, memory_access, HIGH, "T1003 T1014", S(KERNEL),                       \
	     "a way into the kernel was used: its memory, or a module")                          \
	RULE(memory_refused, memory_access, HIGH, "T1003.007", S(DENIED),                        \
	     "an attempt on it was refused")                                                     \
	RULE(memory_look, memory_access, INFO, "T1057", S(LOOK),                                 \
	     "somebody looked at it, as ps and lsof do")                                         \
	RULE(memory_limits, memory_access, MEDIUM, "T1003.007", S(LIMITS),                       \
	     "its resource limits, that of core dumps among them, were changed")                 \
	RULE(memory_unguarded, memory_access, CRITICAL, "T1685", S(STATE),                       \
	     "the guard was up, and the kernel does not call it any more")                       \
	RULE(memory_core, memory_access, HIGH, "T1003.007", S(CORE),                             \
	     "a core of it was made")                                                            \
	RULE(handles_extra, handles_threads, HIGH, "", S(HOLD),                                  \
	     "it has a descriptor that it was not started with")                                 \
	RULE(handles_thread, handles_threads, CRITICAL, "T1055", S(HOLD),                        \
	     "it has a thread more than it was made with")                                       \
	RULE(handles_executable, handles_threads, HIGH, "T1055 T1620", S(HOLD),                  \
	     "it has memory to execute that is no program")                                      \
	RULE(handles_band, handles_threads, LOW, "", S(HOLD),                                    \
	     "it has more descriptors or threads than was learned")                              \
	/* Of the watch itself. They count in no row's verdict. */                               \
	RULE(watch_lost, none, INFO, "", S(STATE),                                               \
	     "events were lost; everything was looked at anew")                                  \
	RULE(watch_calm, none, LOW, "T1685", S(STATE),                                       \
	     "there were more findings than are told; the rest is counted")
/* clang-format on */

#endif
