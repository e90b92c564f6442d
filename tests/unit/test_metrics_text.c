// SPDX-License-Identifier: Apache-2.0
#include "user/sink/metrics_text.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct ds_buf out;
static struct ds_metrics_text text;

static int setup(void **state)
{
	(void)state;
	memset(&out, 0, sizeof(out));
	text = (struct ds_metrics_text){ .out = &out };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ds_buf_free(&out);
	return 0;
}

static const struct ds_metric_family drops = {
	.name = "x_drops", .help = "A \"quote\", a \\ and\na line.", .type = DS_METRIC_COUNTER,
};
static const struct ds_metric_family cpu = {
	.name = "x_cpu_seconds", .help = "h", .unit = "seconds", .type = DS_METRIC_COUNTER,
};
static const struct ds_metric_family build = { .name = "x_build", .help = "h",
					       .type = DS_METRIC_INFO };
static const struct ds_metric_family lag = {
	.name = "x_lag_seconds", .help = "h", .unit = "seconds", .type = DS_METRIC_HISTOGRAM,
};

static void the_old_format_names_families_as_their_samples(void **state)
{
	struct ds_metric_label label = { "a", "b" };

	(void)state;
	ds_metrics_text_family(&text, &drops);
	ds_metrics_text_sample(&text, &label, 1, DS_METRIC_COUNT(7));
	ds_metrics_text_family(&text, &build);
	ds_metrics_text_sample(&text, &label, 1, DS_METRIC_COUNT(1));
	ds_metrics_text_end(&text);
	assert_string_equal(out.data,
			    "# HELP x_drops_total A \"quote\", a \\\\ and\\na line.\n"
			    "# TYPE x_drops_total counter\n"
			    "x_drops_total{a=\"b\"} 7\n"
			    "# HELP x_build_info h\n"
			    "# TYPE x_build_info gauge\n"
			    "x_build_info{a=\"b\"} 1\n");
}

static void openmetrics_says_more(void **state)
{
	struct ds_metric_label label = { "a", "b" };

	(void)state;
	text.openmetrics = true;
	ds_metrics_text_family(&text, &drops);
	ds_metrics_text_family(&text, &cpu);
	ds_metrics_text_sample(&text, NULL, 0, DS_METRIC_NS(1500000000));
	ds_metrics_text_family(&text, &build);
	ds_metrics_text_sample(&text, &label, 1, DS_METRIC_COUNT(1));
	ds_metrics_text_end(&text);
	assert_string_equal(out.data,
			    "# HELP x_drops A \\\"quote\\\", a \\\\ and\\na line.\n"
			    "# TYPE x_drops counter\n"
			    "# HELP x_cpu_seconds h\n"
			    "# TYPE x_cpu_seconds counter\n"
			    "# UNIT x_cpu_seconds seconds\n"
			    "x_cpu_seconds_total 1.5\n"
			    "# HELP x_build h\n"
			    "# TYPE x_build info\n"
			    "x_build_info{a=\"b\"} 1\n"
			    "# EOF\n");
}

static void assert_sample(const struct ds_metric_label *labels, int cnt,
			  struct ds_metric_value value, const char *wanted)
{
	text.family = &drops;
	ds_buf_clear(&out);
	ds_metrics_text_sample(&text, labels, cnt, value);
	assert_string_equal(out.data, wanted);
}

static void labels_are_escaped(void **state)
{
	const struct ds_metric_label labels[] = {
		{ "a", "q\"b\\n\nx" }, { "gone", "" }, { "none", NULL },
		{ "c", "gr\xc3\xbc\xc3\x9f\xff!\xe2\x82" },
	};

	(void)state;
	assert_sample(labels, 4, DS_METRIC_COUNT(1),
		      "x_drops_total{a=\"q\\\"b\\\\n\\nx\","
		      "c=\"gr\xc3\xbc\xc3\x9f\xef\xbf\xbd!\xef\xbf\xbd\xef\xbf\xbd\"} 1\n");
	assert_sample(labels + 1, 2, DS_METRIC_COUNT(1), "x_drops_total 1\n");
}

static void seconds_have_the_digits_that_they_need(void **state)
{
	(void)state;
	assert_sample(NULL, 0, DS_METRIC_NS(0), "x_drops_total 0\n");
	assert_sample(NULL, 0, DS_METRIC_NS(1), "x_drops_total 0.000000001\n");
	assert_sample(NULL, 0, DS_METRIC_NS(30000000000), "x_drops_total 30\n");
	assert_sample(NULL, 0, DS_METRIC_NS(INT64_C(1795342531660018113)),
		      "x_drops_total 1795342531.660018113\n");
	assert_sample(NULL, 0, DS_METRIC_NS(-1500000000), "x_drops_total -1.5\n");
	assert_sample(NULL, 0, DS_METRIC_NS(INT64_MIN), "x_drops_total -9223372036.854775808\n");
	assert_sample(NULL, 0, DS_METRIC_COUNT(INT64_MAX), "x_drops_total 9223372036854775807\n");
}

static void buckets_add_up(void **state)
{
	const int64_t bounds[] = { 500000000, 1000000000, 30000000000 };
	const uint64_t counts[] = { 1, 0, 2, 4 };
	const struct ds_metric_histogram h = { bounds, counts, 3, 12250000000 };

	(void)state;
	text.family = &lag;
	ds_metrics_text_histogram(&text, NULL, 0, &h);
	assert_string_equal(out.data, "x_lag_seconds_bucket{le=\"0.5\"} 1\n"
				      "x_lag_seconds_bucket{le=\"1.0\"} 1\n"
				      "x_lag_seconds_bucket{le=\"30.0\"} 3\n"
				      "x_lag_seconds_bucket{le=\"+Inf\"} 7\n"
				      "x_lag_seconds_sum 12.25\n"
				      "x_lag_seconds_count 7\n");
}

static void exemplify(const char *uid, int64_t time_ns)
{
	const struct ds_metric_exemplar e = { .label = { "pod_uid", uid }, .n = 3,
					      .time_ns = time_ns };

	text.family = &drops;
	ds_buf_clear(&out);
	ds_metrics_text_exemplified(&text, NULL, 0, DS_METRIC_COUNT(9), &e);
}

static void exemplars_stand_in_openmetrics_only(void **state)
{
	(void)state;
	exemplify("u-1", 1500000000);
	assert_string_equal(out.data, "x_drops_total 9\n");
	text.openmetrics = true;
	exemplify("u-1", 1500000000);
	assert_string_equal(out.data, "x_drops_total 9 # {pod_uid=\"u-1\"} 3 1.5\n");
	exemplify("u-1", 0);
	assert_string_equal(out.data, "x_drops_total 9 # {pod_uid=\"u-1\"} 3\n");
	exemplify("", 1);
	assert_string_equal(out.data, "x_drops_total 9\n");
}

/* "pod_uid" has 7 characters; a character of three bytes is one. */
static void exemplars_are_as_long_as_openmetrics_allows(void **state)
{
	char uid[3 * 121 + 2] = "";

	(void)state;
	text.openmetrics = true;
	for (int i = 0; i < 121; i++)
		(void)strcat(uid, "\xe2\x82\xac");
	exemplify(uid, 0);
	assert_non_null(strstr(out.data, " # {"));
	(void)strcat(uid, "x");
	exemplify(uid, 0);
	assert_string_equal(out.data, "x_drops_total 9\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_old_format_names_families_as_their_samples,
						setup, teardown),
		cmocka_unit_test_setup_teardown(openmetrics_says_more, setup, teardown),
		cmocka_unit_test_setup_teardown(labels_are_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(seconds_have_the_digits_that_they_need, setup,
						teardown),
		cmocka_unit_test_setup_teardown(buckets_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(exemplars_stand_in_openmetrics_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(exemplars_are_as_long_as_openmetrics_allows, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
