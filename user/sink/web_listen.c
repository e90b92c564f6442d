// SPDX-License-Identifier: Apache-2.0
#include "user/sink/web_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "user/sink/web_parse.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

#define BACKLOG 64

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t fill_v4(const struct ds_web_address *a, union address *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->v4.sin_family = AF_INET;
	sa->v4.sin_port = htons(a->port);
	if (ds_addr_is_set(&a->addr))
		memcpy(&sa->v4.sin_addr, a->addr.bytes + 12, 4);
	return sizeof(sa->v4);
}

static socklen_t fill_v6(const struct ds_web_address *a, union address *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->v6.sin6_family = AF_INET6;
	sa->v6.sin6_port = htons(a->port);
	if (ds_addr_is_set(&a->addr))
		memcpy(&sa->v6.sin6_addr, a->addr.bytes, 16);
	return sizeof(sa->v6);
}

/* One socket of a family, or -errno. both: it takes IPv4 too. */
static int listen_on(const union address *sa, socklen_t len, bool both)
{
	const int on = 1, only = !both;
	ds_autoclose int fd = socket(sa->any.sa_family,
				     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int taken;

	if (fd < 0)
		return -errno;
	/* Connections of a run before that linger are no reason not to begin. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (sa->any.sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0) ||
	    bind(fd, &sa->any, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	taken = fd;
	fd = -1;
	return taken;
}

static bool has_no_v6(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL || err == -ENOPROTOOPT;
}

static int open_socket(const struct ds_web_address *a)
{
	bool all = !ds_addr_is_set(&a->addr) && !a->any_v4 && !a->any_v6;
	bool v6 = all || a->any_v6 || (ds_addr_is_set(&a->addr) && !ds_addr_is_v4(&a->addr));
	union address sa;
	int fd;

	if (v6) {
		socklen_t len = fill_v6(a, &sa);

		fd = listen_on(&sa, len, all);
		if (fd >= 0 || !all || !has_no_v6(fd))
			return fd;
	}
	return listen_on(&sa, fill_v4(a, &sa), false);
}

static int complain(int err, const char *text)
{
	if (err == -EADDRINUSE)
		return ds_log_err(err, "serve metrics on %s: another program has that port; "
				  "end it or choose another one", text);
	if (err == -EADDRNOTAVAIL)
		return ds_log_err(err, "serve metrics on %s: this machine has no such address",
				  text);
	if (err == -EACCES)
		return ds_log_err(err, "serve metrics on %s: choose a port above 1023", text);
	return ds_log_err(err, "serve metrics on %s", text);
}

static uint16_t port_of(int fd)
{
	union address sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, &sa.any, &len) < 0)
		return 0;
	return ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
}

int ds_web_listen(const char *text, int *ret_fd, uint16_t *ret_port)
{
	struct ds_web_address address;
	int fd;

	if (ds_web_address_parse(text, strlen(text), &address))
		return ds_log_err(EINVAL, "serve metrics on '%s': write ADDRESS:PORT, "
				  "[IPv6 ADDRESS]:PORT or :PORT", text);
	fd = open_socket(&address);
	if (fd < 0)
		return complain(fd, text);
	*ret_fd = fd;
	*ret_port = port_of(fd);
	return 0;
}
