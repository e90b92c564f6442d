// SPDX-License-Identifier: Apache-2.0
/* What a workload keeps: best rates, findings, and what goes into the state file and out of it. */
#include "tests/unit/core_fixture.h"
#include "user/core/workload.h"

static struct ds_pod *a_pod(const char *namespace_, const char *owner, enum ds_owner_kind kind)
{
	static struct ds_pod pod;

	memset(&pod, 0, sizeof(pod));
	(void)snprintf(pod.namespace_, sizeof(pod.namespace_), "%s", namespace_);
	(void)snprintf(pod.owner, sizeof(pod.owner), "%s", owner);
	pod.owner_kind = kind;
	return &pod;
}

static struct ds_workloads *workloads(void)
{
	struct ds_workloads *all = NULL;

	assert_int_equal(ds_workloads_new(&all), 0);
	return all;
}

static void one_of_each_owner(void **state)
{
	struct ds_workloads *all = workloads();
	struct ds_workload *w = ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT));

	(void)state;
	assert_string_equal(w->key, "Deployment/shop/web");
	assert_ptr_equal(w, ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT)));
	assert_true(ds_workload_has(w, a_pod("shop", "web", DS_OWNER_DEPLOYMENT)));
	assert_ptr_not_equal(w, ds_workload_of(all, a_pod("shop", "web", DS_OWNER_STATEFULSET)));
	assert_ptr_not_equal(w, ds_workload_of(all, a_pod("other", "web", DS_OWNER_DEPLOYMENT)));
	assert_false(ds_workload_has(w, a_pod("other", "web", DS_OWNER_DEPLOYMENT)));
	/* It was touched first, and so it is the first to go. */
	assert_ptr_equal(ds_workloads_first(all), w);
	assert_ptr_equal(w, ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT)));
	assert_string_equal(ds_workloads_first(all)->key, "StatefulSet/shop/web");
	ds_workloads_free(&all);
	assert_null(all);
}

static void the_longest_untouched_makes_room(void **state)
{
	struct ds_workloads *all = workloads();
	const struct ds_workload *w;
	char name[16];
	int cnt = 0;

	(void)state;
	(void)ds_workload_of(all, a_pod("shop", "stays", DS_OWNER_DEPLOYMENT));
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(name, sizeof(name), "job-%d", i);
		(void)ds_workload_of(all, a_pod("shop", name, DS_OWNER_JOB));
		(void)ds_workload_of(all, a_pod("shop", "stays", DS_OWNER_DEPLOYMENT));
	}
	for (w = ds_workloads_first(all); w->next; w = w->next)
		cnt++;
	assert_int_equal(cnt + 1, 16384);
	assert_string_equal(w->key, "Deployment/shop/stays");
	assert_string_equal(ds_workloads_first(all)->key, "Job/shop/job-3617");
	ds_workloads_free(&all);
}

static void the_three_best_rates_stand(void **state)
{
	static const int64_t rates[] = { 5, 0, 7, 6, 7, 1 };
	struct ds_measured m = { .rates = { 0 } };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		ds_workload_add_rate(&m, rates[i]);
	assert_int_equal(m.rates[2], 0);
	ds_workload_add_rate(&m, rates[2]);
	ds_workload_add_rate(&m, rates[3]);
	assert_int_equal(m.rates[0], 7);
	assert_int_equal(m.rates[1], 6);
	assert_int_equal(m.rates[2], 5);
	ds_workload_add_rate(&m, rates[4]);
	ds_workload_add_rate(&m, rates[5]);
	assert_int_equal(m.rates[0], 7);
	assert_int_equal(m.rates[1], 7);
	assert_int_equal(m.rates[2], 6);
}

static void a_rollout_counts_as_its_poorest_pod(void **state)
{
	struct ds_workloads *all = workloads();
	struct ds_workload *w = ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT));

	(void)state;
	w->fresh = true;
	w->rollout_rate = 9;
	ds_workload_rolled(w);
	assert_false(w->fresh);
	assert_int_equal(w->m.rollouts, 1);
	assert_int_equal(w->m.rates[0], 9);
	assert_int_equal(w->rollout_rate, -1);
	ds_workloads_free(&all);
}

static void a_finding_keeps_the_largest_and_when(void **state)
{
	struct ds_workloads *all = workloads();
	struct ds_workload *w = ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT));
	const struct ds_finding *f = &w->found[DS_ADVICE_RAISE_DELAY];

	(void)state;
	assert_int_equal(f->most_ns, -1);
	ds_workload_found(w, DS_ADVICE_RAISE_DELAY, 100, -1);
	assert_int_equal(f->most_ns, -1);
	ds_workload_found(w, DS_ADVICE_RAISE_DELAY, 300, 7);
	ds_workload_found(w, DS_ADVICE_RAISE_DELAY, 200, 3);
	assert_int_equal(f->cnt, 3);
	assert_int_equal(f->first_ns, 100);
	assert_int_equal(f->last_ns, 300);
	assert_int_equal(f->most_ns, 7);
	ds_workloads_free(&all);
}

static void what_was_measured_comes_back(void **state)
{
	struct ds_workloads *all = workloads(), *other = workloads();
	struct ds_workload *w = ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT));
	char rates[DS_WORKLOAD_RATES_LEN];
	struct ds_event ev;

	(void)state;
	w->m = (struct ds_measured){ .pods = 12, .rollouts = 4, .drops = 3, .tail_ns = 4200000000,
				     .tail_error_ns = 1000000000, .tail_known = true,
				     .stop_ns = 1500000000, .killed_pods = 1,
				     .rates = { INT64_C(1) << 49, 5000, 0 } };
	ds_workload_write(w, &ev, rates);
	ds_workloads_restore(other, &ev);
	assert_memory_equal(&ds_workloads_first(other)->m, &w->m, sizeof(w->m));
	assert_string_equal(ds_workloads_first(other)->key, w->key);
	/* What the end of a run cut off is judged again by the next one. */
	w->before_cut = w->m;
	w->cut = true;
	w->m.pods = 99;
	ds_workload_write(w, &ev, rates);
	assert_int_equal(ev.advice_pods, 12);
	ds_workloads_free(&all);
	ds_workloads_free(&other);
}

static void nothing_measured_comes_back_as_nothing(void **state)
{
	struct ds_workloads *all = workloads(), *other = workloads();
	struct ds_workload *w = ds_workload_of(all, a_pod("shop", "web", DS_OWNER_DEPLOYMENT));
	char rates[DS_WORKLOAD_RATES_LEN];
	struct ds_event ev;

	(void)state;
	ds_workload_write(w, &ev, rates);
	ds_workloads_restore(other, &ev);
	assert_memory_equal(&ds_workloads_first(other)->m, &w->m, sizeof(w->m));
	assert_int_equal(ds_workloads_first(other)->m.stop_ns, -1);
	ds_workloads_free(&all);
	ds_workloads_free(&other);
}

/* A state file is only as good as who wrote it. */
static void values_without_sense_are_bounded(void **state)
{
	static char name[DS_WORKLOAD_KEY_LEN + 100];
	struct ds_workloads *all = workloads();
	const struct ds_workload *w;
	struct ds_event ev;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	ds_event_init(&ev, DS_EVENT_WORKLOAD, 0);
	DS_SET_STR(&ev, ADVICE_OBJECT, advice_object, name);
	DS_SET(&ev, TAIL, tail, -5);
	DS_SET(&ev, TAIL_ERROR, tail_error, INT64_MAX);
	DS_SET(&ev, ADVICE_PODS, advice_pods, INT64_MAX);
	DS_SET(&ev, ADVICE_ROLLOUTS, advice_rollouts, INT64_MAX);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, INT64_MAX);
	DS_SET(&ev, WORKLOAD_KILLED, workload_killed, INT64_MAX);
	DS_SET_STR(&ev, WORKLOAD_RATES, workload_rates, "99999999999999999999999999999,7x,,1,2,3");
	ds_workloads_restore(all, &ev);
	ds_workloads_restore(all, &ev);
	w = ds_workloads_first(all);
	assert_null(w->next);
	assert_int_equal(strlen(w->key), DS_WORKLOAD_KEY_LEN - 1);
	/* the next pod is added to these */
	assert_int_equal(w->m.pods, UINT32_MAX);
	assert_int_equal(w->m.rollouts, UINT32_MAX);
	assert_int_equal(w->m.drops, UINT32_MAX);
	assert_int_equal(w->m.killed_pods, UINT32_MAX);
	assert_int_equal(w->m.tail_ns, 0);
	assert_true(w->m.tail_error_ns == DS_EVENT_NS_MAX);
	assert_true(w->m.rates[0] > 0);
	assert_true(w->m.rates[0] >= w->m.rates[1] && w->m.rates[1] >= w->m.rates[2]);
	ds_workloads_free(&all);
}

static void a_job_does_not_return(void **state)
{
	struct ds_workloads *all = workloads();

	(void)state;
	assert_true(ds_workload_returns(ds_workload_of(all, a_pod("s", "a", DS_OWNER_STATEFULSET))));
	assert_false(ds_workload_returns(ds_workload_of(all, a_pod("s", "a", DS_OWNER_JOB))));
	assert_false(ds_workload_returns(ds_workload_of(all, a_pod("s", "a", DS_OWNER_NONE))));
	ds_workloads_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_each_owner),
		cmocka_unit_test(the_longest_untouched_makes_room),
		cmocka_unit_test(the_three_best_rates_stand),
		cmocka_unit_test(a_rollout_counts_as_its_poorest_pod),
		cmocka_unit_test(a_finding_keeps_the_largest_and_when),
		cmocka_unit_test(what_was_measured_comes_back),
		cmocka_unit_test(nothing_measured_comes_back_as_nothing),
		cmocka_unit_test(values_without_sense_are_bounded),
		cmocka_unit_test(a_job_does_not_return),
	};

	return cmocka_run_group_tests_name("workload", tests, NULL, NULL);
}
