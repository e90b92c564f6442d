/* SPDX-License-Identifier: Apache-2.0 */
/* `drainsnoop schema`: what the core's table of events says, as JSON Schema or as a page. */
#include <stdio.h>

#include "user/commands.h"
#include "user/core/event_json.h"
#include "user/util/log.h"

int ds_command_schema(const struct ds_options *options)
{
	struct ds_buf buf = { 0 };
	int r;

	if (options->markdown)
		ds_event_docs(&buf);
	else
		ds_event_schema(&buf);
	r = buf.failed || fwrite(buf.data, 1, buf.len, stdout) != buf.len || fflush(stdout);
	ds_buf_free(&buf);
	if (r)
		ds_log_warn("could not write the schema to standard output");
	return r ? DS_EXIT_ERROR : DS_EXIT_OK;
}
