// SPDX-License-Identifier: Apache-2.0
#include "user/source/handover/handover_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/merge.h"
#include "user/source/cluster/handover_text.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define NOW (INT64_C(1795387020) * DS_NS_PER_S) /* 2026-11-22T22:37:00 */
#define POD(name) \
	"{\"event.name\":\"drainsnoop.pod.state\",\"time\":\"2026-11-22T22:36:50Z\"," \
	"\"k8s.pod.name\":\"" name "\",\"drainsnoop.pod.trigger\":\"rollout\"}\n"
#define TARGET(state) \
	"{\"event.name\":\"drainsnoop.target.state\",\"time\":\"2026-11-22T22:36:55Z\"," \
	"\"drainsnoop.target.id\":\"10.0.0.1\",\"drainsnoop.target.state\":\"" state "\"}\n"
#define BALANCER \
	"{\"event.name\":\"drainsnoop.load_balancer.address\",\"drainsnoop.address\":\"10.9.0.1\"}\n"

static struct ds_handover_reader *reader;
static struct ds_buf told;
static uint64_t last_seq;

static void deliver(void *ctx, struct ds_event *ev)
{
	(void)ctx;
	assert_int_equal(ev->rank, DS_RANK_EVENTS);
	if (ev->kind == DS_EVENT_LOSS) {
		assert_int_equal(ev->loss_stage, DS_LOSS_STAGE_WATCH);
		assert_true(ev->not_after == ev->time_ns);
		ds_buf_printf(&told, "lost %s %d s until @%d|", ev->loss_class,
			      (int)((ev->not_after - ev->not_before) / DS_NS_PER_S),
			      (int)((ev->time_ns - NOW) / DS_NS_PER_S));
		return;
	}
	last_seq = ev->source_seq;
	ds_buf_printf(&told, "%s@%d|",
		      ev->kind == DS_EVENT_POD_STATE ? ev->pod_name :
		      ev->kind == DS_EVENT_LB_ADDRESS ?
			      ev->address : ds_name(DS_NAMES_TARGET_STATE, ev->target_state),
		      (int)((ev->time_ns - NOW) / DS_NS_PER_S));
}

static void fault(void *ctx, size_t line, const char *what)
{
	(void)ctx;
	ds_buf_printf(&told, "%zu: %s|", line, what);
}

static int fresh(void **state)
{
	struct ds_handover_read_options o = { .deliver = deliver, .fault = fault, .seed = 7 };

	(void)state;
	ds_buf_clear(&told);
	ds_buf_putc(&told, '|');
	return ds_handover_reader_new(&reader, &o);
}

static int end(void **state)
{
	(void)state;
	ds_handover_reader_free(&reader);
	ds_buf_free(&told);
	return 0;
}

static void text(const char *text)
{
	ds_handover_reader_text(reader, text, strlen(text), NOW);
}

static void assert_told(const char *want)
{
	assert_string_equal(told.data + 1, want);
	ds_buf_clear(&told);
	ds_buf_putc(&told, '|');
}

static void each_line_is_told_once(void **state)
{
	(void)state;
	text(POD("a"));
	assert_told("a@-10|");
	text(POD("a") TARGET("healthy"));
	assert_told("healthy@-5|");
	text(POD("a") TARGET("healthy"));
	assert_told("");
	text(TARGET("healthy") TARGET("draining"));	/* a was dropped */
	assert_told("draining@-5|");
	text("");
	assert_told("");
	assert_int_equal(ds_handover_reader_stats(reader).events, 3);
	assert_int_equal(last_seq, 2);
}

static void a_line_that_stands_twice(void **state)
{
	(void)state;
	text(POD("a") POD("b") POD("a"));
	assert_told("a@-10|b@-10|");
}

static void a_line_that_came_back_is_told_again(void **state)
{
	(void)state;
	text(POD("a"));
	text("");
	text(POD("a"));
	assert_told("a@-10|a@-10|");
}

static void without_a_time_it_is_now_and_never_later(void **state)
{
	(void)state;
	text(BALANCER "{\"event.name\":\"drainsnoop.pod.state\",\"time\":\"2026-11-22T22:38:00Z\","
		      "\"k8s.pod.name\":\"ahead\"}\n");
	assert_told("10.9.0.1@0|ahead@0|");
}

static void bad_lines_are_counted_once(void **state)
{
	(void)state;
	text("no JSON\n" POD("a") "\n \t\r\n{\"event.name\":\"drainsnoop.target.state\"}\n");
	assert_string_equal(strchr(told.data + 1, '|'),
			    "|a@-10|5: byte 0: drainsnoop.target.state needs the key \"drainsnoop.target.id\"|");
	assert_memory_equal(told.data, "|1: byte 0: ", 12);
	ds_buf_clear(&told);
	ds_buf_putc(&told, '|');
	text("no JSON\n" POD("b"));
	assert_told("b@-10|");
	assert_int_equal(ds_handover_reader_stats(reader).bad, 2);
}

/* Whoever can write the object cannot make up what only the kernel or a state file tells. */
static void what_a_handover_does_not_tell(void **state)
{
	static const char *const lines[] = {
		"{\"event.name\":\"drainsnoop.tick\"}\n",
		"{\"event.name\":\"drainsnoop.loss\",\"drainsnoop.loss.stage\":\"watch\"}\n",
		"{\"event.name\":\"drainsnoop.health\",\"drainsnoop.health.status\":\"ok\"}\n",
		"{\"event.name\":\"drainsnoop.node.address\",\"drainsnoop.address\":\"10.0.0.1\"}\n",
		"{\"event.name\":\"drainsnoop.pod.state\",\"k8s.pod.name\":\"a\",\"drainsnoop.restored\":true}\n",
		"{\"event.name\":\"drainsnoop.pod.state\",\"k8s.pod.name\":\"a\","
		"\"drainsnoop.pod.phase_lane\":\"kernel\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		text(lines[i]);
	assert_int_equal(ds_handover_reader_stats(reader).bad, sizeof(lines) / sizeof(lines[0]));
	assert_int_equal(ds_handover_reader_stats(reader).events, 0);
	assert_memory_equal(told.data, "|1: drainsnoop.tick is not told here|", 37);
}

static void too_much_of_it(void **state)
{
	struct ds_buf b = { 0 };
	const struct ds_handover_read_stats *stats;
	struct ds_handover_read_stats s;

	(void)state;
	for (int i = 0; i < DS_HANDOVER_LINES_MAX + 10; i++)
		ds_buf_printf(&b, "{\"event.name\":\"drainsnoop.pod.state\",\"k8s.pod.name\":\"p%d\"}\n", i);
	ds_handover_reader_text(reader, b.data, b.len, NOW);
	s = ds_handover_reader_stats(reader);
	stats = &s;
	assert_int_equal(stats->events, DS_HANDOVER_LINES_MAX);
	assert_int_equal(stats->over, 1);
	ds_buf_clear(&b);
	ds_buf_puts(&b, POD("first"));
	while (b.len <= DS_HANDOVER_TEXT_MAX)
		ds_buf_puts(&b, "                                                               \n");
	ds_buf_puts(&b, POD("last"));
	ds_buf_clear(&told);
	ds_buf_putc(&told, '|');
	ds_handover_reader_text(reader, b.data, b.len, NOW);
	assert_told("first@-10|");
	assert_int_equal(ds_handover_reader_stats(reader).over, 2);
	ds_buf_free(&b);
}

static void objects_with_and_without_the_text(void **state)
{
	static const char *const objects[] = {
		"{}", "[]", "{\"data\":null}", "{\"data\":{\"events.jsonl\":7}}",
		"{\"data\":{\"events.jsonl\":\"{\\\"event.name\\\":\\\"drainsnoop.pod.state\\\","
		"\\\"k8s.pod.name\\\":\\\"a\\\"}\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		json_object *object = json_tokener_parse(objects[i]);

		ds_handover_reader_object(reader, object, NOW);
		json_object_put(object);
	}
	ds_handover_reader_object(reader, NULL, NOW);
	assert_told("a@0|");
	assert_int_equal(ds_handover_reader_stats(reader).bad, 0);
}

static void names_of_the_objects(void **state)
{
	char name[DS_HANDOVER_NAME_MAX + 1], node[400], other[DS_HANDOVER_NAME_MAX + 1];

	(void)state;
	ds_handover_name("ip-10-0-1-2.eu-central-1.compute.internal", name);
	assert_string_equal(name, "drainsnoop-targets-ip-10-0-1-2.eu-central-1.compute.internal");
	memset(node, 'n', sizeof(node));
	node[234] = '\0';
	ds_handover_name(node, name);
	assert_int_equal(strlen(name), 253);	/* as it is */
	node[234] = 'n';
	node[235] = '\0';
	ds_handover_name(node, name);
	assert_int_equal(strlen(name), 200 + 1 + 16);
	assert_int_equal(name[200], '-');
	node[234] = 'm';
	ds_handover_name(node, other);
	assert_memory_equal(name, other, 201);
	assert_string_not_equal(name, other);
	ds_handover_name("a/b%2F c", name);
	assert_string_equal(name, "drainsnoop-targets-a-b-2--c");
}

/* A line stays for ten minutes: who was away for less has missed nothing. */
static void away_for_long(void **state)
{
	const int64_t keep_s = DS_HANDOVER_KEEP_NS / DS_NS_PER_S;
	const char *after = POD("a") POD("b");

	(void)state;
	text(POD("a"));
	assert_told("a@-10|");
	ds_handover_reader_text(reader, after, strlen(after), NOW + keep_s * DS_NS_PER_S);
	ds_handover_reader_blind(reader, keep_s * DS_NS_PER_S, NOW + keep_s * DS_NS_PER_S);
	assert_told("b@-10|");
	/* Of c nothing is known but that it may have been. What was told stands, and comes once. */
	after = POD("b") POD("d");
	ds_handover_reader_text(reader, after, strlen(after), NOW + 2000 * DS_NS_PER_S);
	ds_handover_reader_blind(reader, (keep_s + 1) * DS_NS_PER_S, NOW + 2000 * DS_NS_PER_S);
	assert_told("d@-10|lost handover 601 s until @2000|");
	assert_int_equal(ds_handover_reader_stats(reader).events, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_line_is_told_once),
		T(a_line_that_stands_twice),
		T(a_line_that_came_back_is_told_again),
		T(without_a_time_it_is_now_and_never_later),
		T(bad_lines_are_counted_once),
		T(what_a_handover_does_not_tell),
		T(too_much_of_it),
		T(objects_with_and_without_the_text),
		T(names_of_the_objects),
		T(away_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
