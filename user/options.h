/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one table of options per command (argp), parsed into one struct. Knows nothing
 * of what the options do.
 */
#ifndef DS_OPTIONS_H
#define DS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/sink/printer.h"

/* Exit statuses, DESIGN section 9. */
enum ds_exit {
	DS_EXIT_OK = 0,
	DS_EXIT_ERROR = 1,
	DS_EXIT_USAGE = 2,
	DS_EXIT_FAIL_ON = 3,
	DS_EXIT_INTERRUPTED = 130,
};

#define DS_OPTION_LIST_MAX 64
#define DS_METRICS_LISTEN_DEFAULT ":9973"

/* Strings are borrowed of argv. */
struct ds_options {
	/* What main knows: the commit it was built from, "-dirty" behind it where files differed,
	 * or what make's variable REVISION said. "" = not known, as without a repository. */
	const char *revision;
	const char *events[DS_OPTION_LIST_MAX];
	int events_cnt;
	const char *targets[DS_OPTION_LIST_MAX];
	int targets_cnt;
	bool follow;			/* the files of targets grow */
	int64_t clock_error_ns;		/* of who wrote them */
	bool elb;			/* ask AWS for the states of targets */
	const char *target_groups[DS_OPTION_LIST_MAX];	/* ARNs */
	int target_groups_cnt;
	int64_t elb_interval_ns;
	double elb_rate;		/* requests a second, at most */
	bool elb_addresses;
	const char *elb_needed_by;	/* an option that means nothing without elb, NULL = none */
	const char *pod_ips[DS_OPTION_LIST_MAX];
	int pod_ips_cnt;
	const char *lbs[DS_OPTION_LIST_MAX];
	int lbs_cnt;
	bool kube;			/* ask the API server for this node's pods */
	const char *kubeconfig, *kube_api, *context;
	int64_t kube_quiet_ns;		/* 0 = the source's own */
	const char *node;		/* NULL = as the environment says */
	const char *cluster;		/* NULL = not named */
	const char *config_namespace;	/* where the hand-over is; NULL = none is read */
	bool standalone;		/* this node asks AWS itself: no hand-over */
	bool events_on_workloads;	/* what a rollout cost is an Event of Kubernetes too */
	bool watch_pods;		/* targets: all pods of the cluster */
	const char *lease;		/* targets: by which it is chosen who leads */
	int64_t lease_duration_ns, lease_renew_ns, lease_retry_ns;
	const char *netns;
	const char *record;
	const char *state;
	const char *recording;		/* replay: what to read */
	struct ds_printer_options print;
	bool strict;
	bool tap_always;
	bool verbose;
	const char *metrics_listen;	/* ADDRESS:PORT; "" = nowhere */
	const char *metrics_labels;	/* as ds_metrics_parse_labels takes them */
	int64_t metrics_max_series;
	bool redact_peers;
	const char *redact_key_file;	/* NULL = a key of this run */
	int environment_cnt;		/* how many arguments the environment gave: the first */
	bool markdown;			/* schema: docs/events.md instead */
	int doctor_for;			/* enum ds_doctor_for: the command that is to run */
	bool zsh;			/* completion: for zsh, not bash */
	uint32_t doctor_checks;		/* one bit an enum ds_check; 0 = all */
	int64_t duration_ns;		/* 0 = until Ctrl-C */
	int64_t fail_on;		/* 0 = never */
	int64_t settle_ns;
	int64_t tap_max_ns;
	int64_t rate_limit;
	/* given on the command line: in replay they override the recording's */
	bool settle_given, tap_given, tap_max_given, rate_limit_given;
};

struct ds_command;

/* Zero and the defaults. */
void ds_options_init(struct ds_options *ret_options);

/*
 * Parses argv: which of the commands it names (the first when it names none), and its options.
 * Prints help or a usage error itself and exits (0 or DS_EXIT_USAGE), as argp does.
 */
const struct ds_command *ds_options_parse(int argc, char **argv, const struct ds_command *commands,
					  struct ds_options *ret_options);

#endif
