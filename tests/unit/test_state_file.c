// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/state_file.h"

static const struct ds_state_header header = {
	.time_ns = INT64_C(1795342500123456789),
	.run_id = "8f3a61c2",
	.boot_id = "0d5f21a9-4c6e-4a36-9b39-000000000000",
};

static void make(struct ds_state_text *t, int pods)
{
	char address[24];
	struct ds_event ev;

	ds_state_begin(t, &header);
	for (int i = 0; i < pods; i++) {
		ds_event_init(&ev, DS_EVENT_POD_STATE, header.time_ns);
		(void)snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255,
			       i & 255);
		DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
		DS_SET(&ev, NETNS, netns, 4026532000u);
		DS_SET(&ev, RESTORED, restored, true);
		ds_state_add(t, &ev);
	}
	assert_int_equal(ds_state_end(t), 0);
}

static int parse(const char *data, size_t len, struct ds_state_view *v)
{
	char why[DS_STATE_WHY_LEN + 1];
	char *copy = malloc(len ? len : 1); /* of that size: a sanitizer sees who reads on */
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	r = ds_state_parse(copy, len, v, why);
	assert_true(r == 0 ? !why[0] : why[0] != '\0');
	free(copy);
	return r;
}

static void count(void *ctx, struct ds_event *ev)
{
	assert_int_equal(ev->kind, DS_EVENT_POD_STATE);
	++*(int *)ctx;
}

static void what_was_written_is_read(void **state)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_text t = { 0 };
	struct ds_state_view v;
	int n = 0;

	(void)state;
	make(&t, 3);
	assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), 0);
	assert_int_equal(v.lines, 3);
	assert_int_equal(v.header.time_ns, header.time_ns);
	assert_string_equal(v.header.run_id, header.run_id);
	assert_string_equal(v.header.boot_id, header.boot_id);
	assert_int_equal(ds_state_each(&v, true, count, &n), 0);
	assert_int_equal(n, 3);
	make(&t, 0);
	assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), 0);
	assert_int_equal(v.lines, 0);
	ds_state_text_free(&t);
}

/* One line that could not be read would cost the whole state. */
static void what_no_line_can_say_is_not_written(void **state)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_text t = { 0 };
	struct ds_state_view v;
	struct ds_event ev;
	int n = 0;

	(void)state;
	ds_state_begin(&t, &header);
	ds_event_init(&ev, DS_EVENT_POD_STATE, -1);
	DS_SET_STR(&ev, POD_UID, pod_uid, "u");
	DS_SET(&ev, RESTORED, restored, true);
	DS_SET(&ev, T0, t0, INT64_MIN);
	DS_SET(&ev, T0_ERROR, t0_error, INT64_MAX);
	DS_SET(&ev, DRAIN_NOT_AFTER, drain_not_after, INT64_MAX);
	DS_SET(&ev, TAIL_ERROR, tail_error, INT64_MIN);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, -1);
	DS_SET(&ev, PHASE_PORT, phase_port, 65536);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_MAX);
	ds_state_add(&t, &ev);
	assert_int_equal(ds_state_end(&t), 0);
	assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), 0);
	assert_int_equal(ds_state_each(&v, true, count, &n), 0);
	assert_int_equal(n, 1);
	ds_state_text_free(&t);
}

static void every_changed_byte_is_seen(void **state)
{
	static const unsigned char changes[] = { 0x01, 0x20, 0x80, 0xff };
	struct ds_state_text t = { 0 };
	struct ds_state_view v;

	(void)state;
	make(&t, 2);
	for (size_t i = 0; i < t.all.len; i++)
		for (size_t k = 0; k < sizeof(changes); k++) {
			t.all.data[i] = (char)(t.all.data[i] ^ changes[k]);
			assert_int_equal(parse(t.all.data, t.all.len, &v), -22);
			t.all.data[i] = (char)(t.all.data[i] ^ changes[k]);
		}
	assert_int_equal(parse(t.all.data, t.all.len, &v), 0);
	ds_state_text_free(&t);
}

static void every_cut_is_seen(void **state)
{
	struct ds_state_text t = { 0 };
	struct ds_state_view v;

	(void)state;
	make(&t, 2);
	for (size_t len = 0; len < t.all.len; len++) {
		assert_int_equal(parse(t.all.data, len, &v), -22);
		assert_int_equal(parse(t.all.data + t.all.len - len, len, &v), -22);
	}
	ds_state_text_free(&t);
}

static void bytes_too_many_are_seen(void **state)
{
	struct ds_state_text t = { 0 };
	struct ds_state_view v;
	size_t len;

	(void)state;
	make(&t, 2);
	len = t.all.len;
	ds_buf_puts(&t.all, "\n");
	assert_int_equal(parse(t.all.data, t.all.len, &v), -22);
	t.all.len = len;
	ds_buf_put(&t.all, t.all.data, 10);
	assert_int_equal(parse(t.all.data, t.all.len, &v), -22);
	t.all.len = len;
	ds_buf_reserve(&t.all, len);
	ds_buf_put(&t.all, t.all.data, len); /* the file twice */
	assert_int_equal(parse(t.all.data, t.all.len, &v), -22);
	ds_state_text_free(&t);
}

static void another_version_is_named(void **state)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_text t = { 0 };
	struct ds_state_view v;

	(void)state;
	/* By a program whose files differ in the version only: the checksum is right. */
	make(&t, 0);
	assert_int_equal(memcmp(t.all.data, "{\"drainsnoop.state.version\":1,", 30), 0);
	ds_state_begin(&t, &header);
	t.all.data[28] = '7';
	assert_int_equal(ds_state_end(&t), 0);
	assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), -22);
	assert_non_null(strstr(why, "version is 7"));
	ds_state_text_free(&t);
}

/* The checksum is right; but such an id is logged, and stands in lines. */
static void an_id_that_is_no_text_is_no_state(void **state)
{
	static const char *const ids[] = { "8f3\xe6" "61c2", "8f3\033[1m", "8f3 61c2", "8f3\n61c2" };
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_text t = { 0 };
	struct ds_state_view v;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct ds_state_header h = header;

		(void)snprintf(h.run_id, sizeof(h.run_id), "%s", ids[i]);
		ds_state_begin(&t, &h);
		assert_int_equal(ds_state_end(&t), 0);
		assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), -22);
		assert_string_equal(why, "its first line is malformed");
	}
	ds_state_text_free(&t);
}

static void an_event_that_is_not_restored_is_no_state(void **state)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_text t = { 0 };
	struct ds_state_view v;
	struct ds_event ev;

	(void)state;
	ds_state_begin(&t, &header);
	ds_event_init(&ev, DS_EVENT_POD_STATE, header.time_ns);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.0.1");
	ds_state_add(&t, &ev);
	assert_int_equal(ds_state_end(&t), 0);
	assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), -22);
	assert_non_null(strstr(why, "line 2"));
	ds_state_text_free(&t);
}

static void garbage_is_seen(void **state)
{
	static const char *const garbage[] = {
		"",
		"\n",
		"\n\n",
		"{}\n",
		"{}\n{}\n",
		"\0\0\0\0",
		"a",
		"a\nb\n",
		"{\"drainsnoop.state.lines\":0,\"drainsnoop.state.checksum\":\"0000000000000000\"}\n",
		"\n{\"drainsnoop.state.lines\":99999999999999999999,\"drainsnoop.state.checksum\":\"\"}\n"
	};
	struct ds_state_view v;
	char big[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		assert_int_equal(parse(garbage[i], strlen(garbage[i]), &v), -22);
	memset(big, 0, sizeof(big));
	assert_int_equal(parse(big, sizeof(big), &v), -22);
	memset(big, '\n', sizeof(big));
	assert_int_equal(parse(big, sizeof(big), &v), -22);
}

static void a_huge_one_is_read(void **state)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_text t = { 0 };
	struct ds_state_view v;
	int n = 0;

	(void)state;
	make(&t, 100000);
	assert_int_equal(ds_state_parse(t.all.data, t.all.len, &v, why), 0);
	assert_int_equal(ds_state_each(&v, true, count, &n), 0);
	assert_int_equal(n, 100000);
	ds_state_text_free(&t);
}

static void the_fingerprint_is_of_the_events_alone(void **state)
{
	struct ds_state_header later = header;
	struct ds_state_text a = { 0 }, b = { 0 };

	(void)state;
	later.time_ns++;
	make(&a, 0);
	ds_state_begin(&b, &later);
	assert_int_equal(ds_state_end(&b), 0);
	assert_int_equal(ds_state_fingerprint(&a), ds_state_fingerprint(&b));
	make(&b, 1);
	assert_int_not_equal(ds_state_fingerprint(&a), ds_state_fingerprint(&b));
	ds_state_text_free(&a);
	ds_state_text_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(what_no_line_can_say_is_not_written),
		cmocka_unit_test(every_changed_byte_is_seen),
		cmocka_unit_test(every_cut_is_seen),
		cmocka_unit_test(bytes_too_many_are_seen),
		cmocka_unit_test(another_version_is_named),
		cmocka_unit_test(an_id_that_is_no_text_is_no_state),
		cmocka_unit_test(an_event_that_is_not_restored_is_no_state),
		cmocka_unit_test(garbage_is_seen),
		cmocka_unit_test(a_huge_one_is_read),
		cmocka_unit_test(the_fingerprint_is_of_the_events_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
