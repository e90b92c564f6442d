// SPDX-License-Identifier: Apache-2.0
#include "user/source/targets/targets_parse.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define ARN "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
#define RECORD(name, targets, more) \
	"{\"eventVersion\":\"1.08\",\"eventTime\":\"2026-11-22T22:37:24Z\",\"eventSource\":" \
	"\"elasticloadbalancing.amazonaws.com\",\"eventName\":\"" name "\"," more \
	"\"awsRegion\":\"us-east-1\",\"userIdentity\":{\"type\":\"AssumedRole\",\"new\":{\"a\":[1]}}," \
	"\"requestParameters\":{\"targetGroupArn\":\"" ARN "\",\"targets\":" targets "}}"
#define ONE "[{\"id\":\"10.77.1.11\",\"port\":8080}]"
#define LINE(ts, msg, more) \
	"{\"level\":\"info\",\"ts\":" ts ",\"msg\":\"" msg "\",\"arn\":\"" ARN "\"" more "}\n"
#define TARGETS ",\"targets\":[{\"Id\":\"10.77.1.11\",\"AvailabilityZone\":null,\"Port\":8080}]"

static struct ds_targets_parser p;
static struct ds_buf got, faults;
static int64_t latest_ns;	/* of the next parsers */

/* SOURCE STATE ID:PORT [LO..HI] with times as seconds of the minute 22:37. */
static void deliver(void *ctx, struct ds_event *ev)
{
	const int64_t minute = INT64_C(1795387020) * DS_NS_PER_S;
	double lo = ds_event_has(ev, DS_KEY_NOT_BEFORE) ?
			    (double)(ev->not_before - minute) / 1e9 : -1;

	(void)ctx;
	assert_true(ds_event_has(ev, DS_KEY_NOT_AFTER));
	assert_true(ev->time_ns == ev->not_after);
	ds_buf_printf(&got, "%s %s %s:%lld %.3f..%.3f|",
		      ds_name(DS_NAMES_TARGET_SOURCE, ev->target_source),
		      ds_name(DS_NAMES_TARGET_STATE, ev->target_state), ev->target_id,
		      ds_event_has(ev, DS_KEY_TARGET_PORT) ? (long long)ev->target_port : 0, lo,
		      (double)(ev->not_after - minute) / 1e9);
}

static void fault(void *ctx, uint64_t line, const char *what)
{
	(void)ctx;
	ds_buf_printf(&faults, "%llu: %s|", (unsigned long long)line, what);
}

static int fresh(void **state)
{
	(void)state;
	ds_targets_parse_free(&p);
	p = (struct ds_targets_parser){ .deliver = deliver, .fault = fault,
					.latest_ns = latest_ns };
	/* Never NULL. */
	ds_buf_clear(&got);
	ds_buf_putc(&got, '|');
	ds_buf_clear(&faults);
	ds_buf_putc(&faults, '|');
	return 0;
}

static int last(void **state)
{
	(void)state;
	ds_targets_parse_free(&p);
	ds_buf_free(&got);
	ds_buf_free(&faults);
	return 0;
}

/* In blocks of every length up to some: where a block ends must not matter. */
static void feed(const char *text, size_t len)
{
	static const size_t blocks[] = { 1, 7, 64, 65536 };
	struct ds_buf first = { 0 };

	for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++) {
		(void)fresh(NULL);
		for (size_t at = 0; at < len; at += blocks[b])
			ds_targets_parse_feed(&p, text + at,
					      len - at < blocks[b] ? len - at : blocks[b]);
		ds_targets_parse_end(&p);
		if (b)
			assert_string_equal(got.data, first.data);
		else
			ds_buf_puts(&first, got.data);
	}
	ds_buf_free(&first);
}

static void assert_reads(const char *text, const char *events, const char *wrong)
{
	feed(text, strlen(text));
	assert_string_equal(got.data + 1, events);
	assert_string_equal(faults.data + 1, wrong);
}

static void cloudtrail_files_lookups_and_envelopes(void **state)
{
	const char *want = "cloudtrail draining 10.77.1.11:8080 23.000..25.000|"
			   "cloudtrail initial 10.77.1.11:8080 23.000..25.000|";

	(void)state;
	assert_reads("{\"Records\":[" RECORD("DeregisterTargets", ONE, "") ",\n"
		     RECORD("RegisterTargets", ONE, "") "]}", want, "");
	assert_reads("{ \"detail-type\": \"AWS API Call via CloudTrail\",\n \"detail\": "
		     RECORD("DeregisterTargets", ONE, "") "\n}\n{\"detail\":"
		     RECORD("RegisterTargets", ONE, "") "}\n", want, "");
	assert_reads("{\"Events\": [{\"EventId\": \"1\", \"CloudTrailEvent\": "
		     "\"{\\\"eventTime\\\":\\\"2026-11-22T22:37:24Z\\\",\\\"eventSource\\\":"
		     "\\\"elasticloadbalancing.amazonaws.com\\\",\\\"eventName\\\":"
		     "\\\"DeregisterTargets\\\",\\\"requestParameters\\\":{\\\"targetGroupArn\\\":"
		     "\\\"" ARN "\\\",\\\"targets\\\":[{\\\"id\\\":\\\"10.77.1.11\\\","
		     "\\\"port\\\":8080}]}}\"}], \"NextToken\": \"x\"}",
		     "cloudtrail draining 10.77.1.11:8080 23.000..25.000|", "");
	assert_reads("[" RECORD("DeregisterTargets", ONE, "") "]",
		     "cloudtrail draining 10.77.1.11:8080 23.000..25.000|", "");
}

static void cloudtrail_targets_in_any_shape(void **state)
{
	(void)state;
	assert_reads(RECORD("DeregisterTargets", "{\"items\":[{\"id\":\"10.0.0.1\"}]}", ""),
		     "cloudtrail draining 10.0.0.1:0 23.000..25.000|", "");
	assert_reads(RECORD("DeregisterTargets", "[{\"id\":\"i-1\",\"port\":\"80\"},{\"port\":1}]", ""),
		     "cloudtrail draining i-1:80 23.000..25.000|",
		     "1: a target without an address, or with a port beyond 65535|");
	assert_reads(RECORD("DeregisterTargets", "7", ""), "",
		     "1: a CloudTrail record without requestParameters.targetGroupArn and .targets|");
	/* Refused, and another call: nothing happened to any target. */
	assert_reads(RECORD("DeregisterTargets", ONE, "\"errorCode\":\"Throttling\",")
		     RECORD("ModifyTargetGroup", ONE, ""), "", "");
	assert_int_equal(p.skipped, 2);
}

static void controllers_log_of_every_age(void **state)
{
	(void)state;
	/* version 3: whole seconds */
	assert_reads(LINE("\"2026-11-22T22:37:24Z\"", "deRegistering targets", TARGETS)
		     LINE("\"2026-11-22T22:37:24Z\"", "Successful reconcile", "")
		     LINE("\"2026-11-22T22:37:25Z\"", "deRegistered targets", TARGETS),
		     "controller_log draining 10.77.1.11:8080 24.000..26.000|", "");
	/* version 2.4: microseconds, and no targets in the second line */
	assert_reads(LINE("1795387044.2301478", "deRegistering targets", TARGETS)
		     LINE("1795387044.2712817", "deRegistered targets", ""),
		     "controller_log draining 10.77.1.11:8080 24.230..24.271|", "");
	/* with kubectl's stamp, stern's names, the runtime's own prefix */
	assert_reads("2026-11-22T22:37:24.500000000Z "
		     LINE("\"2026-11-22T22:37:24Z\"", "registering targets", TARGETS)
		     "[pod/lbc-1/controller] lbc c 2026-11-22T23:37:24.541000000+01:00 "
		     LINE("\"2026-11-22T22:37:24Z\"", "registered targets", TARGETS),
		     "controller_log initial 10.77.1.11:8080 24.400..24.541|", "");
	/* text */
	assert_reads("2026-11-22T22:37:24.500Z\tINFO\tderegistering targets\t{\"arn\": \"" ARN "\""
		     TARGETS "}\n2026-11-22T22:37:24.600Z\tINFO\tderegistered targets\t{\"arn\": \"" ARN
		     "\"}\n", "controller_log draining 10.77.1.11:8080 24.400..24.601|", "");
}

#define BEGUN(word, stamp, arn) \
	"I1122 22:37:" stamp "       1 targets.go:95] shop/web: " word " " arn ": 10.77.1.11:8080\n"
#define OTHERS \
	"I1122 22:37:24.300000       1 targets.go:80] shop/other: Adding targets to " ARN \
	": 10.77.1.12:80, i-0abc:31080\n" \
	"W1122 22:37:24.400000       1 reflector.go:270] watch of *v1.Pod ended with: too old {1 2}\n"
#define RECONCILED(stamp, name) \
	"I1122 22:37:" stamp "       1 controller.go:236] kubebuilder/controller \"level\"=1 \"msg\"=" \
	"\"Successfully Reconciled\"  \"controller\"=\"alb-ingress-controller\" \"request\"=" \
	"{\"Namespace\":\"shop\",\"Name\":\"" name "\"}\n"
#define YEAR_AFTER (INT64_C(1826923020) * DS_NS_PER_S)	/* 2027-11-22T22:37:00Z */

/* Version 1: text, and the call has ended when its ingress is reconciled. */
static void controllers_log_of_version_1(void **state)
{
	const char *log = "-----------------------------------------------------------------------"
			  "--------\nAWS ALB Ingress controller\n  Release:    v1.1.4\n"
			  BEGUN("Removing targets from", "24.230147", ARN) OTHERS
			  RECONCILED("24.250000", "elsewhere") RECONCILED("24.271281", "web")
			  RECONCILED("24.900000", "web") RECONCILED("25.000000", "other");
	const char *want = "controller_log draining 10.77.1.11:8080 24.230..24.271|"
			   "controller_log initial 10.77.1.12:80 24.300..25.000|"
			   "controller_log initial i-0abc:31080 24.300..25.000|";

	(void)state;
	/* The year that brings it next to when the file was written last; a day of grace. */
	latest_ns = YEAR_AFTER - INT64_C(2) * 86400 * DS_NS_PER_S;
	assert_reads(log, want, "");
	latest_ns = (INT64_C(1795387020) - 80000) * DS_NS_PER_S;
	assert_reads(log, want, "");
	latest_ns = YEAR_AFTER;
	feed(log, strlen(log));
	assert_non_null(strstr(got.data, "10.77.1.11:8080 31536024.230..31536024.271|"));
	latest_ns = 0;
	assert_reads(BEGUN("Removing targets from", "24.230147", ARN), "",
		     "1: a line of the controller without a year; kubectl logs --timestamps adds one|");
}

#define STERN "lbc-1 controller 2026-11-22T22:37:"
static void version_1_with_stamps_of_the_runtime(void **state)
{
	(void)state;
	/* its own stamps are the better ones */
	assert_reads("2026-11-22T22:37:24.230500000Z " BEGUN("Removing targets from", "24.230147", ARN)
		     STERN "24.271900000Z " RECONCILED("24.271281", "web"),
		     "controller_log draining 10.77.1.11:8080 24.230..24.271|", "");
	/* but of another time zone: then the runtime's */
	assert_reads(STERN "24.230000000Z I1123 00:37:24.230147       1 targets.go:95] shop/web: Removing "
		     "targets from " ARN ": 10.77.1.11:8080\n"
		     STERN "24.271900000Z stderr: " RECONCILED("24.271281", "web"),
		     "controller_log draining 10.77.1.11:8080 24.130..24.271|", "");
	/* as the runtime keeps it on the node, in parts */
	assert_reads("2026-11-22T22:37:24.230500000Z stderr P I1122 22:37:24.230147       1 targets.go:95] "
		     "shop/web: Removing \n2026-11-22T22:37:24.230600000Z stderr F targets from " ARN
		     ": 10.77.1.11:8080\n2026-11-22T22:37:24.271900000Z stderr F "
		     RECONCILED("24.271281", "web"),
		     "controller_log draining 10.77.1.11:8080 24.230..24.271|", "");
}

static void a_call_of_version_1_that_failed_did_nothing(void **state)
{
	(void)state;
	latest_ns = YEAR_AFTER - DS_NS_PER_S * 86400 * 2;
	assert_reads(BEGUN("Removing targets from", "24.230147", ARN)
		     BEGUN("Adding targets to", "24.230147", ARN)
		     "E1122 22:37:24.300000       1 targets.go:101] shop/web: Error removing targets from "
		     ARN ": Throttling: Rate exceeded\n" RECONCILED("25.000000", "web"),
		     "controller_log initial 10.77.1.11:8080 24.230..25.000|", "");
	/* targets that are none, and a request that is none */
	assert_reads("I1122 22:37:24.230147 1 targets.go:95] a/b: Removing targets from " ARN ": x:y:z, :\n"
		     "I1122 22:37:24.3 1 x.go:1] cut\n"
		     "I1122 22:37:24.300000 1 c.go:2] \"msg\"=\"Successfully Reconciled\" \"request\"={\"Name\n"
		     "I1122 22:37:24.400000 1 c.go:2] \"msg\"=\"Successfully Reconciled\" \"request\"=\"a/b\"\n",
		     "controller_log draining x:y:0 24.230..24.400|",
		     "4: a target without an address, or with a port beyond 65535|");
	latest_ns = 0;
}

/* What is left out is said, of either form of the log. */
static void a_call_of_too_many_targets(void **state)
{
	struct ds_buf text = { 0 };

	(void)state;
	ds_buf_puts(&text, "{\"ts\":1795387044.5,\"msg\":\"deRegistered targets\",\"arn\":\"" ARN
			   "\",\"targets\":[{\"Id\":\"10.0.0.1\"}");
	for (int i = 0; i < DS_TARGETS_A_CALL_MAX; i++)
		ds_buf_puts(&text, ",{\"Id\":\"10.0.0.1\"}");
	ds_buf_puts(&text, "]}\n2026-11-22T22:37:24.2Z I1122 22:37:24.230147 1 targets.go:95] a/b: "
			   "Removing targets from " ARN ": 10.0.0.1:80");
	for (int i = 0; i < 100000; i++)
		ds_buf_puts(&text, ",a:1");
	ds_buf_puts(&text, "\n2026-11-22T22:37:24.4Z I1122 22:37:24.400000 1 c.go:2] "
			   "\"msg\"=\"Successfully Reconciled\" \"request\"=\"a/b\"\n");
	ds_targets_parse_feed(&p, text.data, text.len);
	ds_targets_parse_end(&p);
	assert_int_equal(p.events, 2 * DS_TARGETS_A_CALL_MAX);
	assert_string_equal(faults.data + 1,
			    "1: a call with more than 1000 targets: those beyond are left out|"
			    "3: a call with more than 1000 targets: those beyond are left out|");
	ds_buf_free(&text);
}

/* Each of a thousand targets of a record would hold its group's name. */
static void a_name_longer_than_any(void **state)
{
	struct ds_buf text = { 0 };
	char *ggg;

	(void)state;
	ds_buf_puts(&text, "1795387044,10.0.0.1,80,healthy\n{\"time\":\"1795387044\",\"TargetGroupArn\":"
			   "\"");
	for (int i = 0; i < 512; i++)
		ds_buf_putc(&text, 'g');
	ds_buf_puts(&text, "\",\"TargetHealthDescriptions\":[{\"Target\":{\"Id\":\"10.0.0.1\"},"
			   "\"TargetHealth\":{\"State\":\"healthy\"}}]}");
	assert_reads(text.data, "file healthy 10.0.0.1:80 23.000..25.000|",
		     "2: a target with a name, a group or a reason of more than 511 bytes|");
	ggg = strstr(text.data, "ggg");
	memmove(ggg, ggg + 1, strlen(ggg));
	feed(text.data, text.len - 1);
	assert_int_equal(p.events, 2);
	assert_int_equal(p.bad, 0);
	ds_buf_free(&text);
}

static void the_runtimes_own_lines_in_parts(void **state)
{
	(void)state;
	assert_reads("2026-11-22T22:37:24.500000000Z stderr F "
		     LINE("\"2026-11-22T22:37:24Z\"", "deRegistering targets", TARGETS)
		     "2026-11-22T22:37:24.540000000Z stderr P {\"ts\":\"2026-11-22T22:37:24Z\",\"msg\":\n"
		     "2026-11-22T22:37:24.541000000Z stdout F some text\n"
		     "2026-11-22T22:37:24.542000000Z stdout F\n"
		     "2026-11-22T22:37:24.543000000Z stderr P \"deRegistered targets\",\n"
		     "2026-11-22T22:37:24.544000000Z stderr F \"arn\":\"" ARN "\"}\n",
		     "controller_log draining 10.77.1.11:8080 24.400..24.540|", "");
	assert_int_equal(p.skipped, 2);
	/* one whose end never comes */
	assert_reads("2026-11-22T22:37:24.5Z stderr P {\"ts\":\n", "",
		     "1: the last line is partial (P): its other parts are missing|");
}

static void a_line_in_parts_is_bounded(void **state)
{
	static char part[65536];

	(void)state;
	memset(part, 'x', sizeof(part));
	memcpy(part, "2026-11-22T22:37:24.5Z stderr P ", 32);
	part[sizeof(part) - 1] = '\n';
	for (int i = 0; i < 100; i++)
		ds_targets_parse_feed(&p, part, sizeof(part));
	part[30] = 'F';
	ds_targets_parse_feed(&p, part, sizeof(part));
	ds_targets_parse_end(&p);
	assert_string_equal(faults.data + 1,
			    "101: a line of several parts that is longer than 1 MiB|");
	assert_true(p.partial[1].cap <= 4 * DS_TARGETS_ITEM_MAX);
}

static void a_call_whose_begin_is_missing_has_no_lower_bound(void **state)
{
	(void)state;
	assert_reads(LINE("\"2026-11-22T22:37:24Z\"", "deRegistered targets", TARGETS),
		     "controller_log draining 10.77.1.11:8080 -1.000..25.000|", "");
	assert_reads(LINE("\"2026-11-22T22:37:24Z\"", "deRegistered targets", ""), "",
		     "1: the controller ended a call of which the log does not say the targets; read "
		     "the log from an earlier line on|");
}

static void describe_target_health_with_its_time(void **state)
{
	static const char doc[] =
		"{\n  \"TargetHealthDescriptions\": [ {\n  \"Target\": { \"Id\": \"10.77.1.11\", "
		"\"Port\": 8080 },\n \"TargetHealth\": { \"State\": \"healthy\" } } ]\n}\n";
	static const char later[] =
		"{\"TargetHealthDescriptions\":[{\"Target\":{\"Id\":\"10.77.1.11\",\"Port\":8080},"
		"\"TargetHealth\":{\"State\":\"draining\",\"Reason\":"
		"\"Target.DeregistrationInProgress\"}}]";
	struct ds_buf text = { 0 };

	(void)state;
	ds_buf_printf(&text, "2026-11-22T22:37:24Z " ARN "\n%s2026-11-22T22:37:26Z " ARN "\n%s}", doc,
		      later);
	assert_reads(text.data, "describe_target_health healthy 10.77.1.11:8080 23.000..30.000|"
		     "describe_target_health draining 10.77.1.11:8080 23.000..32.000|", "");
	ds_buf_clear(&text);
	ds_buf_printf(&text, "%s,\"ResponseMetadata\":{\"HTTPHeaders\":"
		      "{\"date\":\"Sun, 22 Nov 2026 22:37:24 GMT\"}}}", later);
	assert_reads(text.data, "describe_target_health draining 10.77.1.11:8080 -1.000..25.000|", "");
	for (int i = 0; i < 3; i++) {	/* a header that names no moment of ours is none */
		static const char *const years[] = { "1677", "1969", "2262" };

		ds_buf_clear(&text);
		ds_buf_printf(&text, "%s,\"ResponseMetadata\":{\"HTTPHeaders\":"
			      "{\"date\":\"Sun, 01 Oct %s 22:37:24 GMT\"}}}", later, years[i]);
		feed(text.data, text.len);
		assert_string_equal(got.data + 1, "");
		assert_non_null(strstr(faults.data, "1: describe-target-health without its time"));
	}
	feed(doc, strlen(doc));		/* no time anywhere */
	assert_non_null(strstr(faults.data, "1: describe-target-health without its time"));
	ds_buf_free(&text);
}

static void csv_rows_are_readings(void **state)
{
	(void)state;
	assert_reads("time,target,port,state,target_group\n"
		     "2026-11-22T22:37:20Z,10.77.1.11,8080,healthy,web\r\n"
		     "# a remark\n\n"
		     "2026-11-22 22:37:22.5,10.77.1.11,8080,healthy,web\n"
		     "\"1795387044\",\"10.77.1.11\",8080,draining,web\n"
		     "1795387045,10.77.1.11,8080,draining,web\n",
		     "file healthy 10.77.1.11:8080 19.000..21.000|"
		     "file healthy 10.77.1.11:8080 21.500..22.600|"
		     "file draining 10.77.1.11:8080 21.500..25.000|"
		     "file draining 10.77.1.11:8080 -1.000..26.000|", "");
	assert_reads("yesterday,10.0.0.1,80,healthy\n1795387044,10.0.0.1,x,healthy\n"
		     "1795387044,10.0.0.1,80,gone\n1795387044,10.0.0.1,80,healthy\n",
		     "file healthy 10.0.0.1:80 23.000..25.000|",
		     "1: CSV: the first column is no time (2026-11-22T10:15:31.5Z)|"
		     "2: CSV: the third column is no port|"
		     "3: CSV: the fourth column is no state (initial, healthy, unhealthy, draining, "
		     "unused, ...)|");
	assert_reads("10.77.1.11,10.77.1.11,80,healthy\n.77,10.77.1.11,80,healthy\n"
		     "12.5s,10.77.1.11,80,healthy\n", "",
		     "1: CSV: the first column is no time (2026-11-22T10:15:31.5Z)|"
		     "2: CSV: the first column is no time (2026-11-22T10:15:31.5Z)|"
		     "3: CSV: the first column is no time (2026-11-22T10:15:31.5Z)|");
}

/* What the target group may not have known of yet then lies before 1970. */
static void a_reading_of_1970_has_no_earliest_moment(void **state)
{
	(void)state;
	assert_reads("0.5,10.77.1.11,80,healthy\n0.7,10.77.1.11,80,draining\n",
		     "file healthy 10.77.1.11:80 -1.000..-1795387019.400|"
		     "file draining 10.77.1.11:80 -1.000..-1795387019.200|", "");
}

static void what_is_broken_costs_itself_only(void **state)
{
	static const char nul[] = "1795387044,10.0\0.0.1,80,healthy\n1795387044,10.0.0.1,80,healthy\n";
	struct ds_buf deep = { 0 };

	(void)state;
	/* a line that its writer did not finish */
	assert_reads("{\"level\":\"info\",\"ts\":\"20\n1795387044,10.0.0.1,80,healthy\n",
		     "file healthy 10.0.0.1:80 23.000..25.000|",
		     "1: a control character, or the end of the line, within a string|");
	assert_reads("{\"level\":\"info\",\n" RECORD("DeregisterTargets", ONE, ""),
		     "cloudtrail draining 10.77.1.11:8080 23.000..25.000|",
		     "1: cut off: another one begins within it|");
	/* a file that is cut: what came before counts */
	assert_reads("{\"Records\":[" RECORD("DeregisterTargets", ONE, "") ",{\"eventVersion\":",
		     "cloudtrail draining 10.77.1.11:8080 23.000..25.000|",
		     "1: cut off: the end is missing|");
	feed(nul, sizeof(nul) - 1);
	assert_string_equal(got.data + 1, "file healthy 10.0.0.1:80 23.000..25.000|");
	assert_string_equal(faults.data + 1, "1: a NUL character|");
	ds_buf_puts(&deep, "{\"a\":");
	for (int i = 0; i < 100; i++)
		ds_buf_putc(&deep, '[');
	ds_buf_puts(&deep, "\n1795387044,10.0.0.1,80,healthy\n");
	assert_reads(deep.data, "file healthy 10.0.0.1:80 23.000..25.000|",
		     "1: nested deeper than 64|");
	ds_buf_free(&deep);
}

static void a_line_of_ten_megabytes_is_told_once(void **state)
{
	size_t len = 10 << 20;
	char *line = malloc(len);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', len);
	memcpy(line + len - 33, "\n1795387044,10.0.0.1,80,healthy\n", 32);
	line[len - 1] = '\n';
	ds_targets_parse_feed(&p, line, len);
	ds_targets_parse_end(&p);
	assert_string_equal(faults.data + 1, "1: longer than 1 MiB|");
	assert_string_equal(got.data + 1, "file healthy 10.0.0.1:80 23.000..25.000|");
	assert_true(p.split.buf.cap <= 4 * DS_TARGETS_ITEM_MAX);
	free(line);
}

static void an_unknown_line_names_the_formats(void **state)
{
	(void)state;
	feed("hello\n", 6);
	assert_non_null(strstr(faults.data, "1: no format that is known: CloudTrail"));
	assert_int_equal(p.bad, 1);
}

#define T(fn) cmocka_unit_test_setup(fn, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(cloudtrail_files_lookups_and_envelopes),
		T(cloudtrail_targets_in_any_shape),
		T(controllers_log_of_every_age),
		T(controllers_log_of_version_1),
		T(version_1_with_stamps_of_the_runtime),
		T(a_call_of_version_1_that_failed_did_nothing),
		T(a_call_of_too_many_targets),
		T(a_name_longer_than_any),
		T(the_runtimes_own_lines_in_parts),
		T(a_line_in_parts_is_bounded),
		T(a_call_whose_begin_is_missing_has_no_lower_bound),
		T(describe_target_health_with_its_time),
		T(csv_rows_are_readings),
		T(a_reading_of_1970_has_no_earliest_moment),
		T(what_is_broken_costs_itself_only),
		T(a_line_of_ten_megabytes_is_told_once),
		T(an_unknown_line_names_the_formats),
	};

	return cmocka_run_group_tests_name("targets_parse", tests, NULL, last);
}
