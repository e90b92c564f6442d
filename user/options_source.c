/* SPDX-License-Identifier: Apache-2.0 */
#include "user/options_source.h"

#include <string.h>

#include "user/environment.h"
#include "user/options.h"
#include "user/options_value.h"
#include "user/source/aws/aws_arn.h"
#include "user/util/addr.h"
#include "user/util/timefmt.h"

#define ELB_INTERVAL_MIN_NS (100 * DS_NS_PER_MS)

enum {
	OPT_EVENTS = 256, OPT_POD_IP, OPT_LB, OPT_NETNS,
	OPT_KUBE, OPT_KUBECONFIG, OPT_KUBE_API, OPT_CONTEXT, OPT_KUBE_QUIET, OPT_NODE,
	OPT_TARGETS, OPT_CLOCK_ERROR,
	OPT_ELB, OPT_TARGET_GROUP, OPT_ELB_INTERVAL, OPT_ELB_RATE, OPT_ELB_ADDRESSES,
};

static const struct argp_option source_options[] = {
	{ NULL, 0, NULL, 0, "Who the pods and the load balancer are:", 1 },
	{ "events", OPT_EVENTS, "FILE", DS_OPTION_REPEATABLE,
	  "Read events (JSON lines: pods, targets, load balancer addresses) from FILE and follow it as it "
	  "grows; a FIFO or - (standard input) too. Repeatable", 1 },
	{ "pod-ip", OPT_POD_IP, "ADDR[=NS/NAME]", DS_OPTION_REPEATABLE,
	  "Watch this pod address. Repeatable", 1 },
	{ "lb", OPT_LB, "CIDR", DS_OPTION_REPEATABLE,
	  "The load balancer sends from these addresses. Repeatable. Without any, every peer that is "
	  "neither the node nor a pod stands in for it, with low confidence", 1 },
	{ "netns", OPT_NETNS, "PATH", 0, "Watch the network namespace PATH instead of this one", 1 },
	{ 0 }
};

/* How the API server is reached. */
#define KUBE_ACCESS_OPTIONS \
	{ "kubeconfig", OPT_KUBECONFIG, "FILE", 0, "Ask it as this kubeconfig says", 1 }, \
	{ "context", OPT_CONTEXT, "NAME", 0, "Ask it as this context of the kubeconfig says", 1 }, \
	{ "kube-api", OPT_KUBE_API, "URL", 0, \
	  "Ask the API server at URL, without credentials, as `kubectl proxy` offers it", 1 }, \
	{ "kube-quiet", OPT_KUBE_QUIET, "TIME", 0, \
	  "A watch on which nothing came for TIME is dead: begin it anew (default 150s; a live one has a " \
	  "bookmark each minute)", 1 }

#define KUBE_NODE_OPTION \
	{ "node", OPT_NODE, "NAME", 0, \
	  "Kubernetes' name of this node (default: NODE_NAME, else the host's name)", 1 }

static const struct argp_option kube_options[] = {
	{ NULL, 0, NULL, 0, "Pods of this node from Kubernetes:", 1 },
	{ "kube", OPT_KUBE, NULL, 0,
	  "Ask the API server: as the pod's service account inside a cluster, else as KUBECONFIG or "
	  "~/.kube/config says", 1 },
	KUBE_ACCESS_OPTIONS,
	KUBE_NODE_OPTION,
	{ 0 }
};

#define KUBE_ACCESS_HEADER \
	{ NULL, 0, NULL, 0, "The API server (default: the service account inside a cluster, else " \
	  "KUBECONFIG or ~/.kube/config):", 1 }

static const struct argp_option kube_access_options[] = {
	KUBE_ACCESS_HEADER,
	KUBE_ACCESS_OPTIONS,
	{ 0 }
};

static const struct argp_option kube_node_options[] = {
	KUBE_ACCESS_HEADER,
	KUBE_ACCESS_OPTIONS,
	KUBE_NODE_OPTION,
	{ 0 }
};

static const struct argp_option targets_options[] = {
	{ NULL, 0, NULL, 0, "When targets began to drain:", 1 },
	{ "targets", OPT_TARGETS, "FILE", DS_OPTION_REPEATABLE,
	  "Read it from FILE: CloudTrail, EventBridge, lookup-events, the load balancer controller's log, "
	  "describe-target-health, CSV (time,target,port,state[,target_group]), or drainsnoop's own lines; "
	  "gzip too; - is standard input. Repeatable", 1 },
	{ "clock-error", OPT_CLOCK_ERROR, "TIME", 0,
	  "The clocks of who wrote these may be off by up to TIME (default 50ms)", 1 },
	{ 0 }
};

/* How AWS is asked. */
#define ELB_POLLING_OPTIONS \
	{ "elb-interval", OPT_ELB_INTERVAL, "TIME", 0, \
	  "Ask for a group so often while a drain may begin (default 1s; then five times less often)", 1 }, \
	{ "elb-rate", OPT_ELB_RATE, "N", 0, \
	  "At most N requests a second in all (default 5; 0.5 is one in two seconds)", 1 }, \
	{ "elb-addresses", OPT_ELB_ADDRESSES, NULL, 0, \
	  "Ask EC2 for the addresses of these groups' load balancers: what --lb tells otherwise", 1 }

static const struct argp_option elb_options[] = {
	{ NULL, 0, NULL, 0, "Asking AWS itself (not done without --elb):", 1 },
	{ "elb", OPT_ELB, NULL, 0,
	  "Ask DescribeTargetHealth for the targets of pods that go away here, with the credentials and the "
	  "configuration that the AWS CLI would use", 1 },
	{ "target-group", OPT_TARGET_GROUP, "ARN", DS_OPTION_REPEATABLE,
	  "Look for these pods in this target group. Repeatable. Needed where no event says which "
	  "groups a pod's address is in", 1 },
	ELB_POLLING_OPTIONS,
	{ 0 }
};

static const struct argp_option elb_polling_options[] = {
	{ NULL, 0, NULL, 0, "Asking AWS:", 1 },
	ELB_POLLING_OPTIONS,
	{ 0 }
};

static void check_pod_ip(struct argp_state *state, const char *arg)
{
	const char *equals = strchr(arg, '=');
	struct ds_addr a;

	if (ds_addr_parse(arg, equals ? (size_t)(equals - arg) : strlen(arg), &a))
		ds_value_error(state, "--pod-ip", "'%s' does not begin with an IP address", arg);
	if (equals && (!strchr(equals, '/') || equals[1] == '/' || !strchr(equals, '/')[1]))
		ds_value_error(state, "--pod-ip", "'%s': after = comes NAMESPACE/NAME", arg);
}

static error_t parse_source(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;
	struct ds_prefix prefix;

	switch (key) {
	case OPT_EVENTS:
		ds_value_push(state, "--events", o->events, &o->events_cnt, arg);
		return 0;
	case OPT_POD_IP:
		check_pod_ip(state, arg);
		ds_value_push(state, "--pod-ip", o->pod_ips, &o->pod_ips_cnt, arg);
		return 0;
	case OPT_LB:
		if (ds_prefix_parse(arg, strlen(arg), &prefix))
			ds_value_error(state, "--lb", "'%s' is not an address or prefix; write 10.0.1.0/24", arg);
		ds_value_push(state, "--lb", o->lbs, &o->lbs_cnt, arg);
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
	case OPT_KUBE_QUIET:
		o->kube_quiet_ns = ds_value_duration(state, "--kube-quiet", arg);
		if (o->kube_quiet_ns < DS_NS_PER_S)
			ds_value_error(state, "--kube-quiet", "'%s' is less than a second", arg);
		return 0;
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
		ds_value_push(state, "--targets", o->targets, &o->targets_cnt, arg);
		return 0;
	case OPT_CLOCK_ERROR:
		o->clock_error_ns = ds_value_duration(state, "--clock-error", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void add_target_group(struct argp_state *state, struct ds_options *o, const char *arg)
{
	struct ds_arn arn;

	if (ds_arn_parse_elb(arg, "targetgroup", &arn))
		ds_value_error(state, "--target-group", "'%s' is no target group's ARN; write "
			   "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID", arg);
	ds_value_push(state, "--target-group", o->target_groups, &o->target_groups_cnt, arg);
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
		o->elb_interval_ns = ds_value_duration(state, "--elb-interval", arg);
		if (o->elb_interval_ns < ELB_INTERVAL_MIN_NS)
			ds_value_error(state, "--elb-interval", "'%s' is less than 100ms", arg);
		o->elb_needed_by = "--elb-interval";
		return 0;
	case OPT_ELB_RATE:
		o->elb_rate = ds_value_rate(state, "--elb-rate", arg);
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

const struct argp ds_argp_source = { .options = source_options, .parser = parse_source };
const struct argp ds_argp_kube = { .options = kube_options, .parser = parse_kube };
const struct argp ds_argp_kube_access = { .options = kube_access_options, .parser = parse_kube };
const struct argp ds_argp_kube_node = { .options = kube_node_options, .parser = parse_kube };
const struct argp ds_argp_targets = { .options = targets_options, .parser = parse_targets };
const struct argp ds_argp_elb_polling = { .options = elb_polling_options, .parser = parse_elb };
const struct argp ds_argp_elb = { .options = elb_options, .parser = parse_elb };
