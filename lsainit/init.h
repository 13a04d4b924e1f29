/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsainit, the supervisor: one instance of lsaiso and lsass and everything
 * that is made before them. The struct is filled from top to bottom;
 * functions that fail have said why in the log.
 */
#ifndef LSAINIT_INIT_H
#define LSAINIT_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/config.h"
#include "lib/control.h"
#include "rpc/ops.h"

struct guard;
struct launch;
struct mailbox;

/* A program, opened once: what was looked at is what is started. */
struct image {
	const char *name; /* in the manifest */
	int fd;
	char *path; /* for people */
};

/* What tells two states of a file apart. */
struct machine_file {
	ino_t inode; /* 0: no file */
	off_t size;
	struct timespec changed;
};

/* How often and when it is started again. */
struct respawn {
	uint32_t quick;	 /* deaths in a row within RESPAWN_QUICK_MS of the start */
	int64_t started; /* milliseconds, CLOCK_MONOTONIC */
	int64_t due;	 /* start again then; 0: running, or not wanted */
};

#define RESPAWN_QUICK_MS 1000
#define RESPAWN_STEP_MS	 100
#define RESPAWN_MAX_MS	 3000
#define RESPAWN_WATCH	 10 /* deaths in a row of lsawatch; then it is tried each minute */
#define RESPAWN_WATCH_MS 60000
#define ISO_ANSWER_MS	 5000 /* lsaiso must answer within this after its start */
#define STOP_MS		 5000 /* lsass may take so long to write its caches */

struct instance {
	const char *config_path; /* absolute, or the default */
	struct config cf;
	struct guard *guard; /* guard/; NULL: none is up */

	/* prepare.c */
	bool separate; /* started as root: each process has a user of its own */
	uid_t iso_uid, lsass_uid;
	gid_t iso_gid, lsass_gid;
	bool watches; /* lsawatch is to run: watch.c */
	uid_t watch_uid;
	gid_t watch_gid;
	struct image iso_image;	  /* what holds the other end of the channel: world.c */
	struct image vm_image;	  /* level vm: what runs in the machine that iso_image makes */
	struct image lsass_image; /* the broker: lsass, or lsaiso-host for a guest */
	struct image seal_image;
	struct image watch_image;
	struct image ctl_image; /* lsactl, which brings the machine's keys */
	int lock_fd;
	int alive[2];	    /* read end goes to children: hung up once lsainit is gone */
	uint8_t *state_key; /* CONTROL_STATE_KEY octets of locked memory */

	/* launch.c */
	struct launch *launch; /* the manifest that was checked; NULL: verify = off */
	bool keeps;	       /* [host] directory is there */
	int keytab_fd;	       /* the folder keytab in it, lsass's; -1: none */

	/* guest.c */
	bool serves_guest; /* [run] serves */
	uid_t guest_uid;   /* who, beside root, connects to [guest] socket */

	/* listen.c */
	int kcm_fd;   /* [kcm] socket; of a guest [guest] socket, -1: none */
	int vsock_fd; /* of a guest; -1: none */
	int admin_fd;
	int watch_fd;			      /* [watch] socket; -1: no lsawatch */
	int metrics_fd;			      /* [watch] metrics; -1: none */
	int winbind_fds[CONTROL_WINBIND_MAX]; /* table.winbind has their versions */
	int winbinds;			      /* how many */
	int kdc_fds[CONTROL_KDC_MAX];	      /* [kdc]; table.kdc says how many */
	bool kdc_path;			      /* one of them is [kdc] socket */
	int diag_fd;			      /* NETLINK_SOCK_DIAG; -1: no [kdc] */

	/* channel.c */
	uint8_t guest_id[16]; /* stream_hello.machine */
	char said[512];	      /* the last failure that was logged */

	/* iso.c */
	int mailbox_fd, life_fd; /* -1: no lsaiso */
	uint8_t boot_id[16];
	uint8_t public_key[ISO_PUBLIC]; /* of level hypervisor the pinned one, if one is */
	struct respawn iso;

	/* broker.c */
	int line; /* -1: no lsass */
	bool ready, was_ready;
	struct respawn lsass;

	/* watch.c */
	int watch_line; /* -1: no lsawatch */
	struct {
		int64_t due;	/* when it is counted; 0: it does not run */
		uint32_t quiet; /* how often in a row nothing had come from it */
		bool heard, ready, killed;
	} watch_life;
	bool lock_due;	/* it asked to lock, and lsass does not serve yet */
	bool table_due; /* its line was full when the table was to be told */
	struct respawn watch;

	/* machine.c */
	struct machine_file machine_file; /* the keytab whose keys were brought */
	pid_t machine_pid;		  /* of lsactl, which brings them; 0: it does not run */
	int64_t machine_until;		  /* it must have ended then */
	int64_t machine_again;		  /* bring them again then, even if the file is the same */
	int64_t machine_due;		  /* look at the keytab then; 0: there is nothing to do */
	bool machine_new;		  /* nothing was said yet of there being none */

	bool stopping, wiping;
	int64_t guard_look_due;
	bool asked_to_end; /* lsactl stop, or: */
	bool guard_lost;   /* it is required, and the kernel does not call it any more */
	struct control_table table;
};

/* ---- prepare.c: in this order, each 0 or -1 */
int prepare_users(struct instance *in);
int prepare_host_directory(struct instance *in);   /* as root it must be there */
int prepare_keytab_directory(struct instance *in); /* in it */
int prepare_run_directory(struct instance *in);	   /* and the lock in it */
int prepare_state_directory(struct instance *in);
int prepare_state_key(struct instance *in);
int prepare_watch_directory(struct instance *in);
/* Pid of whoever holds the lock of this instance; 0: nobody. */
pid_t lock_holder(const struct instance *in);

/* ---- images.c */
/* Find and open both programs. 0 or -1. */
int prepare_images(struct instance *in);
/* That of lsawatch, which need not be there. 0 or -1. */
int prepare_watch_image(struct instance *in);

/* ---- launch.c */
/*
 * Check keys, manifest, signature and floor, then ourselves and both programs.
 * Nothing is changed. 0 or -1; 0 too with [launch] verify = off.
 */
int prepare_launch(struct instance *in);
/*
 * Is the open program still the one that was signed? Asked before it is
 * executed, and again once it runs and nobody can write to it any more:
 * what was measured then is what runs. 0 or -1.
 */
int launch_check(const struct instance *in, const struct image *im);
/*
 * Start image with a line to us: it is checked before it is executed, and again
 * once it runs; it was told nothing until then.
 *
 * spawn  starts it with its end of the line; its pid, or -1 (said in the log)
 * line   out: our end, which does not block; the caller's
 *
 * Returns its pid, or -1, said in the log; then line is as it was.
 */
pid_t launch_with_line(const struct instance *in, const struct image *im,
		       pid_t (*spawn)(const struct instance *in, int line), int *line);
/* All of it serves: the floor goes up to this security version. 0 or -1. */
int launch_settle(struct instance *in);
void launch_release(struct instance *in);

/* A user by name or number, which need not have a name. 0, or -1: no such. */
int user_number(const char *word, uid_t *uid, gid_t *gid);

/* ---- guest.c: [run] serves = guest */
/* Is what [guest] says enough, and does its user exist? 0 or -1; 0 too for programs. */
int guest_prepare(struct instance *in);
/* The socket of that path is given to guest_uid alone. 0 or -1. */
int guest_give(const struct instance *in, const char *path);
/* Listen at [guest] vsock_port. The descriptor, or -1 (said in the log). */
int guest_listen_vsock(const struct instance *in);

/* ---- listen.c */
int listen_sockets(struct instance *in);
void unlink_sockets(const struct instance *in);
/*
 * A socket at path, with these bits missing from its mode. Where another daemon has it,
 * the log says to stop that one, and instead, if not NULL. The descriptor, or -1.
 */
int listen_at(const char *path, mode_t mask, const char *instead);

/* ---- winbind.c: the sockets of [winbind]; nothing for a guest */
int winbind_listen(struct instance *in); /* 0 or -1; each that was made is in the instance */
void winbind_unlink(const struct instance *in);
void winbind_close(struct instance *in);
int winbind_check(const struct instance *in); /* for --check: 0 or -1 */

/* ---- kdc.c: the sockets of [kdc]; nothing for a guest */
int kdc_listen(struct instance *in); /* 0 or -1; each that was made is in the instance */
void kdc_unlink(const struct instance *in);
void kdc_close(struct instance *in);
int kdc_check(const struct instance *in); /* for --check: 0 or -1 */

/* ---- world.c */
#define WORLD_FDS 3
/* What is at the other end of the channel, by [isolation] level. */
struct world {
	const char *level;
	const char *program; /* started with mailbox, life socket and what open gives */
	const char *image;   /* what runs in the machine that program makes, or NULL */
	/*
	 * lsaiso is on another machine, whose administrator has fixed its
	 * policy and its root key.
	 */
	bool far;
	/*
	 * Open what the program needs beside its channel; it finds it from
	 * descriptor 5 on. How many, or -1 (said in the log). NULL: nothing.
	 * The caller closes them.
	 */
	int (*open)(struct instance *in, int fds[WORLD_FDS]);
};
/* That of the configured level; NULL, and said why, if there is none. */
const struct world *world_of(const struct instance *in);

/* ---- channel.c: level hypervisor */
/* Is [isolation] channel one that can be understood, and all else fit for it? 0 or -1. */
int channel_prepare(struct instance *in);
/* From now on the host takes us for another machine and ends what it holds. 0 or -1. */
int channel_renew(struct instance *in);
/* world.open. */
int channel_open(struct instance *in, int fds[WORLD_FDS]);
/* Log a failure of the way to the host, once while the same repeats. */
void channel_say(struct instance *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- greet.c */
/* Is lsaiso there at the other end, and ready? 0, or -1. */
int greet(struct instance *in, struct mailbox *mb, uint8_t boot_id[16]);

/* ---- publish.c: the file of the public key in [run] directory */
/* That of in->public_key, for who logs on. Has said why when it could not be written. */
void publish_key(const struct instance *in);
void publish_nothing(const struct instance *in);

/* ---- iso.c */
/* Start lsaiso, see that it answers and is what was configured, fix policy. */
int iso_start(struct instance *in);
/* It ended with this wait status: forget its channel. */
void iso_ended(struct instance *in, int status);
void iso_stop(struct instance *in);
/* End it with all it knows; another one is due at once. */
void iso_wipe(struct instance *in);

/* ---- seal.c */
/* Have a kept root key brought to the fresh lsaiso. 0 too if there is none to bring. */
int seal_bring(const struct instance *in);
/* Is there a file of it? For --check. */
bool seal_kept(const struct instance *in);

/* ---- broker.c */
int broker_start(struct instance *in);
void broker_ended(struct instance *in, int status);
void broker_send(struct instance *in, enum control_type type);
/* in->table changed: lsass and lsawatch are told. */
void table_changed(struct instance *in);
/* A message of lsass waits on the line. */
void broker_message(struct instance *in);

/* ---- watch.c: lsawatch, which nothing waits for */
/* Its user, program and folder. 0; also when it is not to run, or cannot and need not. -1: said */
int watch_prepare(struct instance *in);
int watch_folder(struct instance *in); /* likewise, once [host] directory is there */
int watch_listen(struct instance *in); /* 0 or -1 */
void watch_unlink(const struct instance *in);
int watch_start(struct instance *in);
bool watch_ended(struct instance *in, pid_t pid, int status); /* was it this child? */
/* A child was stopped by a signal. lsawatch is made to go on. */
void watch_stopped(struct instance *in, pid_t pid);
/* Ends a lsawatch of which nothing is heard. */
void watch_tick(struct instance *in);
int watch_wait(const struct instance *in); /* milliseconds to the next tick; -1: none */
/* The process table changed. If the line is full, it is told when there is room: table_due. */
void watch_tell(struct instance *in);
struct guard_event;
void watch_refused(const struct instance *in, const struct guard_event *ev);
/* A message of it waits on the line. */
void watch_message(struct instance *in);
void watch_lock(struct instance *in); /* lsass serves: what is due is done */
void watch_stop(struct instance *in); /* all others have ended */

/* ---- machine.c: the machine's keys */
/* There is another lsaiso or lsass: they must be brought again. */
void machine_wanted(struct instance *in);
/* Do what is due at machine_next: milliseconds, CLOCK_MONOTONIC; 0: nothing. */
void machine_tick(struct instance *in);
int64_t machine_next(const struct instance *in);
void machine_stop(struct instance *in);
/* Was it this child that ended? */
bool machine_ended(struct instance *in, pid_t pid, int status);

/* ---- supervise.c: until told to stop. The exit code. */
int supervise(struct instance *in);

/* ---- reason.c: why a child ended, and what to do, for people */
void reason_text(const struct instance *in, int status, bool iso, char *text, size_t n);

/* ---- notify.c: sd_notify(3), nothing without NOTIFY_SOCKET */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- check.c: lsainit --check. The exit code. */
int check(struct instance *in);

int64_t monotonic_ms(void);
/* Close *fd if open; it is -1 afterwards. */
void close_fd(int *fd);

#endif
