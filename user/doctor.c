/* SPDX-License-Identifier: Apache-2.0 */
/* drainsnoop doctor: looks at everything, then judges it, then prints it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "user/commands.h"
#include "user/doctor/data_plane.h"
#include "user/doctor/kernel.h"
#include "user/doctor/online.h"
#include "user/doctor/privileges.h"
#include "user/doctor/report.h"
#include "user/doctor/state.h"
#include "user/node_name.h"
#include "user/own_pod.h"
#include "user/source/aws/aws_env.h"
#include "user/source/cluster/handover_text.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define WIDTH_ELSEWHERE 100	/* where there is no terminal to ask */

struct doctor {
	const struct ds_options *options;
	uint32_t checks;	/* one bit each */
	bool on_node;		/* the command is one that runs on each node */
	char node[256], namespace_[256], configmap[DS_HANDOVER_NAME_MAX + 1];
	struct ds_finding findings[DS_CHECK_MAX];
	struct ds_doctor_kernel kernel;
	struct ds_doctor_privileges privileges;
	struct ds_doctor_data_plane data_plane;
	struct ds_doctor_kube_proxy kube_proxy;
	struct ds_doctor_cluster cluster;
	struct ds_doctor_targets targets;
	struct ds_doctor_aws aws;
	struct ds_doctor_clock clock;
	struct ds_doctor_state state;
	struct ds_doctor_metrics metrics;
};

static struct ds_finding *of(struct doctor *d, enum ds_check check)
{
	return &d->findings[check];
}

static bool wants(const struct doctor *d, enum ds_check check)
{
	return d->checks & UINT32_C(1) << check;
}

static void skip_node(struct doctor *d)
{
	static const enum ds_check checks[] = {
		DS_CHECK_KERNEL, DS_CHECK_PRIVILEGES, DS_CHECK_PROBES, DS_CHECK_DATA_PLANE,
		DS_CHECK_KUBE_PROXY, DS_CHECK_STATE,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		ds_finding_say(of(d, checks[i]), DS_FOUND_SKIP, "not needed by `drainsnoop targets`");
}

static void check_kernel(struct doctor *d)
{
	bool may;

	ds_doctor_look_kernel(&d->kernel);
	ds_doctor_judge_kernel(&d->kernel, of(d, DS_CHECK_KERNEL));
	if (!wants(d, DS_CHECK_PRIVILEGES) && !wants(d, DS_CHECK_PROBES))
		return;
	ds_doctor_look_privileges(&d->privileges);
	may = ds_doctor_judge_privileges(&d->privileges, of(d, DS_CHECK_PRIVILEGES));
	if (may && d->kernel.btf && wants(d, DS_CHECK_PROBES))
		ds_doctor_look_probes(&d->kernel);
	ds_doctor_judge_probes(&d->kernel, of(d, DS_CHECK_PROBES));
}

static void plan_online(struct doctor *d)
{
	const struct ds_options *o = d->options;

	d->cluster.asked = (o->kube || getenv("KUBERNETES_SERVICE_HOST")) &&
			   (wants(d, DS_CHECK_CLUSTER) || wants(d, DS_CHECK_TARGETS) ||
			    wants(d, DS_CHECK_CLOCK));
	d->cluster.who = (enum ds_doctor_for)o->doctor_for;
	d->cluster.standalone = o->standalone;
	d->cluster.events = o->events_on_workloads;
	d->cluster.pods = o->watch_pods;
	d->cluster.namespace_ = d->targets.namespace_ = d->namespace_;
	ds_handover_name(d->node, d->configmap);
	d->cluster.configmap = d->configmap;
	d->cluster.lease = o->lease;
	d->targets.of_lease = !d->on_node;
	(void)snprintf(d->targets.name, sizeof(d->targets.name), "%s",
		       d->on_node ? d->configmap : o->lease);
	d->targets.asked = d->cluster.asked && !o->standalone && wants(d, DS_CHECK_TARGETS);
	d->targets.skip = o->standalone ? "a standalone agent reads none" :
					  "no API server is asked for without --kube";
	d->metrics.listen = o->metrics_listen;
	d->aws.addresses = o->elb_addresses;
	if (o->elb && wants(d, DS_CHECK_AWS))
		ds_doctor_aws_plan(&d->aws, o->target_groups, o->target_groups_cnt,
				   ds_aws_env_region());
}

static int look_online(struct doctor *d)
{
	const struct ds_kube_access_options access = { .api = d->options->kube_api,
						       .kubeconfig = d->options->kubeconfig,
						       .context = d->options->context };
	const struct ds_doctor_online online = {
		.access = &access, .cluster = &d->cluster, .targets = &d->targets, .aws = &d->aws,
		.clock = &d->clock,
		.kube_proxy = d->on_node && wants(d, DS_CHECK_KUBE_PROXY) ? &d->kube_proxy : NULL,
		.metrics = &d->metrics,
	};

	return ds_doctor_look_online(&online);
}

static void check_node(struct doctor *d)
{
	check_kernel(d);
	ds_doctor_look_data_plane(&d->data_plane);
	ds_doctor_judge_data_plane(&d->data_plane, of(d, DS_CHECK_DATA_PLANE));
	d->kube_proxy.ipvs_link = d->data_plane.links[DS_PLANE_IPVS];
	ds_doctor_look_kube_proxy(&d->kube_proxy);
	d->state.path = d->options->state;
	if (d->state.path && wants(d, DS_CHECK_STATE))
		ds_doctor_look_state(&d->state);
	ds_doctor_judge_state(&d->state, of(d, DS_CHECK_STATE));
}

static int check_all(struct doctor *d)
{
	int r;

	plan_online(d);
	if (d->on_node)
		check_node(d);
	else
		skip_node(d);
	ds_doctor_look_clock(&d->clock);
	if (wants(d, DS_CHECK_METRICS))
		ds_doctor_look_metrics(&d->metrics);
	r = look_online(d);
	if (d->on_node)
		ds_doctor_judge_kube_proxy(&d->kube_proxy, of(d, DS_CHECK_KUBE_PROXY));
	ds_doctor_judge_cluster(&d->cluster, of(d, DS_CHECK_CLUSTER));
	ds_doctor_judge_targets(&d->targets, of(d, DS_CHECK_TARGETS));
	ds_doctor_judge_aws(&d->aws, of(d, DS_CHECK_AWS));
	ds_doctor_judge_clock(&d->clock, of(d, DS_CHECK_CLOCK));
	ds_doctor_judge_metrics(&d->metrics, of(d, DS_CHECK_METRICS));
	return r;
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return WIDTH_ELSEWHERE;
	return size.ws_col;
}

static int print(const struct doctor *d)
{
	static const char *const commands[DS_DOCTOR_FOR_MAX] = { "agent", "targets" };
	const struct ds_doctor_report report = {
		.findings = d->findings, .checks = d->checks,
		.version = DS_VERSION, .node = d->node,
		.command = commands[d->options->doctor_for],
		.time_ns = ds_clock_ns(CLOCK_REALTIME),
		.color = ds_printer_wants_color(d->options->print.color), .width = terminal_width(),
	};
	struct ds_buf buf = { 0 };
	bool written;

	if (d->options->print.output == DS_OUTPUT_JSON)
		ds_doctor_json(&buf, &report);
	else
		ds_doctor_table(&buf, &report);
	written = !buf.failed && fwrite(buf.data, 1, buf.len, stdout) == buf.len && !fflush(stdout);
	ds_buf_free(&buf);
	if (!written)
		ds_log_warn("could not write the report to standard output");
	if (!written)
		return DS_EXIT_ERROR;
	return ds_doctor_failures(&report) ? DS_EXIT_FAIL_ON : DS_EXIT_OK;
}

int ds_command_doctor(const struct ds_options *options)
{
	struct doctor *d = calloc(1, sizeof(*d));
	int status = DS_EXIT_ERROR;

	if (!d)
		return ds_log_err(ENOMEM, "doctor"), DS_EXIT_ERROR;
	d->options = options;
	d->checks = options->doctor_checks ? options->doctor_checks : UINT32_MAX;
	d->on_node = options->doctor_for == DS_DOCTOR_AGENT;
	for (int i = 0; i < DS_CHECK_MAX; i++)
		d->findings[i].check = (enum ds_check)i;
	ds_node_name(options->node, d->node, sizeof(d->node));
	ds_own_namespace(options->config_namespace, d->namespace_, sizeof(d->namespace_));
	if (!check_all(d))
		status = print(d);
	for (int i = 0; i < DS_CHECK_MAX; i++)
		ds_finding_free(&d->findings[i]);
	free(d);
	return status;
}
