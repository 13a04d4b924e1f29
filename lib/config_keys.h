/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Every key of lsaiso.conf, once. From this table come the struct, the
 * parser with its range checks, `lsactl doctor`, and the key list of
 * lsaiso.conf(5) (a test compares them).
 *
 *   STR(section, key, member, default, help)
 *   NUM(section, key, member, default, min, max, help)
 *   YES(section, key, member, default, help)                     yes | no
 *   ONE(section, key, member, default, "a|b|c", help)            one of
 */
#ifndef LIB_CONFIG_KEYS_H
#define LIB_CONFIG_KEYS_H

/* clang-format off */
#define CONFIG_KEYS(STR, NUM, YES, ONE)                                                       \
	STR("run", "directory", run_directory, "/run/lsaiso",                                  \
	    "runtime folder: lock, admin socket")                                              \
	STR("run", "programs", run_programs, "",                                               \
	    "folder of lsaiso and lsass; empty: as installed, or beside lsainit when it runs " \
	    "from a build folder")                                                             \
	STR("run", "lsaiso_user", run_lsaiso_user, "lsaiso",                                   \
	    "user of lsaiso, name or number; only when started as root")                       \
	STR("run", "lsass_user", run_lsass_user, "lsass",                                      \
	    "user of lsass, name or number; only when started as root")                        \
	STR("run", "lsawatch_user", run_lsawatch_user, "lsawatch",                             \
	    "user of lsawatch, name or number; only when started as root")                     \
	ONE("run", "serves", run_serves, "programs", "programs|guest",                         \
	    "whom: the programs of this machine (lsass), or one guest of it (lsaiso-host)")    \
	ONE("isolation", "level", isolation_level, "process", "process|vm|hypervisor",         \
	    "isolation level; nothing starts if it cannot be had")                             \
	ONE("isolation", "vm_memory", isolation_vm_memory, "auto", "auto|guest_memfd|ordinary", \
	    "level vm: memory of the guest; auto: guest_memfd where the kernel has it")        \
	STR("isolation", "channel", isolation_channel, "",                                     \
	    "level hypervisor: the way to the host; a device, vsock:CID:PORT or unix:PATH")    \
	STR("isolation", "host_key", isolation_host_key, "",                                   \
	    "level hypervisor: public key of the host's lsaiso: 64 hexadecimal digits, or "    \
	    "file:PATH that has them (what the host put into the firmware, say)")              \
	ONE("isolation", "memory", isolation_memory, "secret", "secret|ordinary",              \
	    "memory of lsaiso: memfd_secret, or (weaker) ordinary locked memory")              \
	ONE("isolation", "guard", isolation_guard, "auto", "required|auto|off",                \
	    "refuse, by BPF LSM and to root too, what would read or change lsaiso; required: " \
	    "nothing starts without it")                                                       \
	ONE("isolation", "armed", isolation_armed, "refuse", "refuse|report",                  \
	    "with guard = required: what to do about tracing that was armed before the guard") \
	YES("isolation", "guard_lock", isolation_guard_lock, "no",                             \
	    "only a reboot or a signed token ends lsainit, and the guard with it")             \
	YES("isolation", "lockdown", isolation_lockdown, "no",                                 \
	    "the guard also refuses unsigned modules, kexec and other ways into the kernel")   \
	ONE("launch", "verify", launch_verify, "required", "required|off",                     \
	    "check the signed manifest before a program is started")                           \
	STR("launch", "manifest", launch_manifest, "",                                         \
	    "the manifest; empty: manifest in the folder of the programs")                     \
	STR("launch", "keys", launch_keys, "",                                                 \
	    "folder of the public keys (*.pub) that may sign; empty: as installed")            \
	STR("host", "directory", host_directory, "/var/lib/lsaiso",                            \
	    "what outlives a restart: highest security version seen, sealed root key")         \
	ONE("seal", "root", seal_root, "random", "random|tpm|file",                            \
	    "root key of lsaiso: new at each start, sealed to the TPM, or in a file of root")  \
	STR("seal", "tcti", seal_tcti, "device:/dev/tpmrm0", "the TPM, as tpm2-tss names it")  \
	STR("seal", "pcrs", seal_pcrs, "7",                                                    \
	    "SHA-256 PCRs that the root key is sealed to, 0..23 with commas")                  \
	STR("kcm", "socket", kcm_socket, "/run/.heim_org.h5l.kcm-socket",                      \
	    "socket of the KCM front (kcm_socket of krb5.conf)")                               \
	ONE("kcm", "plain_logon", kcm_plain_logon, "allow", "allow|refuse",                     \
	    "a TGT that a program brings (kinit), whose key it has seen; lsactl logon and "    \
	    "pam_lsa bring none")                                                              \
	STR("admin", "socket", admin_socket, "/run/lsaiso/admin.sock",                         \
	    "socket of lsactl; not set: admin.sock in the folder of [run] directory")          \
	STR("kdc", "listen", kdc_listen, "",                                                   \
	    "loopback addresses, ADDRESS:PORT or [ADDRESS]:PORT, where this is the KDC of "    \
	    "every realm, by TCP and UDP; empty: nowhere")                                     \
	STR("kdc", "socket", kdc_socket, "",                                                   \
	    "UNIX socket of the same, for krb5 1.22 and later; empty: none")                   \
	NUM("kdc", "requests", kdc_requests, 1024, 1, 65536,                                   \
	    "requests that wait for a KDC at once; more wait their turn")                      \
	NUM("kdc", "requests_per_user", kdc_requests_per_user, 256, 1, 65536,                  \
	    "the same, of one uid")                                                            \
	STR("guest", "socket", guest_socket, "",                                               \
	    "serves = guest: UNIX socket that QEMU, Firecracker or cloud-hypervisor connects to") \
	STR("guest", "socket_user", guest_socket_user, "root",                                 \
	    "who may connect there beside root: the user of the virtual machine monitor")      \
	NUM("guest", "vsock_cid", guest_vsock_cid, 0, 0, 4294967294,                           \
	    "serves = guest: the CID of the guest, the only one that is let in; 0: no vsock")  \
	NUM("guest", "vsock_port", guest_vsock_port, 0, 0, 4294967294,                         \
	    "serves = guest: the port for that CID")                                           \
	NUM("guest", "rate", guest_rate, 5000, 1, 1000000, "calls of the guest per second")    \
	NUM("guest", "connects", guest_connects, 10, 1, 10000,                                 \
	    "new connections of the guest per second")                                         \
	STR("state", "directory", state_directory, "/run/lsaiso/state",                        \
	    "sealed caches, so that they survive a restart of lsass; no use after one of lsainit")                          \
	YES("state", "keep", state_keep, "yes", "write sealed caches to the state folder")     \
	STR("krb5", "config", krb5_config, "",                                                 \
	    "krb5.conf that lsass itself uses; empty: the system's")                           \
	YES("krb5", "rc4", krb5_rc4, "no", "allow etype 23, arcfour-hmac (weak)")              \
	NUM("tgs", "workers", tgs_workers, 8, 1, 64, "threads that talk to KDCs")              \
	NUM("tgs", "workers_per_realm", tgs_workers_per_realm, 4, 1, 64,                       \
	    "of these, at most so many busy with one realm (a slow KDC stalls only its own)")  \
	NUM("tgs", "queue", tgs_queue, 1024, 1, 65536, "requests waiting for a worker")        \
	NUM("tgs", "negative_seconds", tgs_negative_seconds, 10, 0, 3600,                      \
	    "how long a KDC's refusal is remembered, per user and service")                    \
	NUM("tgs", "rate", tgs_rate, 200, 1, 1000000,                                          \
	    "ticket requests per second and logon, enforced by lsaiso")                        \
	NUM("tgs", "burst", tgs_burst, 2000, 1, 1000000, "token bucket depth of that rate")    \
	NUM("logon", "workers", logon_workers, 4, 1, 64, "threads that log on and renew")      \
	NUM("logon", "lifetime", logon_lifetime, 604800, 300, 31622400,                        \
	    "seconds after which a logon ends, however often it was renewed")                  \
	STR("logon", "keytab", logon_keytab, "/etc/krb5.keytab",                               \
	    "keys of this machine, for FAST and to know the KDC; not there: neither is had")   \
	ONE("logon", "fast", logon_fast, "auto", "auto|required|anonymous|off",                \
	    "armour of logons: the machine's; anonymous: anonymous PKINIT")                    \
	ONE("logon", "verify_kdc", logon_verify_kdc, "auto", "auto|required|off",              \
	    "ask for a ticket to this machine and open it; auto: where there is a key")        \
	YES("logon", "renew", logon_renew, "yes", "renew tickets in time")                     \
	NUM("logon", "notice_seconds", logon_notice_seconds, 900, 0, 86400,                    \
	    "say so this long before a logon ends; 0: never")                                  \
	YES("logon", "offline", logon_offline, "no",                                           \
	    "keep a verifier of each password, for logons without a KDC")                      \
	ONE("delegation", "forward", delegation_forward, "deny", "deny|allow",                 \
	    "give programs a TGT to forward: whoever gets it, and lsass, has its key")         \
	STR("delegation", "targets", delegation_targets, "",                                   \
	    "forward = allow: services to forward to, separated by spaces; *.NAME: on any "    \
	    "host below it; empty: all")                                                       \
	YES("delegation", "s4u", delegation_s4u, "no",                                         \
	    "services may have tickets in the name of others (S4U2Self, S4U2Proxy)")           \
	ONE("ntlm", "mode", ntlm_mode, "off", "off|audit|on",                                  \
	    "NTLM for unmodified programs, NT hashes kept at logon; audit: [ntlm] targets is " \
	    "not enforced, what it would refuse is told")                                      \
	STR("ntlm", "targets", ntlm_targets, "",                                               \
	    "servers that NTLM may talk to, separated by spaces; *.NAME: any below it; "       \
	    "empty: all")                                                                      \
	STR("ntlm", "domain", ntlm_domain, "",                                                 \
	    "NetBIOS name of the domain; empty: the first part of the default realm")          \
	STR("winbind", "socket", winbind_socket, "",                                           \
	    "the pipe of winbindd that this takes the place of; empty: none")                  \
	ONE("winbind", "interface", winbind_interface, "auto", "auto|30|31|32|33",             \
	    "its version of the protocol; auto: of the libwbclient that is installed")         \
	STR("winbind", "others", winbind_others, "",                                           \
	    "more pipes with versions of their own: VERSION:PATH, separated by spaces")        \
	STR("winbind", "real", winbind_real, "",                                               \
	    "pipe of a real winbindd, for what is not answered here; empty: there is none")    \
	STR("audit", "directory", audit_directory, "",                                         \
	    "where lsass stores the records of use; empty: audit in [state] directory")        \
	NUM("audit", "octets", audit_octets, 268435456, 1048576, 1099511627776,                \
	    "of all records; then the oldest starts of lsaiso are removed")                    \
	NUM("limits", "caches_per_user", limits_caches, 1024, 1, 1000000, "caches of one uid") \
	NUM("limits", "tickets_per_cache", limits_tickets, 4096, 1, 1000000,                   \
	    "credentials in one cache")                                                        \
	NUM("limits", "octets_per_user", limits_octets, 67108864, 65536, 17179869184,          \
	    "octets of all credentials of one uid")                                            \
	NUM("limits", "connections", limits_connections, 4096, 16, 100000,                     \
	    "clients connected at once")                                                       \
	NUM("limits", "connections_per_user", limits_connections_per_user, 2048, 1, 100000,    \
	    "clients of one uid (root: no limit but the one above)")                           \
	NUM("limits", "idle_seconds", limits_idle_seconds, 300, 1, 86400,                      \
	    "a client in the middle of a message for so long is cut off")                      \
	ONE("watch", "mode", watch_mode, "auto", "required|auto|off",                          \
	    "lsawatch, which tells what is not normal; auto: where it can be started")         \
	STR("watch", "layers", watch_layers, "bpf trace audit events sweep",                   \
	    "sensors that may be used, best first")                                            \
	STR("watch", "directory", watch_directory, "/var/lib/lsaiso/watch",                    \
	    "folder of lsawatch: what it learned, findings as JSON lines; not set: watch in "  \
	    "[host] directory")                                                                \
	ONE("watch", "format", watch_format, "both", "ecs|ocsf|both|none",                     \
	    "of the JSON lines: findings.ecs.json, findings.ocsf.json")                        \
	NUM("watch", "octets", watch_octets, 16777216, 65536, 1099511627776,                   \
	    "of each file of JSON lines; then it is renamed to NAME.1")                        \
	STR("watch", "socket", watch_socket, "/run/lsaiso/watch.sock",                         \
	    "socket of lsactl watch; not set: watch.sock in the folder of [run] directory")    \
	STR("watch", "metrics", watch_metrics, "",                                             \
	    "UNIX socket that answers GET /metrics for Prometheus; empty: none")               \
	STR("watch", "textfile", watch_textfile, "",                                           \
	    "file of the same for the textfile collector of node_exporter; empty: none")       \
	NUM("watch", "learn_seconds", watch_learn_seconds, 300, 5, 86400,                      \
	    "how long it learns what use is normal")                                           \
	STR("watch", "known", watch_known, "",                                                 \
	    "paths of programs that only happen to be called alike, separated by spaces")      \
	ONE("respond", "image_path", respond_image_path, "alert", "alert|lock|wipe",           \
	    "on a high or critical finding of image path")                                     \
	ONE("respond", "parent_process", respond_parent_process, "alert", "alert|lock|wipe",   \
	    "on a high or critical finding of parent process")                                 \
	ONE("respond", "instances", respond_instances, "alert", "alert|lock|wipe",             \
	    "on a high or critical finding of instances")                                      \
	ONE("respond", "user_account", respond_user_account, "alert", "alert|lock|wipe",       \
	    "on a high or critical finding of user account")                                   \
	ONE("respond", "resource_usage", respond_resource_usage, "alert", "alert|lock|wipe",   \
	    "on a high or critical finding of resource usage")                                 \
	ONE("respond", "network_activity", respond_network_activity, "alert", "alert|lock|wipe",\
	    "on a high or critical finding of network activity")                               \
	ONE("respond", "stability", respond_stability, "alert", "alert|lock|wipe",             \
	    "on a high or critical finding of stability")                                      \
	ONE("respond", "file_integrity", respond_file_integrity, "alert", "alert|lock|wipe",   \
	    "on a high or critical finding of file integrity")                                 \
	ONE("respond", "memory_access", respond_memory_access, "alert", "alert|lock|wipe",     \
	    "on a high or critical finding of memory access")                                  \
	ONE("respond", "handles_threads", respond_handles_threads, "alert", "alert|lock|wipe", \
	    "on a high or critical finding of handles and threads")                            \
	ONE("log", "level", log_level, "info", "error|warning|notice|info|debug",              \
	    "least severe message that is logged")
/* clang-format on */

#endif
