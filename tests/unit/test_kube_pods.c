// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_pods.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define BEGIN (INT64_C(1795387020) * DS_NS_PER_S) /* 22:37:00 */
#define POD(meta, status) \
	"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"" meta "},\"status\":{" status "}}"
#define READY(at) \
	"\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"running\":{}}}],\"conditions\":[" \
	"{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"2026-11-22T22:37:" at \
	"Z\"}]"
#define DELETING ",\"deletionTimestamp\":\"2026-11-22T22:37:50Z\",\"deletionGracePeriodSeconds\":30"

static struct ds_kube_pods pods;
static struct ds_buf told;
static void *object;
static struct ds_event last;	/* its strings are gone */

static void deliver(void *ctx, struct ds_event *ev)
{
	(void)ctx;
	if (ev->kind == DS_EVENT_LOSS)
		ds_buf_printf(&told, "loss %s %s %d|", ds_name(DS_NAMES_LOSS_STAGE, ev->loss_stage),
			      ev->loss_class, (int)ev->loss_count);
	else
		ds_buf_printf(&told, "%s%s|", ds_name(DS_NAMES_PHASE, ev->phase),
			      ds_event_has(ev, DS_KEY_T0) ? " going" : "");
	assert_true(ev->time_ns == pods.now_ns);
	last = *ev;
}

static int fresh(void **state)
{
	(void)state;
	pods = (struct ds_kube_pods){ .deliver = deliver, .node = "n", .now_ns = BEGIN };
	object = NULL;
	ds_buf_clear(&told);
	ds_buf_putc(&told, '|');
	return 0;
}

static int end(void **state)
{
	(void)state;
	ds_kube_pods_drop(&pods, object);
	ds_buf_free(&told);
	return 0;
}

static void take(int second, const char *text)
{
	json_object *json = json_tokener_parse(text);

	pods.now_ns = BEGIN + second * DS_NS_PER_S;
	object = ds_kube_pods_take(&pods, object, json);
	assert_non_null(object);
	json_object_put(json);
}

static void is(int second, const char *text)
{
	take(second, text);
	ds_kube_pods_tell(&pods, object, DS_KUBE_IS);
}

static void assert_told(const char *want)
{
	assert_string_equal(told.data + 1, want);
	ds_buf_clear(&told);
	ds_buf_putc(&told, '|');
}

static void only_what_has_changed_is_told(void **state)
{
	(void)state;
	is(10, POD("", READY("03")));
	assert_told("ready|");
	is(11, POD("", READY("03")));
	is(12, POD("", READY("12"))); /* another stamp is no news */
	assert_told("");
	is(20, POD(DELETING, READY("12")));
	is(21, POD(DELETING, READY("12")));
	assert_told("terminating going|");
	ds_kube_pods_tell(&pods, object, DS_KUBE_DELETED);
	assert_told("deleted going|");
}

static void a_pod_that_had_ended_before_anybody_looked(void **state)
{
	(void)state;
	is(10, POD("", "\"phase\":\"Succeeded\""));
	ds_kube_pods_tell(&pods, object, DS_KUBE_DELETED);
	assert_told("");
}

static void a_pod_that_ended_by_itself_and_goes_later(void **state)
{
	(void)state;
	is(10, POD("", READY("03")));
	is(11, POD("", "\"phase\":\"Succeeded\""));
	assert_told("ready|deleted|");
	ds_kube_pods_tell(&pods, object, DS_KUBE_MISSING);
	assert_told("");
}

static void a_pod_that_vanished_while_nobody_watched(void **state)
{
	(void)state;
	is(10, POD("", READY("03")));
	ds_kube_pods_tell(&pods, object, DS_KUBE_MISSING);
	assert_told("ready|deleted|loss watch pods 1|");
}

static void a_pod_that_was_seen_going_is_no_loss(void **state)
{
	(void)state;
	is(10, POD(DELETING, READY("03")));
	ds_kube_pods_tell(&pods, object, DS_KUBE_MISSING);
	assert_told("terminating going|deleted going|");
}

static void how_late_the_news_are(void **state)
{
	(void)state;
	is(10, POD("", READY("03")));
	assert_true(pods.late_ns == 0); /* what a list says is as old as it is */
	is(20, POD("", READY("20")));
	assert_true(pods.late_ns == 0);
	is(33, POD("", READY("22")));
	assert_true(pods.late_ns == 10 * DS_NS_PER_S);
	pods.late_ns = 0;
	is(50, POD(",\"labels\":{}", READY("22"))); /* its newest stamp was known */
	assert_true(pods.late_ns == 0);
	is(51,
	   POD(",\"deletionTimestamp\":\"2026-11-22T22:37:55Z\",\"deletionGracePeriodSeconds\":30",
	       READY("22")));
	assert_true(pods.late_ns == 25 * DS_NS_PER_S);
}

/* It is ahead by 2.8 to 4 s. */
static void the_servers_clock_is_another(void **state)
{
	(void)state;
	pods.clock_lo_ns = 2800 * DS_NS_PER_MS;
	pods.clock_hi_ns = 4 * DS_NS_PER_S;
	is(17, POD(DELETING, READY("03")));	/* asked for at 20 by its clock */
	assert_told("terminating going|");
	assert_true(last.t0 == BEGIN + 16 * DS_NS_PER_S);
	assert_true(last.t0_error == 2200 * DS_NS_PER_MS);
	is(18, POD(DELETING, "\"phase\":\"Failed\""));	/* once is enough */
	assert_told("deleted going|");
	assert_true(last.t0 == BEGIN + 16 * DS_NS_PER_S);
}

/* By force there is no stamp, and the kubelet's are this node's. */
static void only_the_servers_own_stamps_are_corrected(void **state)
{
	(void)state;
	pods.clock_lo_ns = 2 * DS_NS_PER_S;
	pods.clock_hi_ns = 3 * DS_NS_PER_S;
	is(10, POD("", READY("03")));
	ds_kube_pods_tell(&pods, object, DS_KUBE_DELETED);
	assert_true(last.t0 == BEGIN + 9 * DS_NS_PER_S);
	ds_kube_pods_drop(&pods, object);
	object = NULL;
	is(10, POD("", "\"phase\":\"Running\",\"reason\":\"Evicted\""));
	assert_true(last.t0 == BEGIN + 9 * DS_NS_PER_S && last.t0_error == DS_NS_PER_S);
}

#define UID "6f2a1c1e-0000-4000-8000-000000000001"

static struct ds_event restored(const char *uid)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, BEGIN);
	DS_SET(&ev, RESTORED, restored, true);
	DS_SET_STR(&ev, POD_UID, pod_uid, uid);
	DS_SET_STR(&ev, POD_NAME, pod_name, "a");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	return ev;
}

/* What happened to it while nobody watched is the gap between two runs, and told as such. */
static void a_pod_of_an_earlier_run_that_is_no_more(void **state)
{
	struct ds_event ev = restored(UID);

	(void)state;
	object = ds_kube_pods_restored(&ev);
	assert_non_null(object);
	ds_kube_pods_tell(&pods, object, DS_KUBE_MISSING);
	assert_told("deleted|");
}

static void a_pod_of_an_earlier_run_that_still_goes(void **state)
{
	struct ds_event ev = restored(UID);

	(void)state;
	DS_SET(&ev, T0, t0, BEGIN - 7);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_EVICTION);
	object = ds_kube_pods_restored(&ev);
	is(10, "{\"metadata\":{\"name\":\"a\",\"uid\":\"" UID "\"" DELETING "},\"status\":{}}");
	assert_told("terminating going|");
	assert_true(last.t0 == BEGIN - 7 && last.trigger == DS_TRIGGER_EVICTION);
	is(11, "{\"metadata\":{\"name\":\"a\",\"uid\":\"" UID "\"" DELETING "},\"status\":{"
	       "\"phase\":\"Failed\"}}");
	assert_told("deleted going|");
}

static void what_an_earlier_run_left_and_nobody_looks_for(void **state)
{
	struct ds_event ev = restored("0123456789abcdef0123456789abcdef");	/* a static pod */

	(void)state;
	assert_null(ds_kube_pods_restored(&ev));
	ev = restored(UID);
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	assert_null(ds_kube_pods_restored(&ev));
	ev = restored(UID);
	DS_SET(&ev, PHASE_LANE, phase_lane, DS_LANE_KERNEL);	/* one line of its history */
	assert_null(ds_kube_pods_restored(&ev));
	ev = restored("");
	assert_null(ds_kube_pods_restored(&ev));
	ds_event_init(&ev, DS_EVENT_TARGET, BEGIN);
	assert_null(ds_kube_pods_restored(&ev));
}

static void a_clock_that_is_behind_makes_nothing_late(void **state)
{
	(void)state;
	pods.clock_lo_ns = -10 * DS_NS_PER_S;
	pods.clock_hi_ns = -9 * DS_NS_PER_S;
	is(10, POD("", READY("03")));
	is(30, POD(DELETING, READY("03")));	/* asked for at 20, by a clock that is 9 to 10 s behind */
	assert_true(pods.late_ns == 0);
	is(43, POD(DELETING, READY("30")));
	assert_true(pods.late_ns == 2 * DS_NS_PER_S);
}

static void what_makes_no_sense_changes_nothing(void **state)
{
	json_object *json = json_tokener_parse("{\"metadata\":{\"name\":\"a\"}}");

	(void)state;
	is(10, POD("", READY("03")));
	assert_null(ds_kube_pods_take(&pods, object, json));
	assert_null(ds_kube_pods_take(&pods, NULL, json));
	json_object_put(json);
	ds_kube_pods_tell(&pods, object, DS_KUBE_IS);
	assert_told("ready|");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, end)
	const struct CMUnitTest tests[] = {
		TEST(only_what_has_changed_is_told),
		TEST(a_pod_that_had_ended_before_anybody_looked),
		TEST(a_pod_that_ended_by_itself_and_goes_later),
		TEST(a_pod_that_vanished_while_nobody_watched),
		TEST(a_pod_that_was_seen_going_is_no_loss),
		TEST(how_late_the_news_are),
		TEST(the_servers_clock_is_another),
		TEST(only_the_servers_own_stamps_are_corrected),
		TEST(a_pod_of_an_earlier_run_that_is_no_more),
		TEST(a_pod_of_an_earlier_run_that_still_goes),
		TEST(what_an_earlier_run_left_and_nobody_looks_for),
		TEST(a_clock_that_is_behind_makes_nothing_late),
		TEST(what_makes_no_sense_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
