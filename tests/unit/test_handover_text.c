// SPDX-License-Identifier: Apache-2.0
#include "user/source/cluster/handover_text.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/event_json.h"
#include "user/util/timefmt.h"

#define BEGIN (INT64_C(1795387020) * DS_NS_PER_S) /* 22:37:00 */
#define AT(second) (BEGIN + (second) * DS_NS_PER_S)
#define ARN "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"

static struct ds_handover_text *text;
static struct ds_buf rendered;

static int begin(void **state)
{
	(void)state;
	return ds_handover_text_new(&text);
}

static int end(void **state)
{
	(void)state;
	ds_handover_text_free(&text);
	ds_buf_free(&rendered);
	return 0;
}

static void put_pod(int64_t second, const char *uid, int trigger)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, AT(second));
	DS_SET_STR(&ev, POD_UID, pod_uid, uid);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	if (trigger >= 0)
		DS_SET(&ev, TRIGGER, trigger, trigger);
	ds_handover_text_put(text, "n1", &ev);
}

static void put_target(int64_t second, const char *uid, int state, int source, int64_t delay_s)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, AT(second));
	DS_SET_STR(&ev, POD_UID, pod_uid, uid);
	DS_SET_STR(&ev, TG_ARN, tg_arn, ARN);
	DS_SET_STR(&ev, TARGET_ID, target_id, "10.0.0.1");
	DS_SET(&ev, TARGET_PORT, target_port, 8080);
	DS_SET(&ev, TARGET_STATE, target_state, state);
	DS_SET(&ev, TARGET_SOURCE, target_source, source);
	if (delay_s >= 0)
		DS_SET(&ev, TG_DELAY, tg_delay_s, delay_s);
	ds_handover_text_put(text, "n1", &ev);
}

static void put_address(int64_t second, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, AT(second));
	DS_SET_STR(&ev, ADDRESS, address, address);
	DS_SET_STR(&ev, LB_NAME, lb_name, "front");
	ds_handover_text_put(text, "n1", &ev);
}

/* What each line says, shortly, in their order: "pod u1 rollout|", "u1 draining|", "10.0.0.9|". */
static const char *lines(void)
{
	static char all[65536];
	size_t used = 0;

	all[0] = '\0';
	ds_handover_text_render(text, "n1", &rendered);
	for (const char *p = rendered.data; p && *p; p = strchr(p, '\n') + 1) {
		struct ds_event ev;
		struct ds_perr perr;

		assert_int_equal(ds_event_read(p, strcspn(p, "\n"), 0, &ev, &perr), 0);
		if (ev.kind == DS_EVENT_POD_STATE)
			used += (size_t)snprintf(all + used, sizeof(all) - used, "pod %s %s|",
						 ev.pod_uid,
						 ds_event_has(&ev, DS_KEY_TRIGGER) ?
							 ds_name(DS_NAMES_TRIGGER, ev.trigger) :
							 "-");
		else if (ev.kind == DS_EVENT_TARGET)
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s %s|",
						 ev.pod_uid,
						 ds_name(DS_NAMES_TARGET_STATE, ev.target_state));
		else
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s|",
						 ev.address);
		ds_event_clear(&ev);
	}
	return all;
}

static void one_line_a_pod_and_each_reading_of_a_target(void **state)
{
	(void)state;
	put_pod(1, "u1", -1);
	put_target(1, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, -1);
	put_address(2, "10.0.9.1");
	put_pod(5, "u1", DS_TRIGGER_ROLLOUT);
	put_target(3, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, 30);
	put_target(6, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 30);
	put_target(8, "u1", DS_TARGET_STATE_DRAINING, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 30);
	put_target(40, "u1", DS_TARGET_STATE_UNUSED, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 30);
	put_address(41, "10.0.9.2");
	put_pod(42, "u2", -1);
	assert_string_equal(lines(), "10.0.9.1|u1 healthy|pod u1 rollout|u1 healthy|u1 draining|"
				     "u1 unused|10.0.9.2|pod u2 -|");
	assert_int_equal(ds_handover_text_stats(text).lines, 8);
	assert_int_equal(ds_handover_text_stats(text).bytes, rendered.len);
}

static void of_readings_the_oldest_make_room(void **state)
{
	(void)state;
	put_pod(0, "u1", -1);
	for (int i = 1; i <= 12; i++)
		put_target(i, "u1", i % 2 ? DS_TARGET_STATE_INITIAL : DS_TARGET_STATE_HEALTHY,
			   DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, -1);
	assert_int_equal(ds_handover_text_stats(text).lines, 9);
	assert_non_null(strstr(lines(), "pod u1 -|u1 initial|u1 healthy|"));
	assert_null(strstr(rendered.data, "22:37:04"));
	assert_non_null(strstr(rendered.data, "22:37:05"));
	assert_non_null(strstr(rendered.data, "22:37:12"));
}

static void the_same_knowledge_is_the_same_text(void **state)
{
	struct ds_buf first = { 0 };

	(void)state;
	put_pod(1, "u1", DS_TRIGGER_ROLLOUT);
	put_target(1, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, 30);
	put_address(2, "10.0.9.1");
	ds_handover_text_render(text, "n1", &first);
	put_address(7, "10.0.9.1");
	put_target(8, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, 30);
	put_pod(9, "u1", DS_TRIGGER_ROLLOUT);
	ds_handover_text_render(text, "n1", &rendered);
	assert_string_equal(rendered.data, first.data);
	put_pod(9, "u1", DS_TRIGGER_SCALE_IN);
	ds_handover_text_render(text, "n1", &rendered);
	assert_string_not_equal(rendered.data, first.data);
	ds_buf_free(&first);
}

static void what_ended_long_ago_goes(void **state)
{
	(void)state;
	put_pod(1, "u1", -1);
	put_target(1, "u1", DS_TARGET_STATE_DRAINING, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 300);
	put_pod(1, "u2", -1);
	put_target(1, "u3", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, 301);
	put_pod(2, "u3", -1);
	put_pod(1, "u4", -1);
	put_address(1, "10.0.9.1");
	for (int i = 1; i <= 3; i++)
		ds_handover_text_ended(text, "n1", (char[]){ 'u', (char)('0' + i), 0 }, AT(100));
	ds_handover_text_tick(text, AT(700));
	assert_int_equal(ds_handover_text_stats(text).lines, 7);
	ds_handover_text_tick(text, AT(701));
	assert_string_equal(lines(), "u3 healthy|pod u4 -|10.0.9.1|pod u3 -|");
	put_target(701, "u3", DS_TARGET_STATE_UNUSED, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 301);
	ds_handover_text_tick(text, AT(702));
	assert_int_equal(ds_handover_text_stats(text).lines, 5);
	ds_handover_text_tick(text, AT(703));
	assert_string_equal(lines(), "pod u4 -|10.0.9.1|");
	assert_int_equal(ds_handover_text_stats(text).aged, 6);
	ds_handover_text_ended(text, "n1", "u4", AT(100));
	ds_handover_text_ended(text, "n1", "u4", 0);
	ds_handover_text_tick(text, AT(7000));
	assert_string_equal(lines(), "pod u4 -|10.0.9.1|");
	/* With its last pod a node needs no load balancer: it may be gone itself. */
	ds_handover_text_ended(text, "n1", "u4", AT(7000));
	ds_handover_text_tick(text, AT(7600));
	assert_string_equal(lines(), "pod u4 -|10.0.9.1|");
	ds_handover_text_tick(text, AT(7601));
	assert_string_equal(lines(), "");
	assert_int_equal(ds_handover_text_stats(text).aged, 8);
}

static void a_long_text_loses_its_oldest_lines(void **state)
{
	char uid[32];

	(void)state;
	put_address(0, "10.0.9.1");
	for (int i = 0; i < DS_HANDOVER_LINES_MAX + 10; i++) {
		snprintf(uid, sizeof(uid), "u%d", i);
		put_pod(i, uid, -1);
	}
	assert_true(ds_handover_text_stats(text).lines <= DS_HANDOVER_LINES_MAX);
	assert_true(ds_handover_text_stats(text).bytes <= DS_HANDOVER_TEXT_MAX);
	assert_true(ds_handover_text_stats(text).dropped >= 11);
	assert_int_equal(ds_handover_text_stats(text).dropped + ds_handover_text_stats(text).lines,
			 DS_HANDOVER_LINES_MAX + 11);
	ds_handover_text_render(text, "n1", &rendered);
	assert_int_equal(rendered.len, ds_handover_text_stats(text).bytes);
	assert_null(strstr(rendered.data, "10.0.9.1"));
	assert_non_null(strstr(rendered.data, uid));
}

/* ---- writing ---- */

static json_object *body(int64_t second, const char *version)
{
	struct ds_buf b = { 0 };
	json_object *json;

	ds_handover_text_body(text, "drainsnoop", "n1", "node-uid", version, AT(second), &b);
	json = json_tokener_parse(b.data);
	assert_non_null(json);
	ds_buf_free(&b);
	return json;
}

static const char *at(json_object *json, const char *a, const char *b)
{
	json_object *value = NULL;

	if (json_object_object_get_ex(json, a, &value) &&
	    json_object_object_get_ex(value, b, &value))
		return json_object_get_string(value);
	return "-";
}

static void the_object_is_a_config_map_of_the_node(void **state)
{
	json_object *json;

	(void)state;
	put_pod(1, "u1", DS_TRIGGER_ROLLOUT);
	json = body(61, "42");
	ds_handover_text_render(text, "n1", &rendered);
	assert_string_equal(at(json, "metadata", "name"), "drainsnoop-targets-n1");
	assert_string_equal(at(json, "metadata", "namespace"), "drainsnoop");
	assert_string_equal(at(json, "metadata", "resourceVersion"), "42");
	assert_non_null(strstr(at(json, "metadata", "labels"), "\"drainsnoop-targets\""));
	assert_non_null(strstr(at(json, "metadata", "annotations"), "\"n1\""));
	assert_non_null(strstr(at(json, "metadata", "ownerReferences"), "\"node-uid\""));
	assert_string_equal(at(json, "data", DS_HANDOVER_KEY), rendered.data);
	assert_string_equal(at(json, "data", DS_HANDOVER_WRITTEN_KEY),
			    "2026-11-22T22:38:01.000000000Z");
	json_object_put(json);
	json = body(61, NULL);
	assert_string_equal(at(json, "metadata", "resourceVersion"), "-");
	json_object_put(json);
}

static void written(int64_t second, bool ok)
{
	json_object_put(body(second, NULL));
	assert_null(ds_handover_text_next(text, INT64_MAX)); /* it is on its way */
	ds_handover_text_written(text, "n1", ok, AT(second));
}

static void what_is_written_is_not_written_again(void **state)
{
	(void)state;
	assert_null(ds_handover_text_next(text, INT64_MAX));
	put_pod(1, "u1", -1);
	assert_null(ds_handover_text_next(text, AT(1) - 1));
	assert_string_equal(ds_handover_text_next(text, AT(1)), "n1");
	written(2, false);
	assert_null(ds_handover_text_next(text, AT(2) - 1));
	assert_string_equal(ds_handover_text_next(text, AT(2)), "n1");
	written(3, true);
	assert_null(ds_handover_text_next(text, INT64_MAX));
	put_pod(4, "u1", -1); /* the same */
	assert_null(ds_handover_text_next(text, INT64_MAX));
	put_pod(4, "u1", DS_TRIGGER_ROLLOUT);
	assert_string_equal(ds_handover_text_next(text, AT(4)), "n1");
	/* Another change while it is on its way. */
	json_object_put(body(5, NULL));
	put_pod(6, "u2", -1);
	ds_handover_text_written(text, "n1", true, AT(7));
	assert_null(ds_handover_text_next(text, AT(7) - 1)); /* no two writes that close */
	assert_string_equal(ds_handover_text_next(text, AT(7)), "n1");
	written(8, true);
	assert_null(ds_handover_text_next(text, INT64_MAX));
}

static void those_that_wait_longest_come_first(void **state)
{
	struct ds_event ev;

	(void)state;
	put_pod(5, "u1", -1);
	ds_event_init(&ev, DS_EVENT_POD_STATE, AT(3));
	DS_SET_STR(&ev, POD_UID, pod_uid, "u9");
	ds_handover_text_put(text, "n2", &ev);
	assert_string_equal(ds_handover_text_next(text, AT(9)), "n2");
	put_pod(1, "u2", -1); /* an older line does not make it wait longer */
	assert_string_equal(ds_handover_text_next(text, AT(9)), "n2");
	ev.time_ns = AT(6);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_ROLLOUT);
	ds_handover_text_put(text, "n2", &ev);
	assert_string_equal(ds_handover_text_next(text, AT(9)), "n2");
}

/* A line that went away again before it was ever written. */
static void an_end_that_leaves_nothing_is_written_once(void **state)
{
	(void)state;
	put_pod(1, "u1", -1);
	written(2, true);
	ds_handover_text_ended(text, "n1", "u1", AT(3));
	ds_handover_text_tick(text, AT(1000));
	assert_string_equal(lines(), "");
	assert_string_equal(ds_handover_text_next(text, AT(1000)), "n1");
	written(1001, true);
	assert_null(ds_handover_text_next(text, INT64_MAX));
	ds_handover_text_tick(text, AT(1002));
	assert_int_equal(ds_handover_text_stats(text).nodes, 0);
	/* Nothing was ever written, nothing is there to be said. */
	put_pod(1003, "u1", -1);
	ds_handover_text_ended(text, "n1", "u1", AT(1003));
	ds_handover_text_tick(text, AT(3000));
	assert_null(ds_handover_text_next(text, INT64_MAX));
}

/* ---- another leader ---- */

static void begin_anew_with_what_is_there(void **state)
{
	struct ds_buf first = { 0 };

	ds_handover_text_render(text, "n1", &first);
	(void)end(state);
	(void)begin(state);
	assert_int_equal(ds_handover_text_load(text, "n1", first.data, first.len), 0);
	ds_handover_text_render(text, "n1", &rendered);
	assert_string_equal(rendered.data, first.data);
	ds_buf_free(&first);
}

static void another_leader_goes_on_with_the_text_that_is_there(void **state)
{
	put_pod(1, "u1", DS_TRIGGER_ROLLOUT);
	put_target(1, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, 30);
	put_target(3, "u1", DS_TARGET_STATE_DRAINING, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 30);
	put_address(4, "10.0.9.1");
	put_pod(5, "u2", -1);
	put_pod(6, "u3", -1);
	begin_anew_with_what_is_there(state);
	assert_null(ds_handover_text_next(text, INT64_MAX));
	put_pod(100, "u1", DS_TRIGGER_ROLLOUT);
	put_target(100, "u1", DS_TARGET_STATE_HEALTHY, DS_TARGET_SOURCE_ENDPOINT_SLICE, 30);
	put_pod(100, "u3", DS_TRIGGER_ROLLOUT);
	assert_string_equal(ds_handover_text_next(text, AT(100)), "n1");
	/* u2 ended while nobody looked, u1 and u3 are there; of u1 the drain is still known. */
	ds_handover_text_tick(text, AT(606));
	assert_string_equal(lines(), "pod u1 rollout|u1 healthy|u1 draining|pod u3 rollout|");
}

static void lines_that_make_no_sense_are_left_out(void **state)
{
	static const char loaded[] =
		"{\"time\":\"2026-11-22T22:37:01Z\",\"event.name\":\"drainsnoop.pod.state\","
		"\"k8s.pod.uid\":\"u1\"}\n"
		"\n"
		"nonsense\n"
		"{\"time\":\"2026-11-22T22:37:01Z\",\"event.name\":\"drainsnoop.tick\"}\n"
		"{\"event.name\":\"drainsnoop.pod.state\",\"k8s.pod.uid\":\"u1\"}\n"
		"{\"time\":\"2026-11-22T22:37:02Z\",\"event.name\":\"drainsnoop.pod.state\","
		"\"k8s.pod.uid\":\"u2\",\"drainsnoop.seq\":5000000000}";

	(void)state;
	assert_int_equal(ds_handover_text_load(text, "n1", loaded, sizeof(loaded) - 1), 3);
	assert_string_equal(lines(), "pod u1 -|pod u2 -|");
	assert_int_equal(ds_handover_text_stats(text).bad, 3);
}

/* Numbers as large as they may be: what is loaded is rendered as it is, wherever it stands. */
static void numbers_that_are_large_stay(void **state)
{
#define NUMBERED(uid, second, seq) \
	"{\"time\":\"2026-11-22T22:37:0" second "Z\",\"event.name\":\"drainsnoop.pod.state\"," \
	"\"k8s.pod.uid\":\"" uid "\",\"drainsnoop.seq\":" seq "}\n"
	static const char loaded[] = NUMBERED("u1", "5", "4294967294")
		NUMBERED("u2", "1", "4294967295") NUMBERED("u3", "3", "4611686018427387903")
		NUMBERED("u4", "2", "9223372036854775807") NUMBERED("u5", "4", "1");

	assert_int_equal(ds_handover_text_load(text, "n1", loaded, sizeof(loaded) - 1), 1);
	assert_string_equal(lines(), "pod u2 -|pod u3 -|pod u5 -|pod u1 -|");
	begin_anew_with_what_is_there(state);
	put_pod(6, "u6", -1);	/* and what follows can be read */
	assert_string_equal(lines(), "pod u2 -|pod u3 -|pod u5 -|pod u1 -|pod u6 -|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_line_a_pod_and_each_reading_of_a_target, begin,
						end),
		cmocka_unit_test_setup_teardown(of_readings_the_oldest_make_room, begin, end),
		cmocka_unit_test_setup_teardown(the_same_knowledge_is_the_same_text, begin, end),
		cmocka_unit_test_setup_teardown(what_ended_long_ago_goes, begin, end),
		cmocka_unit_test_setup_teardown(a_long_text_loses_its_oldest_lines, begin, end),
		cmocka_unit_test_setup_teardown(the_object_is_a_config_map_of_the_node, begin, end),
		cmocka_unit_test_setup_teardown(what_is_written_is_not_written_again, begin, end),
		cmocka_unit_test_setup_teardown(those_that_wait_longest_come_first, begin, end),
		cmocka_unit_test_setup_teardown(an_end_that_leaves_nothing_is_written_once, begin,
						end),
		cmocka_unit_test_setup_teardown(another_leader_goes_on_with_the_text_that_is_there,
						begin, end),
		cmocka_unit_test_setup_teardown(lines_that_make_no_sense_are_left_out, begin, end),
		cmocka_unit_test_setup_teardown(numbers_that_are_large_stay, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
