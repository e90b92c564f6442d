// SPDX-License-Identifier: Apache-2.0
/* The poller against a small server on the same loop that answers as AWS does. */
#include "user/source/elb/elb.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "tests/unit/aws_server.h"
#include "tests/unit/kept_event.h"
#include "tests/unit/unit.h"
#include "user/core/merge.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define WAIT_MS 20000
#define LINES_MAX 256

static uv_timer_t patience;
static struct ds_elb *elb;
static struct ds_event got[LINES_MAX];
static int got_cnt;
static uint64_t seq, next_seq;
static bool timed_out;
static char errors_path[] = "/tmp/ds-test-elb-XXXXXX";
static int saved_stderr = -1;

/* ---- the story ---- */

static void deliver(void *ctx, struct ds_event *ev)
{
	(void)ctx;
	assert_int_equal(ev->rank, DS_RANK_EVENTS);
	assert_int_equal(ev->source_seq, next_seq++);
	assert_true(got_cnt < LINES_MAX);
	got[got_cnt++] = keep_event(ev);
}

static void on_patience(uv_timer_t *timer)
{
	(void)timer;
	timed_out = true;
}

static void close_all(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (uv_is_closing(handle))
		return;
	if (handle->type == UV_TCP && handle != (uv_handle_t *)&server)
		close_connection(handle->data);
	else
		uv_close(handle, NULL);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	(void)setenv("AWS_SESSION_TOKEN", "token", 1);
	(void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	memset(asked, 0, sizeof(asked));
	memset(error_of, 0, sizeof(error_of));
	asked_cnt = got_cnt = 0;
	seq = next_seq = 0;
	timed_out = hangs_up = false;
	errors_left = -1;
	error_status = 400;
	health = "healthy";
	delay = "45";
	raw_body = NULL;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(uv_timer_init(&loop, &patience), 0);
	assert_int_equal(uv_timer_start(&patience, on_patience, WAIT_MS, 0), 0);
	listen_somewhere();
	strcpy(errors_path, "/tmp/ds-test-elb-XXXXXX");
	fd = mkstemp(errors_path);
	assert_true(fd >= 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	(void)close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ds_elb_free(&elb);
	assert_null(elb);
	uv_walk(&loop, close_all, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	for (int i = 0; i < got_cnt; i++)
		ds_event_clear(&got[i]);
	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	(void)unlink(errors_path);
	return 0;
}

static void open_with(bool group, bool addresses)
{
	static const char *const groups[] = { GROUP };
	struct ds_elb_options o = {
		.deliver = deliver, .seq = &seq, .groups = groups, .groups_cnt = group,
		.interval_ns = 100 * DS_NS_PER_MS, .rate = 200, .addresses = addresses,
	};

	assert_int_equal(ds_elb_new(&elb, &loop, &o), 0);
}

static struct ds_addr pod(void)
{
	return ds_addr_from_v4((const uint8_t[4]){ 10, 0, 3, 1 });
}

static void watch(const char *group, uint16_t port)
{
	struct ds_addr a = pod();

	ds_elb_watch(elb, group, &a, port);
}

static int events_of(enum ds_event_kind kind)
{
	int cnt = 0;

	for (int i = 0; i < got_cnt; i++)
		cnt += got[i].kind == kind;
	return cnt;
}

static const struct ds_event *last_target(void)
{
	for (int i = got_cnt - 1; i >= 0; i--)
		if (got[i].kind == DS_EVENT_TARGET)
			return &got[i];
	return NULL;
}

static bool target_is(int state)
{
	const struct ds_event *ev = last_target();

	return ev && ev->target_state == state;
}

#define UNTIL(condition) \
	do { \
		while (!(condition) && !timed_out) \
			(void)uv_run(&loop, UV_RUN_ONCE); \
		assert_false(timed_out); \
	} while (0)

/* What was said on standard error. Static. */
static const char *said(void)
{
	static char text[16384];
	int fd = open(errors_path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	return text;
}

static int lines_said(void)
{
	int cnt = 0;

	for (const char *c = said(); *c; c++)
		cnt += *c == '\n';
	return cnt;
}

/* ---- tests ---- */

static void a_drain_is_told_with_its_bounds_and_its_group(void **state)
{
	int64_t drained_ns;
	struct timespec ts;
	const struct ds_event *ev;

	(void)state;
	open_with(false, false);
	watch(GROUP, 8080);
	UNTIL(target_is(DS_TARGET_STATE_HEALTHY) && asked[DS_ELB_ASK_BALANCER]);
	UNTIL(last_target()->present[DS_KEY_LB_NAME / 64] >> DS_KEY_LB_NAME % 64 & 1);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	drained_ns = ts.tv_sec * DS_NS_PER_S + ts.tv_nsec;
	health = "draining";
	UNTIL(target_is(DS_TARGET_STATE_DRAINING));
	ev = last_target();
	assert_true(ev->not_before <= drained_ns && drained_ns <= ev->not_after);
	assert_true(ev->not_after - ev->not_before < 5 * DS_NS_PER_S);
	assert_int_equal(ev->time_ns, ev->not_after);
	assert_string_equal(ev->tg_arn, GROUP);
	assert_string_equal(ev->tg_name, "web");
	assert_string_equal(ev->region, "eu-central-1");
	assert_string_equal(ev->account, "123456789012");
	assert_string_equal(ev->target_id, "10.0.3.1");
	assert_int_equal(ev->target_port, 8080);
	assert_int_equal(ev->target_state_previous, DS_TARGET_STATE_HEALTHY);
	assert_string_equal(ev->target_state_reason, "Target.DeregistrationInProgress");
	assert_int_equal(ev->target_source, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_true(ev->tg_partial);
	assert_int_equal(ev->tg_delay_s, 45);
	assert_true(ev->tg_preserve_client_ip);
	assert_int_equal(ev->tg_type, DS_TARGET_TYPE_IP);
	assert_int_equal(ev->tg_health_check_port, 8080);	/* traffic-port: its own */
	assert_int_equal(ev->tg_health_check_interval_s, 7);
	assert_int_equal(ev->lb_type, DS_LB_TYPE_APPLICATION);
	assert_string_equal(ev->lb_name, "shop");
	/* Gone: told, and not asked for any more. */
	health = "unused";
	UNTIL(target_is(DS_TARGET_STATE_UNUSED));
	assert_int_equal(asked[DS_ELB_ASK_GROUP], 1);
	assert_int_equal(asked[DS_ELB_ASK_ATTRIBUTES], 1);
	assert_int_equal(asked[DS_ELB_ASK_BALANCER], 1);
	assert_int_equal(asked[DS_ELB_ASK_ADDRESSES], 0);
	assert_int_equal(ds_elb_counters(elb).requests, asked_cnt);
	assert_int_equal(ds_elb_counters(elb).failed + ds_elb_counters(elb).throttled, 0);
	assert_string_equal(said(), "");
}

/* A number of seconds that no sum of times could hold. */
static void a_delay_that_can_be_none_is_not_told(void **state)
{
	(void)state;
	delay = "9223372036854775807";
	open_with(false, false);
	watch(GROUP, 8080);
	UNTIL(target_is(DS_TARGET_STATE_HEALTHY) && asked[DS_ELB_ASK_BALANCER]);
	UNTIL(ds_event_has(last_target(), DS_KEY_LB_NAME));
	health = "draining";
	UNTIL(target_is(DS_TARGET_STATE_DRAINING));
	assert_true(ds_event_has(last_target(), DS_KEY_TG_PRESERVE));
	assert_false(ds_event_has(last_target(), DS_KEY_TG_DELAY));
}

static void requests_are_signed_and_name_the_target(void **state)
{
	(void)state;
	open_with(false, false);
	watch(GROUP, 8080);
	UNTIL(asked[DS_ELB_ASK_HEALTH] == 1);
	assert_non_null(strstr(last_form, "Action=DescribeTargetHealth&Version=2015-12-01"));
	assert_non_null(strstr(last_form, "&Targets.member.1.Id=10.0.3.1"));
	assert_non_null(strstr(last_form, "&Targets.member.1.Port=8080"));
	assert_non_null(strstr(last_head, "POST / HTTP/1.1"));
	assert_non_null(strstr(last_head, "Credential=AKIDEXAMPLE/"));
	assert_non_null(strstr(last_head, "/eu-central-1/elasticloadbalancing/aws4_request"));
	assert_null(strstr(last_head, SECRET));
}

static void a_group_that_is_named_by_hand_is_looked_in(void **state)
{
	(void)state;
	open_with(true, true);
	UNTIL(events_of(DS_EVENT_LB_ADDRESS) == 2);	/* before any pod goes */
	assert_int_equal(asked[DS_ELB_ASK_HEALTH], 0);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(got[i].address, i ? "10.0.0.11" : "10.0.0.10");
		assert_string_equal(got[i].lb_name, "shop");
		assert_int_equal(got[i].lb_type, DS_LB_TYPE_APPLICATION);
	}
	watch(NULL, 0);
	UNTIL(target_is(DS_TARGET_STATE_HEALTHY));
	assert_int_equal(last_target()->target_port, 8080);
	UNTIL(asked[DS_ELB_ASK_HEALTH] > 2);
	assert_non_null(strstr(last_form, "&Targets.member.1.Port=8080"));
	assert_string_equal(said(), "");
}

static void nothing_is_asked_while_nobody_goes(void **state)
{
	struct ds_addr a = pod();

	(void)state;
	open_with(true, false);
	UNTIL(asked[DS_ELB_ASK_BALANCER] == 1);
	assert_int_equal(asked[DS_ELB_ASK_HEALTH], 0);
	watch(NULL, 0);
	UNTIL(asked[DS_ELB_ASK_HEALTH] >= 1);
	ds_elb_unwatch(elb, &a);
	UNTIL(ds_elb_counters(elb).requests == (uint64_t)asked_cnt);
	/* Other requests would have been due: the loop has only what is due in an hour. */
	assert_true(asked[DS_ELB_ASK_HEALTH] < 10);
}

/* Each fault: one line that says what to do, no secret in it, and it goes on. */
static void a_fault_is_said_once_and_asked_again(void **state)
{
	static const struct {
		const char *code;
		int status;
		const char *says;
		bool throttled;
	} faults[] = {
		{ "Throttling", 400, "--elb-rate", true },
		{ "InternalFailure", 500, "failed at AWS", false },
		{ "ExpiredToken", 403, "refuses the credentials", false },
		{ "ValidationError", 400, "does not take", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		error_of[DS_ELB_ASK_HEALTH] = faults[i].code;
		error_status = faults[i].status;
		errors_left = 1;
		open_with(false, false);
		watch(GROUP, 8080);
		UNTIL(target_is(DS_TARGET_STATE_HEALTHY));
		assert_non_null(strstr(said(), faults[i].says));
		assert_int_equal(lines_said(), 1);
		assert_null(strstr(said(), SECRET));
		assert_null(strstr(said(), "--elb:")); /* `targets` asks without it */
		assert_int_equal(ds_elb_counters(elb).throttled, faults[i].throttled);
		assert_int_equal(ds_elb_counters(elb).failed, !faults[i].throttled);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void what_is_not_permitted_is_named(void **state)
{
	(void)state;
	error_of[DS_ELB_ASK_ADDRESSES] = "UnauthorizedOperation";
	error_status = 403;
	open_with(true, true);
	watch(NULL, 0);
	UNTIL(asked[DS_ELB_ASK_ADDRESSES] && target_is(DS_TARGET_STATE_HEALTHY));
	UNTIL(ds_elb_counters(elb).failed == 1);
	assert_non_null(strstr(said(), "ec2:DescribeNetworkInterfaces"));
	assert_non_null(strstr(said(), "who may not"));
	assert_int_equal(lines_said(), 1);
	/* The rest goes on. */
	health = "draining";
	UNTIL(target_is(DS_TARGET_STATE_DRAINING));
	assert_int_equal(lines_said(), 1);
}

static void a_group_that_does_not_exist_is_asked_once(void **state)
{
	(void)state;
	for (int i = 0; i < DS_ELB_ASK_MAX; i++)
		error_of[i] = "TargetGroupNotFound";
	open_with(true, false);
	UNTIL(lines_said() == 1);
	assert_non_null(strstr(said(), GROUP));
	/* Also where two questions found it out: both were on their way. */
	UNTIL(ds_elb_counters(elb).failed == ds_elb_counters(elb).requests);
	assert_int_equal(lines_said(), 1);
	watch(NULL, 0);
	assert_int_equal(asked[DS_ELB_ASK_HEALTH], 0);
}

static void an_answer_that_is_no_answer_is_said(void **state)
{
	static const char *const bodies[] = {
		"", "<", "<html>It works!</html>",
		"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><x>&a;</x>",
		"<DescribeLoadBalancersResponse/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		raw_body = bodies[i];
		open_with(false, false);
		watch(GROUP, 8080);
		UNTIL(ds_elb_counters(elb).failed >= 1);
		assert_non_null(strstr(said(), "cannot be used"));
		raw_body = NULL;
		UNTIL(target_is(DS_TARGET_STATE_HEALTHY));
		assert_int_equal(lines_said(), 1);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void an_endpoint_that_hangs_up_is_asked_again(void **state)
{
	(void)state;
	hangs_up = true;
	open_with(false, false);
	watch(GROUP, 8080);
	UNTIL(ds_elb_counters(elb).failed == 1);
	assert_non_null(strstr(said(), "is not answered"));
	hangs_up = false;
	UNTIL(target_is(DS_TARGET_STATE_HEALTHY));
	assert_int_equal(lines_said(), 1);
}

static void without_credentials_it_says_so_and_goes_on(void **state)
{
	(void)state;
	(void)unsetenv("AWS_ACCESS_KEY_ID");
	(void)unsetenv("AWS_SECRET_ACCESS_KEY");
	(void)unsetenv("AWS_SESSION_TOKEN");
	(void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
	(void)setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	open_with(false, false);
	watch(GROUP, 8080);
	UNTIL(ds_elb_counters(elb).failed >= 1);
	assert_non_null(strstr(said(), "no credentials"));
	assert_int_equal(lines_said(), 1);
	assert_int_equal(asked_cnt, 0);
}

static void what_cannot_be_asked_is_left_out(void **state)
{
	(void)state;
	open_with(false, false);
	watch("web", 8080);
	watch("arn:aws:elasticloadbalancing:evil/../x:1:targetgroup/web/1", 8080);
	assert_int_equal(ds_elb_counters(elb).requests, 0);
	assert_string_equal(said(), "");
}

/* It is closed while requests are on their way. */
static void it_closes_at_any_moment(void **state)
{
	(void)state;
	for (int turns = 0; turns < 12; turns++) {
		open_with(true, true);
		watch(NULL, 0);
		for (int i = 0; i < turns; i++)
			(void)uv_run(&loop, UV_RUN_NOWAIT);
		ds_elb_free(&elb);
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_drain_is_told_with_its_bounds_and_its_group),
		T(a_delay_that_can_be_none_is_not_told),
		T(requests_are_signed_and_name_the_target),
		T(a_group_that_is_named_by_hand_is_looked_in),
		T(nothing_is_asked_while_nobody_goes),
		T(a_fault_is_said_once_and_asked_again),
		T(what_is_not_permitted_is_named),
		T(a_group_that_does_not_exist_is_asked_once),
		T(an_answer_that_is_no_answer_is_said),
		T(an_endpoint_that_hangs_up_is_asked_again),
		T(without_credentials_it_says_so_and_goes_on),
		T(what_cannot_be_asked_is_left_out),
		T(it_closes_at_any_moment),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
