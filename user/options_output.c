/* SPDX-License-Identifier: Apache-2.0 */
#include "user/options_output.h"

#include "user/environment.h"
#include "user/options.h"
#include "user/options_known.h"
#include "user/options_value.h"

enum {
	OPT_POD = 256, OPT_PORT, OPT_EVENT, OPT_DRAINING_ONLY,
	OPT_NO_HEADERS, OPT_NO_SUMMARY,
	OPT_LIMIT, OPT_FAIL_ON, OPT_STRICT,
	OPT_SETTLE, OPT_TAP, OPT_TAP_MAX, OPT_RATE_LIMIT,
};

static const struct argp_option filter_options[] = {
	{ NULL, 0, NULL, 0, "What to print (recordings and sums always hold everything):", 2 },
	{ "namespace", 'n', "NS", DS_OPTION_REPEATABLE, "Only pods in NS. Repeatable", 2 },
	{ "pod", OPT_POD, "NAME", DS_OPTION_REPEATABLE,
	  "Only this pod; a trailing * matches a prefix. Repeatable", 2 },
	{ "port", OPT_PORT, "PORT", DS_OPTION_REPEATABLE,
	  "Only drops on this port of the pod. Repeatable", 2 },
	{ "event", OPT_EVENT, "LIST", 0,
	  "Only these: drop, phase, verdict, advice, pod, target, absence, health, stop", 2 },
	{ "draining-only", OPT_DRAINING_ONLY, NULL, 0, "Hide drops of pods that were not terminating", 2 },
	{ "ipv4", '4', NULL, 0, "Only drops over IPv4", 2 },
	{ "ipv6", '6', NULL, 0, "Only drops over IPv6", 2 },
	{ 0 }
};

static const struct argp_option printing_options[] = {
	{ NULL, 0, NULL, 0, "How to print:", 3 },
	{ "output", 'o', "FORMAT", 0, "table (default), wide or json", 3 },
	{ "time", 'T', "FORMAT", 0, "local (default), utc, relative or none", 3 },
	DS_OPTION_COLOR_ROW(3),
	{ "no-headers", OPT_NO_HEADERS, NULL, 0, "No line of column names", 3 },
	{ "no-summary", OPT_NO_SUMMARY, NULL, 0, "No summary at the end of a table", 3 },
	{ NULL, 0, NULL, 0, "Limits:", 4 },
	{ "limit", OPT_LIMIT, "N", 0, "Stop after N printed drops", 4 },
	{ "fail-on", OPT_FAIL_ON, "N", 0,
	  "Exit with status 3 when N or more connections were lost by rollout causes", 4 },
	{ "strict", OPT_STRICT, NULL, 0, "Exit with status 1 when any evidence was lost", 4 },
	{ 0 }
};

static const struct argp_option judging_options[] = {
	{ NULL, 0, NULL, 0, "How to judge:", 5 },
	{ "settle", OPT_SETTLE, "TIME", 0,
	  "A pod is judged after this time without an arrival (default 60s)", 5 },
	{ "tap", OPT_TAP, "MODE", 0, "auto (default: only while a pod goes away) or always", 5 },
	{ "tap-max", OPT_TAP_MAX, "TIME", 0, "Longest time for one pod (default 15m)", 5 },
	{ "rate-limit", OPT_RATE_LIMIT, "N", 0,
	  "At most N drop lines a second; above it the drops of one pod and cause share a line "
	  "(default 100, 0 = no limit)", 5 },
	{ "verbose", DS_OPT_VERBOSE, NULL, 0, "Say more on standard error", 6 },
	{ 0 }
};

static void add_port(const struct argp_state *state, struct ds_filter *f, const char *arg)
{
	uint16_t port = ds_value_port(state, "--port", arg);

	if (f->ports_cnt == DS_FILTER_LIST_MAX)
		ds_value_error(state, "--port", "given more than %d times", DS_FILTER_LIST_MAX);
	else
		f->ports[f->ports_cnt++] = port;
}

static error_t parse_judging(int key, char *arg, struct argp_state *state)
{
	static const char *const taps[] = { "auto", "always" };
	struct ds_options *o = state->input;

	switch (key) {
	case OPT_SETTLE:
		o->settle_ns = ds_value_duration(state, "--settle", arg);
		o->settle_given = true;
		return 0;
	case OPT_TAP:
		o->tap_always = ds_value_choice(state, "--tap", taps, 2, arg) == 1;
		o->tap_given = true;
		return 0;
	case OPT_TAP_MAX:
		o->tap_max_ns = ds_value_duration(state, "--tap-max", arg);
		o->tap_max_given = true;
		return 0;
	case OPT_RATE_LIMIT:
		o->rate_limit = ds_value_count(state, "--rate-limit", arg);
		o->rate_limit_given = true;
		return 0;
	default:
		return ds_option_take_known(key, arg, state);
	}
}

static error_t parse_filter(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case 'n':
		ds_value_push(state, "-n", o->print.filter.namespaces, &o->print.filter.namespaces_cnt, arg);
		return 0;
	case OPT_POD:
		ds_value_push(state, "--pod", o->print.filter.pods, &o->print.filter.pods_cnt, arg);
		return 0;
	case OPT_PORT:
		add_port(state, &o->print.filter, arg);
		return 0;
	case OPT_EVENT:
		if (ds_filter_parse_kinds(&o->print.filter, arg))
			ds_value_error(state, "--event", "'%s' is no list of: %s", arg, ds_filter_kind_words());
		return 0;
	case OPT_DRAINING_ONLY:
		o->print.filter.draining_only = true;
		return 0;
	case '4':
	case '6':
		o->print.filter.family = key == '4' ? 4 : 6;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_printing(int key, char *arg, struct argp_state *state)
{
	static const char *const outputs[] = { "table", "wide", "json" };
	static const char *const times[] = { "local", "utc", "relative", "none" };
	struct ds_options *o = state->input;

	switch (key) {
	case 'o':
		o->print.output = (enum ds_output)ds_value_choice(state, "-o", outputs, DS_OUTPUT_MAX, arg);
		return 0;
	case 'T':
		o->print.time = (enum ds_time_format)ds_value_choice(state, "-T", times, DS_TIME_MAX, arg);
		return 0;
	case OPT_NO_HEADERS:
		o->print.headers = false;
		return 0;
	case OPT_NO_SUMMARY:
		o->print.summary = false;
		return 0;
	case OPT_LIMIT:
		o->print.limit = ds_value_count(state, "--limit", arg);
		return 0;
	case OPT_FAIL_ON:
		o->fail_on = ds_value_count(state, "--fail-on", arg);
		return 0;
	case OPT_STRICT:
		o->strict = true;
		return 0;
	default:
		return ds_option_take_known(key, arg, state);
	}
}

const struct argp ds_argp_filter = { .options = filter_options, .parser = parse_filter };
const struct argp ds_argp_printing = { .options = printing_options, .parser = parse_printing };
const struct argp ds_argp_judging = { .options = judging_options, .parser = parse_judging };
