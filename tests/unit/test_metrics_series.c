// SPDX-License-Identifier: Apache-2.0
#include "user/sink/metrics_series.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define HOUR_NS (3600 * DS_NS_PER_S)
#define MINUTE_NS (60 * DS_NS_PER_S)
#define BEGIN_NS (INT64_C(1795342500) * DS_NS_PER_S)

static struct ds_series_table table;
static size_t born;

static int setup(void **state)
{
	(void)state;
	struct ds_series_table room = { .by_workload = true, .max_series = 1000, .max_pods = 8 };
	struct ds_event ev = { 0 };

	/* How many series a set has when it is made. */
	(void)ds_series_of(&room, &ev);
	born = room.shown;
	ds_series_clear(&room);
	table = (struct ds_series_table){ .by_workload = true, .max_series = 4 * born,
					  .max_pods = 8 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ds_series_clear(&table);
	assert_null(table.series);
	assert_null(table.pods);
	return 0;
}

static struct ds_event about(enum ds_event_kind kind, int64_t ns, const char *uid,
			     const char *deployment)
{
	struct ds_event ev;

	ds_event_init(&ev, kind, BEGIN_NS + ns);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_UID, pod_uid, uid);
	DS_SET_STR(&ev, DEPLOYMENT, deployment, deployment);
	return ev;
}

static void tell(enum ds_event_kind kind, int64_t ns, const char *uid, const char *deployment,
		 int phase)
{
	struct ds_event ev = about(kind, ns, uid, deployment);

	if (phase >= 0)
		DS_SET(&ev, PHASE, phase, phase);
	if (phase == DS_PHASE_TERMINATING && kind == DS_EVENT_POD_STATE)
		DS_SET(&ev, T0, t0, ev.time_ns);
	ds_series_pod_told(&table, &ev);
}

static const struct ds_series *find(const char *workload)
{
	for (const struct ds_series *s = table.series; s; s = s->hh.next)
		if (!strcmp(s->workload, workload))
			return s;
	return NULL;
}

/* The workload of a pod with that owner. */
#define assert_named(MEMBER, member, value, wanted) do { \
	struct ds_event ev_ = about(DS_EVENT_DROP, 0, "u", NULL); \
	DS_SET_STR(&ev_, MEMBER, member, value); \
	assert_string_equal(ds_series_of(&table, &ev_)->workload, wanted); \
	ds_series_clear(&table); \
} while (0)

static void workloads_are_called_as_their_owner(void **state)
{
	(void)state;
	assert_named(DEPLOYMENT, deployment, "web", "web");
	assert_named(STATEFULSET, statefulset, "db", "db");
	assert_named(DAEMONSET, daemonset, "log", "log");
	assert_named(REPLICASET, replicaset, "web-6f7d", "web-6f7d");
	assert_named(JOB, job, "migrate", "migrate");
	/* Its own name would be a series for each pod. */
	assert_named(POD_NAME, pod_name, "runner-x7k2p", "");
}

static void the_jobs_of_a_cron_job_are_one(void **state)
{
	(void)state;
	assert_named(JOB, job, "backup-29391840", "backup");
	assert_named(JOB, job, "backup-2939184", "backup-2939184");
	assert_named(JOB, job, "backup-129391840", "backup-129391840");
	assert_named(JOB, job, "29391840", "29391840");
	assert_named(JOB, job, "-29391840", "-29391840");
	assert_named(JOB, job, "backup29391840", "backup29391840");
}

static void namespaces_alone_are_one_series_each(void **state)
{
	struct ds_event web = about(DS_EVENT_DROP, 0, "u1", "web");
	struct ds_event db = about(DS_EVENT_DROP, 0, "u2", "db");

	(void)state;
	table.by_workload = false;
	assert_ptr_equal(ds_series_of(&table, &web), ds_series_of(&table, &db));
	assert_string_equal(table.series->workload, "");
}

static void names_are_cut(void **state)
{
	char name[1000];
	struct ds_event ev;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ev = about(DS_EVENT_POD_STATE, 0, name, name);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, name);
	ds_series_pod_told(&table, &ev);
	assert_int_equal(strlen(table.series->workload), DS_SERIES_NAME_LEN);
	assert_int_equal(strlen(table.series->namespace_), DS_SERIES_NAME_LEN);
	assert_int_equal(table.series->pods, 1);
}

static void a_workload_is_there_from_its_first_pod_on(void **state)
{
	(void)state;
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_READY);
	assert_non_null(find("web"));
	tell(DS_EVENT_POD_STATE, 1, "u1", "web", DS_PHASE_READY);
	tell(DS_EVENT_POD_STATE, 2, "u2", "web", DS_PHASE_PENDING);
	assert_int_equal(find("web")->pods, 2);
	assert_int_equal(ds_series_going(&table), 0);
	/* Finished pods of a listing, and phases of pods without a UID, make none. */
	tell(DS_EVENT_POD_STATE, 3, "u3", "old", DS_PHASE_DELETED);
	tell(DS_EVENT_POD_STATE, 3, NULL, "nameless", DS_PHASE_READY);
	assert_null(find("old"));
	assert_null(find("nameless"));
}

static void pods_go_until_they_are_judged(void **state)
{
	(void)state;
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_READY);
	tell(DS_EVENT_PHASE, 1, "u1", "web", DS_PHASE_SIGTERM);	/* a container's own */
	assert_int_equal(ds_series_going(&table), 0);
	tell(DS_EVENT_PHASE, 2, "u1", "web", DS_PHASE_TERMINATING);
	assert_int_equal(ds_series_going(&table), 1);
	tell(DS_EVENT_PHASE, 3, "u1", "web", DS_PHASE_DELETED);
	assert_int_equal(ds_series_going(&table), 1);
	tell(DS_EVENT_VERDICT, 4, "u1", "web", -1);
	assert_int_equal(ds_series_going(&table), 0);
	assert_int_equal(find("web")->pods, 0);
	assert_null(table.pods);
}

static void a_pod_that_is_judged_before_it_is_deleted_does_not_go_again(void **state)
{
	(void)state;
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_TERMINATING);
	tell(DS_EVENT_VERDICT, 1, "u1", "web", -1);
	tell(DS_EVENT_POD_STATE, 2, "u1", "web", DS_PHASE_TERMINATING);
	assert_int_equal(ds_series_going(&table), 0);
	tell(DS_EVENT_POD_STATE, 3, "u1", "web", DS_PHASE_DELETED);
	assert_null(table.pods);
}

static void a_pod_moves_to_the_owner_that_is_told_later(void **state)
{
	(void)state;
	tell(DS_EVENT_POD_STATE, 0, "u1", NULL, DS_PHASE_READY);
	assert_int_equal(find("")->pods, 1);
	tell(DS_EVENT_POD_STATE, 1, "u1", "web", DS_PHASE_READY);
	assert_int_equal(find("")->pods, 0);
	assert_int_equal(find("web")->pods, 1);
}

static void series_go_an_hour_after_their_last_pod(void **state)
{
	struct ds_event late;

	(void)state;
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_TERMINATING);
	tell(DS_EVENT_POD_STATE, 0, "u2", "stays", DS_PHASE_READY);
	tell(DS_EVENT_VERDICT, 0, "u1", "web", -1);
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_DELETED);
	ds_series_expire(&table, BEGIN_NS + HOUR_NS);
	assert_non_null(find("web"));
	late = about(DS_EVENT_DROP, HOUR_NS, "u1", "web");
	(void)ds_series_of(&table, &late);
	ds_series_expire(&table, BEGIN_NS + 2 * HOUR_NS);
	assert_non_null(find("web"));	/* it lost one more, late */
	ds_series_expire(&table, BEGIN_NS + 2 * HOUR_NS + 1);
	assert_null(find("web"));
	ds_series_expire(&table, BEGIN_NS + 999 * HOUR_NS);
	assert_non_null(find("stays"));
}

static void a_pod_without_a_verdict_is_forgotten_an_hour_after_its_end(void **state)
{
	(void)state;
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_READY);
	tell(DS_EVENT_POD_STATE, 0, "u1", "web", DS_PHASE_DELETED);
	ds_series_expire(&table, BEGIN_NS + HOUR_NS);
	assert_int_equal(find("web")->pods, 1);
	ds_series_expire(&table, BEGIN_NS + HOUR_NS + 1);
	assert_null(table.pods);
	assert_null(find("web"));
}

static void too_many_workloads_share_a_series(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	struct ds_event ev;
	struct ds_series *s;

	(void)state;
	for (int i = 0; i < 6; i++)
		tell(DS_EVENT_POD_STATE, i, names[i], names[i], DS_PHASE_READY);
	assert_int_equal(HASH_COUNT(table.series), 4);
	assert_int_equal(table.refused, 2);
	ev = about(DS_EVENT_DROP, 9, "e", "e");
	s = ds_series_of(&table, &ev);
	assert_ptr_equal(s, &table.other);
	assert_string_equal(s->workload, DS_SERIES_OTHER);
	assert_string_equal(s->namespace_, DS_SERIES_OTHER);
	assert_int_equal(s->pods, 2);
	assert_int_equal(table.refused, 3);
}

static void lose(int64_t ns, const char *workload)
{
	struct ds_event ev = about(DS_EVENT_DROP, ns, "x", workload);

	(void)ds_series_of(&table, &ev);
}

static void a_new_workload_takes_the_place_of_the_quietest_without_pods(void **state)
{
	(void)state;
	tell(DS_EVENT_POD_STATE, 5, "u1", "a", DS_PHASE_READY);
	lose(20, "b");
	lose(10, "c");
	lose(22, "d");
	/* Nobody may have read yet what counted of late. */
	table.now_ns = BEGIN_NS + 10 + 10 * MINUTE_NS;
	lose(30, "e");
	assert_null(find("e"));
	assert_int_equal(table.refused, 1);
	table.now_ns++;
	lose(30, "e");
	assert_non_null(find("e"));
	assert_null(find("c"));
	assert_non_null(find("a"));
	assert_non_null(find("b"));
	assert_non_null(find("d"));
	assert_int_equal(table.refused, 1);
	assert_int_equal(table.shown, 4 * born);
}

static void a_counter_beyond_the_bound_counts_in_the_common_set(void **state)
{
	const int reset = DS_SERIES_RESET(DS_RESET_SENT, 0);
	const int rare = DS_SERIES_DROP(DS_CAUSE_UNKNOWN);
	struct ds_event ev = about(DS_EVENT_DROP, 0, "u", "web");
	struct ds_series *s;

	(void)state;
	table.max_series = born + 1;
	s = ds_series_of(&table, &ev);
	assert_false(ds_series_is_shown(s, rare));
	assert_true(ds_series_is_shown(s, DS_SERIES_DROP(DS_CAUSE_LATE_REQUEST)));
	assert_false(ds_series_is_shown(s, DS_SERIES_DROP(DS_SERIES_APART)));
	assert_true(ds_series_is_shown(s, DS_SERIES_VERDICT(DS_VERDICT_MAX - 1)));
	assert_false(ds_series_is_shown(s, DS_SERIES_VERDICT(DS_VERDICT_MAX)));
	/* What counts nothing is no series. */
	assert_ptr_equal(ds_series_count(&table, s, rare, 0), s);
	assert_int_equal(table.shown, born);
	assert_ptr_equal(ds_series_count(&table, s, rare, 2), s);
	assert_ptr_equal(ds_series_count(&table, s, rare, 3), s);
	assert_int_equal(s->counts[rare], 5);
	assert_int_equal(table.shown, born + 1);
	assert_ptr_equal(ds_series_count(&table, s, reset, 7), &table.other);
	assert_int_equal(s->counts[reset], 0);
	assert_int_equal(table.other.counts[reset], 7);
	assert_int_equal(table.refused, 1);
	/* Those that are there at 0 have their place. */
	assert_ptr_equal(ds_series_count(&table, s, DS_SERIES_VERDICT(0), 1), s);
	assert_int_equal(table.shown, born + 1);
	ds_series_expire(&table, BEGIN_NS + 2 * HOUR_NS);
	assert_int_equal(table.shown, 0);
}

/* ---- by pod ---- */

static struct ds_event of_pod(enum ds_event_kind kind, int64_t ns, const char *uid, const char *pod,
			      int phase)
{
	struct ds_event ev = about(kind, ns, uid, "web");

	DS_SET_STR(&ev, POD_NAME, pod_name, pod);
	if (phase >= 0)
		DS_SET(&ev, PHASE, phase, phase);
	return ev;
}

static void tell_pod(enum ds_event_kind kind, int64_t ns, const char *uid, const char *pod,
		     int phase)
{
	struct ds_event ev = of_pod(kind, ns, uid, pod, phase);

	ds_series_pod_told(&table, &ev);
}

static struct ds_series *set_of(int64_t ns, const char *pod)
{
	struct ds_event ev = of_pod(DS_EVENT_DROP, ns, "x", pod, -1);

	return ds_series_of(&table, &ev);
}

static void a_pod_has_a_set_from_its_first_state_to_its_verdict_and_ten_minutes(void **state)
{
	struct ds_series *s;

	(void)state;
	table.by_pod = true;
	assert_string_equal(set_of(0, "web-1")->pod, DS_SERIES_OTHER);
	tell_pod(DS_EVENT_PHASE, 0, "u1", "web-1", DS_PHASE_SIGTERM);
	assert_string_equal(set_of(0, "web-1")->pod, DS_SERIES_OTHER);
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-1", DS_PHASE_READY);
	s = set_of(0, "web-1");
	assert_string_equal(s->pod, "web-1");
	assert_string_equal(s->workload, "web");
	assert_string_equal(s->of->pod, DS_SERIES_OTHER);
	assert_int_equal(table.shown, 2 * born);
	ds_series_expire(&table, BEGIN_NS + 99 * HOUR_NS);
	assert_ptr_equal(set_of(0, "web-1"), s);	/* it lives */
	tell_pod(DS_EVENT_VERDICT, 99 * HOUR_NS, "u1", "web-1", -1);
	tell_pod(DS_EVENT_POD_STATE, 99 * HOUR_NS, "u1", "web-1", DS_PHASE_DELETED);
	ds_series_expire(&table, BEGIN_NS + 99 * HOUR_NS + 10 * MINUTE_NS);
	assert_int_equal(HASH_COUNT(table.series), 2);
	ds_series_expire(&table, BEGIN_NS + 99 * HOUR_NS + 10 * MINUTE_NS + 1);
	assert_int_equal(HASH_COUNT(table.series), 1);
	assert_int_equal(table.shown, born);
	/* A milestone that comes later makes no set, and no pod that nobody ends. */
	tell_pod(DS_EVENT_PHASE, 100 * HOUR_NS, "u1", "web-1", DS_PHASE_ADDRESS_REUSED);
	assert_string_equal(set_of(100 * HOUR_NS, "web-1")->pod, DS_SERIES_OTHER);
	assert_null(table.pods);
	assert_int_equal(table.refused, 0);
}

static void the_end_of_a_judged_pods_set_does_not_wait_for_its_deletion(void **state)
{
	(void)state;
	table.by_pod = true;
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-1", DS_PHASE_TERMINATING);
	tell_pod(DS_EVENT_VERDICT, 0, "u1", "web-1", -1);
	ds_series_expire(&table, BEGIN_NS + 10 * MINUTE_NS);
	assert_int_equal(HASH_COUNT(table.series), 2);
	ds_series_expire(&table, BEGIN_NS + 10 * MINUTE_NS + 1);
	assert_int_equal(HASH_COUNT(table.series), 1);
	tell_pod(DS_EVENT_POD_STATE, 11 * MINUTE_NS, "u1", "web-1", DS_PHASE_TERMINATING);
	assert_int_equal(HASH_COUNT(table.series), 1);
	assert_int_equal(ds_series_going(&table), 0);
	assert_int_equal(find("web")->pods, 1);
	tell_pod(DS_EVENT_POD_STATE, 12 * MINUTE_NS, "u1", "web-1", DS_PHASE_DELETED);
	assert_null(table.pods);
	assert_int_equal(find("web")->pods, 0);
}

/* Of a StatefulSet. */
static void a_successor_of_the_same_name_goes_on_with_the_set(void **state)
{
	struct ds_series *s;

	(void)state;
	table.by_pod = true;
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-0", DS_PHASE_READY);
	s = set_of(0, "web-0");
	tell_pod(DS_EVENT_VERDICT, 0, "u1", "web-0", -1);
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-0", DS_PHASE_DELETED);
	tell_pod(DS_EVENT_POD_STATE, MINUTE_NS, "u2", "web-0", DS_PHASE_PENDING);
	ds_series_expire(&table, BEGIN_NS + HOUR_NS);
	assert_ptr_equal(set_of(HOUR_NS, "web-0"), s);
	assert_int_equal(s->pods, 1);
}

static void what_counted_late_is_there_for_ten_minutes_more(void **state)
{
	(void)state;
	table.by_pod = true;
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-1", DS_PHASE_TERMINATING);
	tell_pod(DS_EVENT_VERDICT, 0, "u1", "web-1", -1);
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-1", DS_PHASE_DELETED);
	table.now_ns = BEGIN_NS + 9 * MINUTE_NS;
	assert_string_equal(set_of(0, "web-1")->pod, "web-1");	/* seen at 0, told at 9 */
	ds_series_expire(&table, BEGIN_NS + 19 * MINUTE_NS);
	assert_int_equal(HASH_COUNT(table.series), 2);
	ds_series_expire(&table, BEGIN_NS + 19 * MINUTE_NS + 1);
	assert_int_equal(HASH_COUNT(table.series), 1);
}

static void pods_beyond_the_bound_count_in_their_workloads_set(void **state)
{
	static const char *const names[] = { "web-1", "web-2", "web-3", "web-4", "web-5" };

	(void)state;
	table.by_pod = true;
	for (int i = 0; i < 5; i++)
		tell_pod(DS_EVENT_POD_STATE, i, names[i], names[i], DS_PHASE_READY);
	assert_int_equal(HASH_COUNT(table.series), 4);
	assert_int_equal(table.shown, 4 * born);
	assert_int_equal(table.refused, 2);
	assert_string_equal(set_of(9, "web-3")->pod, "web-3");
	assert_string_equal(set_of(9, "web-4")->pod, DS_SERIES_OTHER);
	assert_string_equal(set_of(9, "web-4")->workload, "web");
	/* Of another workload not even that has a place. */
	tell(DS_EVENT_POD_STATE, 9, "u", "api", DS_PHASE_READY);
	assert_int_equal(table.refused, 3);
	assert_string_equal(table.other.pod, DS_SERIES_OTHER);
	assert_string_equal(table.other.workload, DS_SERIES_OTHER);
	/* One whose verdict was long ago makes room. */
	tell_pod(DS_EVENT_VERDICT, 10, "web-1", "web-1", -1);
	tell_pod(DS_EVENT_POD_STATE, 10, "web-1", "web-1", DS_PHASE_DELETED);
	tell_pod(DS_EVENT_POD_STATE, 11, "web-4", "web-4", DS_PHASE_READY);
	assert_string_equal(set_of(11, "web-4")->pod, DS_SERIES_OTHER);
	table.now_ns = BEGIN_NS + HOUR_NS;
	tell_pod(DS_EVENT_POD_STATE, HOUR_NS, "web-4", "web-4", DS_PHASE_READY);
	assert_string_equal(set_of(HOUR_NS, "web-4")->pod, "web-4");
	assert_string_equal(set_of(HOUR_NS, "web-1")->pod, DS_SERIES_OTHER);
}

/* The workload's own set, quiet or new, is none that makes room for its pod's. */
static void a_pods_set_does_not_take_the_place_of_its_workloads(void **state)
{
	(void)state;
	table.by_pod = true;
	table.max_series = born;
	table.now_ns = BEGIN_NS + HOUR_NS;
	tell_pod(DS_EVENT_POD_STATE, 0, "u1", "web-1", DS_PHASE_READY);
	assert_int_equal(HASH_COUNT(table.series), 1);
	assert_string_equal(set_of(0, "web-1")->pod, DS_SERIES_OTHER);
	assert_int_equal(table.refused, 1);
}

static void pods_are_bounded(void **state)
{
	char uid[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		(void)snprintf(uid, sizeof(uid), "u%d", i);
		tell(DS_EVENT_POD_STATE, i, uid, "web", DS_PHASE_TERMINATING);
	}
	assert_int_equal(HASH_COUNT(table.pods), 8);
	assert_int_equal(find("web")->pods, 8);
	assert_int_equal(ds_series_going(&table), 8);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(workloads_are_called_as_their_owner),
		T(the_jobs_of_a_cron_job_are_one),
		T(namespaces_alone_are_one_series_each),
		T(names_are_cut),
		T(a_workload_is_there_from_its_first_pod_on),
		T(pods_go_until_they_are_judged),
		T(a_pod_that_is_judged_before_it_is_deleted_does_not_go_again),
		T(a_pod_moves_to_the_owner_that_is_told_later),
		T(series_go_an_hour_after_their_last_pod),
		T(a_pod_without_a_verdict_is_forgotten_an_hour_after_its_end),
		T(too_many_workloads_share_a_series),
		T(a_new_workload_takes_the_place_of_the_quietest_without_pods),
		T(a_counter_beyond_the_bound_counts_in_the_common_set),
		T(a_pod_has_a_set_from_its_first_state_to_its_verdict_and_ten_minutes),
		T(the_end_of_a_judged_pods_set_does_not_wait_for_its_deletion),
		T(a_successor_of_the_same_name_goes_on_with_the_set),
		T(what_counted_late_is_there_for_ten_minutes_more),
		T(pods_beyond_the_bound_count_in_their_workloads_set),
		T(a_pods_set_does_not_take_the_place_of_its_workloads),
		T(pods_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
