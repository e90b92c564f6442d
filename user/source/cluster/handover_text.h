/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is handed to the agents: for each node the text of a ConfigMap, event lines of schema 1.
 * Bounded, the oldest lines go first; what ended long ago goes too. The same knowledge gives the
 * same bytes: a line keeps the time at which it was first told. Pure.
 */
#ifndef DS_SOURCE_HANDOVER_TEXT_H
#define DS_SOURCE_HANDOVER_TEXT_H

#include "user/core/event.h"
#include "user/util/buf.h"

#define DS_HANDOVER_TEXT_MAX 524288	/* bytes of one node; etcd takes 1.5 MB */
#define DS_HANDOVER_LINES_MAX 2048	/* of one node */
#define DS_HANDOVER_NODES_MAX 16384
#define DS_HANDOVER_KEEP_NS INT64_C(600000000000)	/* of a pod that ended, at least */
#define DS_HANDOVER_NAME_MAX 253
#define DS_HANDOVER_KEY "events.jsonl"	/* in the ConfigMap's data */
#define DS_HANDOVER_WRITTEN_KEY "written_at"
#define DS_HANDOVER_LABEL "app.kubernetes.io/managed-by"
#define DS_HANDOVER_MANAGER "drainsnoop-targets"

/* The ConfigMap of a node; any name of a node gives one that Kubernetes accepts. */
void ds_handover_name(const char *node, char ret_name[DS_HANDOVER_NAME_MAX + 1]);

struct ds_handover_text;

int ds_handover_text_new(struct ds_handover_text **ret_text);	/* 0 or -ENOMEM */
void ds_handover_text_free(struct ds_handover_text **text);

/*
 * An event for a node (ds_cluster_options.tell). One that says the same as the line that is there
 * changes nothing; one that says more of the same pod, address or registration takes its place;
 * each state that was read of a target stays, up to a bound.
 */
void ds_handover_text_put(struct ds_handover_text *t, const char *node,
			  const struct ds_event *ev);

/* The pod has ended; 0 = it has not (ds_cluster_options.ended). */
void ds_handover_text_ended(struct ds_handover_text *t, const char *node, const char *uid,
			    int64_t at_ns);

/*
 * What a ConfigMap holds that is there already, of another leader or an earlier run: before
 * anything is put. Lines that make no sense are left out; their number is returned. Pods of which
 * nothing is put later count as ended at the time of their last line.
 */
size_t ds_handover_text_load(struct ds_handover_text *t, const char *node, const char *text,
			     size_t len);

/*
 * Drops what ended long enough ago, and the rest of a node on which no pod is left. About once a
 * second, once what was loaded could be told anew.
 */
void ds_handover_text_tick(struct ds_handover_text *t, int64_t now_ns);

/*
 * The next node whose text is another than what was last said to be written, and was changed (or
 * written) before not_after_ns; NULL = none. Those that wait longest come first.
 */
const char *ds_handover_text_next(struct ds_handover_text *t, int64_t not_after_ns);

/*
 * The same among nodes of whose text something must be known soon: why a pod goes, a reading of its
 * target. What else is news (a target group's name, a load balancer's address) can wait for more.
 */
const char *ds_handover_text_next_urgent(struct ds_handover_text *t, int64_t not_after_ns);

/* The text of data["events.jsonl"], oldest line first; "" = there is nothing to say. */
void ds_handover_text_render(const struct ds_handover_text *t, const char *node,
			     struct ds_buf *ret_text);

/*
 * The ConfigMap's JSON, whole; with the resourceVersion that it replaces (NULL: it is made), and
 * annotation drainsnoop.dev/node: the node's whole name. Also notes that this text is being
 * written, so that the node is not the next one meanwhile: call written() with ok false where it
 * could not be, and with a later time where it is not worth trying before.
 */
#define DS_HANDOVER_NODE_ANNOTATION "drainsnoop.dev/node"
void ds_handover_text_body(struct ds_handover_text *t, const char *namespace_, const char *node,
			   const char *node_uid, const char *version, int64_t now_ns,
			   struct ds_buf *ret_body);
void ds_handover_text_written(struct ds_handover_text *t, const char *node, bool ok,
			      int64_t now_ns);

struct ds_handover_text_stats {
	size_t nodes, lines, bytes;
	uint64_t dropped;	/* lines that made room for others */
	uint64_t aged;		/* lines of what ended long ago */
	uint64_t bad;		/* lines that were loaded and made no sense */
};
struct ds_handover_text_stats ds_handover_text_stats(const struct ds_handover_text *t);

#endif
