/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of options and their parsers. README and manual page follow these tables. */
#include "user/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_arn.h"
#include "user/util/addr.h"
#include "user/util/timefmt.h"

#define ELB_INTERVAL_MIN_NS (100 * DS_NS_PER_MS)

enum {
	OPT_EVENTS = 256,
	OPT_TARGETS, OPT_FOLLOW, OPT_CLOCK_ERROR,
	OPT_ELB, OPT_TARGET_GROUP, OPT_ELB_INTERVAL, OPT_ELB_RATE, OPT_ELB_ADDRESSES,
	OPT_POD_IP,
	OPT_LB,
	OPT_NETNS,
	OPT_POD,
	OPT_PORT,
	OPT_EVENT,
	OPT_DRAINING_ONLY,
	OPT_LIMIT,
	OPT_FAIL_ON,
	OPT_SETTLE,
	OPT_TAP,
	OPT_TAP_MAX,
	OPT_RATE_LIMIT,
	OPT_COLOR,
	OPT_RECORD,
	OPT_NO_HEADERS,
	OPT_NO_SUMMARY,
	OPT_STRICT,
	OPT_MARKDOWN, OPT_STATE,
	OPT_KUBE, OPT_KUBECONFIG, OPT_KUBE_API, OPT_CONTEXT, OPT_NODE,
};

static const struct argp_option source_options[] = {
	{ NULL, 0, NULL, 0, "Who the pods and the load balancer are:", 1 },
	{ "events", OPT_EVENTS, "FILE", 0,
	  "Read events (JSON lines: pods, targets, load balancer addresses) from FILE and follow it as it "
	  "grows; a FIFO or - (standard input) too. Repeatable", 1 },
	{ "pod-ip", OPT_POD_IP, "ADDR[=NS/NAME]", 0, "Watch this pod address. Repeatable", 1 },
	{ "lb", OPT_LB, "CIDR", 0,
	  "The load balancer sends from these addresses. Repeatable. Without any, every peer that is "
	  "neither the node nor a pod stands in for it, with low confidence", 1 },
	{ "netns", OPT_NETNS, "PATH", 0, "Watch the network namespace PATH instead of this one", 1 },
	{ 0 }
};

static const struct argp_option kube_options[] = {
	{ NULL, 0, NULL, 0, "Pods of this node from Kubernetes:", 1 },
	{ "kube", OPT_KUBE, NULL, 0,
	  "Ask the API server: as the pod's service account inside a cluster, else as KUBECONFIG or "
	  "~/.kube/config says", 1 },
	{ "kubeconfig", OPT_KUBECONFIG, "FILE", 0, "Ask it as this kubeconfig says", 1 },
	{ "context", OPT_CONTEXT, "NAME", 0, "Ask it as this context of the kubeconfig says", 1 },
	{ "kube-api", OPT_KUBE_API, "URL", 0,
	  "Ask the API server at URL, without credentials, as `kubectl proxy` offers it", 1 },
	{ "node", OPT_NODE, "NAME", 0,
	  "Kubernetes' name of this node (default: NODE_NAME, else the host's name)", 1 },
	{ 0 }
};

static const struct argp_option targets_options[] = {
	{ NULL, 0, NULL, 0, "When targets began to drain:", 1 },
	{ "targets", OPT_TARGETS, "FILE", 0,
	  "Read it from FILE: CloudTrail, EventBridge, lookup-events, the load balancer controller's log, "
	  "describe-target-health, CSV (time,target,port,state[,target_group]), or drainsnoop's own lines; "
	  "gzip too; - is standard input. Repeatable", 1 },
	{ "clock-error", OPT_CLOCK_ERROR, "TIME", 0,
	  "The clocks of who wrote these may be off by up to TIME (default 50ms)", 1 },
	{ 0 }
};

static const struct argp_option elb_options[] = {
	{ NULL, 0, NULL, 0, "Asking AWS itself (not done without --elb):", 1 },
	{ "elb", OPT_ELB, NULL, 0,
	  "Ask DescribeTargetHealth for the targets of pods that go away here, with the credentials and the "
	  "configuration that the AWS CLI would use", 1 },
	{ "target-group", OPT_TARGET_GROUP, "ARN", 0,
	  "Look for these pods in this target group. Repeatable. Needed where no event says which "
	  "groups a pod's address is in", 1 },
	{ "elb-interval", OPT_ELB_INTERVAL, "TIME", 0,
	  "Ask for a group so often while a drain may begin (default 1s; then five times less often)", 1 },
	{ "elb-rate", OPT_ELB_RATE, "N", 0,
	  "At most N requests a second in all (default 5; 0.5 is one in two seconds)", 1 },
	{ "elb-addresses", OPT_ELB_ADDRESSES, NULL, 0,
	  "Ask EC2 for the addresses of these groups' load balancers: what --lb tells otherwise", 1 },
	{ 0 }
};

static const struct argp_option filter_options[] = {
	{ NULL, 0, NULL, 0, "What to print (recordings and sums always hold everything):", 2 },
	{ "namespace", 'n', "NS", 0, "Only pods in NS. Repeatable", 2 },
	{ "pod", OPT_POD, "NAME", 0, "Only this pod; a trailing * matches a prefix. Repeatable", 2 },
	{ "port", OPT_PORT, "PORT", 0, "Only drops on this port of the pod. Repeatable", 2 },
	{ "event", OPT_EVENT, "LIST", 0,
	  "Only these: drop, phase, verdict, advice, pod, target, absence, health, stop", 2 },
	{ "draining-only", OPT_DRAINING_ONLY, NULL, 0, "Hide drops of pods that were not terminating", 2 },
	{ "ipv4", '4', NULL, 0, "Only drops over IPv4", 2 },
	{ "ipv6", '6', NULL, 0, "Only drops over IPv6", 2 },
	{ NULL, 0, NULL, 0, "How to print:", 3 },
	{ "output", 'o', "FORMAT", 0, "table (default), wide or json", 3 },
	{ "time", 'T', "FORMAT", 0, "local (default), utc, relative or none", 3 },
	{ "color", OPT_COLOR, "WHEN", 0, "auto (default), always or never; NO_COLOR is honoured", 3 },
	{ "no-headers", OPT_NO_HEADERS, NULL, 0, "No line of column names", 3 },
	{ "no-summary", OPT_NO_SUMMARY, NULL, 0, "No summary at the end of a table", 3 },
	{ NULL, 0, NULL, 0, "Limits:", 4 },
	{ "limit", OPT_LIMIT, "N", 0, "Stop after N printed drops", 4 },
	{ "fail-on", OPT_FAIL_ON, "N", 0,
	  "Exit with status 3 when N or more connections were lost by rollout causes", 4 },
	{ "strict", OPT_STRICT, NULL, 0, "Exit with status 1 when any evidence was lost", 4 },
	{ NULL, 0, NULL, 0, "How to judge:", 5 },
	{ "settle", OPT_SETTLE, "TIME", 0,
	  "A pod is judged after this time without an arrival (default 60s)", 5 },
	{ "tap", OPT_TAP, "MODE", 0, "auto (default: only while a pod goes away) or always", 5 },
	{ "tap-max", OPT_TAP_MAX, "TIME", 0, "Longest time for one pod (default 15m)", 5 },
	{ "rate-limit", OPT_RATE_LIMIT, "N", 0,
	  "At most N drop lines a second; above it the drops of one pod and cause share a line (default 100, "
	  "0 = no limit)", 5 },
	{ "verbose", 'v', NULL, 0, "Say more on standard error", 6 },
	{ 0 }
};

static const struct argp_option trace_options[] = {
	{ NULL, 0, NULL, 0, "Files:", 1 },
	{ "record", OPT_RECORD, "FILE", 0, "Also write every input event to FILE, for replay", 1 },
	{ "state", OPT_STATE, "FILE", 0,
	  "Keep in FILE what is known of pods, addresses and targets, and begin with what an earlier run left "
	  "there", 1 },
	{ "follow", OPT_FOLLOW, NULL, 0, "Go on reading the files of --targets as they grow", 1 },
	{ "duration", 'd', "TIME", 0, "Stop after TIME (90s, 5m, or plain seconds)", 4 },
	{ 0 }
};

static const struct argp_option schema_options[] = {
	{ "markdown", OPT_MARKDOWN, NULL, 0, "Print the event reference (docs/events.md) instead", 1 },
	{ 0 }
};

static int word_of(const char *const *words, int cnt, const char *arg)
{
	for (int i = 0; i < cnt; i++)
		if (!strcmp(words[i], arg))
			return i;
	return -1;
}

static int64_t count_of(struct argp_state *state, const char *option, const char *arg)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(arg, &end, 10);
	if (errno || end == arg || *end || n < 0)
		argp_error(state, "%s: '%s' is not a whole number from 0 up", option, arg);
	return n;
}

static int64_t duration_of(struct argp_state *state, const char *option, const char *arg)
{
	int64_t ns = 0;

	if (ds_duration_parse(arg, &ns))
		argp_error(state, "%s: '%s' is not a time; write 90s, 5m, 250ms or plain seconds", option, arg);
	return ns;
}

static void push(struct argp_state *state, const char *option, const char **list, int *cnt,
		 const char *arg)
{
	if (*cnt == DS_OPTION_LIST_MAX)
		argp_error(state, "%s: given more than %d times", option, DS_OPTION_LIST_MAX);
	else
		list[(*cnt)++] = arg;
}

static void check_pod_ip(struct argp_state *state, const char *arg)
{
	const char *equals = strchr(arg, '=');
	struct ds_addr a;

	if (ds_addr_parse(arg, equals ? (size_t)(equals - arg) : strlen(arg), &a))
		argp_error(state, "--pod-ip: '%s' does not begin with an IP address", arg);
	if (equals && (!strchr(equals, '/') || equals[1] == '/' || !strchr(equals, '/')[1]))
		argp_error(state, "--pod-ip: '%s': after = comes NAMESPACE/NAME", arg);
}

static error_t parse_source(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;
	struct ds_prefix prefix;

	switch (key) {
	case OPT_EVENTS:
		push(state, "--events", o->events, &o->events_cnt, arg);
		return 0;
	case OPT_POD_IP:
		check_pod_ip(state, arg);
		push(state, "--pod-ip", o->pod_ips, &o->pod_ips_cnt, arg);
		return 0;
	case OPT_LB:
		if (ds_prefix_parse(arg, strlen(arg), &prefix))
			argp_error(state, "--lb: '%s' is not an address or prefix; write 10.0.1.0/24", arg);
		push(state, "--lb", o->lbs, &o->lbs_cnt, arg);
		return 0;
	case OPT_NETNS:
		o->netns = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_kube(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case OPT_KUBE:
		break;
	case OPT_KUBECONFIG:
		o->kubeconfig = arg;
		break;
	case OPT_CONTEXT:
		o->context = arg;
		break;
	case OPT_KUBE_API:
		o->kube_api = arg;
		break;
	case OPT_NODE:
		o->node = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->kube_api && (o->kubeconfig || o->context))
			argp_error(state, "--kube-api goes without --kubeconfig and --context");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	o->kube = true;
	return 0;
}

static error_t parse_targets(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case OPT_TARGETS:
		push(state, "--targets", o->targets, &o->targets_cnt, arg);
		return 0;
	case OPT_CLOCK_ERROR:
		o->clock_error_ns = duration_of(state, "--clock-error", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static double rate_of(struct argp_state *state, const char *option, const char *arg)
{
	char *end;
	double rate = strtod(arg, &end);

	if (end == arg || *end || !(rate >= 0.01 && rate <= 1000))
		argp_error(state, "%s: '%s' is no number from 0.01 to 1000", option, arg);
	return rate;
}

static void add_target_group(struct argp_state *state, struct ds_options *o, const char *arg)
{
	struct ds_arn arn;

	if (ds_arn_parse_elb(arg, "targetgroup", &arn))
		argp_error(state, "--target-group: '%s' is no target group's ARN; write "
			   "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID", arg);
	push(state, "--target-group", o->target_groups, &o->target_groups_cnt, arg);
}

static error_t parse_elb(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case OPT_ELB:
		o->elb = true;
		return 0;
	case OPT_TARGET_GROUP:
		add_target_group(state, o, arg);
		o->elb_needed_by = "--target-group";
		return 0;
	case OPT_ELB_INTERVAL:
		o->elb_interval_ns = duration_of(state, "--elb-interval", arg);
		if (o->elb_interval_ns < ELB_INTERVAL_MIN_NS)
			argp_error(state, "--elb-interval: '%s' is less than 100ms", arg);
		o->elb_needed_by = "--elb-interval";
		return 0;
	case OPT_ELB_RATE:
		o->elb_rate = rate_of(state, "--elb-rate", arg);
		o->elb_needed_by = "--elb-rate";
		return 0;
	case OPT_ELB_ADDRESSES:
		o->elb_addresses = true;
		o->elb_needed_by = "--elb-addresses";
		return 0;
	case ARGP_KEY_END:
		if (!o->elb && o->elb_needed_by)
			argp_error(state, "%s: needs --elb: AWS is asked only where that is given",
				   o->elb_needed_by);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_port(struct argp_state *state, struct ds_filter *f, const char *arg)
{
	int64_t port = count_of(state, "--port", arg);

	if (port < 1 || port > 65535)
		argp_error(state, "--port: '%s' is not a port (1-65535)", arg);
	else if (f->ports_cnt == DS_FILTER_LIST_MAX)
		argp_error(state, "--port: given more than %d times", DS_FILTER_LIST_MAX);
	else
		f->ports[f->ports_cnt++] = (uint16_t)port;
}

static int choice_of(struct argp_state *state, const char *option, const char *const *words,
		     int cnt, const char *arg)
{
	int i = word_of(words, cnt, arg);

	if (i < 0) {
		char known[128] = "";

		for (int k = 0; k < cnt; k++) {
			strncat(known, k ? ", " : "", sizeof(known) - strlen(known) - 1);
			strncat(known, words[k], sizeof(known) - strlen(known) - 1);
		}
		argp_error(state, "%s: '%s' is none of: %s", option, arg, known);
	}
	return i;
}

static error_t parse_judging(int key, char *arg, struct argp_state *state)
{
	static const char *const taps[] = { "auto", "always" };
	struct ds_options *o = state->input;

	switch (key) {
	case OPT_SETTLE:
		o->settle_ns = duration_of(state, "--settle", arg);
		o->settle_given = true;
		return 0;
	case OPT_TAP:
		o->tap_always = choice_of(state, "--tap", taps, 2, arg) == 1;
		o->tap_given = true;
		return 0;
	case OPT_TAP_MAX:
		o->tap_max_ns = duration_of(state, "--tap-max", arg);
		o->tap_max_given = true;
		return 0;
	case OPT_RATE_LIMIT:
		o->rate_limit = count_of(state, "--rate-limit", arg);
		o->rate_limit_given = true;
		return 0;
	case OPT_LIMIT:
		o->print.limit = count_of(state, "--limit", arg);
		return 0;
	case OPT_FAIL_ON:
		o->fail_on = count_of(state, "--fail-on", arg);
		return 0;
	case OPT_STRICT:
		o->strict = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_filter(int key, char *arg, struct argp_state *state)
{
	static const char *const outputs[] = { "table", "wide", "json" };
	static const char *const times[] = { "local", "utc", "relative", "none" };
	static const char *const colors[] = { "auto", "always", "never" };
	struct ds_options *o = state->input;

	switch (key) {
	case 'n':
		push(state, "-n", o->print.filter.namespaces, &o->print.filter.namespaces_cnt, arg);
		return 0;
	case OPT_POD:
		push(state, "--pod", o->print.filter.pods, &o->print.filter.pods_cnt, arg);
		return 0;
	case OPT_PORT:
		parse_port(state, &o->print.filter, arg);
		return 0;
	case OPT_EVENT:
		if (ds_filter_parse_kinds(&o->print.filter, arg))
			argp_error(state, "--event: '%s' is no list of: %s", arg, ds_filter_kind_words());
		return 0;
	case OPT_DRAINING_ONLY:
		o->print.filter.draining_only = true;
		return 0;
	case '4':
	case '6':
		o->print.filter.family = key == '4' ? 4 : 6;
		return 0;
	case 'o':
		o->print.output = (enum ds_output)choice_of(state, "-o", outputs, DS_OUTPUT_MAX, arg);
		return 0;
	case 'T':
		o->print.time = (enum ds_time_format)choice_of(state, "-T", times, DS_TIME_MAX, arg);
		return 0;
	case OPT_COLOR:
		o->print.color = (enum ds_color)choice_of(state, "--color", colors, DS_COLOR_MAX, arg);
		return 0;
	case OPT_NO_HEADERS:
		o->print.headers = false;
		return 0;
	case OPT_NO_SUMMARY:
		o->print.summary = false;
		return 0;
	default:
		return parse_judging(key, arg, state);
	}
}

static const struct argp source_argp = { .options = source_options, .parser = parse_source };
static const struct argp kube_argp = { .options = kube_options, .parser = parse_kube };
static const struct argp targets_argp = { .options = targets_options, .parser = parse_targets };
static const struct argp elb_argp = { .options = elb_options, .parser = parse_elb };
static const struct argp filter_argp = { .options = filter_options, .parser = parse_filter };

static const struct argp_child trace_children[] = {
	{ &source_argp, 0, NULL, 1 }, { &kube_argp, 0, NULL, 1 }, { &targets_argp, 0, NULL, 1 },
	{ &elb_argp, 0, NULL, 1 }, { &filter_argp, 0, NULL, 2 }, { 0 }
};

static const struct argp_child replay_children[] = {
	{ &targets_argp, 0, NULL, 1 }, { &filter_argp, 0, NULL, 2 }, { 0 }
};

/* argp gives a parser's children nothing by itself. */
static void give_to_children(struct argp_state *state, const struct argp_child *children)
{
	for (int i = 0; children[i].argp; i++)
		state->child_inputs[i] = state->input;
}

static error_t parse_trace(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		give_to_children(state, trace_children);
		return 0;
	case OPT_FOLLOW:
		o->follow = true;
		return 0;
	case OPT_RECORD:
		o->record = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case 'd':
		o->duration_ns = duration_of(state, "--duration", arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		give_to_children(state, replay_children);
		return 0;
	case ARGP_KEY_ARG:
		if (o->recording)
			argp_error(state, "one recording at a time: '%s' is too many", arg);
		o->recording = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->recording)
			argp_error(state, "which recording? Give a FILE, or - for standard input");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_schema(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	if (key == OPT_MARKDOWN) {
		o->markdown = true;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		argp_error(state, "unexpected argument '%s'", arg);
	return key == ARGP_KEY_ARG ? 0 : ARGP_ERR_UNKNOWN;
}

static const char overview[] =
	"Usage: drainsnoop [COMMAND] [OPTION...]\n"
	"Trace TCP connections that are lost while pods drain behind AWS load balancers.\n"
	"\n"
	"Commands:\n"
	"  trace     print lost connections, pod phases, verdicts and advice as they happen (default)\n"
	"  replay    run a recording through the core again\n"
	"  schema    print the JSON Schema of the events\n"
	"  version   print the version\n"
	"\n"
	"Examples:\n"
	"  drainsnoop --pod-ip 10.0.3.201=shop/checkout --lb 10.0.1.0/24\n"
	"  drainsnoop -o json --events pods.jsonl --record rollout.jsonl\n"
	"  drainsnoop replay rollout.jsonl --event drop,verdict,advice\n"
	"\n"
	"`drainsnoop COMMAND --help` lists the options of a command.\n"
	"\n"
	"Exit status: 0 ran to its end (Ctrl-C included), 1 error, 2 usage, 3 --fail-on reached,\n"
	"130 second Ctrl-C.\n";

static void run_argp(const struct argp *argp, char *name, int argc, char **argv,
		     struct ds_options *o)
{
	argv[0] = name;
	argp_err_exit_status = DS_EXIT_USAGE;
	(void)argp_parse(argp, argc, argv, 0, NULL, o);	/* exits by itself on any fault */
}

enum ds_command ds_options_parse(int argc, char **argv, struct ds_options *o)
{
	static const struct argp trace = {
		.options = trace_options, .parser = parse_trace, .children = trace_children,
		.doc = "Print lost connections, pod phases, verdicts and advice as they happen.",
	};
	static const struct argp replay = {
		.options = NULL, .parser = parse_replay, .children = replay_children,
		.args_doc = "FILE", .doc = "Run a recording (FILE, or - for standard input) through the core again.",
	};
	static const struct argp schema = { .options = schema_options, .parser = parse_schema,
					    .doc = "Print the JSON Schema of the events." };
	const char *command = argc > 1 ? argv[1] : "";

	*o = (struct ds_options){ .print = { .headers = true, .summary = true },
				  .settle_ns = 60 * DS_NS_PER_S,
				  .tap_max_ns = 900 * DS_NS_PER_S,
				  .rate_limit = 100,
				  .clock_error_ns = 50 * DS_NS_PER_MS,
				  .elb_interval_ns = DS_NS_PER_S,
				  .elb_rate = 5 };
	if (!strcmp(command, "--help") || !strcmp(command, "-?") || !strcmp(command, "help")) {
		(void)fputs(overview, stdout);
		return DS_COMMAND_HELP;
	}
	if (!strcmp(command, "version") || !strcmp(command, "--version") || !strcmp(command, "-V"))
		return DS_COMMAND_VERSION;
	if (!strcmp(command, "replay")) {
		run_argp(&replay, "drainsnoop replay", argc - 1, argv + 1, o);
		return DS_COMMAND_REPLAY;
	}
	if (!strcmp(command, "schema")) {
		run_argp(&schema, "drainsnoop schema", argc - 1, argv + 1, o);
		return DS_COMMAND_SCHEMA;
	}
	if (!strcmp(command, "trace")) {
		run_argp(&trace, "drainsnoop trace", argc - 1, argv + 1, o);
		return DS_COMMAND_TRACE;
	}
	if (command[0] && command[0] != '-') {
		(void)fprintf(stderr, "drainsnoop: no command '%s'. Commands: trace, replay, schema, version. "
			      "Try `drainsnoop --help`.\n", command);
		exit(DS_EXIT_USAGE);
	}
	run_argp(&trace, "drainsnoop", argc, argv, o);
	return DS_COMMAND_TRACE;
}
