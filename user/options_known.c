/* SPDX-License-Identifier: Apache-2.0 */
#include "user/options_known.h"

#include "user/options_value.h"

error_t ds_option_take_known(int key, char *arg, struct argp_state *state)
{
	static const char *const colors[] = { "auto", "always", "never" };
	struct ds_options *o = state->input;

	switch (key) {
	case DS_OPT_METRICS_LISTEN:
		o->metrics_listen = ds_value_listen(state, "--metrics-listen", arg);
		return 0;
	case DS_OPT_CLUSTER:
		o->cluster = arg;
		return 0;
	case DS_OPT_CONFIG_NAMESPACE:
		o->config_namespace = ds_value_object_name(state, "--config-namespace", arg);
		return 0;
	case DS_OPT_EVENTS_ON_WORKLOADS:
		o->events_on_workloads = true;
		return 0;
	case DS_OPT_LEASE:
		o->lease = ds_value_object_name(state, "--lease", arg);
		return 0;
	case DS_OPT_STANDALONE:
		o->standalone = o->elb = true;
		return 0;
	case DS_OPT_WATCH_PODS:
		o->watch_pods = true;
		return 0;
	case DS_OPT_RECORD:
		o->record = arg;
		return 0;
	case DS_OPT_STATE:
		o->state = arg;
		return 0;
	case DS_OPT_COLOR:
		o->print.color = (enum ds_color)ds_value_choice(state, "--color", colors, DS_COLOR_MAX, arg);
		return 0;
	case DS_OPT_VERBOSE:
		o->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		ds_value_no_argument(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}
