// SPDX-License-Identifier: Apache-2.0
/* A collection that a small server on the same loop has; what is decided is test_kube_watch.c's. */
#include "user/source/kube/kube_follow.h"

#include "tests/unit/files.h"
#include "tests/unit/http_server.h"
#include "user/source/kube/kube_json.h"
#include "user/util/timefmt.h"

static uv_loop_t loop;
static struct http_server server;
static struct ds_kube_api *api;
static struct ds_kube_follow *follow;
static int living;

static const struct ds_kube_keep keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "metadata", "uid" },
	{ "metadata", "name" },
	{ NULL, NULL },
};

static void *take(void *ctx, void *object, json_object *json)
{
	const char *name = ds_kube_text(ds_kube_child(json, "metadata"), "name");

	(void)ctx;
	living += !object;
	free(object);
	return strdup(name);
}

static void tell(void *ctx, void *object, enum ds_kube_told told)
{
	static const char *const words[] = { "is", "deleted", "missing" };

	(void)ctx;
	ds_buf_printf(&got, "%s %s|", words[told], (char *)object);
}

static void drop(void *ctx, void *object)
{
	(void)ctx;
	living--;
	free(object);
}

static void synced(void *ctx)
{
	(void)ctx;
	ds_buf_puts(&got, "synced|");
}

static void make_api(int64_t quiet_ns)
{
	struct ds_kube_access_options options = { .quiet_ns = quiet_ns };
	char url[64];

	ds_kube_api_free(&api);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
	options.api = url;
	assert_int_equal(ds_kube_api_new(&api, &loop, &options), 0);
}

static int begin(void **state)
{
	assert_int_equal(uv_loop_init(&loop), 0);
	http_server_start(&server, &loop);
	server.asker_only = true;
	make_api(0);
	catch_errors();
	return files_fresh(state);
}

static int end(void **state)
{
	(void)state;
	ds_kube_follow_free(&follow);
	assert_null(follow);
	ds_kube_follow_free(&follow);
	assert_int_equal(living, 0);
	ds_kube_api_free(&api);
	http_server_stop(&server);
	end_loop(&loop);
	(void)caught_errors();
	return 0;
}

static void start(void (*choose)(struct http_server *s), bool optional)
{
	struct ds_kube_follow_options options = {
		.watch = { .path = "/api/v1/things", .selector = "", .what = "things", .keep = keep, .max = 3,
			   .optional = optional, .take = take, .tell = tell, .drop = drop },
		.synced = synced,
	};

	server.choose = choose;
	assert_int_equal(ds_kube_follow_new(&follow, api, &options), 0);
	assert_int_equal(server.requests, 0);
}

/* Until the log says so. */
static void wait_said(const char *part)
{
	char text[4096];

	for (int i = 0; i < 1000000; i++) {
		(void)read_file(errors_path, text, sizeof(text));
		if (strstr(text, part))
			return;
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
	fail_msg("'%s' was not said", part);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define OBJECT(name) "{\"metadata\":{\"uid\":\"" name "\",\"name\":\"" name "\"}}"
#define WATCHED OK "Transfer-Encoding: chunked\r\n\r\n"
#define LIST(items) OK "Connection: close\r\n\r\n{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"

static bool is_watch(const struct http_server *s)
{
	return strstr(s->request.data, "watch=1") != NULL;
}

static void send_event(const char *event)
{
	static char chunk[512];
	int len = snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(event), event);

	http_server_send(&server, chunk, (size_t)len);
}

static void list_one(struct http_server *s)
{
	s->close_after = !is_watch(s);
	s->reply = is_watch(s) ? WATCHED : LIST(OBJECT("a"));
}

static void a_list_and_its_watch(void **state)
{
	(void)state;
	start(list_one, false);
	wait_for(&loop, "is a|synced|");
	while (server.requests < 2)
		(void)uv_run(&loop, UV_RUN_ONCE);
	assert_non_null(strstr(server.request.data, "GET /api/v1/things?watch=1&"));
	assert_non_null(strstr(server.request.data, "resourceVersion=5"));
	send_event("{\"type\":\"ADDED\",\"object\":" OBJECT("b") "}");
	wait_for(&loop, "is a|synced|is b|");
	send_event("{\"type\":\"DELETED\",\"object\":" OBJECT("a") "}");
	wait_for(&loop, "is a|synced|is b|deleted a|");
	assert_int_equal(ds_kube_follow_stats(follow).objects, 1);
	assert_true(ds_kube_follow_blind_ns(follow) == 0);
	assert_string_equal(caught_errors(), "");
	catch_errors();
}

/* The server holds the connection and says nothing: it may be dead, and there is no telling. */
static void a_silent_stream_is_begun_anew(void **state)
{
	(void)state;
	make_api(200 * DS_NS_PER_MS);
	start(list_one, false);
	while (server.requests < 4)
		(void)uv_run(&loop, UV_RUN_ONCE);
	assert_true(is_watch(&server));
	wait_for(&loop, "is a|synced|");	/* and nothing is told twice */
	assert_true(ds_kube_follow_stats(follow).restarts >= 2);
	assert_true(ds_kube_follow_blind_ns(follow) > 0);
	assert_int_equal(ds_kube_follow_stats(follow).lists, 1);
	send_event("{\"type\":\"MODIFIED\",\"object\":" OBJECT("a") "}");
	wait_for(&loop, "is a|synced|is a|");
	assert_true(ds_kube_follow_blind_ns(follow) == 0);
	assert_string_equal(caught_errors(), "");	/* it was begun anew, and that went well */
	catch_errors();
}

static void answer_404(struct http_server *s)
{
	s->reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
}

static void what_need_not_exist_is_no_trouble(void **state)
{
	(void)state;
	start(answer_404, true);
	wait_for(&loop, "synced|");
	assert_true(ds_kube_follow_stats(follow).absent);
	assert_string_equal(caught_errors(), "");
	catch_errors();
}

static void what_ought_to_exist_is(void **state)
{
	(void)state;
	start(answer_404, false);
	wait_said("the API server answers 404 to list things; trying again");
}

static void list_many(struct http_server *s)
{
	s->close_after = !is_watch(s);
	s->reply = is_watch(s) ? WATCHED : LIST(OBJECT("a") "," OBJECT("b") "," OBJECT("c") "," OBJECT("d") ",{}");
}

static void what_is_left_out_is_said_once(void **state)
{
	const char *said;

	(void)state;
	start(list_many, false);
	wait_for(&loop, "is a|is b|is c|synced|");
	wait_said("the API server has more than 3 things; those above that are not followed");
	wait_said("the API server tells something of things that cannot be read; it is left out");
	while (server.requests < 2)
		(void)uv_run(&loop, UV_RUN_ONCE);
	send_event("{\"type\":\"ADDED\",\"object\":" OBJECT("e") "}");
	while (ds_kube_follow_stats(follow).over < 2)
		(void)uv_run(&loop, UV_RUN_ONCE);
	http_server_send(&server, "0\r\n\r\n", 5);
	while (server.requests < 3)
		(void)uv_run(&loop, UV_RUN_ONCE);
	said = caught_errors();
	assert_int_equal(count_lines(said), 2);
	catch_errors();
}

static void what_is_known_before(void **state)
{
	(void)state;
	start(list_one, false);
	living++;
	ds_kube_follow_know(follow, "z", strdup("z"));
	wait_for(&loop, "missing z|is a|synced|");
}

static void it_ends_at_any_time(void **state)
{
	(void)state;
	start(list_one, false);
	ds_kube_follow_free(&follow);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	start(list_one, false);
	while (server.requests < 1)
		(void)uv_run(&loop, UV_RUN_ONCE);
	ds_kube_follow_free(&follow);
	for (int i = 0; i < 10; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(got.len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_list_and_its_watch),
		TEST(a_silent_stream_is_begun_anew),
		TEST(what_need_not_exist_is_no_trouble),
		TEST(what_ought_to_exist_is),
		TEST(what_is_left_out_is_said_once),
		TEST(what_is_known_before),
		TEST(it_ends_at_any_time),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
