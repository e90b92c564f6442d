// SPDX-License-Identifier: Apache-2.0
#include "user/core/event_json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/unit.h"
#include "tests/unit/utf8_valid.h"
#include "user/util/timefmt.h"

static struct json_object *parsed(const struct ds_buf *b)
{
	struct json_object *o;

	assert_false(b->failed);
	assert_true(b->len <= DS_EVENT_LINE_MAX);
	assert_int_equal(b->data[b->len - 1], '\n');
	assert_null(memchr(b->data, '\n', b->len - 1));
	assert_true(utf8_valid(b->data, b->len));
	o = json_tokener_parse(b->data);
	assert_non_null(o);
	assert_true(json_object_is_type(o, json_type_object));
	return o;
}

static void drop_line_byte_for_byte(void **state)
{
	struct ds_buf b = { 0 };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_DROP, SAMPLE_TIME);
	ev.level = DS_LEVEL_ERROR;
	strcpy(ev.run_id, "8f3a61c2");
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "web-1");
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, ds_addr_from_v4((uint8_t[]){ 10, 0, 1, 44 }));
	DS_SET(&ev, SOURCE_PORT, source_port, 34712);
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination,
		    ds_addr_from_v4((uint8_t[]){ 10, 0, 3, 201 }));
	DS_SET(&ev, DESTINATION_PORT, destination_port, 8080);
	DS_SET(&ev, NETNS, netns, UINT64_MAX);
	DS_SET(&ev, SOCKET_PRESENT, socket_present, false);
	DS_SET(&ev, SINCE_T0, since_t0, INT64_C(3071204499));
	DS_SET_STR(&ev, DROP_ID, drop_id, "8f3a61c2-1");
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_LISTENER_CLOSED);
	ds_event_write(&b, &ev, 57);
	assert_string_equal(
		b.data,
		"{\"time\":\"2026-11-22T10:15:31.660018113Z\",\"level\":\"error\","
		"\"event.name\":\"drainsnoop.drop\",\"message\":\"shop/web-1: connection 10.0.1.44:34712 > "
		"10.0.3.201:8080 lost, listener_closed, 3.071 s after it began to go\","
		"\"drainsnoop.schema\":1,\"drainsnoop.run.id\":\"8f3a61c2\",\"drainsnoop.seq\":57,"
		"\"k8s.namespace.name\":\"shop\",\"k8s.pod.name\":\"web-1\","
		"\"source.address\":\"10.0.1.44\",\"source.port\":34712,"
		"\"destination.address\":\"10.0.3.201\",\"destination.port\":8080,"
		"\"drainsnoop.socket_present\":false,\"drainsnoop.netns\":\"18446744073709551615\","
		"\"drainsnoop.pod.since_t0_ms\":3071.204,\"drainsnoop.drop.id\":\"8f3a61c2-1\","
		"\"drainsnoop.drop.cause\":\"listener_closed\"}\n");
	ds_buf_free(&b);
}

static void assert_key(struct json_object *o, const struct ds_event *ev, enum ds_key key)
{
	const void *p = sample_member(ev, key);
	char text[DS_RFC3339_LEN + DS_ADDR_STRLEN];
	struct json_object *v;

	if (!json_object_object_get_ex(o, ds_keys[key].key, &v))
		fail_msg("%s is missing", ds_keys[key].key);
	switch (ds_keys[key].type) {
	case DS_TYPE_STR:
		assert_true(json_object_is_type(v, json_type_string));
		assert_string_equal(json_object_get_string(v), *(const char *const *)p);
		break;
	case DS_TYPE_INT:
		assert_true(json_object_is_type(v, json_type_int));
		assert_true(json_object_get_int64(v) == *(const int64_t *)p);
		break;
	case DS_TYPE_U64:
		assert_true(json_object_is_type(v, json_type_string));
		assert_true(strtoull(json_object_get_string(v), NULL, 10) == *(const uint64_t *)p);
		break;
	case DS_TYPE_BOOL:
		assert_true(json_object_is_type(v, json_type_boolean));
		assert_int_equal(json_object_get_boolean(v), *(const bool *)p);
		break;
	case DS_TYPE_TIME:
		ds_time_rfc3339(*(const int64_t *)p, text);
		assert_string_equal(json_object_get_string(v), text);
		break;
	case DS_TYPE_MS:
		assert_true(json_object_is_type(v, json_type_double));
		assert_true((int64_t)(json_object_get_double(v) * 1e3 +
				      (*(const int64_t *)p < 0 ? -0.5 : 0.5)) *
				    1000 ==
			    *(const int64_t *)p);
		break;
	case DS_TYPE_REAL:
		assert_true(json_object_get_double(v) == *(const double *)p);
		break;
	case DS_TYPE_ENUM:
		assert_string_equal(json_object_get_string(v),
				    ds_name(ds_keys[key].names, *(const int *)p));
		break;
	case DS_TYPE_ADDR:
		(void)ds_addr_format(p, text);
		assert_string_equal(json_object_get_string(v), text);
		break;
	default:
		fail();
	}
}

/* Every key of every kind, read by json-c. */
static void a_library_reads_every_key(void **state)
{
	struct ds_buf b = { 0 };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev;
		struct json_object *o;
		int expected = 7;	/* common */

		sample_fill(&ev, (enum ds_event_kind)kind);
		ds_event_write(&b, &ev, UINT64_C(9007199254740993));
		o = parsed(&b);
		for (const enum ds_key *k = ds_kinds[kind].keys; *k != DS_KEY_MAX; k++) {
			if (ds_keys[*k].type == DS_TYPE_COUNTS) {
				expected +=
					ds_names[ds_keys[*k].names].count - 1; /* the first is 0 */
				continue;
			}
			expected++;
			assert_key(o, &ev, *k);
		}
		assert_int_equal(json_object_object_length(o), expected);
		assert_true(json_object_get_int64(json_object_object_get(o, "drainsnoop.seq")) ==
			    INT64_C(9007199254740993));
		json_object_put(o);
	}
	ds_buf_free(&b);
}

static void counters_are_one_key_each_without_zeros(void **state)
{
	struct ds_buf b = { 0 };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_STOP, SAMPLE_TIME);
	ev.drops_by[DS_CAUSE_LISTENER_CLOSED] = 4;
	ev.drops_by[DS_CAUSE_UNKNOWN] = UINT32_MAX;
	ds_event_mark(&ev, DS_KEY_DROPS_BY);
	ds_event_mark(&ev, DS_KEY_NOT_DROPS);
	ds_event_write(&b, &ev, 0);
	assert_non_null(strstr(b.data, ",\"drainsnoop.verdict.drops_by.listener_closed\":4,"
				       "\"drainsnoop.verdict.drops_by.unknown\":4294967295}\n"));
	ds_buf_free(&b);
}

static void what_is_absent_is_not_written(void **state)
{
	struct ds_buf b = { 0 };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, SAMPLE_TIME);
	ev.address = "10.0.0.0/24";
	ds_event_mark(&ev, DS_KEY_ADDRESS);
	ds_event_mark(&ev, DS_KEY_LB_NAME);			/* NULL */
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_MAX);		/* no word */
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_UNKNOWN);		/* not of this kind */
	ds_event_write(&b, &ev, 0);
	assert_non_null(
		strstr(b.data, "\"drainsnoop.seq\":0,\"drainsnoop.address\":\"10.0.0.0/24\"}\n"));
	assert_null(strstr(b.data, "run.id"));
	assert_null(strstr(b.data, "late"));
	ev.late = true;
	ds_event_write(&b, &ev, 0);
	assert_non_null(strstr(b.data, "\"drainsnoop.seq\":0,\"drainsnoop.late\":true,"));
	ds_buf_free(&b);
}

/* The worst of each kind: all keys, the longest values, strings that escape to six bytes. */
static void no_line_is_ever_too_long(void **state)
{
	static char worst[5000], umlauts[5001];
	struct ds_buf b = { 0 };

	(void)state;
	memset(worst, 1, sizeof(worst) - 1);
	for (size_t i = 0; i < sizeof(umlauts) - 1; i += 2)
		memcpy(umlauts + i, "\xc3\xbc", 2);
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct json_object *o;
		struct ds_event ev;

		sample_fill(&ev, (enum ds_event_kind)kind);
		for (const enum ds_key *k = ds_kinds[kind].keys; *k != DS_KEY_MAX; k++) {
			void *p = sample_member(&ev, *k);

			if (ds_keys[*k].type == DS_TYPE_STR)
				*(const char **)p = *k % 2 ? worst : umlauts;
			if (ds_keys[*k].type == DS_TYPE_INT)
				*(int64_t *)p = INT64_MIN;
			if (ds_keys[*k].type == DS_TYPE_MS)
				*(int64_t *)p = INT64_MIN;
			if (ds_keys[*k].type == DS_TYPE_COUNTS)
				memset(p, 0xff, sizeof(uint32_t) * DS_COUNTS_MAX);
			if (ds_keys[*k].type == DS_TYPE_ADDR)
				memset(p, 0xab, sizeof(struct ds_addr));
		}
		ev.late = true;
		ds_event_write(&b, &ev, UINT64_MAX);
		o = parsed(&b);
		/* Nothing had to be left out. */
		for (const enum ds_key *k = ds_kinds[kind].keys; *k != DS_KEY_MAX; k++)
			if (ds_keys[*k].type != DS_TYPE_COUNTS &&
			    !json_object_object_get_ex(o, ds_keys[*k].key, NULL))
				fail_msg("%s: no room for %s", ds_kinds[kind].name,
					 ds_keys[*k].key);
		json_object_put(o);
	}
	ds_buf_free(&b);
}

/* Lines of every length around the limit. */
static void strings_are_cut_only_when_they_must(void **state)
{
	static char long_text[6000];
	struct ds_buf b = { 0 };
	struct ds_event ev;

	(void)state;
	for (size_t len = 1; len < sizeof(long_text); len++) {
		struct json_object *o;
		size_t got;

		memset(long_text, 'x', len);
		long_text[len] = '\0';
		ds_event_init(&ev, DS_EVENT_ADVICE, SAMPLE_TIME);
		DS_SET(&ev, ADVICE, advice, 0);
		DS_SET_STR(&ev, ADVICE_EVIDENCE, advice_evidence, long_text);
		DS_SET_STR(&ev, ADVICE_FIELD, advice_field, "short");
		ds_event_write(&b, &ev, 0);
		o = parsed(&b);
		got = strlen(json_object_get_string(
			json_object_object_get(o, "drainsnoop.advice.evidence")));
		assert_int_equal(got, len <= 2048 ? len : 2048);
		assert_string_equal(json_object_get_string(
					    json_object_object_get(o, "drainsnoop.advice.field")),
				    "short");
		if (len > 2048)
			assert_non_null(strstr(b.data, "xxx...\""));
		json_object_put(o);
		if (len == 1000)
			len = 1900;
	}
	ds_buf_free(&b);
}

static void bytes_from_outside_are_made_harmless(void **state)
{
	struct ds_buf b = { 0 };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_POD_STATE, SAMPLE_TIME);
	DS_SET_STR(&ev, POD_NAME, pod_name, "a\x1b[31m\"\\\n\xff\xc2\x9b");
	ds_event_write(&b, &ev, 0);
	assert_non_null(
		strstr(b.data, "\"k8s.pod.name\":\"a\\u001b[31m\\\"\\\\\\n\xef\xbf\xbd\\u009b\""));
	json_object_put(parsed(&b));
	ds_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_line_byte_for_byte),
		cmocka_unit_test(a_library_reads_every_key),
		cmocka_unit_test(counters_are_one_key_each_without_zeros),
		cmocka_unit_test(what_is_absent_is_not_written),
		cmocka_unit_test(no_line_is_ever_too_long),
		cmocka_unit_test(strings_are_cut_only_when_they_must),
		cmocka_unit_test(bytes_from_outside_are_made_harmless),
	};

	return cmocka_run_group_tests_name("event_write", tests, NULL, NULL);
}
