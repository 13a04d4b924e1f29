/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Level hypervisor: the way to the host, [isolation] channel, opened for
 * lsalink: a device (a virtio-serial port), vsock:CID:PORT, unix:PATH. Each
 * failure says what to do; in a row of the same ones only the first does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/prove.h"
#include "lsainit/init.h"
#include "rpc/stream.h"

#define CONNECT_MS 2000

static const char vsock_kind[] = "vsock:", unix_kind[] = "unix:";

void
channel_say(struct instance *in, const char *format, ...)
{
	char text[sizeof(in->said)];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (strcmp(text, in->said) == 0) {
		log_debug("%s", text);
		return;
	}
	log_err("%s", text);
	memcpy(in->said, text, sizeof(text));
}

/* ---- what is configured */

static bool
is_kind(const char *channel, const char *kind)
{
	return strncmp(channel, kind, strlen(kind)) == 0;
}

/* vsock:CID:PORT. The highest of both means any, and 0 is nobody (linux/vm_sockets.h). */
static bool
read_vsock(const char *channel, struct sockaddr_vm *to)
{
	unsigned long cid, port;
	char *end;

	*to = (struct sockaddr_vm){ .svm_family = AF_VSOCK };
	errno = 0;
	cid = strtoul(channel + sizeof(vsock_kind) - 1, &end, 10);
	if (errno != 0 || *end != ':' || cid == 0 || cid >= UINT32_MAX)
		return false;
	port = strtoul(end + 1, &end, 10);
	if (errno != 0 || *end != '\0' || port == 0 || port >= UINT32_MAX)
		return false;
	to->svm_cid = (unsigned int)cid;
	to->svm_port = (unsigned int)port;
	return true;
}

static bool
read_unix(const char *channel, struct sockaddr_un *to)
{
	const char *path = channel + sizeof(unix_kind) - 1;

	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path[0] != '/' || strlen(path) >= sizeof(to->sun_path))
		return false;
	memcpy(to->sun_path, path, strlen(path));
	return true;
}

int
channel_renew(struct instance *in)
{
	if (getrandom(in->guest_id, sizeof(in->guest_id), 0) == sizeof(in->guest_id))
		return 0;
	log_err("no entropy: %s", strerror(errno));
	return -1;
}

int
channel_prepare(struct instance *in)
{
	const char *channel = in->cf.isolation_channel, *key = in->cf.isolation_host_key;
	uint8_t pinned[ISO_PUBLIC];
	char error[400];
	struct sockaddr_vm vm;
	struct sockaddr_un un;

	if (channel[0] == '\0')
		log_err("level = hypervisor needs [isolation] channel, the way to the host: "
			"/dev/virtio-ports/NAME, vsock:2:PORT or unix:PATH");
	else if (is_kind(channel, vsock_kind) && !read_vsock(channel, &vm))
		log_err("[isolation] channel = %s: vsock:CID:PORT, with the CID of the host (2) "
			"and the [guest] vsock_port of its lsaiso-host",
			channel);
	else if (is_kind(channel, unix_kind) && !read_unix(channel, &un))
		log_err("[isolation] channel = %s: unix: and an absolute path of at most %zu "
			"octets",
			channel, sizeof(un.sun_path) - 1);
	else if (!is_kind(channel, vsock_kind) && !is_kind(channel, unix_kind) && channel[0] != '/')
		log_err("[isolation] channel = %s: neither the path of a device nor vsock:CID:PORT "
			"nor unix:PATH",
			channel);
	else if (strcmp(in->cf.seal_root, "random") != 0)
		log_err("[seal] root = %s: at level hypervisor the root key is the host's; set it "
			"there, and root = random here",
			in->cf.seal_root);
	else if (key[0] != '\0' && prove_pin(key, pinned, error, sizeof(error)) != 0)
		log_err("%s", error);
	else
		return channel_renew(in);
	return -1;
}

/* ---- opening it */

static const char *
device_advice(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
		return "give this guest a virtio-serial port of that name (virtserialport, or "
		       "<channel> of libvirt), and see that the module virtio_console is loaded";
	case EBUSY:
		return "another program has it open, and a port serves only one; fuser names it";
	case EACCES:
	case EPERM:
		return "only root opens it; DeviceAllow= of the unit must name it too";
	default:
		return "see the kernel's log";
	}
}

static int
open_device(struct instance *in, const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), error = errno;
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	struct stat sb;

	if (fd < 0) {
		channel_say(in, "[isolation] channel = %s: %s; %s", path, strerror(error),
			    device_advice(error));
		return -1;
	}
	if (fstat(fd, &sb) != 0 || !S_ISCHR(sb.st_mode))
		channel_say(in, "[isolation] channel = %s is no device", path);
	else if (poll(&pf, 1, 0) > 0 && (pf.revents & (POLLHUP | POLLERR)) != 0)
		channel_say(in,
			    "[isolation] channel = %s: nobody holds the host's end; start "
			    "lsaiso-host for this guest there",
			    path);
	else
		return fd;
	(void)close(fd);
	return -1;
}

static const char *
socket_advice(int family, int error)
{
	switch (error) {
	case EAFNOSUPPORT:
		return "the kernel has no vsock; modprobe vmw_vsock_virtio_transport";
	case ENODEV:
		return family == AF_VSOCK ? "this machine has no vsock device; give the guest one "
					    "(vhost-vsock-pci, or <vsock> of libvirt)"
					  : "see the kernel's log";
	case ENOENT:
	case ECONNREFUSED:
	case ECONNRESET:
		return "nobody listens there; start lsaiso-host for this guest on the host";
	case EACCES:
	case EPERM:
		return "look at the permissions of each folder on the way";
	case EAGAIN:
	case ETIMEDOUT:
		return "nobody answers there; look at lsaiso-host on the host";
	default:
		return "see the kernel's log";
	}
}

/* 0 or an errno. */
static int
connect_within(int fd, const struct sockaddr *to, socklen_t len)
{
	struct pollfd pf = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, to, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&pf, 1, CONNECT_MS) != 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/*
 * From a port that only root binds: by that the host knows us from other
 * users of this guest, who can connect to the same port there.
 */
static void
bind_reserved(int fd)
{
	struct sockaddr_vm from = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };

	for (from.svm_port = STREAM_VSOCK_PORT; from.svm_port > 0; from.svm_port--) {
		if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0)
			return;
		if (errno != EADDRINUSE)
			break;
	}
	log_warn("[isolation] channel: no port below %u: %s; the host will not let us in",
		 STREAM_VSOCK_PORT + 1, strerror(errno));
}

static int
open_socket(struct instance *in, const struct sockaddr *to, socklen_t len)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : 0;

	if (error == 0 && to->sa_family == AF_VSOCK)
		bind_reserved(fd);
	if (error == 0)
		error = connect_within(fd, to, len);
	if (error == 0)
		return fd;
	channel_say(in, "[isolation] channel = %s: %s; %s", in->cf.isolation_channel,
		    strerror(error), socket_advice(to->sa_family, error));
	close_fd(&fd);
	return -1;
}

int
channel_open(struct instance *in, int fds[WORLD_FDS])
{
	const char *channel = in->cf.isolation_channel;
	struct sockaddr_vm vm;
	struct sockaddr_un un;

	if (is_kind(channel, vsock_kind) && read_vsock(channel, &vm))
		fds[0] = open_socket(in, (const struct sockaddr *)&vm, sizeof(vm));
	else if (is_kind(channel, unix_kind) && read_unix(channel, &un))
		fds[0] = open_socket(in, (const struct sockaddr *)&un, sizeof(un));
	else
		fds[0] = open_device(in, channel);
	return fds[0] < 0 ? -1 : 1;
}
