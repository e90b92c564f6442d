/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drainsnoop agent`: a live run on a node of a cluster. Its conclusions go out as JSON lines, and
 * its messages, by queues that never keep the loop waiting; what cannot be written is counted, not
 * waited for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "user/agent_pages.h"
#include "user/commands.h"
#include "user/own_pod.h"
#include "user/run.h"
#include "user/core/event_json.h"
#include "user/sink/kube_results.h"
#include "user/sink/line_queue.h"
#include "user/sink/log_queue.h"
#include "user/sink/redact.h"
#include "user/util/log.h"
#include "user/util/secret_file.h"
#include "user/util/timefmt.h"
#include "user/util/wipe.h"

#define QUEUE_BYTES 1048576		/* a thousand lines or more */
#define ENDING_NS (2 * DS_NS_PER_S)	/* for a reader that is slow, before the last lines */
#define FINISH_NS (2 * DS_NS_PER_S)	/* and after them */
#define SECRET_MAX 4096

struct agent {
	const struct ds_options *options;
	struct ds_run *run;
	struct ds_log_queue *said;
	struct ds_line_queue *queue;
	struct ds_agent_pages *pages;
	struct ds_redact *redact;	/* NULL = every address is shown */
	struct ds_kube_results *results;	/* NULL = none are written into the cluster */
	bool asked_results;
	struct ds_buf line;
	uint64_t seq;
};

static int make_redact(struct agent *agent)
{
	const char *path = agent->options->redact_key_file;
	uint8_t random[32];
	char *secret;
	size_t len;
	int r;

	if (!path) {
		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return ds_log_err(errno, "make a secret for --redact-peers");
		return ds_redact_new(&agent->redact, random, sizeof(random));
	}
	r = ds_secret_file_read(path, SECRET_MAX, &secret, &len);
	if (r)
		return ds_log_err(r, "--redact-key-file: read %s", path);
	r = ds_redact_new(&agent->redact, secret, len);
	ds_wipe_free(secret);
	if (r == -EINVAL)
		ds_log_warn("--redact-key-file: %s holds less than %d bytes", path,
			    DS_REDACT_SECRET_MIN);
	return r;
}

static int open_agent(void *ctx, struct ds_run *run)
{
	struct agent *agent = ctx;
	int r = ds_log_queue_new(&agent->said);

	agent->run = run;
	if (!r && agent->options->redact_peers)
		r = make_redact(agent);
	r = r ? r : ds_agent_pages_new(&agent->pages, agent->options, run, agent->said);
	return r ? r : ds_line_queue_new(&agent->queue, STDOUT_FILENO, "standard output",
					 QUEUE_BYTES);
}

static void take_input(void *ctx, const struct ds_event *ev)
{
	struct agent *agent = ctx;

	ds_agent_pages_input(agent->pages, ev);
	if (agent->redact)
		ds_redact_learn(agent->redact, ev);
	/* The end of our own pod: by the DaemonSet's update, or with the node. */
	if (ev->kind == DS_EVENT_POD_STATE && ds_event_has(ev, DS_KEY_T0) && ds_own_pod_is(ev))
		ds_run_hurry(agent->run);
}

static void disguise(void *ctx, struct ds_event *copy)
{
	struct agent *agent = ctx;

	if (agent->redact)
		ds_redact_event(agent->redact, copy);
}

static void emit(void *ctx, const struct ds_event *ev)
{
	struct agent *agent = ctx;
	struct ds_event own;

	ds_agent_pages_output(agent->pages, ev);
	if (agent->results)
		ds_kube_results_take(agent->results, ev);
	if (!ds_filter_passes(&agent->options->print.filter, ev))
		return;
	own = *ev;
	if (agent->redact)
		ds_redact_event(agent->redact, &own);
	ds_event_write(&agent->line, &own, agent->seq++);
	/* Without memory it is lost as well: the empty line is not taken. */
	(void)ds_line_queue_put(agent->queue, agent->line.data,
				agent->line.failed ? 0 : agent->line.len);
}

static void tell_lost(struct agent *agent)
{
	ds_run_lost(agent->run, DS_LOSS_STAGE_OUTPUT, "stdout",
		    ds_line_queue_take_lost(agent->queue));
}

/* Once, as soon as there is an API server that is asked. */
static void open_results(struct agent *agent)
{
	const char *pod = getenv("POD_NAME");
	struct ds_kube_event_options eo = { .node = ds_run_node(agent->run),
					    .instance = pod ? pod : "" };
	struct ds_kube_api *api = ds_run_kube_api(agent->run);

	if (!agent->options->events_on_workloads || agent->asked_results || !api)
		return;
	agent->asked_results = true;
	(void)ds_kube_results_new(&agent->results, api, &eo);	/* said there; the run goes on */
}

static void each_second(void *ctx)
{
	struct agent *agent = ctx;

	open_results(agent);
	tell_lost(agent);
	ds_log_queue_review(agent->said);
	if (!ds_line_queue_is_gone(agent->queue))
		return;
	/* Only a new container gets another one. */
	ds_log_warn("nobody reads standard output any more; ending");
	ds_run_fail(agent->run);
	ds_run_stop(agent->run);
}

static void reopen(void *ctx)
{
	(void)ctx;	/* the run has opened its files anew: this has none */
}

/* The last verdicts are worth most: room for them. */
static void ending(void *ctx)
{
	struct agent *agent = ctx;

	(void)ds_line_queue_wait(agent->queue, ENDING_NS);
	tell_lost(agent);
}

static void finish(void *ctx)
{
	struct agent *agent = ctx;
	uint64_t left = ds_line_queue_finish(agent->queue, FINISH_NS);

	left += ds_line_queue_take_lost(agent->queue);
	if (left)
		ds_log_warn("standard output did not take the last %" PRIu64 " lines", left);
}

static void close_agent(void *ctx)
{
	struct agent *agent = ctx;

	ds_kube_results_free(&agent->results);
	ds_agent_pages_close(agent->pages);
}

static void free_agent(void *ctx)
{
	struct agent *agent = ctx;

	ds_agent_pages_free(&agent->pages);
	ds_line_queue_free(&agent->queue);
	ds_redact_free(&agent->redact);
	ds_buf_free(&agent->line);
	ds_log_queue_free(&agent->said);	/* last: all of them have something to say */
}

int ds_command_agent(const struct ds_options *options)
{
	struct ds_options own = *options;
	char namespace_[256];
	struct agent agent = { .options = &own };
	struct ds_run_hooks hooks = {
		.open = open_agent, .emit = emit, .input = take_input, .disguise = disguise,
		.each_second = each_second, .reopen = reopen, .ending = ending, .finish = finish,
		.close = close_agent, .free = free_agent, .ctx = &agent,
	};

	ds_own_namespace(options->config_namespace, namespace_, sizeof(namespace_));
	own.config_namespace = options->standalone ? NULL : namespace_;
	return ds_run_live(&own, &hooks, NULL);
}
