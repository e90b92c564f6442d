/* SPDX-License-Identifier: Apache-2.0 */
#include "user/own_pod.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/util/cleanup.h"

#define NAMESPACE_FILE "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
#define NAMESPACE_DEFAULT "drainsnoop"

/* The file's first line, "" where there is none. */
static void read_namespace(char *buf, size_t size)
{
	ds_autoclose int fd = open(NAMESPACE_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	for (char *p = buf; *p; p++)
		if (isspace((unsigned char)*p))
			*p = '\0';
}

void ds_own_namespace(const char *option, char *buf, size_t size)
{
	const char *given = option && *option ? option : getenv("POD_NAMESPACE");

	if (given && *given) {
		(void)snprintf(buf, size, "%s", given);
		return;
	}
	read_namespace(buf, size);
	if (!buf[0])
		(void)snprintf(buf, size, "%s", NAMESPACE_DEFAULT);
}

bool ds_own_pod_is(const struct ds_event *ev)
{
	const char *name = getenv("POD_NAME"), *namespace_ = getenv("POD_NAMESPACE");

	return name && namespace_ && ds_event_has(ev, DS_KEY_POD_NAME) &&
	       ds_event_has(ev, DS_KEY_POD_NAMESPACE) && !strcmp(ev->pod_name, name) &&
	       !strcmp(ev->pod_namespace, namespace_);
}
