// SPDX-License-Identifier: Apache-2.0
/* What the core says at its end, and what was counted of its lines: the same sums. */
#include "user/sink/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/core_fixture.h"

static struct ds_metrics *m;
static struct ds_buf out;

static int setup(void **state)
{
	(void)state;
	memset(&out, 0, sizeof(out));
	return ds_metrics_new(&m, &(struct ds_metrics_options){ .labels = { .workload = true } });
}

static int teardown(void **state)
{
	(void)state;
	ds_metrics_free(&m);
	ds_buf_free(&out);
	return 0;
}

static void render(void)
{
	const struct ds_metrics_now now = { .usage = { -1, -1, -1, -1, -1, -1 } };

	ds_buf_clear(&out);
	ds_metrics_render(m, &now, false, &out);
	assert_false(out.failed);
}

/* Of all samples of the family whose labels hold that text. */
static int64_t sum_with(const char *family, const char *label)
{
	size_t len = strlen(family);
	int64_t sum = 0;

	render();
	for (const char *line = out.data; line && *line;) {
		const char *end = strchr(line, '\n');

		const char *found = strstr(line, label);

		if (!strncmp(line, family, len) && line[len] == '{' && found &&
		    (!end || found < end))
			sum += strtoll(strstr(line, "} ") + 2, NULL, 10);
		line = end ? end + 1 : NULL;
	}
	return sum;
}

static int64_t sum_of(const char *family)
{
	return sum_with(family, "");
}

/* 3,000 drops of two pods within three seconds, at ten lines a second. */
static void lose_three_thousand(void)
{
	struct fixture *f = fx_new_bounded(0, 0);
	const struct ds_event *stop = NULL, *health = NULL;
	int64_t told = 0;
	struct ds_event tick;
	int lines = 0;

	fx_start_with(f, 1000, 900000, "auto", 10);
	fx_lb(f);
	fx_pod(f, 10, 1);
	fx_pod(f, 10, 2);
	fx_listener(f, 20, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_listener(f, 20, 2, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, 1000, 1);
	fx_terminating(f, 1000, 2);
	for (int i = 0; i < 3000; i++)
		fx_refused(f, 2000 + i, 1 + i % 2, 20000 + i, 1000 + i);
	fx_phase(f, 9000, 1, DS_PHASE_DELETED);
	ds_event_init(&tick, DS_EVENT_TICK, fx_at(90000));
	ds_core_feed(f->core, &tick);
	tick.time_ns = fx_at(91000);
	DS_SET(&tick, FINAL, final, true);
	ds_core_feed(f->core, &tick);
	for (int i = 0; i < f->out_cnt; i++) {
		ds_metrics_output(m, &f->out[i]);
		lines += f->out[i].kind == DS_EVENT_DROP;
		if (f->out[i].kind == DS_EVENT_STOP)
			stop = &f->out[i];
		if (f->out[i].kind == DS_EVENT_HEALTH)
			health = &f->out[i];
		if (f->out[i].kind == DS_EVENT_VERDICT)
			told += f->out[i].verdict_drops;
	}
	assert_non_null(stop);
	assert_non_null(health);
	assert_in_range(lines, 10, 60);
	assert_int_equal(stop->verdict_drops, 3000);
	assert_int_equal(told, 3000);
	assert_int_equal(sum_of("drainsnoop_dropped_connections_total"), 3000);
	assert_int_equal(sum_of("drainsnoop_resets_total"), 3000);
	assert_int_equal(sum_of("drainsnoop_drained_pods_total"), 2);
	assert_int_equal(3000 - lines, health->suppressed_events);
	(void)snprintf(f->line.data, f->line.cap, "\ndrainsnoop_suppressed_events_total %d\n",
		       3000 - lines);
	render();
	assert_non_null(strstr(out.data, f->line.data));
	fx_free(f);
}

static void sums_hold_above_the_rate_limit(void **state)
{
	(void)state;
	lose_three_thousand();
}

static void by_pod_the_sums_are_the_same(void **state)
{
	static const char drops[] = "drainsnoop_dropped_connections_total";

	(void)state;
	ds_metrics_free(&m);
	assert_int_equal(ds_metrics_new(&m, &(struct ds_metrics_options){
				.labels = { .workload = true, .pod = true } }), 0);
	lose_three_thousand();
	assert_int_equal(sum_with(drops, "pod=\"(other)\""), 0);
	assert_int_equal(sum_with(drops, "pod=\"web-1\""), 1500);
	assert_int_equal(sum_with(drops, "pod=\"web-2\""), 1500);
}

/* Two pods of one workload, and room for its own set alone. */
static void at_the_bound_the_sums_are_the_same(void **state)
{
	(void)state;
	ds_metrics_free(&m);
	assert_int_equal(ds_metrics_new(&m, &(struct ds_metrics_options){
				.labels = { .workload = true, .pod = true },
				.max_series = 12 }), 0);
	lose_three_thousand();
	assert_int_equal(sum_with("drainsnoop_dropped_connections_total", "pod=\"(other)\""), 3000);
}

/* Pod 1 with a listener, behind the load balancer; more than a line a second is folded. */
static struct fixture *one_line_a_second(void)
{
	struct fixture *f = fx_new_bounded(0, 0);

	fx_start_with(f, 1000, 900000, "auto", 1);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	return f;
}

/* The run ends; all that was put out is counted. */
static int drop_lines_at_the_end(struct fixture *f)
{
	struct ds_event tick;
	int lines = 0;

	ds_event_init(&tick, DS_EVENT_TICK, fx_at(90000));
	DS_SET(&tick, FINAL, final, true);
	ds_core_feed(f->core, &tick);
	for (int i = 0; i < f->out_cnt; i++) {
		ds_metrics_output(m, &f->out[i]);
		lines += f->out[i].kind == DS_EVENT_DROP;
	}
	return lines;
}

/* Above the limit too: a line that is folded says how many of them never stood. */
static void silence_is_told_by_what_was_lost(void **state)
{
	struct fixture *f = one_line_a_second();

	(void)state;
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2000, 1);
	for (int i = 0; i < 30; i++) {
		fx_syn_died(f, 3000 + i, 1, 20000 + i, 1000 + i);
		FX_PACKET(f, 3000 + i, .n = 1, .peer_port = 40000 + i, .hook = DS_HOOK_KFREE_SKB,
			  .flags = "PSH|ACK", .seq = 100, .payload = 50,
			  .drop_reason = "NEIGH_FAILED");
	}
	for (int i = 0; i < 30; i++)
		fx_syn_died(f, 4000 + i, 1, 20000 + i, 1000 + i);
	assert_in_range(drop_lines_at_the_end(f), 2, 20);
	assert_int_equal(sum_of("drainsnoop_unanswered_connections_total"), 60);
	assert_int_equal(sum_of("drainsnoop_unanswered_syns_total"), 30);
	fx_free(f);
}

/* Within one second, above the limit: aborts before and after the pod begins to go. */
static void a_folded_line_is_of_one_level(void **state)
{
	struct fixture *f = one_line_a_second();

	(void)state;
	for (int i = 0; i < 40; i++)
		fx_accepted(f, 100 + i, 1, 20000 + i);
	for (int i = 0; i < 10; i++)
		FX_CLOSING(f, 3000 + i, .n = 1, .peer_port = 20000 + i, .outstanding = true,
			   .received = 100, .last_payload_ms = 2900, .age_ms = 2900);
	fx_terminating(f, 3300, 1);
	for (int i = 10; i < 40; i++)
		FX_CLOSING(f, 3300 + i, .n = 1, .peer_port = 20000 + i, .outstanding = true,
			   .received = 100, .last_payload_ms = 3200, .age_ms = 3200);
	fx_phase(f, 9000, 1, DS_PHASE_DELETED);
	assert_in_range(drop_lines_at_the_end(f), 2, 6);
	assert_int_equal(f->out[f->out_cnt - 1].verdict_drops, 30);
	assert_int_equal(f->out[f->out_cnt - 1].drops_by[DS_CAUSE_ABORTED_IN_FLIGHT], 40);
	assert_int_equal(sum_with("drainsnoop_dropped_connections_total", "rollout=\"true\""), 30);
	assert_int_equal(sum_of("drainsnoop_dropped_connections_total"), 40);
	fx_free(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sums_hold_above_the_rate_limit),
		T(by_pod_the_sums_are_the_same),
		T(at_the_bound_the_sums_are_the_same),
		T(silence_is_told_by_what_was_lost),
		T(a_folded_line_is_of_one_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
