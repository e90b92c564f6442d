// SPDX-License-Identifier: Apache-2.0
#include "user/sink/table_render.h"

#include "tests/unit/core_fixture.h"
#include "tests/unit/sample_event.h"

static struct ds_buf buf;

static int setup(void **state)
{
	(void)state;
	memset(&buf, 0, sizeof(buf));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ds_buf_free(&buf);
	return 0;
}

static const char *row(const struct ds_event *ev, const struct ds_table_style *style)
{
	ds_buf_clear(&buf);
	ds_table_row(&buf, ev, style);
	return buf.len ? buf.data : "";
}

static struct ds_event drop(void)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_DROP, fx_at(1234));
	ev.level = DS_LEVEL_ERROR;
	DS_SET_STR(&ev, POD_NAME, pod_name, "web-1");
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_ADDRESS_RELEASED);
	DS_SET(&ev, OUTCOME, outcome, DS_OUTCOME_NEIGH_FAILED);
	DS_SET(&ev, SYMPTOM, symptom, DS_SYMPTOM_ALB_502);
	DS_SET(&ev, DROP_CONFIDENCE, drop_confidence, DS_CONFIDENCE_HIGH);
	DS_SET(&ev, PHASE, phase, DS_PHASE_SIGTERM);
	DS_SET(&ev, PHASE_AGE, phase_age, 2500 * DS_NS_PER_MS);
	DS_SET(&ev, OFFSET_MAX, offset_max, 12 * DS_NS_PER_S);
	DS_SET(&ev, TARGET_STATE, target_state, DS_TARGET_STATE_DRAINING);
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr("fd00::a"));
	DS_SET(&ev, SOURCE_PORT, source_port, 40000);
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_addr("10.0.3.1"));
	DS_SET(&ev, DESTINATION_PORT, destination_port, 8080);
	DS_SET(&ev, REPEAT, repeat, 1);
	return ev;
}

/* FX_BEGIN is 2026-11-22T10:15:00Z. */
static void a_drop_is_one_line(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK };
	struct ds_event ev = drop();
	const char *line = row(&ev, &style);

	(void)state;
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_memory_equal(line, "10:15:01.234  drop", 18);
	assert_non_null(strstr(line, " web-1 "));
	assert_non_null(strstr(line, " sigterm +2.5s "));
	assert_non_null(strstr(line, " draining +12.0s "));
	assert_non_null(strstr(line, "address_released"));
	assert_null(strstr(line, "low confidence"));
	assert_null(strstr(line, "fd00"));
}

static void low_confidence_and_repetitions_are_told(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK };
	struct ds_event ev = drop();
	const char *line;

	(void)state;
	DS_SET(&ev, REPEAT, repeat, 17);
	DS_SET(&ev, DROP_CONFIDENCE, drop_confidence, DS_CONFIDENCE_LOW);
	line = row(&ev, &style);
	assert_non_null(strstr(line, "17"));
	assert_non_null(strstr(line, "low"));
}

static void wide_adds_the_connection(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK, .wide = true };
	struct ds_event ev = drop();

	(void)state;
	assert_non_null(strstr(row(&ev, &style), "fd00::a:40000 > 10.0.3.1:8080"));
}

static void times_are_clock_relative_or_none(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK, .utc_offset_s = 3600 };
	struct ds_event ev = drop();

	(void)state;
	assert_memory_equal(row(&ev, &style), "11:15:01.234  drop", 18);
	style.time = DS_TABLE_TIME_RELATIVE;
	style.start_ns = FX_BEGIN;
	assert_memory_equal(row(&ev, &style), "      +1.234  drop", 18);
	style.time = DS_TABLE_TIME_NONE;
	assert_memory_equal(row(&ev, &style), "drop", 4);
}

static void the_header_stands_above_its_columns(void **state)
{
	struct ds_event ev = drop();

	(void)state;
	for (int time = DS_TABLE_TIME_CLOCK; time <= DS_TABLE_TIME_NONE; time++)
		for (int wide = 0; wide < 2; wide++) {
			struct ds_table_style style = {
				.time = (enum ds_table_time)time,
				.wide = wide,
				.start_ns = FX_BEGIN,
			};
			char header[512];
			const char *line;

			ds_buf_clear(&buf);
			ds_table_header(&buf, &style);
			strcpy(header, buf.data);
			line = row(&ev, &style);
			assert_int_equal(strstr(header, "EVENT") - header,
					 strstr(line, "drop") - line);
			assert_int_equal(strstr(header, "POD") - header,
					 strstr(line, "web-1") - line);
			assert_int_equal(strstr(header, "POD STATE") - header,
					 strstr(line, "sigterm") - line);
			assert_int_equal(strstr(header, "TARGET") - header,
					 strstr(line, "draining") - line);
			assert_int_equal(strstr(header, "DETAIL") - header,
					 strstr(line, "address_released") - line);
		}
}

static void long_names_keep_their_ends(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_NONE };
	struct ds_event ev = drop();

	(void)state;
	DS_SET_STR(&ev, POD_NAME, pod_name, "checkout-service-frontend-5d8f9c7b6-x2x4z");
	assert_non_null(strstr(row(&ev, &style), "-5d8f9c7b6-x2x4z "));
	assert_null(strstr(row(&ev, &style), "checkout"));
	style.wide = true;
	assert_non_null(strstr(row(&ev, &style), "checkout-service-frontend-5d8f9c7b6-x2x4z "));
}

static void a_pod_without_a_name_is_its_address(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_NONE };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_PHASE, FX_BEGIN);
	DS_SET_ADDR(&ev, POD_IP, pod_ip, fx_addr("10.0.3.1"));
	DS_SET(&ev, PHASE, phase, DS_PHASE_EXITED);
	assert_non_null(strstr(row(&ev, &style), " 10.0.3.1 "));
}

static void colours_only_where_asked_and_they_end(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_NONE };
	struct ds_event ev = drop();
	const char *line;

	(void)state;
	assert_null(strchr(row(&ev, &style), '\033'));
	style.color = true;
	line = row(&ev, &style);
	assert_memory_equal(line, "\033[31m", 5);
	assert_string_equal(line + strlen(line) - 5, "\033[0m\n");
	ev.level = DS_LEVEL_INFO;
	assert_null(strchr(row(&ev, &style), '\033'));
}

/* Text from outside never reaches a terminal raw, whatever key it came in. */
static void nothing_from_outside_reaches_the_terminal_raw(void **state)
{
	struct ds_table_sums sums = { 0 };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++)
		for (int wide = 0; wide < 2; wide++) {
			struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK, .wide = wide };
			struct ds_event ev;
			const char *line;

			sample_fill(&ev, (enum ds_event_kind)kind);
			for (enum ds_key k = 0; k < DS_KEY_MAX; k++)
				if (ds_keys[k].type == DS_TYPE_STR && ds_event_has(&ev, k))
					*(const char **)sample_member(&ev, k) =
						"\033[2J\nevil\r\x9b""31m\xff\x7f";
			ds_table_sums_add(&sums, &ev);
			line = row(&ev, &style);
			for (const char *p = line; *p; p++)
				if (((unsigned char)*p < 0x20 && p[1]) || (unsigned char)*p >= 0x7f)
					fail_msg("%s: a raw byte %02x", ds_kinds[kind].name,
						 (unsigned char)*p);
		}
	for (size_t i = 0; i < sums.advice.len; i++)
		assert_true(sums.advice.data[i] == '\n' ||
			    (unsigned char)sums.advice.data[i] >= 0x20);
	ds_table_sums_free(&sums);
}

static void texts_of_any_length_are_cut(void **state)
{
	static char text[5000];

	(void)state;
	memset(text, '\1', sizeof(text) - 1);	/* each byte becomes four */
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK, .wide = true };
		struct ds_event ev;

		sample_fill(&ev, (enum ds_event_kind)kind);
		for (enum ds_key k = 0; k < DS_KEY_MAX; k++)
			if (ds_keys[k].type == DS_TYPE_STR && ds_event_has(&ev, k))
				*(const char **)sample_member(&ev, k) = text;
		assert_true(strlen(row(&ev, &style)) < 2000);
	}
}

static void what_a_table_shows(void **state)
{
	static const bool shown[DS_EVENT_MAX] = {
		[DS_EVENT_DROP] = true, [DS_EVENT_PHASE] = true, [DS_EVENT_TARGET] = true,
		[DS_EVENT_VERDICT] = true, [DS_EVENT_ADVICE] = true, [DS_EVENT_NO_TARGET] = true,
	};
	struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK };
	struct ds_event ev;

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		sample_fill(&ev, (enum ds_event_kind)kind);
		assert_int_equal(*row(&ev, &style) != '\0', shown[kind]);
	}
	ds_event_init(&ev, DS_EVENT_HEALTH, FX_BEGIN);
	ev.level = DS_LEVEL_WARN;	/* only when something is wrong */
	assert_non_null(strstr(row(&ev, &style), "health"));
}

static void the_row_of_a_group_without_a_target(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_NONE };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_NO_TARGET, FX_BEGIN);
	DS_SET_STR(&ev, TG_NAME, tg_name, "shop-web");
	DS_SET(&ev, TG_TARGETS, tg_targets, 4);
	assert_non_null(strstr(row(&ev, &style), "none of 4"));
	assert_non_null(strstr(row(&ev, &style), "no healthy target in shop-web, nothing arrived\n"));
	DS_SET(&ev, TG_NO_TARGET, tg_no_target, 2500 * DS_NS_PER_MS);
	DS_SET(&ev, TG_LAST_ARRIVAL, tg_last_arrival, FX_BEGIN);
	assert_non_null(strstr(row(&ev, &style), "no healthy target in shop-web for 2.5s\n"));
}

/* Whatever is absent: a row with a dash, not a crash. */
static void rows_of_empty_events(void **state)
{
	struct ds_table_style style = { .time = DS_TABLE_TIME_CLOCK, .wide = true, .color = true };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_table_sums sums = { 0 };
		struct ds_event ev;

		ds_event_init(&ev, (enum ds_event_kind)kind, FX_BEGIN);
		(void)row(&ev, &style);
		ds_table_sums_add(&sums, &ev);
		ds_table_summary(&buf, &sums, &style);
		ds_table_sums_free(&sums);
	}
}

static const char *summary(const struct ds_table_sums *sums, bool color)
{
	struct ds_table_style style = { .color = color };

	ds_buf_clear(&buf);
	ds_table_summary(&buf, sums, &style);
	return buf.data;
}

static void the_summary_of_a_run(void **state)
{
	struct ds_table_sums sums = { 0 };
	struct ds_event ev;
	const char *text;

	(void)state;
	ds_event_init(&ev, DS_EVENT_START, FX_BEGIN);
	ds_table_sums_add(&sums, &ev);
	for (int i = 0; i < 3; i++) {
		ds_event_init(&ev, DS_EVENT_VERDICT, FX_BEGIN);
		DS_SET(&ev, VERDICT, verdict, i ? DS_VERDICT_DROPPED : DS_VERDICT_CLEAN);
		ds_table_sums_add(&sums, &ev);
	}
	ds_event_init(&ev, DS_EVENT_ADVICE, FX_BEGIN);
	DS_SET(&ev, ADVICE, advice, DS_ADVICE_RAISE_PRESTOP);
	DS_SET_STR(&ev, ADVICE_OBJECT, advice_object, "Deployment/shop/web");
	DS_SET_STR(&ev, ADVICE_SUGGESTED, advice_suggested, "14");
	ds_table_sums_add(&sums, &ev);
	/* It begins: counted when it is over. */
	ds_event_init(&ev, DS_EVENT_NO_TARGET, FX_BEGIN);
	ds_table_sums_add(&sums, &ev);
	DS_SET(&ev, TG_NO_TARGET, tg_no_target, 4200 * DS_NS_PER_MS);
	ds_table_sums_add(&sums, &ev);
	ds_event_init(&ev, DS_EVENT_STOP, fx_at(61500));
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, 12);
	ev.drops_by[DS_CAUSE_LISTENER_CLOSED] = 12;
	ev.drops_by[DS_CAUSE_UNKNOWN] = 1;
	ev.not_drops[DS_NOT_DROP_PROBE] = 3;
	ds_table_sums_add(&sums, &ev);
	text = summary(&sums, false);
	assert_non_null(strstr(text, "No healthy target in a target group: 1x, 4.2s in all.\n"));
	assert_non_null(strstr(text, "61.5s"));
	assert_non_null(strstr(text, "3 pods went away (1 clean, 2 with losses, 0 inconclusive)"));
	assert_non_null(strstr(text, "12 connections lost"));
	assert_non_null(strstr(text, "12 listener_closed, 1 unknown."));
	assert_non_null(strstr(text, "3 probe."));
	assert_non_null(strstr(text, "Advice:\n"));
	assert_non_null(strstr(text, "Deployment/shop/web"));
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(summary(&sums, true), "\033[31m12 connections lost\033[0m"));
	ds_table_sums_free(&sums);
}

static void the_summary_of_nothing(void **state)
{
	struct ds_table_sums sums = { 0 };
	const char *text = summary(&sums, true);

	(void)state;
	assert_non_null(strstr(text, "0 connections lost"));
	assert_non_null(strstr(text, "by cause: none."));
	assert_null(strstr(text, "Advice"));
	assert_null(strchr(text, '\033'));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_drop_is_one_line),
		T(low_confidence_and_repetitions_are_told),
		T(wide_adds_the_connection),
		T(times_are_clock_relative_or_none),
		T(the_header_stands_above_its_columns),
		T(long_names_keep_their_ends),
		T(a_pod_without_a_name_is_its_address),
		T(colours_only_where_asked_and_they_end),
		T(nothing_from_outside_reaches_the_terminal_raw),
		T(texts_of_any_length_are_cut),
		T(what_a_table_shows),
		T(the_row_of_a_group_without_a_target),
		T(rows_of_empty_events),
		T(the_summary_of_a_run),
		T(the_summary_of_nothing),
	};

	return cmocka_run_group_tests_name("table_render", tests, NULL, NULL);
}
