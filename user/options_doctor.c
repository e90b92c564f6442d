/* SPDX-License-Identifier: Apache-2.0 */
/* The options of doctor: those of the command that is to run, so that the same can be given. */
#include <argp.h>
#include <string.h>

#include "user/commands.h"
#include "user/doctor/cluster.h"
#include "user/options_known.h"
#include "user/options_source.h"
#include "user/options_value.h"

enum { OPT_FOR = 256, OPT_CHECK };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "What is to run:", 1 },
	{ "for", OPT_FOR, "COMMAND", 0,
	  "agent (default; trace too) or targets (--kube and --elb go without saying): check what that "
	  "command needs", 1 },
	{ "state", DS_OPT_STATE, "FILE", 0, "The state file that it is to keep", 1 },
	{ "metrics-listen", DS_OPT_METRICS_LISTEN, "ADDR:PORT", 0,
	  "Where it is to serve its metrics (default " DS_METRICS_LISTEN_DEFAULT "; off = nowhere)", 1 },
	{ "standalone", DS_OPT_STANDALONE, NULL, 0,
	  "It is to run without `drainsnoop targets`: it reads no ConfigMap and asks AWS itself (--elb)",
	  1 },
	{ "events-on-workloads", DS_OPT_EVENTS_ON_WORKLOADS, NULL, 0,
	  "It is to write Events on workloads, which needs rights of its own", 1 },
	{ "watch-pods", DS_OPT_WATCH_PODS, NULL, 0,
	  "`drainsnoop targets` is to watch all pods, which needs a right of its own", 1 },
	{ "config-namespace", DS_OPT_CONFIG_NAMESPACE, "NS", 0,
	  "The namespace of the agents' ConfigMaps and of the Lease (default: POD_NAMESPACE, else the "
	  "service account's, else drainsnoop)", 1 },
	{ "lease", DS_OPT_LEASE, "NAME", 0,
	  "The Lease of `drainsnoop targets` (default " DS_LEASE_DEFAULT ")", 1 },
	{ "check", OPT_CHECK, "LIST", 0,
	  "Only these, separated by commas: kernel, privileges, probes, data-plane, kube-proxy, cluster, "
	  "targets, aws, clock, state, metrics", 1 },
	{ NULL, 0, NULL, 0, "How to print:", 3 },
	{ "output", 'o', "FORMAT", 0, "table (default) or json (one document)", 3 },
	DS_OPTION_COLOR_ROW(3),
	{ "verbose", DS_OPT_VERBOSE, NULL, 0, "Say more on standard error: what libbpf and the verifier say", 3 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &ds_argp_kube, 0, NULL, 1 }, { &ds_argp_elb, 0, NULL, 2 }, { 0 }
};

/* One bit a check. */
static uint32_t checks_of(const struct argp_state *state, const char *list)
{
	uint32_t checks = 0;

	for (const char *word = list; ; word += strcspn(word, ",") + 1) {
		size_t len = strcspn(word, ",");
		int i = 0;

		while (i < DS_CHECK_MAX && (strlen(ds_check_name((enum ds_check)i)) != len ||
					    memcmp(ds_check_name((enum ds_check)i), word, len)))
			i++;
		if (i == DS_CHECK_MAX)
			ds_value_error(state, "--check", "there is no check '%.*s'", (int)len, word);
		checks |= UINT32_C(1) << i;
		if (!word[len])
			return checks;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const commands[] = { "agent", "targets" };
	static const char *const outputs[] = { "table", "json" };
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		ds_value_give_to_children(state, children);
		o->metrics_listen = DS_METRICS_LISTEN_DEFAULT;
		o->lease = DS_LEASE_DEFAULT;
		return 0;
	case OPT_FOR:
		o->doctor_for = ds_value_choice(state, "--for", commands, DS_DOCTOR_FOR_MAX, arg);
		if (o->doctor_for == DS_DOCTOR_TARGETS_COMMAND)
			o->kube = o->elb = true;
		return 0;
	case OPT_CHECK:
		o->doctor_checks |= checks_of(state, arg);
		return 0;
	case 'o':
		o->print.output = ds_value_choice(state, "-o", outputs, 2, arg) ? DS_OUTPUT_JSON :
			DS_OUTPUT_TABLE;
		return 0;
	default:
		return ds_option_take_known(key, arg, state);
	}
}

const struct argp ds_argp_doctor = {
	.options = options, .parser = parse, .children = children,
	.doc = "Check whether drainsnoop can do its work here, and say what to mend. Exit status 3 when "
	       "something must be mended.",
};
