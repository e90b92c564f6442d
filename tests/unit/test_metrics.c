// SPDX-License-Identifier: Apache-2.0
#include "user/sink/metrics.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/core_fixture.h"

static struct ds_metrics *m;
static struct ds_metrics_now now;
static struct ds_buf out;

static int setup(void **state)
{
	(void)state;
	memset(&out, 0, sizeof(out));
	now = (struct ds_metrics_now){ .usage = { -1, -1, -1, -1, -1, -1 } };
	return ds_metrics_new(&m, &(struct ds_metrics_options){ .revision = "0123abc-dirty",
								.libbpf = "1.7",
								.labels = { .workload = true } });
}

static int teardown(void **state)
{
	(void)state;
	ds_metrics_free(&m);
	assert_null(m);
	ds_buf_free(&out);
	return 0;
}

static void render(bool openmetrics)
{
	ds_buf_clear(&out);
	ds_metrics_render(m, &now, openmetrics, &out);
	assert_false(out.failed);
}

static bool has_line(const char *line)
{
	size_t len = strlen(line);

	for (const char *at = strstr(out.data, line); at; at = strstr(at + 1, line))
		if ((at == out.data || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

#define assert_line(line) do { \
	render(false); \
	if (!has_line(line)) \
		fail_msg("no line %s in\n%s", (line), out.data); \
} while (0)
#define assert_no(text) do { \
	render(false); \
	assert_null(strstr(out.data, (text))); \
} while (0)

static struct ds_event about(enum ds_event_kind kind)
{
	struct ds_event ev;

	ds_event_init(&ev, kind, FX_BEGIN);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "web-1");
	DS_SET_STR(&ev, POD_UID, pod_uid, fx_uid(1));
	DS_SET_STR(&ev, DEPLOYMENT, deployment, "web");
	return ev;
}

static void drop(enum ds_cause cause, const char *evidence, int phase, int64_t repeat)
{
	struct ds_event ev = about(DS_EVENT_DROP);

	DS_SET(&ev, CAUSE, cause, cause);
	if (ds_cause_is_rollout(cause))
		ev.level = DS_LEVEL_ERROR;
	DS_SET_STR(&ev, EVIDENCE, evidence, evidence);
	if (phase >= 0)
		DS_SET(&ev, PHASE, phase, phase);
	if (repeat)
		DS_SET(&ev, REPEAT, repeat, repeat);
	ds_metrics_output(m, &ev);
}

#define WEB "{namespace=\"shop\",workload=\"web\","
#define DROPS "drainsnoop_dropped_connections_total" WEB

static void labels_are_a_list_with_the_namespace(void **state)
{
	static const struct {
		const char *list;
		bool workload, pod;
	} good[] = {
		{ "namespace", false, false }, { "namespace,workload", true, false },
		{ "workload,namespace", true, false }, { "namespace,pod", false, true },
		{ "namespace,workload,pod", true, true }, { "pod,workload,namespace", true, true },
	};
	static const char *const bad[] = {
		"", ",", "workload", "pod", "workload,pod", "namespace,", ",namespace",
		"namespace,namespace", "namespace,pod,pod", "namespace workload", "namespaces",
		"name", "Namespace", "namespace,,pod", "namespace,workload,pod,namespace",
	};
	struct ds_metrics_labels labels;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		labels = (struct ds_metrics_labels){ !good[i].workload, !good[i].pod };
		assert_int_equal(ds_metrics_parse_labels(good[i].list, &labels), 0);
		assert_int_equal(labels.workload, good[i].workload);
		assert_int_equal(labels.pod, good[i].pod);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ds_metrics_parse_labels(bad[i], &labels), -EINVAL);
}

static void rollout_causes_are_born_at_zero(void **state)
{
	struct ds_event ev = about(DS_EVENT_POD_STATE);

	(void)state;
	assert_no("workload=\"web\"");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	ds_metrics_output(m, &ev);
	for (int cause = 0; cause < DS_CAUSE_MAX; cause++) {
		char line[256];

		(void)snprintf(line, sizeof(line), DROPS "cause=\"%s\",rollout=\"true\"} 0\n",
			       ds_name(DS_NAMES_CAUSE, cause));
		render(false);
		assert_int_equal(strstr(out.data, line) != NULL, ds_cause_is_rollout(cause));
	}
	for (int verdict = 0; verdict < DS_VERDICT_MAX; verdict++) {
		char line[256];

		(void)snprintf(line, sizeof(line), "drainsnoop_drained_pods_total" WEB
			       "verdict=\"%s\"} 0", ds_name(DS_NAMES_VERDICT, verdict));
		assert_line(line);
	}
}

static void a_folded_line_counts_as_often_as_it_says(void **state)
{
	(void)state;
	drop(DS_CAUSE_LISTENER_CLOSED, "tcp_send_reset", DS_PHASE_LISTENER_CLOSED, 1);
	drop(DS_CAUSE_LISTENER_CLOSED, "tcp_send_reset", DS_PHASE_LISTENER_CLOSED, 250);
	drop(DS_CAUSE_KEEPALIVE_RACE, NULL, -1, 0);
	assert_line(DROPS "cause=\"listener_closed\",rollout=\"true\"} 251");
	assert_line(DROPS "cause=\"keepalive_race\",rollout=\"false\"} 1");
	assert_line("drainsnoop_suppressed_events_total 249");
	assert_line("drainsnoop_emitted_events_total{event=\"drainsnoop.drop\"} 3");
	assert_line("drainsnoop_resets_total" WEB
		    "direction=\"sent\",pod_phase=\"listener_closed\"} 251");
	assert_line("drainsnoop_resets_total" WEB "direction=\"sent\",pod_phase=\"unknown\"} 1");
}

static void resets_and_silence_are_told_apart(void **state)
{
	struct ds_event icmp = about(DS_EVENT_DROP);

	(void)state;
	drop(DS_CAUSE_ABORTED_IN_FLIGHT, "kfree_skb,tcp_send_reset", DS_PHASE_SIGTERM, 1);
	drop(DS_CAUSE_ABORTED_IN_FLIGHT, "inet_sock_set_state,tcp_v6_send_reset", DS_PHASE_SIGTERM,
	     2);
	drop(DS_CAUSE_ABORTED_IN_FLIGHT, "inet_sock_set_state", DS_PHASE_SIGTERM, 4);	/* a FIN */
	drop(DS_CAUSE_CLOSED_BY_LOAD_BALANCER, "tcp_receive_reset", DS_PHASE_SIGTERM, 8);
	drop(DS_CAUSE_UNKNOWN, "tcp_receive_reset", DS_PHASE_SIGTERM, 16);
	drop(DS_CAUSE_ADDRESS_RELEASED, "kfree_skb", DS_PHASE_DELETED, 32);
	drop(DS_CAUSE_ADDRESS_REUSED, "inet_sock_set_state", DS_PHASE_DELETED, 64);
	icmp.level = DS_LEVEL_ERROR;
	DS_SET(&icmp, CAUSE, cause, DS_CAUSE_ADDRESS_RELEASED);
	DS_SET(&icmp, OUTCOME, outcome, DS_OUTCOME_ICMP_UNREACHABLE);
	DS_SET(&icmp, PHASE, phase, DS_PHASE_DELETED);
	ds_metrics_output(m, &icmp);
	assert_line("drainsnoop_resets_total" WEB "direction=\"sent\",pod_phase=\"sigterm\"} 3");
	assert_line("drainsnoop_resets_total" WEB
		    "direction=\"received\",pod_phase=\"sigterm\"} 24");
	assert_line("drainsnoop_unanswered_connections_total" WEB "pod_phase=\"deleted\"} 32");
	assert_line(DROPS "cause=\"address_released\",rollout=\"true\"} 33");
	assert_no("direction=\"sent\",pod_phase=\"deleted\"");
}

static void silent(int64_t packets, int64_t syns, int64_t repeat, enum ds_outcome outcome)
{
	struct ds_event ev = about(DS_EVENT_DROP);

	ev.level = DS_LEVEL_ERROR;
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_ADDRESS_RELEASED);
	DS_SET(&ev, OUTCOME, outcome, outcome);
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	DS_SET(&ev, REPEAT, repeat, repeat);
	DS_SET(&ev, DROP_PACKETS, drop_packets, packets);
	DS_SET(&ev, DROP_SYNS, drop_syns, syns);
	ds_metrics_output(m, &ev);
}

static void a_syn_without_an_answer_counts_once_however_often_it_came(void **state)
{
	(void)state;
	silent(6, 6, 1, DS_OUTCOME_NEIGH_FAILED);
	silent(6, 5, 1, DS_OUTCOME_NEIGH_FAILED);	/* it stood, or what came was another's */
	silent(4, 0, 1, DS_OUTCOME_NO_ROUTE);
	silent(3, 3, 1, DS_OUTCOME_ICMP_UNREACHABLE);	/* that is an answer */
	silent(100, 40, 100, DS_OUTCOME_NEIGH_FAILED);	/* a folded line */
	silent(10, INT64_MAX, 10, DS_OUTCOME_NEIGH_FAILED);
	assert_line("drainsnoop_unanswered_connections_total" WEB "pod_phase=\"deleted\"} 113");
	assert_line("drainsnoop_unanswered_syns_total" WEB "pod_phase=\"deleted\"} 51");
}

/* DESIGN section 2: aborted_in_flight counts for alerts only on a pod that is going away. */
static void what_no_rollout_is_to_blame_for_is_apart(void **state)
{
	struct ds_event ev = about(DS_EVENT_DROP);

	(void)state;
	drop(DS_CAUSE_ABORTED_IN_FLIGHT, "tcp_send_reset", DS_PHASE_SIGTERM, 2);
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	DS_SET(&ev, REPEAT, repeat, 5);
	ds_metrics_output(m, &ev);
	assert_line(DROPS "cause=\"aborted_in_flight\",rollout=\"true\"} 2");
	assert_line(DROPS "cause=\"aborted_in_flight\",rollout=\"false\"} 5");
}

static void exemplars_name_the_pod(void **state)
{
	(void)state;
	drop(DS_CAUSE_LISTENER_CLOSED, "tcp_send_reset", DS_PHASE_SIGTERM, 7);
	render(true);
	assert_true(has_line(DROPS "cause=\"listener_closed\",rollout=\"true\"} 7 # {pod_uid=\"0d5f21a9-4c6e-4a36-9b39-000000000001\"} 7 1795342500"));
	assert_string_equal(out.data + out.len - 6, "# EOF\n");
	render(false);
	assert_null(strstr(out.data, "pod_uid"));
	assert_null(strstr(out.data, "EOF"));
}

static void verdict(enum ds_verdict code, int64_t lag_ns)
{
	struct ds_event ev = about(DS_EVENT_VERDICT);

	DS_SET(&ev, VERDICT, verdict, code);
	if (lag_ns != INT64_MIN) {
		DS_SET(&ev, T0, t0, FX_BEGIN);
		DS_SET(&ev, DRAIN_NOT_AFTER, drain_not_after, FX_BEGIN + lag_ns);
	}
	ds_metrics_output(m, &ev);
}

static void verdicts_and_lags_are_counted(void **state)
{
	(void)state;
	verdict(DS_VERDICT_CLEAN, DS_NS_PER_S / 2);	/* a bound is in its bucket */
	verdict(DS_VERDICT_CLEAN, DS_NS_PER_S / 2 + 1);
	verdict(DS_VERDICT_DROPPED, 90 * DS_NS_PER_S);
	verdict(DS_VERDICT_INCONCLUSIVE, INT64_MIN);	/* nobody told of a drain */
	verdict(DS_VERDICT_CLEAN, -DS_NS_PER_S);	/* drained before */
	assert_line("drainsnoop_drained_pods_total" WEB "verdict=\"clean\"} 3");
	assert_line("drainsnoop_drained_pods_total" WEB "verdict=\"dropped\"} 1");
	assert_line("drainsnoop_drained_pods_total" WEB "verdict=\"inconclusive\"} 1");
	assert_line("drainsnoop_deregistration_lag_seconds_bucket{le=\"0.5\"} 1");
	assert_line("drainsnoop_deregistration_lag_seconds_bucket{le=\"1.0\"} 2");
	assert_line("drainsnoop_deregistration_lag_seconds_bucket{le=\"60.0\"} 2");
	assert_line("drainsnoop_deregistration_lag_seconds_bucket{le=\"+Inf\"} 3");
	assert_line("drainsnoop_deregistration_lag_seconds_count 3");
	assert_line("drainsnoop_deregistration_lag_seconds_sum 91.000000001");
}

static void lose(enum ds_loss_stage stage, int64_t cnt)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LOSS, FX_BEGIN);
	DS_SET(&ev, LOSS_STAGE, loss_stage, stage);
	if (cnt)
		DS_SET(&ev, LOSS_COUNT, loss_count, cnt);
	ds_metrics_input(m, &ev);
}

static void losses_are_counted_by_stage(void **state)
{
	(void)state;
	assert_line("drainsnoop_lost_events_total{stage=\"ringbuf\"} 0");
	lose(DS_LOSS_STAGE_RINGBUF, 128);
	lose(DS_LOSS_STAGE_RINGBUF, 0);
	lose(DS_LOSS_STAGE_RESTART, 99);
	lose(DS_LOSS_STAGE_QUEUE, INT64_MAX);
	lose(DS_LOSS_STAGE_QUEUE, INT64_MAX);
	lose(DS_LOSS_STAGE_OUTPUT, 3);
	now.late = 5;
	assert_line("drainsnoop_lost_events_total{stage=\"ringbuf\"} 129");
	assert_line("drainsnoop_lost_events_total{stage=\"queue\"} 9223372036854775807");
	assert_line("drainsnoop_lost_events_total{stage=\"output\"} 3");
	assert_line("drainsnoop_late_events_total 5");
	assert_no("restart");
}

static void what_nobody_told_is_not_there(void **state)
{
	static const char *const names[] = { "drainsnoop_probes", "drainsnoop_watch_", "process_",
					     "drainsnoop_target_polls" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_no(names[i]);
	assert_line("drainsnoop_build_info{version=\"" DS_VERSION
		    "\",revision=\"0123abc-dirty\",libbpf=\"1.7\"} 1");
	assert_line("drainsnoop_terminating_pods 0");
}

/* Sources without a repository, or an engine that was told nothing. */
static void a_revision_that_is_not_known_is_no_label(void **state)
{
	(void)state;
	ds_metrics_free(&m);
	assert_int_equal(ds_metrics_new(&m, &(struct ds_metrics_options){ .libbpf = "1.7" }), 0);
	assert_line("drainsnoop_build_info{version=\"" DS_VERSION "\",libbpf=\"1.7\"} 1");
}

/* From the first answer on, not from the first line about health. */
static void what_the_core_holds_is_there_at_once(void **state)
{
	(void)state;
	assert_line("drainsnoop_pod_cache_entries{state=\"live\"} 0");
	assert_line("drainsnoop_unattributed_packets_total{kind=\"reset\"} 0");
	now.core = (struct ds_core_counts){ .pods = 50, .pods_ended = 12, .evictions = 6,
					    .unattributed = { 7, 8, 9 } };
	now.lost_messages = 3;
	assert_line("drainsnoop_pod_cache_entries{state=\"live\"} 38");
	assert_line("drainsnoop_pod_cache_entries{state=\"deleted\"} 12");
	assert_line("drainsnoop_pod_cache_evictions_total 6");
	assert_line("drainsnoop_unattributed_packets_total{kind=\"syn\"} 7");
	assert_line("drainsnoop_unattributed_packets_total{kind=\"reset\"} 8");
	assert_line("drainsnoop_unattributed_packets_total{kind=\"other\"} 9");
	assert_line("drainsnoop_lost_messages_total 3");
}

static void ticks_tell_the_rest(void **state)
{
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_TICK, FX_BEGIN);
	DS_SET(&ev, PROBES_ATTACHED_COUNT, probes_attached_count, 14);
	DS_SET(&ev, PROBES_MISSING_COUNT, probes_missing_count, 2);
	DS_SET(&ev, TAP_ON_MS, tap_on_ms, 1500 * DS_NS_PER_MS);
	DS_SET(&ev, WATCH_RESTARTS, watch_restarts, 3);
	DS_SET(&ev, WATCH_LAG, watch_lag, 250 * DS_NS_PER_MS);
	DS_SET(&ev, POLL_REQUESTS, poll_requests, 10);
	DS_SET(&ev, POLL_THROTTLED, poll_throttled, 1);
	DS_SET(&ev, POLL_FAILED, poll_failed, 2);
	ds_metrics_input(m, &ev);
	now.usage = (struct ds_process_usage){ 1, 2 * DS_NS_PER_S, 3, 4, 5, -1 };
	assert_line("drainsnoop_probes{state=\"attached\"} 14");
	assert_line("drainsnoop_probes{state=\"missing\"} 2");
	assert_line("drainsnoop_tap_attached_seconds_total 1.5");
	assert_line("drainsnoop_watch_restarts_total{resource=\"pods\"} 3");
	assert_line("drainsnoop_watch_last_event_timestamp_seconds{resource=\"pods\"} "
		    "1795342499.75");
	assert_line("drainsnoop_target_polls_total{result=\"ok\"} 7");
	assert_line("drainsnoop_target_polls_total{result=\"throttled\"} 1");
	assert_line("drainsnoop_target_polls_total{result=\"failed\"} 2");
	assert_line("process_cpu_seconds_total 0.000000001");
	assert_line("process_start_time_seconds 2");
	assert_line("process_open_fds 5");
	assert_no("process_max_fds");
}

static void old_series_go_with_the_ticks(void **state)
{
	struct ds_event ev;

	(void)state;
	drop(DS_CAUSE_LISTENER_CLOSED, NULL, -1, 1);
	ds_event_init(&ev, DS_EVENT_TICK, FX_BEGIN + 3600 * DS_NS_PER_S);
	ds_metrics_input(m, &ev);
	assert_line(DROPS "cause=\"listener_closed\",rollout=\"true\"} 1");
	ev.time_ns += 59 * DS_NS_PER_S;	/* it is looked once a minute */
	ds_metrics_input(m, &ev);
	assert_line(DROPS "cause=\"listener_closed\",rollout=\"true\"} 1");
	ev.time_ns += DS_NS_PER_S;
	ds_metrics_input(m, &ev);
	assert_no("workload=\"web\"");
}

static void by_namespace_there_is_no_workload(void **state)
{
	(void)state;
	ds_metrics_free(&m);
	assert_int_equal(ds_metrics_new(&m, &(struct ds_metrics_options){ 0 }), 0);
	drop(DS_CAUSE_LISTENER_CLOSED, NULL, -1, 2);
	assert_line("drainsnoop_dropped_connections_total{namespace=\"shop\","
		    "cause=\"listener_closed\",rollout=\"true\"} 2");
	assert_no("workload=");
}

static void begin_with(bool pod, size_t max_series)
{
	ds_metrics_free(&m);
	assert_int_equal(ds_metrics_new(&m, &(struct ds_metrics_options){
				.labels = { .workload = true, .pod = pod },
				.max_series = max_series }), 0);
}

static void pod_is(int phase)
{
	struct ds_event ev = about(DS_EVENT_POD_STATE);

	DS_SET(&ev, PHASE, phase, phase);
	if (phase == DS_PHASE_TERMINATING)
		DS_SET(&ev, T0, t0, FX_BEGIN);
	ds_metrics_output(m, &ev);
}

static void tick_at(int64_t ns)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, FX_BEGIN + ns);
	ds_metrics_input(m, &ev);
}

#define POD1 "{namespace=\"shop\",workload=\"web\",pod=\"web-1\","
#define NO_POD "{namespace=\"shop\",workload=\"web\",pod=\"(other)\","
#define POD_DROPS(subject, n) \
	"drainsnoop_dropped_connections_total" subject \
	"cause=\"listener_closed\",rollout=\"true\"} " n

/* Nothing goes backwards, and what comes after the end is counted where it is still seen. */
static void a_pods_series_end_ten_minutes_after_its_verdict(void **state)
{
	(void)state;
	begin_with(true, 0);
	pod_is(DS_PHASE_READY);
	assert_line(POD_DROPS(POD1, "0"));
	assert_line(POD_DROPS(NO_POD, "0"));
	pod_is(DS_PHASE_TERMINATING);
	drop(DS_CAUSE_LISTENER_CLOSED, "tcp_send_reset", DS_PHASE_SIGTERM, 3);
	tick_at(60 * DS_NS_PER_S);
	verdict(DS_VERDICT_DROPPED, INT64_MIN);
	pod_is(DS_PHASE_DELETED);
	tick_at(660 * DS_NS_PER_S);
	assert_line(POD_DROPS(POD1, "3"));
	assert_line("drainsnoop_drained_pods_total" POD1 "verdict=\"dropped\"} 1");
	assert_line("drainsnoop_resets_total" POD1 "direction=\"sent\",pod_phase=\"sigterm\"} 3");
	tick_at(720 * DS_NS_PER_S);
	assert_no("web-1");
	assert_line(POD_DROPS(NO_POD, "0"));
	drop(DS_CAUSE_LISTENER_CLOSED, "tcp_send_reset", DS_PHASE_DELETED, 2);
	assert_no("web-1");
	assert_line(POD_DROPS(NO_POD, "2"));
	assert_line("drainsnoop_metrics_overflow_events_total 0");
	tick_at(7200 * DS_NS_PER_S);
	assert_no("workload=\"web\"");
	assert_line("drainsnoop_metrics_series 0");
}

static void by_pod_nothing_is_lost_at_the_bound(void **state)
{
	(void)state;
	begin_with(true, 12);	/* the workload's, and not the pod's */
	pod_is(DS_PHASE_READY);
	assert_line("drainsnoop_metrics_overflow_events_total 1");
	drop(DS_CAUSE_LISTENER_CLOSED, "tcp_send_reset", DS_PHASE_SIGTERM, 3);
	assert_no("web-1");
	assert_line(POD_DROPS(NO_POD, "3"));
	assert_line("drainsnoop_metrics_overflow_events_total 1");
}

static void strangers_share_a_series_and_are_counted(void **state)
{
	struct ds_event ev = about(DS_EVENT_DROP);

	(void)state;
	begin_with(false, 12);
	ev.kind = DS_EVENT_POD_STATE;
	ds_metrics_output(m, &ev);
	assert_line("drainsnoop_metrics_overflow_events_total 0");
	assert_no("workload=\"(other)\"");
	ev.kind = DS_EVENT_DROP;
	ev.level = DS_LEVEL_ERROR;
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_LATE_REQUEST);
	DS_SET_STR(&ev, DEPLOYMENT, deployment, "api");
	ds_metrics_output(m, &ev);
	assert_line("drainsnoop_dropped_connections_total{namespace=\"(other)\","
		    "workload=\"(other)\",cause=\"late_request\",rollout=\"true\"} 1");
	assert_line("drainsnoop_metrics_overflow_events_total 1");
	assert_no("pod=");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(labels_are_a_list_with_the_namespace),
		T(rollout_causes_are_born_at_zero),
		T(a_folded_line_counts_as_often_as_it_says),
		T(resets_and_silence_are_told_apart),
		T(a_syn_without_an_answer_counts_once_however_often_it_came),
		T(what_no_rollout_is_to_blame_for_is_apart),
		T(exemplars_name_the_pod),
		T(verdicts_and_lags_are_counted),
		T(losses_are_counted_by_stage),
		T(what_nobody_told_is_not_there),
		T(a_revision_that_is_not_known_is_no_label),
		T(what_the_core_holds_is_there_at_once),
		T(ticks_tell_the_rest),
		T(old_series_go_with_the_ticks),
		T(by_namespace_there_is_no_workload),
		T(a_pods_series_end_ten_minutes_after_its_verdict),
		T(by_pod_nothing_is_lost_at_the_bound),
		T(strangers_share_a_series_and_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
