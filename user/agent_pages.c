/* SPDX-License-Identifier: Apache-2.0 */
#include "user/agent_pages.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "user/sink/metrics.h"
#include "user/sink/web.h"
#include "user/util/clock.h"
#include "user/util/log.h"

struct ds_agent_pages {
	struct ds_run *run;
	const struct ds_log_queue *said;
	struct ds_metrics *metrics;
	struct ds_process_usage usage;
	struct ds_web *web;
};

static void metrics_page(void *ctx, bool openmetrics, struct ds_buf *out)
{
	struct ds_agent_pages *pages = ctx;
	/* Lines that were lost are among the input: the run is told of them. */
	struct ds_metrics_now now = { .late = ds_run_late(pages->run),
				      .lost_messages = ds_log_queue_lost(pages->said),
				      .core = ds_run_counts(pages->run) };

	ds_process_usage_read(&pages->usage);
	now.usage = pages->usage;
	ds_metrics_render(pages->metrics, &now, openmetrics, out);
}

static bool is_healthy(void *ctx, struct ds_buf *why)
{
	const struct ds_agent_pages *pages = ctx;

	return ds_web_loop_turns(ds_run_turned_ns(pages->run), ds_clock_ns(CLOCK_MONOTONIC), why);
}

static bool is_ready(void *ctx, struct ds_buf *why)
{
	const struct ds_agent_pages *pages = ctx;

	if (!ds_run_is_attached(pages->run))
		ds_buf_puts(why, "the kernel's programs are not attached yet");
	else if (!ds_run_is_ready(pages->run))
		ds_buf_puts(why, "the pods of this node are not known yet");
	return ds_run_is_ready(pages->run);
}

static int open_pages(struct ds_agent_pages *pages, const struct ds_options *options)
{
	struct ds_metrics_options mo = { .max_series = (size_t)options->metrics_max_series,
					 .revision = options->revision,
					 .libbpf = libbpf_version_string() + 1 /* its v */ };
	struct ds_web_pages wp = { .metrics = metrics_page, .healthy = is_healthy,
				   .ready = is_ready, .ctx = pages };
	int r = ds_metrics_parse_labels(options->metrics_labels, &mo.labels);

	r = r ? r : ds_metrics_new(&pages->metrics, &mo);
	if (r)
		return ds_log_err(r, "count what is seen");
	return ds_web_new(&pages->web, ds_run_loop(pages->run), options->metrics_listen, &wp);
}

int ds_agent_pages_new(struct ds_agent_pages **ret_pages, const struct ds_options *options,
		       struct ds_run *run, const struct ds_log_queue *said)
{
	struct ds_agent_pages *pages;
	int r;

	*ret_pages = NULL;
	if (!options->metrics_listen[0])
		return 0;
	pages = calloc(1, sizeof(*pages));
	if (!pages)
		return ds_log_err(ENOMEM, "count what is seen");
	pages->run = run;
	pages->said = said;
	r = open_pages(pages, options);
	if (r)
		ds_agent_pages_free(&pages);
	*ret_pages = pages;
	return r;
}

void ds_agent_pages_input(struct ds_agent_pages *pages, const struct ds_event *ev)
{
	if (pages && !(ds_event_has(ev, DS_KEY_RESTORED) && ev->restored))
		ds_metrics_input(pages->metrics, ev);
}

void ds_agent_pages_output(struct ds_agent_pages *pages, const struct ds_event *ev)
{
	if (pages)
		ds_metrics_output(pages->metrics, ev);
}

void ds_agent_pages_close(struct ds_agent_pages *pages)
{
	if (pages)
		ds_web_free(&pages->web);
}

void ds_agent_pages_free(struct ds_agent_pages **pages)
{
	struct ds_agent_pages *p = pages ? *pages : NULL;

	if (!p)
		return;
	*pages = NULL;
	ds_metrics_free(&p->metrics);
	free(p);
}
