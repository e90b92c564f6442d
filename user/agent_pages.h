/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent serves over HTTP: metrics, whether its loop turns, whether it sees the node. */
#ifndef DS_AGENT_PAGES_H
#define DS_AGENT_PAGES_H

#include "user/run.h"
#include "user/sink/log_queue.h"

struct ds_agent_pages;

/*
 * As options say; *ret_pages is NULL where they say nowhere. All borrowed. 0, or -errno with one
 * line logged.
 */
int ds_agent_pages_new(struct ds_agent_pages **ret_pages, const struct ds_options *options,
		       struct ds_run *run, const struct ds_log_queue *said);

/* Count an event; NULL pages count nothing. */
void ds_agent_pages_input(struct ds_agent_pages *pages, const struct ds_event *ev);
void ds_agent_pages_output(struct ds_agent_pages *pages, const struct ds_event *ev);

/* Ends what is under way; the loop must run once more, and then ds_agent_pages_free. */
void ds_agent_pages_close(struct ds_agent_pages *pages);
void ds_agent_pages_free(struct ds_agent_pages **pages);

#endif
