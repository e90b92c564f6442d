// SPDX-License-Identifier: Apache-2.0
#include "user/sink/watcher_metrics.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define ARN "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/"
#define NOW (INT64_C(1795387020) * DS_NS_PER_S)

static struct ds_watcher_metrics *metrics;
static struct ds_buf out;
static const char *going;	/* the group of which a pod goes */

static int fresh(void **state)
{
	(void)state;
	going = ARN "web/1";
	return ds_watcher_metrics_new(&metrics);
}

static int end(void **state)
{
	(void)state;
	ds_watcher_metrics_free(&metrics);
	ds_buf_free(&out);
	return 0;
}

static bool goes(void *ctx, const char *arn)
{
	(void)ctx;
	return going && !strcmp(arn, going);
}

static const char *render(bool openmetrics)
{
	struct ds_watcher_metrics_now now = { .revision = "0123abc", .leads = true, .writes = 4, .failed = 1,
					      .lost_output = 2, .lost_messages = 3, .goes = goes,
					      .usage = { .cpu_ns = -1, .start_ns = -1,
							 .resident_bytes = 5, .virtual_bytes = -1,
							 .open_fds = -1, .max_fds = -1 } };

	ds_buf_clear(&out);
	ds_watcher_metrics_render(metrics, &now, openmetrics, &out);
	assert_false(out.failed);
	return out.data;
}

static void has(const char *line)
{
	if (!strstr(out.data, line))
		print_error("no \"%s\" in\n%s\n", line, out.data);
	assert_non_null(strstr(out.data, line));
}

static void reading(const char *arn, const char *name, const char *id, int state)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, NOW);
	DS_SET_STR(&ev, TG_ARN, tg_arn, arn);
	DS_SET_STR(&ev, TG_NAME, tg_name, name);
	DS_SET_STR(&ev, TARGET_ID, target_id, id);
	DS_SET(&ev, TARGET_PORT, target_port, 8080);
	DS_SET(&ev, TARGET_STATE, target_state, state);
	ds_watcher_metrics_event(metrics, &ev);
}

static void what_it_is_without_any(void **state)
{
	(void)state;
	(void)render(false);
	has("drainsnoop_build_info{version=\"" DS_VERSION "\",revision=\"0123abc\"} 1\n");
	has("drainsnoop_leader 1\n");
	has("drainsnoop_handover_writes_total{result=\"ok\"} 4\n");
	has("drainsnoop_handover_writes_total{result=\"failed\"} 1\n");
	has("drainsnoop_lost_events_total{stage=\"output\"} 2\n");
	has("drainsnoop_lost_messages_total 3\n");
	has("process_resident_memory_bytes 5\n");
	assert_null(strstr(out.data, "process_cpu"));
	assert_non_null(strstr(render(true), "# EOF\n"));
}

static void targets_by_state(void **state)
{
	(void)state;
	reading(ARN "web/1", "web", "10.0.0.1", DS_TARGET_STATE_HEALTHY);
	reading(ARN "web/1", "web", "10.0.0.2", DS_TARGET_STATE_HEALTHY);
	reading(ARN "web/1", "web", "10.0.0.3", DS_TARGET_STATE_DRAINING);
	(void)render(false);
	has("drainsnoop_targets{target_group=\"web\",state=\"healthy\"} 2\n");
	has("drainsnoop_targets{target_group=\"web\",state=\"draining\"} 1\n");
	reading(ARN "web/1", "web", "10.0.0.1", DS_TARGET_STATE_DRAINING);
	reading(ARN "web/1", "web", "10.0.0.3", DS_TARGET_STATE_UNUSED);
	(void)render(false);
	has("drainsnoop_targets{target_group=\"web\",state=\"healthy\"} 1\n");
	has("drainsnoop_targets{target_group=\"web\",state=\"draining\"} 1\n");
}

/* An alert asks how old a reading is while pods drain: later there is nothing to be old. */
static void a_group_of_which_no_pod_goes_any_more(void **state)
{
	(void)state;
	reading(ARN "web/1", "web", "10.0.0.1", DS_TARGET_STATE_HEALTHY);
	ds_watcher_metrics_refreshed(metrics, ARN "web/1", NOW);
	(void)render(false);
	has("drainsnoop_target_refresh_timestamp_seconds{target_group=\"web\"} 1795387020\n");
	going = NULL;
	(void)render(false);
	assert_null(strstr(out.data, "target_group=\"web\""));
	going = ARN "web/1";
	reading(ARN "web/1", "web", "10.0.0.1", DS_TARGET_STATE_HEALTHY);
	ds_watcher_metrics_forget(metrics);
	(void)render(false);
	assert_null(strstr(out.data, "target_group=\"web\""));
}

static void requests_and_how_long_they_took(void **state)
{
	static const char elb[] = "elasticloadbalancing", health[] = "DescribeTargetHealth";

	(void)state;
	ds_watcher_metrics_asked(metrics, elb, health, "ok", 40 * DS_NS_PER_MS);
	ds_watcher_metrics_asked(metrics, elb, health, "ok", 50 * DS_NS_PER_MS);
	ds_watcher_metrics_asked(metrics, elb, health, "throttled", 3 * DS_NS_PER_S);
	ds_watcher_metrics_asked(metrics, elb, health, "unreachable", 60 * DS_NS_PER_S);
	ds_watcher_metrics_asked(metrics, "ec2", "DescribeNetworkInterfaces", "ok", 0);
	(void)render(false);
#define OF "{service=\"elasticloadbalancing\",operation=\"DescribeTargetHealth\""
	has("drainsnoop_aws_requests_total" OF ",code=\"ok\"} 2\n");
	has("drainsnoop_aws_requests_total" OF ",code=\"throttled\"} 1\n");
	has("drainsnoop_aws_request_duration_seconds_bucket" OF ",le=\"0.05\"} 2\n");
	has("drainsnoop_aws_request_duration_seconds_bucket" OF ",le=\"2.5\"} 2\n");
	has("drainsnoop_aws_request_duration_seconds_bucket" OF ",le=\"5.0\"} 3\n");
	has("drainsnoop_aws_request_duration_seconds_bucket" OF ",le=\"30.0\"} 3\n");
	has("drainsnoop_aws_request_duration_seconds_bucket" OF ",le=\"+Inf\"} 4\n");
	has("drainsnoop_aws_request_duration_seconds_sum" OF "} 63.09\n");
	has("drainsnoop_aws_request_duration_seconds_count" OF "} 4\n");
	has("drainsnoop_aws_request_duration_seconds_count{service=\"ec2\","
	    "operation=\"DescribeNetworkInterfaces\"} 1\n");
}

static void bounds(void **state)
{
	char arn[300], id[32];

	(void)state;
	for (int i = 0; i < DS_WATCHER_METRICS_GROUPS_MAX + 10; i++) {
		(void)snprintf(arn, sizeof(arn), ARN "g%d/1", i);
		reading(arn, "g", "10.0.0.1", DS_TARGET_STATE_HEALTHY);
	}
	reading(ARN "web/1", "web", "10.0.0.1", DS_TARGET_STATE_HEALTHY);	/* no room */
	(void)render(false);	/* the others go */
	assert_null(strstr(out.data, "target_group"));
	for (int i = 0; i < DS_WATCHER_METRICS_TARGETS_MAX + 10; i++) {
		(void)snprintf(id, sizeof(id), "10.1.%d.%d", i / 250, i % 250);
		reading(ARN "web/1", "web", id, DS_TARGET_STATE_HEALTHY);
	}
	(void)render(false);
	has("drainsnoop_targets{target_group=\"web\",state=\"healthy\"} 8192\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_it_is_without_any),
		T(targets_by_state),
		T(a_group_of_which_no_pod_goes_any_more),
		T(requests_and_how_long_they_took),
		T(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
