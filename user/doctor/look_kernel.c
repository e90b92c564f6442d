// SPDX-License-Identifier: Apache-2.0
/* Reads what the kernel is, and lets it load and attach everything once. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/doctor/kernel.h"
#include "user/source/kernel/kernel.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

void ds_doctor_look_kernel(struct ds_doctor_kernel *k)
{
	struct utsname name;

	if (!uname(&name)) {
		(void)snprintf(k->system, sizeof(k->system), "%s", name.sysname);
		(void)snprintf(k->release, sizeof(k->release), "%s", name.release);
		(void)snprintf(k->machine, sizeof(k->machine), "%s", name.machine);
	}
	k->btf = access(BTF_PATH, R_OK) == 0;
}

/* What is said last is what it failed of. */
static void listen_to(void *ctx, const char *line)
{
	struct ds_doctor_kernel *k = ctx;

	(void)snprintf(k->said, sizeof(k->said), "%s", line);
}

/* Nothing is watched, so nothing comes. */
static void ignore(void *ctx, struct ds_event *ev)
{
	(void)ctx;
	(void)ev;
}

void ds_doctor_look_probes(struct ds_doctor_kernel *k)
{
	const struct ds_kernel_options options = { .netns_fd = -1, .deliver = ignore };
	ds_cleanup(ds_kernel_free) struct ds_kernel *kernel = NULL;

	k->tried = true;
	ds_log_divert(listen_to, k);
	k->result = ds_kernel_new(&kernel, &options);
	ds_log_divert(NULL, NULL);
	if (k->result)
		return;
	k->said[0] = '\0';	/* a warning; the lists below show it */
	(void)snprintf(k->tier, sizeof(k->tier), "%s", ds_kernel_tier(kernel));
	(void)snprintf(k->attached, sizeof(k->attached), "%s", ds_kernel_attached(kernel));
	(void)snprintf(k->missing, sizeof(k->missing), "%s", ds_kernel_missing(kernel));
	k->needs_tap = ds_kernel_needs_tap(kernel);
}
