// SPDX-License-Identifier: Apache-2.0
#include "user/core/event.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/unit.h"
#include "user/core/event_json.h"

#define MAX_NAMES 400

/* Every key that can stand on a line: common ones, and counters word by word. */
static size_t all_keys(char keys[MAX_NAMES][96])
{
	static const char *const common[] = {
		"time", "level", "event.name", "message", "drainsnoop.schema", "drainsnoop.run.id",
		"drainsnoop.seq", "drainsnoop.late",
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		strcpy(keys[n++], common[i]);
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		const struct ds_names *names;

		if (ds_keys[k].type != DS_TYPE_COUNTS) {
			strcpy(keys[n++], ds_keys[k].key);
			continue;
		}
		names = &ds_names[ds_keys[k].names];
		for (int i = 0; i < names->count; i++)
			snprintf(keys[n++], 96, "%s.%s", ds_keys[k].key, names->words[i]);
	}
	assert_true(n < MAX_NAMES);
	return n;
}

static void no_key_is_a_dotted_prefix_of_another(void **state)
{
	static char keys[MAX_NAMES][96];
	size_t n = all_keys(keys);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(keys[i]);

		for (size_t k = 0; k < n; k++)
			if (k != i && strncmp(keys[i], keys[k], len) == 0 &&
			    (keys[k][len] == '.' || keys[k][len] == '\0'))
				fail_msg("%s and %s", keys[i], keys[k]);
	}
}

static void keys_are_well_formed(void **state)
{
	(void)state;
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		const struct ds_key_info *info = &ds_keys[k];

		assert_int_equal(info->key_len, strlen(info->key));
		assert_int_equal(strspn(info->key, "abcdefghijklmnopqrstuvwxyz0123456789_."),
				 info->key_len);
		assert_true(info->offset < sizeof(struct ds_event));
		assert_true(strlen(info->doc) > 0);
		if (info->type == DS_TYPE_ENUM || info->type == DS_TYPE_COUNTS)
			assert_true(info->names < DS_NAMES_MAX);
		else
			assert_int_equal(info->names, DS_NAMES_NONE);
		if (info->type == DS_TYPE_COUNTS)
			assert_true(ds_names[info->names].count <= DS_COUNTS_MAX);
	}
}

/* Conventions, rules 3 and 4: the name says the unit. */
static void names_say_the_unit(void **state)
{
	(void)state;
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		const char *key = ds_keys[k].key;
		size_t len = ds_keys[k].key_len;
		bool ms = len > 3 && strcmp(key + len - 3, "_ms") == 0;
		bool at = len > 3 && strcmp(key + len - 3, "_at") == 0;

		if (ms != (ds_keys[k].type == DS_TYPE_MS))
			fail_msg("%s", key);
		if (at && ds_keys[k].type != DS_TYPE_TIME)
			fail_msg("%s", key);
	}
}

static bool listed(const enum ds_key *keys, enum ds_key key)
{
	for (; *keys != DS_KEY_MAX; keys++)
		if (*keys == key)
			return true;
	return false;
}

static void kinds_list_their_keys_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < DS_EVENT_MAX; i++) {
		const struct ds_kind_info *kind = &ds_kinds[i];

		assert_int_equal(ds_kind_parse(kind->name, strlen(kind->name)), i);
		for (const enum ds_key *k = kind->keys; k[0] != DS_KEY_MAX && k[1] != DS_KEY_MAX;
		     k++)
			if (k[0] >= k[1])
				fail_msg("%s: %s is out of order", kind->name, ds_keys[k[1]].key);
		for (const enum ds_key *k = kind->required; *k != DS_KEY_MAX; k++)
			assert_true(listed(kind->keys, *k));
		for (const enum ds_key *k = kind->any_of; *k != DS_KEY_MAX; k++)
			assert_true(listed(kind->keys, *k));
		assert_true(kind->any_of[0] == DS_KEY_MAX || kind->any_of[1] != DS_KEY_MAX);
	}
	assert_int_equal(ds_kind_parse("drainsnoop.dro", 14), -1);
	assert_int_equal(ds_kind_parse("drainsnoop.drop\0", 16), -1);
	assert_int_equal(ds_kind_parse("", 0), -1);
}

static void every_key_belongs_to_a_kind(void **state)
{
	(void)state;
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		bool found = false;

		for (int i = 0; i < DS_EVENT_MAX; i++)
			found |= listed(ds_kinds[i].keys, k);
		if (!found)
			fail_msg("%s", ds_keys[k].key);
	}
}

static void init_sets_the_kinds_level(void **state)
{
	struct ds_event ev;

	(void)state;
	memset(&ev, 0xff, sizeof(ev));
	ds_event_init(&ev, DS_EVENT_LOSS, 17);
	assert_int_equal(ev.kind, DS_EVENT_LOSS);
	assert_int_equal(ev.level, DS_LEVEL_WARN);
	assert_true(ev.time_ns == 17);
	assert_null(ev.text);
	assert_false(ev.late);
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++)
		assert_false(ds_event_has(&ev, k));
}

static void set_macros_leave_absent_what_is_empty(void **state)
{
	const struct ds_addr none = { 0 };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_DROP, 1);
	DS_SET_STR(&ev, POD_NAME, pod_name, NULL);
	DS_SET_STR(&ev, POD_UID, pod_uid, "");
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, none);
	DS_SET(&ev, SOURCE_PORT, source_port, 0);
	assert_false(ds_event_has(&ev, DS_KEY_POD_NAME));
	assert_false(ds_event_has(&ev, DS_KEY_POD_UID));
	assert_true(ds_event_has(&ev, DS_KEY_POD_NAMESPACE));
	assert_false(ds_event_has(&ev, DS_KEY_SOURCE_ADDRESS));
	assert_true(ds_event_has(&ev, DS_KEY_SOURCE_PORT));
}

/* The promise of ds_event_canonical: the line's reader gets the same event. */
static void canonical_is_what_the_line_gives_back(void **state)
{
	struct ds_event ev, back;
	struct ds_buf line = { 0 };
	struct ds_perr perr;

	(void)state;
	ds_event_init(&ev, DS_EVENT_SOCKET, SAMPLE_TIME);
	strcpy(ev.run_id, "8f3a61c2");
	DS_SET(&ev, SOURCE_PORT, source_port, 8080);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, DS_SOCKET_CHANGE_CLOSED);
	DS_SET(&ev, SOCKET_AGE, socket_age, 1234567891);
	DS_SET(&ev, HOOK, hook, DS_HOOK_MAX);			/* no word */
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_UNKNOWN);		/* not of this kind */
	ds_event_mark(&ev, DS_KEY_CGROUP_PATH);			/* NULL */
	ds_event_mark(&ev, DS_KEY_DESTINATION_ADDRESS);		/* unset */
	ds_event_canonical(&ev);
	assert_true(ev.socket_age == 1234568000);
	ds_event_write(&line, &ev, 1);
	assert_int_equal(ds_event_read(line.data, line.len - 1, 0, &back, &perr), 0);
	sample_assert_equal(&ev, &back);
	ds_event_clear(&back);

	ds_event_init(&ev, DS_EVENT_HEALTH, SAMPLE_TIME);
	strcpy(ev.run_id, "8f3a61c2");
	DS_SET(&ev, HEALTH, health, DS_HEALTH_OK);
	DS_SET(&ev, TAP_SHARE, tap_share, 1.0 / 3);
	DS_SET(&ev, WATCH_LAG, watch_lag, -1499);
	ds_event_canonical(&ev);
	assert_true(ev.watch_lag == -1000);
	ds_event_write(&line, &ev, 1);
	assert_int_equal(ds_event_read(line.data, line.len - 1, 0, &back, &perr), 0);
	sample_assert_equal(&ev, &back);
	ds_event_clear(&back);
	ds_buf_free(&line);
}

static void canonical_keeps_within_what_a_line_may_hold(void **state)
{
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_POD_STATE, INT64_MIN);
	DS_SET(&ev, T0, t0, INT64_MAX);
	DS_SET(&ev, T0_ERROR, t0_error, INT64_MAX);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, -3);
	ds_event_canonical(&ev);
	assert_true(ev.time_ns == 0);
	assert_true(ev.t0 == DS_EVENT_TIME_MAX);
	assert_true(ev.t0_error == DS_EVENT_NS_MAX);
	assert_true(ev.grace_period_s == 0);
	ds_event_init(&ev, DS_EVENT_PACKET, SAMPLE_TIME);
	DS_SET(&ev, DESTINATION_PORT, destination_port, 70000);
	DS_SET(&ev, SOCKET_AGE, socket_age, INT64_MIN);
	ds_event_canonical(&ev);
	assert_int_equal(ev.destination_port, 65535);
	assert_true(ev.socket_age == -DS_EVENT_NS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_is_a_dotted_prefix_of_another),
		cmocka_unit_test(keys_are_well_formed),
		cmocka_unit_test(names_say_the_unit),
		cmocka_unit_test(kinds_list_their_keys_in_order),
		cmocka_unit_test(every_key_belongs_to_a_kind),
		cmocka_unit_test(init_sets_the_kinds_level),
		cmocka_unit_test(set_macros_leave_absent_what_is_empty),
		cmocka_unit_test(canonical_is_what_the_line_gives_back),
		cmocka_unit_test(canonical_keeps_within_what_a_line_may_hold),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
