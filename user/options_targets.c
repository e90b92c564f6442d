/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `drainsnoop targets`. */
#include <argp.h>

#include "user/commands.h"
#include "user/options_known.h"
#include "user/options_source.h"
#include "user/options_value.h"
#include "user/util/timefmt.h"

#define LEASE_MAX_NS (3600 * DS_NS_PER_S)

enum { OPT_LEASE_DURATION = 256, OPT_LEASE_RENEW, OPT_LEASE_RETRY };

static const struct argp_option targets_options[] = {
	{ NULL, 0, NULL, 0, "What it serves and says:", 1 },
	DS_OPTION_METRICS_LISTEN_ROW(1),
	DS_OPTION_CLUSTER_ROW(1),
	{ "verbose", DS_OPT_VERBOSE, NULL, 0, "Say more on standard error", 1 },
	{ NULL, 0, NULL, 0, "Handing over to the agents:", 2 },
	{ "config-namespace", DS_OPT_CONFIG_NAMESPACE, "NS", 0,
	  "Namespace of the agents, of their ConfigMaps and of the Lease (default: POD_NAMESPACE, else "
	  "the service account's, else drainsnoop)", 2 },
	{ "watch-pods", DS_OPT_WATCH_PODS, NULL, 0,
	  "Watch all pods too: their readiness gates, and their owners by more than their names", 2 },
	{ NULL, 0, NULL, 0, "Of several instances one leads, and the others do nothing:", 3 },
	{ "lease", DS_OPT_LEASE, "NAME", 0,
	  "The Lease by which it is chosen (default " DS_LEASE_DEFAULT ")", 3 },
	{ "lease-duration", OPT_LEASE_DURATION, "TIME", 0,
	  "Another takes over when the leader has not renewed it for so long (default 15s)", 3 },
	{ "lease-renew", OPT_LEASE_RENEW, "TIME", 0,
	  "The leader stops when it could not renew it for so long (default 10s; less than "
	  "--lease-duration)", 3 },
	{ "lease-retry", OPT_LEASE_RETRY, "TIME", 0,
	  "From one try to the next (default 2s; less than --lease-renew)", 3 },
	{ 0 }
};

static const struct argp_child targets_children[] = {
	{ &ds_argp_kube_access, 0, NULL, 4 }, { &ds_argp_elb_polling, 0, NULL, 5 }, { 0 }
};

static void begin(struct argp_state *state)
{
	struct ds_options *o = state->input;

	ds_value_give_to_children(state, targets_children);
	o->elb = true;
	o->metrics_listen = DS_METRICS_LISTEN_DEFAULT;
	o->lease = DS_LEASE_DEFAULT;
	o->lease_duration_ns = 15 * DS_NS_PER_S;
	o->lease_renew_ns = 10 * DS_NS_PER_S;
	o->lease_retry_ns = 2 * DS_NS_PER_S;
}

static void check_lease(const struct argp_state *state, const struct ds_options *o)
{
	if (o->lease_duration_ns % DS_NS_PER_S || o->lease_duration_ns > LEASE_MAX_NS)
		ds_value_error(state, "--lease-duration", "whole seconds, an hour at most");
	if (o->lease_renew_ns >= o->lease_duration_ns)
		ds_value_error(state, "--lease-renew", "must be less than --lease-duration");
	if (!o->lease_retry_ns || o->lease_retry_ns >= o->lease_renew_ns)
		ds_value_error(state, "--lease-retry", "must be less than --lease-renew, and not 0");
}

static error_t parse_targets_command(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		begin(state);
		return 0;
	case OPT_LEASE_DURATION:
		o->lease_duration_ns = ds_value_duration(state, "--lease-duration", arg);
		return 0;
	case OPT_LEASE_RENEW:
		o->lease_renew_ns = ds_value_duration(state, "--lease-renew", arg);
		return 0;
	case OPT_LEASE_RETRY:
		o->lease_retry_ns = ds_value_duration(state, "--lease-retry", arg);
		return 0;
	case ARGP_KEY_END:
		check_lease(state, o);
		return 0;
	default:
		return ds_option_take_known(key, arg, state);
	}
}

const struct argp ds_argp_targets_command = {
	.options = targets_options, .parser = parse_targets_command, .children = targets_children,
	.doc = "Watch a cluster, one for all its nodes: which pods are in which target groups, why they "
	       "go, what AWS says of their targets; hand it to the agents, and write what happens to "
	       "standard output as JSON lines. AWS is asked, with the credentials that the AWS CLI would use, "
	       "only about target groups of which a pod goes away. Each option can stand in the "
	       "environment too, as DRAINSNOOP_METRICS_LISTEN for --metrics-listen.",
};
