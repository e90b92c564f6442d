/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that several commands have: each is understood here, once. A command has rows for those
 * that are its own in its table, in the group and with the words that fit there.
 */
#ifndef DS_OPTIONS_KNOWN_H
#define DS_OPTIONS_KNOWN_H

#include <argp.h>

#include "user/options.h"

/* Above the keys of the tables. The comment says what of struct ds_options it sets. */
enum ds_option_known {
	DS_OPT_METRICS_LISTEN = 1024,	/* metrics_listen */
	DS_OPT_CLUSTER,			/* cluster */
	DS_OPT_CONFIG_NAMESPACE,	/* config_namespace */
	DS_OPT_EVENTS_ON_WORKLOADS,	/* events_on_workloads */
	DS_OPT_LEASE,			/* lease */
	DS_OPT_STANDALONE,		/* standalone, elb */
	DS_OPT_WATCH_PODS,		/* watch_pods */
	DS_OPT_RECORD,			/* record */
	DS_OPT_STATE,			/* state */
	DS_OPT_COLOR,			/* print.color */
};
#define DS_OPT_VERBOSE 'v'		/* verbose */

#define DS_LEASE_DEFAULT "drainsnoop-targets"

#define DS_OPTION_COLOR_ROW(group) \
	{ "color", DS_OPT_COLOR, "WHEN", 0, \
	  "auto (default), always or never; NO_COLOR is honoured", group }
#define DS_OPTION_CLUSTER_ROW(group) \
	{ "cluster", DS_OPT_CLUSTER, "NAME", 0, "Put k8s.cluster.name=NAME into every line", group }
#define DS_OPTION_METRICS_LISTEN_ROW(group) \
	{ "metrics-listen", DS_OPT_METRICS_LISTEN, "ADDR:PORT", 0, \
	  "Serve /metrics, /healthz and /readyz there (default " DS_METRICS_LISTEN_DEFAULT \
	  ", all addresses); off = nowhere", group }
#define DS_OPTION_STATE_ROW(group) \
	{ "state", DS_OPT_STATE, "FILE", 0, \
	  "Keep in FILE what is known of pods, addresses and targets, and begin with what an earlier " \
	  "run left there", group }

/*
 * For a parser's default: those of above, and that there are no arguments (a command that has some
 * takes ARGP_KEY_ARG itself). ARGP_ERR_UNKNOWN for every other key.
 */
error_t ds_option_take_known(int key, char *arg, struct argp_state *state);

#endif
