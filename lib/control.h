/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The private lines between lsainit and lsass (or lsaiso-host), and between lsainit and
 * lsawatch: one SOCK_SEQPACKET pair each, inherited, no name. One message per packet, fixed struct,
 * descriptors as SCM_RIGHTS beside it. Both ends are the same build; no version.
 *
 * lsass is started with CONTROL_FD_* below and the argument --config FILE,
 * and an environment of KRB5_CONFIG (if configured) and _NO_WINBINDD. It
 * first receives CTL_HELLO, then CTL_ISO for the running lsaiso (again, with
 * a new channel, whenever lsaiso was restarted), and CTL_TABLE whenever the
 * process table changed. It answers CTL_READY once, after it has loaded its
 * state and can serve.
 *
 * lsawatch is started with the descriptors of its own below and --config FILE. It is
 * told CTL_TABLE at first and whenever the process table changed, CTL_REFUSED for
 * each report of the guard, and CTL_STOP; it answers CTL_READY, then says CTL_ALIVE
 * every CONTROL_ALIVE_MS, and may ask for CTL_LOCK and CTL_WIPE.
 */
#ifndef LIB_CONTROL_H
#define LIB_CONTROL_H

#include <stdint.h>
#include <sys/types.h>

/* Descriptors of lsass at start. The listening sockets outlive it. */
#define CONTROL_FD_LINE	 3 /* this line */
#define CONTROL_FD_KCM	 4 /* listening KCM socket */
#define CONTROL_FD_ADMIN 5 /* listening admin socket */
#define CONTROL_FD_DIAG	 6 /* NETLINK_SOCK_DIAG, for [kdc]; /dev/null without it */
#define CONTROL_FDS_END	 7
/*
 * From here on the sockets of [winbind], as many as control_table.winbind says; after
 * them those of [kdc], as many as control_table.kdc.
 */
#define CONTROL_FD_WINBIND  7
#define CONTROL_WINBIND_MAX 8
#define CONTROL_KDC_MAX	    9 /* four addresses by TCP and UDP, and a UNIX socket */
/*
 * With [run] serves = guest lsaiso-host is started in place of lsass, with the
 * further argument --peer UID: who beside root may connect to [guest] socket.
 * Its 4 and 6 are /dev/null for what is not configured; one of both is.
 */
#define CONTROL_FD_GUEST      4 /* listening UNIX socket of [guest] socket */
#define CONTROL_FD_VSOCK      6 /* listening AF_VSOCK socket of [guest] vsock_port */
#define CONTROL_FDS_GUEST_END 7

/* Descriptors of lsawatch at start; /dev/null for what there is none of. */
#define CONTROL_FD_WATCH       4 /* listening socket of lsactl watch */
#define CONTROL_FD_METRICS     5 /* listening socket of [watch] metrics */
#define CONTROL_FD_IMAGE_INIT  6 /* the programs, open since lsainit started */
#define CONTROL_FD_IMAGE_ISO   7
#define CONTROL_FD_IMAGE_LSASS 8
#define CONTROL_FD_IMAGE_VM    9
#define CONTROL_FDS_WATCH_END  10

#define CONTROL_ALIVE_MS  5000
#define CONTROL_TOKEN	  256 /* a signature file, zero-terminated */
#define CONTROL_STATE_KEY 64  /* AES-SIV-CMAC-256 key of the state files */

enum control_type {
	CTL_HELLO = 1,	  /* lsainit -> lsass: state_key; fds[0]: folder of kept keys, or none */
	CTL_ISO = 2,	  /* lsainit -> lsass: a running, configured lsaiso; descriptors {mailbox
			   * memfd, life socket}; process table in table */
	CTL_TABLE = 3,	  /* lsainit -> lsass: process table only (lsaiso gone, lsass restarted) */
	CTL_READY = 4,	  /* lsass -> lsainit: serving */
	CTL_STOP = 5,	  /* lsainit -> lsass: flush and exit 0 */
	CTL_WIPE = 6,	  /* lsass -> lsainit: end this lsaiso, start another (lsactl wipe) */
	CTL_QUIT = 7,	  /* lsass -> lsainit: end all, in order; token (lsactl stop) */
	CTL_GUEST = 8,	  /* lsaiso-host -> lsainit: boot_id of the lsaiso it has, and
			   * table.guest_boot, to be kept as long as that lsaiso runs */
	CTL_LOCK = 9,	  /* lsawatch -> lsainit -> lsass: lock every session, end those that have
			   * no password to unlock them with */
	CTL_REFUSED = 10, /* lsainit -> lsawatch: the guard refused something: refused */
	CTL_ALIVE = 11,	  /* lsawatch -> lsainit: it is not stopped, frozen or held by a debugger */
	CTL_END,	  /* one above the last */
};

/* What the memory of a micro-VM is. */
enum control_vm_memory {
	CONTROL_VM_NONE = 0,	 /* another level */
	CONTROL_VM_ORDINARY = 1, /* anonymous, locked, not in dumps */
	CONTROL_VM_GMEM = 2,	 /* guest_memfd: no mapping of the host reads it */
	CONTROL_VM_GMEM_ALL = 3, /* and so are page tables and doorbell */
};

/* What the guard is; lsainit/guard/guard.h. */
enum control_guard_state {
	CONTROL_GUARD_OFF = 0,	   /* [isolation] guard = off */
	CONTROL_GUARD_MISSING = 1, /* not to be had: why */
	CONTROL_GUARD_UP = 2,
};

struct control_guard {
	uint64_t refused; /* since it went up */
	uint16_t armed;	  /* what could read us before it went up */
	uint8_t state;	  /* enum control_guard_state */
	uint8_t hooks, hooks_all;
	uint8_t locked;		  /* [isolation] guard_lock */
	uint8_t lockdown_refused; /* [isolation] lockdown */
	int8_t yama;		  /* ptrace_scope; -1: no Yama, or not to be seen */
	int8_t lockdown; /* of the kernel: 0 none, 1 integrity, 2 confidentiality; -1 unknown */
	uint8_t pad_[7];
	char armed_first[160]; /* the first of them, for people */
	char why[240];	       /* MISSING: what is missing, and what to do */
};

/* One report of the guard. Process numbers are those of the initial namespace. */
struct control_refusal {
	uint32_t actor, actor_thread, uid;
	uint32_t target; /* process, 0: none */
	uint32_t detail; /* mode, signal, command, reason: as the hook has it */
	char comm[16];	 /* of the actor */
	char hook[28];	 /* name in the kernel: "ptrace_access_check" */
};

/* What lsactl status shows of the processes. Times: seconds since 1970. */
struct control_table {
	int32_t lsainit_pid, lsaiso_pid, lsass_pid; /* lsaiso_pid 0: not running */
	int64_t lsainit_since, lsaiso_since, lsass_since;
	uint32_t lsaiso_restarts, lsass_restarts;
	int32_t lsaiso_last_exit; /* wait status of the previous lsaiso, 0 if none */
	int32_t lsass_last_exit;
	/* How often lsainit itself ended it: wipe, stop. */
	uint32_t lsaiso_ended, lsass_ended;
	int32_t lsawatch_pid; /* 0: not running */
	uint32_t lsawatch_restarts;
	uint32_t lsawatch_stops;  /* how often somebody stopped it; it was made to go on */
	uint32_t lsawatch_silent; /* how often it said nothing for long, and was ended */
	int64_t lsawatch_since;
	uint8_t stopping;	/* all ends, in order */
	uint8_t separate_users; /* 0: started by an ordinary user, no uid separation */
	uint8_t secret_memory;	/* 0: [isolation] memory = ordinary */
	uint8_t namespaces;	/* 0: lsaiso has no namespaces of its own */
	uint8_t launch;		/* 1: programs are those that were signed; 0: unchecked */
	uint8_t launch_svn;	/* of the manifest */
	int8_t launch_floor;	/* highest security version seen; -1: none is kept */
	uint8_t vm_memory;	/* level vm: enum control_vm_memory */
	/*
	 * Level hypervisor: lsaiso is on another machine, lsaiso_pid is lsalink's,
	 * a restart is a reconnection. Without it the same lsaiso may come back.
	 */
	uint8_t far;
	uint8_t host_proven;   /* level hypervisor: the host has shown the pinned key */
	uint8_t launch_key[8]; /* id of the key that signed */
	uint8_t iso_image[32]; /* SHA-256 of the lsaiso that runs; zero: elsewhere, or unknown */
	/*
	 * serves = guest: the boot of the guest that the running lsaiso works for
	 * (stream_hello.machine); zero: none has come yet.
	 */
	uint8_t guest_boot[16];
	/* Versions of the sockets of [winbind], in the order of lib/winbind.h; 0: no more. */
	uint8_t winbind[CONTROL_WINBIND_MAX];
	uint8_t kdc; /* sockets of [kdc] */
	uint8_t pad_[7];
	struct control_guard guard;
};

struct control_msg {
	uint32_t type; /* enum control_type */
	uint32_t pad_;
	uint8_t boot_id[16];		      /* CTL_ISO, CTL_GUEST: of that lsaiso */
	uint8_t state_key[CONTROL_STATE_KEY]; /* CTL_HELLO: random per lsainit; wiped after use */
	char token[CONTROL_TOKEN];	      /* CTL_QUIT: "" or a token of this boot */
	struct control_refusal refused;	      /* CTL_REFUSED */
	struct control_table table;
};

/*
 * Send or receive one message with up to 2 descriptors.
 *
 * fds  -1 for none; received ones are close-on-exec and belong to the caller
 *
 * control_recv returns 1 with a message, 0 at end of file, -1 with errno
 * (EBADMSG: wrong size or type). control_send returns 0 or -1 with errno.
 */
int control_send(int line, const struct control_msg *msg, const int fds[2]);
int control_recv(int line, struct control_msg *msg, int fds[2]);

#endif
