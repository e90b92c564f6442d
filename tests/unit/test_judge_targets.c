// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/targets.h"

#include "tests/unit/doctor_story.h"
#include "user/util/timefmt.h"

static const struct ds_doctor_targets read_well = {
	.asked = true, .name = "drainsnoop-targets-a", .namespace_ = "drainsnoop", .status = 200,
	.dated = true, .age_ns = 40 * DS_NS_PER_S, .lines = 12,
};

#define assert_targets(t, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_TARGETS }; \
		ds_doctor_judge_targets((t), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void what_was_handed_over(void **state)
{
	struct ds_doctor_targets t = read_well;

	(void)state;
	assert_targets(&t, DS_FOUND_OK, "12 events, written 40 s ago", "");
	t.age_ns = 3700 * DS_NS_PER_S;	/* as long as nothing changes that is well */
	assert_targets(&t, DS_FOUND_OK, "written 3700 s ago", "who leads: drainsnoop doctor --for targets");
	t.age_ns = -4 * DS_NS_PER_S;	/* clocks differ a little */
	assert_targets(&t, DS_FOUND_OK, "written 0 s ago", "");
	t.age_ns = -6 * DS_NS_PER_S;
	assert_targets(&t, DS_FOUND_WARN, "written 6 s in the future", "check `clock`");
	t.dated = false;
	assert_targets(&t, DS_FOUND_WARN, "does not say when it was written",
		       "kubectl -n drainsnoop get configmap drainsnoop-targets-a");
}

static void nothing_was_handed_over(void **state)
{
	struct ds_doctor_targets t = read_well;

	(void)state;
	t.status = 404;
	assert_targets(&t, DS_FOUND_WARN, "no ConfigMap drainsnoop-targets-a in namespace drainsnoop",
		       "Run `drainsnoop targets`");
	t.status = 403;
	assert_targets(&t, DS_FOUND_FAIL, "may not get ConfigMap drainsnoop-targets-a", "Role");
	t.status = 0;
	strcpy(t.fault, "no answer");
	assert_targets(&t, DS_FOUND_FAIL, "cannot be read: no answer", "check `cluster`");
	t.fault[0] = '\0';
	t.status = 500;
	assert_targets(&t, DS_FOUND_FAIL, "the answer makes no sense", "check `cluster`");
	t.asked = false;
	t.skip = "no API server";
	assert_targets(&t, DS_FOUND_SKIP, "no API server", "");
}

static void who_leads(void **state)
{
	struct ds_doctor_targets t = { .asked = true, .of_lease = true, .name = "that-lease",
				       .namespace_ = "drainsnoop", .status = 200, .dated = true,
				       .age_ns = 3 * DS_NS_PER_S, .duration_s = 10,
				       .holder = "targets-a_0001" };

	(void)state;
	assert_targets(&t, DS_FOUND_OK, "targets-a_0001 leads, Lease that-lease was renewed 3 s ago", "");
	t.age_ns = -DS_NS_PER_S;
	assert_targets(&t, DS_FOUND_OK, "renewed 0 s ago", "");
	t.age_ns = 15 * DS_NS_PER_S;	/* clocks of two hosts */
	assert_targets(&t, DS_FOUND_OK, "leads", "");
	t.age_ns = 16 * DS_NS_PER_S;
	assert_targets(&t, DS_FOUND_WARN, "nobody leads: targets-a_0001 renewed Lease that-lease 16 s ago, it lasts 10 s",
		       "kubectl -n drainsnoop get pods");
	t.duration_s = -1;
	assert_targets(&t, DS_FOUND_OK, "leads", "");
	t.holder[0] = '\0';
	assert_targets(&t, DS_FOUND_WARN, "nobody leads: Lease that-lease was given back 16 s ago", "keep what they");
	t.status = 404;
	assert_targets(&t, DS_FOUND_WARN, "no Lease that-lease in namespace drainsnoop", "--lease and --config-namespace");
	t.status = 403;
	strcpy(t.fault, "status 403");
	assert_targets(&t, DS_FOUND_WARN, "cannot be read: status 403", "check `cluster`");
	t.status = 200;
	t.dated = false;
	t.fault[0] = '\0';
	assert_targets(&t, DS_FOUND_WARN, "the answer makes no sense", "check `cluster`");
}

static struct ds_doctor_targets read_of(const char *json)
{
	struct ds_doctor_targets t = { 0 };

	ds_doctor_targets_read(&t, json, strlen(json), 100 * DS_NS_PER_S);
	return t;
}

static void what_the_object_holds(void **state)
{
	struct ds_doctor_targets t = read_of("{\"data\":{\"written_at\":\"1970-01-01T00:01:10Z\","
					     "\"events.jsonl\":\"{}\\n{}\\n\"}}");

	(void)state;
	assert_true(t.dated);
	assert_int_equal(t.age_ns, 30 * DS_NS_PER_S);
	assert_int_equal(t.lines, 2);
	t = read_of("{\"data\":{\"written_at\":\"yesterday\"}}");
	assert_false(t.dated);
	assert_int_equal(t.lines, 0);
	/* moments from which to now is longer than a number of ns */
	assert_false(read_of("{\"data\":{\"written_at\":\"1677-10-01T00:00:00Z\"}}").dated);
	assert_false(read_of("{\"data\":{\"written_at\":\"2262-04-01T00:00:00Z\"}}").dated);
	assert_false(read_of("{\"data\":[]}").dated);
	assert_false(read_of("{\"data\":{\"written_at\":7}}").dated);
	assert_false(read_of("no json").dated);
	assert_false(read_of("").dated);
}

static void what_the_lease_holds(void **state)
{
	static const char json[] = "{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"holderIdentity\":\"me\","
				   "\"leaseDurationSeconds\":15,\"renewTime\":\"1970-01-01T00:01:30.000000Z\"}}";
	static const char bare[] = "{\"metadata\":{\"resourceVersion\":\"7\"}}";
	static const char old[] = "{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{"
				  "\"renewTime\":\"1677-09-22T00:00:00Z\"}}";
	struct ds_doctor_targets t = { .of_lease = true };

	(void)state;
	ds_doctor_targets_read(&t, json, strlen(json), 100 * DS_NS_PER_S);
	assert_true(t.dated);
	assert_string_equal(t.holder, "me");
	assert_int_equal(t.age_ns, 10 * DS_NS_PER_S);
	assert_int_equal(t.duration_s, 15);
	t.dated = false;
	ds_doctor_targets_read(&t, "{}", 2, 100 * DS_NS_PER_S);
	assert_false(t.dated);
	ds_doctor_targets_read(&t, bare, strlen(bare), 100 * DS_NS_PER_S);
	assert_false(t.dated);
	ds_doctor_targets_read(&t, old, strlen(old), INT64_MAX / 2);
	assert_false(t.dated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_handed_over),
		cmocka_unit_test(nothing_was_handed_over),
		cmocka_unit_test(who_leads),
		cmocka_unit_test(what_the_object_holds),
		cmocka_unit_test(what_the_lease_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
