/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `drainsnoop agent`. */
#include <argp.h>

#include "user/commands.h"
#include "user/options_known.h"
#include "user/options_output.h"
#include "user/options_source.h"
#include "user/options_value.h"
#include "user/sink/metrics.h"

enum { OPT_METRICS_LABELS = 256, OPT_METRICS_MAX_SERIES, OPT_REDACT_PEERS, OPT_REDACT_KEY_FILE };

static const struct argp_option agent_options[] = {
	{ NULL, 0, NULL, 0, "What the agent serves and says:", 1 },
	DS_OPTION_METRICS_LISTEN_ROW(1),
	{ "metrics-labels", OPT_METRICS_LABELS, "LIST", 0,
	  "Labels of a metric's subject: namespace,workload (default), namespace alone, or either with "
	  "pod; a pod's own series end 10 minutes after its verdict", 1 },
	{ "metrics-max-series", OPT_METRICS_MAX_SERIES, "N", 0,
	  "At most N series of such subjects (default 16384); what more there are count as (other)",
	  1 },
	DS_OPTION_CLUSTER_ROW(1),
	{ "redact-peers", OPT_REDACT_PEERS, NULL, 0,
	  "Replace addresses in lines and recordings that are not the load balancer's, a node's or a "
	  "pod's: always by the same one for the same", 1 },
	{ "redact-key-file", OPT_REDACT_KEY_FILE, "FILE", 0,
	  "Replace them under the secret in FILE (16 bytes or more), so that all agents that have it "
	  "replace alike (default: a secret of each run)", 1 },
	{ "events-on-workloads", DS_OPT_EVENTS_ON_WORKLOADS, NULL, 0,
	  "Write an Event of Kubernetes on a workload whose pods lost connections as they went away; at "
	  "most one in five minutes. Needs the right to create events", 1 },
	{ NULL, 0, NULL, 0, "Where it learns of targets:", 2 },
	{ "config-namespace", DS_OPT_CONFIG_NAMESPACE, "NS", 0,
	  "Namespace of the ConfigMap that `drainsnoop targets` writes for this node (default: "
	  "POD_NAMESPACE, else the service account's, else drainsnoop)", 2 },
	{ "standalone", DS_OPT_STANDALONE, NULL, 0,
	  "For one node without `drainsnoop targets`: read no ConfigMap, ask AWS (--elb)", 2 },
	{ NULL, 0, NULL, 0, "Files:", 3 },
	{ "record", DS_OPT_RECORD, "FILE", 0,
	  "Also write every input event to FILE, for replay; SIGHUP opens it anew", 3 },
	DS_OPTION_STATE_ROW(3),
	{ 0 }
};

static const struct argp_child agent_children[] = {
	{ &ds_argp_kube_node, 0, NULL, 4 }, { &ds_argp_source, 0, NULL, 5 },
	{ &ds_argp_elb, 0, NULL, 6 }, { &ds_argp_filter, 0, NULL, 7 },
	{ &ds_argp_judging, 0, NULL, 8 }, { 0 }
};

static void set_labels(const struct argp_state *state, struct ds_options *o, const char *arg)
{
	struct ds_metrics_labels labels;

	if (ds_metrics_parse_labels(arg, &labels))
		ds_value_error(state, "--metrics-labels", "'%s' is neither namespace,workload nor "
			       "namespace, alone or with pod", arg);
	o->metrics_labels = arg;
}

static void set_max_series(const struct argp_state *state, struct ds_options *o, const char *arg)
{
	o->metrics_max_series = ds_value_count(state, "--metrics-max-series", arg);
	if (o->metrics_max_series < 1 || o->metrics_max_series > DS_METRICS_SERIES_MAX)
		ds_value_error(state, "--metrics-max-series", "'%s' is not from 1 to %d", arg,
			       DS_METRICS_SERIES_MAX);
}

static void begin(struct argp_state *state)
{
	struct ds_options *o = state->input;

	ds_value_give_to_children(state, agent_children);
	o->kube = true;
	o->print.output = DS_OUTPUT_JSON;
	o->metrics_listen = DS_METRICS_LISTEN_DEFAULT;
	o->metrics_labels = DS_METRICS_LABELS_DEFAULT;
	o->metrics_max_series = DS_METRICS_SERIES_DEFAULT;
}

static error_t parse_agent(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		begin(state);
		return 0;
	case OPT_METRICS_LABELS:
		set_labels(state, o, arg);
		return 0;
	case OPT_METRICS_MAX_SERIES:
		set_max_series(state, o, arg);
		return 0;
	case OPT_REDACT_PEERS:
		o->redact_peers = true;
		return 0;
	case OPT_REDACT_KEY_FILE:
		o->redact_key_file = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->redact_key_file && !o->redact_peers)
			argp_error(state, "--redact-key-file: needs --redact-peers");
		if (o->standalone && o->config_namespace)
			argp_error(state, "--standalone reads no ConfigMap: it goes without "
				   "--config-namespace");
		return 0;
	default:
		return ds_option_take_known(key, arg, state);
	}
}

const struct argp ds_argp_agent = {
	.options = agent_options, .parser = parse_agent, .children = agent_children,
	.doc = "Trace on a node of a Kubernetes cluster, as its DaemonSet runs it: JSON lines on "
	       "standard output, the pods of this node from the API server, target states from "
	       "`drainsnoop targets`. Each option can stand in the environment too, as "
	       "DRAINSNOOP_METRICS_LISTEN for --metrics-listen.",
};
