// SPDX-License-Identifier: Apache-2.0
/* Listens at the address as the agent would, and lets it go again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/doctor/metrics.h"
#include "user/sink/web_listen.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

/* The report says it. */
static void say_nothing(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

void ds_doctor_look_metrics(struct ds_doctor_metrics *m)
{
	ds_autoclose int fd = -1;
	uint16_t port;
	int r;

	if (!m->listen[0])
		return;
	ds_log_divert(say_nothing, NULL);
	r = ds_web_listen(m->listen, &fd, &port);
	ds_log_divert(NULL, NULL);
	m->taken = r == -EADDRINUSE;
	if (r)
		(void)snprintf(m->fault, sizeof(m->fault), "%s", strerror(-r));
}
