/* SPDX-License-Identifier: Apache-2.0 */
/* `drainsnoop trace`: a live run whose conclusions are printed. */
#include <errno.h>

#include "user/commands.h"
#include "user/run.h"
#include "user/sink/printer.h"

struct trace {
	const struct ds_options *options;
	struct ds_run *run;
	struct ds_printer *printer;
};

static int open_printer(void *ctx, struct ds_run *run)
{
	struct trace *trace = ctx;

	trace->run = run;
	return ds_printer_new(&trace->printer, &trace->options->print);
}

static void emit(void *ctx, const struct ds_event *ev)
{
	struct trace *trace = ctx;
	int r = ds_printer_event(trace->printer, ev);

	if (r == -EPIPE)
		ds_run_stop(trace->run); /* nobody reads any more: so does `| head` end a run */
	else if (r)
		ds_run_fail(trace->run);
	if (trace->options->print.limit &&
	    ds_printer_drops(trace->printer) >= trace->options->print.limit)
		ds_run_stop(trace->run);
}

static void finish(void *ctx)
{
	struct trace *trace = ctx;

	(void)ds_printer_summary(trace->printer);
}

static void free_printer(void *ctx)
{
	struct trace *trace = ctx;

	ds_printer_free(&trace->printer);
}

int ds_command_trace(const struct ds_options *options)
{
	struct trace trace = { .options = options };
	struct ds_run_hooks hooks = { .open = open_printer, .emit = emit, .finish = finish,
				      .free = free_printer, .ctx = &trace };
	struct ds_run_sums sums;
	int status = ds_run_live(options, &hooks, &sums);

	if (status == DS_EXIT_OK && options->strict && sums.lost)
		status = DS_EXIT_ERROR;
	if (status == DS_EXIT_OK && options->fail_on &&
	    sums.rollout_drops >= (uint64_t)options->fail_on)
		status = DS_EXIT_FAIL_ON;
	return status;
}
