// SPDX-License-Identifier: Apache-2.0
/* A tiny static server, for pods by the hundred: tiny NAME. Keeps connections, ends on SIGTERM. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 256

static void end(int number)
{
	(void)number;
	_exit(0);
}

static int listen_on(int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 511)) {
		perror("tiny");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2 + CONNECTIONS] = { { .fd = listen_on(8080), .events = POLLIN },
					       { .fd = listen_on(8081), .events = POLLIN } };
	char request[8192], answer[512];
	int cnt = 2, len;

	signal(SIGTERM, end);
	len = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s\n",
		       strlen(argc > 1 ? argv[1] : "tiny") + 1, argc > 1 ? argv[1] : "tiny");
	while (poll(fds, (nfds_t)cnt, -1) > 0) {
		for (int i = cnt - 1; i >= 2; i--) {
			ssize_t got;

			if (!fds[i].revents)
				continue;
			/* Requests are small and whole. */
			got = read(fds[i].fd, request, sizeof(request) - 1);
			if (got > 0) {
				request[got] = '\0';
				if (write(fds[i].fd, answer, (size_t)len) == len &&
				    !strstr(request, "Connection: close"))
					continue;
			}
			close(fds[i].fd);
			fds[i] = fds[--cnt];
		}
		for (int i = 0; i < 2; i++)
			if (fds[i].revents && cnt < 2 + CONNECTIONS)
				fds[cnt++] = (struct pollfd){
					.fd = accept(fds[i].fd, NULL, NULL), .events = POLLIN };
	}
	return 0;
}
