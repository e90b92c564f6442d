// SPDX-License-Identifier: Apache-2.0
/* Reads the state file as a run would at its start, but sets nothing aside. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/core/state_file.h"
#include "user/doctor/state.h"
#include "user/source/events/state.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"

static void look_at_folder(struct ds_doctor_state *s)
{
	ds_autofree char *copy = strdup(s->path);

	/* access() asks for the real user, as whom this process runs: it is not set-user-id. */
	if (!copy || access(dirname(copy), W_OK | X_OK))
		(void)snprintf(s->folder_fault, sizeof(s->folder_fault), "%s",
			       strerror(copy ? errno : ENOMEM));
}

void ds_doctor_look_state(struct ds_doctor_state *s)
{
	ds_cleanup(ds_buf_free) struct ds_buf buf = { 0 };
	char why[DS_STATE_WHY_LEN + 1], boot_id[DS_BOOT_ID_LEN + 1];
	struct ds_state_view view;
	int r;

	look_at_folder(s);
	r = ds_state_read(s->path, &buf);
	if (r == -ENOENT)
		return;
	s->exists = true;
	if (r) {
		(void)snprintf(s->fault, sizeof(s->fault), "%s", strerror(-r));
		return;
	}
	if (ds_state_parse(buf.data ? buf.data : "", buf.len, &view, why)) {
		(void)snprintf(s->damage, sizeof(s->damage), "%s", why);
		return;
	}
	ds_state_boot_id(boot_id);
	s->same_boot = boot_id[0] && !strcmp(boot_id, view.header.boot_id);
	s->events = view.lines;
	s->age_ns = ds_clock_ns(CLOCK_REALTIME) - view.header.time_ns;
	(void)snprintf(s->run_id, sizeof(s->run_id), "%s", view.header.run_id);
}
