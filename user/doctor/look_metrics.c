// SPDX-License-Identifier: Apache-2.0
/* Binds to the address as the agent would, and lets it go again. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/doctor/metrics.h"
#include "user/util/cleanup.h"

static void say(struct ds_doctor_metrics *m, const char *why)
{
	(void)snprintf(m->fault, sizeof(m->fault), "%s", why);
}

static void try_to_listen(struct ds_doctor_metrics *m, const struct addrinfo *at)
{
	ds_autoclose int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0) {
		say(m, strerror(errno));
		return;
	}
	/* As servers do: a connection in TIME_WAIT does not count as somebody. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* SO_REUSEADDR lets two bind while neither listens: listening is what shows. */
	if (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, 1)) {
		m->taken = errno == EADDRINUSE;
		say(m, strerror(errno));
	}
}

void ds_doctor_look_metrics(struct ds_doctor_metrics *m)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char host[64];
	const char *colon = m->listen ? strrchr(m->listen, ':') : NULL;
	size_t len = colon ? (size_t)(colon - m->listen) : 0;
	bool bracketed = len >= 2 && m->listen[0] == '[' && m->listen[len - 1] == ']';

	if (!m->listen || !m->listen[0])
		return;
	if (!colon || len >= sizeof(host)) {
		say(m, "it is no ADDRESS:PORT");
		return;
	}
	(void)snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len),
		       m->listen + (bracketed ? 1 : 0));
	/* Without a host: of both families, as the agent does where the machine has IPv6. */
	if (getaddrinfo(host[0] ? host : "::", colon + 1, &hints, &list) || !list) {
		say(m, "it is no ADDRESS:PORT");
		return;
	}
	try_to_listen(m, list);
	freeaddrinfo(list);
}
