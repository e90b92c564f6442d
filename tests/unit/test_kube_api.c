// SPDX-License-Identifier: Apache-2.0
/* Requests to a small server on the loop; `path` is the kubeconfig, `other` the token's file. */
#include "user/source/kube/kube_api.h"

#include "tests/unit/files.h"
#include "tests/unit/http_server.h"
#include "user/util/timefmt.h"

static uv_loop_t loop;
static struct http_server server;
static struct ds_kube_api *api;
static int64_t offset_ns, retry_after_ns;

#define EMPTY(status, headers) "HTTP/1.1 " status "\r\n" headers "Content-Length: 0\r\n\r\n"

static int begin(void **state)
{
	assert_int_equal(uv_loop_init(&loop), 0);
	http_server_start(&server, &loop);
	server.asker_only = true;
	return files_fresh(state);
}

static int end(void **state)
{
	(void)state;
	ds_kube_api_free(&api);
	assert_null(api);
	ds_kube_api_free(&api);
	http_server_stop(&server);
	end_loop(&loop);
	return 0;
}

/* With a kubeconfig whose user is that, in YAML's flow style. */
static void make(const char *user)
{
	struct ds_kube_access_options options = { .kubeconfig = path };
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "current-context: c\n"
		       "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
		       "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
		       "users: [{name: u, user: %s}]\n", server.port, user);
	put(path, O_TRUNC, text);
	assert_int_equal(ds_kube_api_new(&api, &loop, &options), 0);
}

/* "NAME STATUS BODY|" or "NAME fault ...|" is appended; ctx is NAME. */
static void done(void *ctx, const struct ds_kube_reply *reply)
{
	if (reply->fault)
		ds_buf_printf(&got, "%s %d fault %s|", (char *)ctx, reply->status, reply->fault);
	else
		ds_buf_printf(&got, "%s %d %s|", (char *)ctx, reply->status,
			      reply->body ? reply->body : "");
	if (reply->body)
		assert_int_equal(reply->body[reply->len], '\0');
	offset_ns = reply->clock_offset_ns;
	retry_after_ns = reply->retry_after_ns;
}

static void call(const char *name, struct ds_kube_call what)
{
	size_t before = got.len;

	what.method = what.method ? what.method : "GET";
	what.target = what.target ? what.target : "/version";
	what.done = what.done ? what.done : done;
	what.ctx = (void *)(uintptr_t)name;
	assert_int_equal(ds_kube_call(api, &what), 0);
	assert_int_equal(got.len, before);	/* never from within */
}

static void get(const char *name)
{
	call(name, (struct ds_kube_call){ 0 });
}

static void assert_sent(const char *part)
{
	if (!strstr(server.request.data, part))
		fail_msg("'%s' is not in the request:\n%s", part, server.request.data);
}

static void each_method_with_its_body(void **state)
{
	static const char *const methods[] = { "GET", "DELETE", "POST", "PUT", "PATCH" };
	static const char body[] = "{\"a\":1}";

	(void)state;
	make("{token: secret}");
	server.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{  }";
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		bool has_body = i >= 2;
		char line[64];

		forget_got();
		call("a", (struct ds_kube_call){
			     .method = methods[i], .target = "/apis/x?y=%20z",
			     .content_type = has_body ? "application/merge-patch+json" : NULL,
			     .body = has_body ? body : NULL, .len = has_body ? strlen(body) : 0 });
		wait_for(&loop, "a 200 {  }|");
		(void)snprintf(line, sizeof(line), "%s /apis/x?y=%%20z HTTP/1.1\r\n", methods[i]);
		assert_sent(line);
		assert_sent("Authorization: Bearer secret\r\n");
		assert_sent("Accept: application/json\r\n");
		if (has_body)
			assert_sent("Content-Type: application/merge-patch+json\r\n");
		if (has_body)
			assert_sent("\r\n\r\n{\"a\":1}");
		else
			assert_null(strstr(server.request.data, "Content-"));
	}
	assert_int_equal(server.connections, 1);	/* one is enough for all of them */
}

/* The token's file has another by now, and the first was not accepted. */
static void answer_by_token(struct http_server *s)
{
	bool good = strstr(s->request.data, "Bearer second") != NULL;

	if (!good && s->requests == 1)
		put(other, O_TRUNC, "second\n");
	s->reply = good ? EMPTY("200 OK", "") : EMPTY("401 Unauthorized", "");
}

static void a_token_that_expired_is_read_anew(void **state)
{
	char user[128];

	(void)state;
	put(other, O_TRUNC, "first\n");
	(void)snprintf(user, sizeof(user), "{tokenFile: '%s'}", other);
	make(user);
	server.choose = answer_by_token;
	call("a", (struct ds_kube_call){ .method = "PUT", .body = "{}", .len = 2 });
	wait_for(&loop, "a 200 |");
	assert_int_equal(server.requests, 2);
	assert_sent("\r\n\r\n{}");
	forget_got();
	put(other, O_TRUNC, "third\n");
	get("b");
	wait_for(&loop, "b 401 |");		/* once more, and no more than that */
	assert_int_equal(server.requests, 4);
}

/* The plugin writes a line each time it runs, and gives the number of lines as the token. */
static void make_plugin(void)
{
	char user[512];

	(void)snprintf(user, sizeof(user),
		       "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, "
		       "args: ['-c', 'echo x >>%s; n=$(wc -l <%s); printf \"{\\\"kind\\\":\\\"ExecCredential\\\","
		       "\\\"apiVersion\\\":\\\"client.authentication.k8s.io/v1\\\",\\\"status\\\":{\\\"token\\\":"
		       "\\\"t%%d\\\"}}\" $n']}}", other, other);
	make(user);
}

static int runs(void)
{
	char text[256];

	(void)read_file(other, text, sizeof(text));
	return count_lines(text);
}

static void accept_second(struct http_server *s)
{
	s->reply = strstr(s->request.data, "Bearer t2") ? EMPTY("200 OK", "") :
							  EMPTY("401 Unauthorized", "");
}

static void a_plugin_is_run_once_for_all_that_wait(void **state)
{
	(void)state;
	make_plugin();
	server.choose = accept_second;
	get("a");
	get("b");
	get("c");
	for (int i = 0; got.len < strlen("a 200 |b 200 |c 200 |"); i++) {
		assert_true(i < 100000);
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
	assert_non_null(strstr(got.data, "a 200 |"));
	assert_non_null(strstr(got.data, "b 200 |"));
	assert_non_null(strstr(got.data, "c 200 |"));
	assert_int_equal(runs(), 2);
	assert_int_equal(server.requests, 6);
}

static void a_plugin_that_fails_is_a_fault(void **state)
{
	(void)state;
	make("{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: 'false'}}");
	get("a");
	wait_for(&loop, "a 0 fault the plugin false ended with status 1|");
	assert_int_equal(server.requests, 0);
}

/* What they mean is the caller's business: they are told, and not tried again. */
static void other_answers_are_told(void **state)
{
	(void)state;
	make("{}");
	server.reply = EMPTY("429 Too Many Requests", "Retry-After: 7\r\n");
	get("a");
	wait_for(&loop, "a 429 |");
	assert_true(retry_after_ns == 7 * DS_NS_PER_S);
	server.reply = "HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\nwho";
	forget_got();
	get("b");
	wait_for(&loop, "b 409 who|");
	assert_true(retry_after_ns == -1);
	assert_int_equal(server.requests, 2);
	assert_null(strstr(server.request.data, "Authorization"));
}

static void a_body_is_bounded(void **state)
{
	char want[128];

	(void)state;
	make("{}");
	server.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
	call("a", (struct ds_kube_call){ .max = 5 });
	wait_for(&loop, "a 200 abcde|");
	forget_got();
	call("b", (struct ds_kube_call){ .max = 4 });
	(void)snprintf(want, sizeof(want), "b 200 fault 127.0.0.1:%d: the answer is longer than 4 bytes|",
		       server.port);
	wait_for(&loop, want);
}

static void nobody_is_there(void **state)
{
	struct ds_kube_access_options options = { .api = "http://127.0.0.1:1" };

	(void)state;
	assert_int_equal(ds_kube_api_new(&api, &loop, &options), 0);
	assert_string_equal(ds_kube_api_server(api), "http://127.0.0.1:1");
	assert_ptr_equal(ds_kube_api_loop(api), &loop);
	get("a");
	wait_for(&loop, "a 0 fault 127.0.0.1:1: no connection: Connection refused|");
}

static bool piece(void *ctx, const char *data, size_t len)
{
	ds_buf_printf(&got, "%s+%.*s|", (char *)ctx, (int)len, data);
	return true;
}

static void a_stream_comes_in_pieces(void **state)
{
	(void)state;
	make("{}");
	server.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
	call("a", (struct ds_kube_call){ .stream = piece, .timeout_ns = -1 });
	wait_for(&loop, "a+abc|");
	http_server_send(&server, "0\r\n\r\n", 5);
	wait_for(&loop, "a+abc|a 200 |");
}

/* A dead stream: its own patience ends it. */
static void a_stream_that_says_nothing_ends(void **state)
{
	char want[160];

	(void)state;
	make("{}");
	server.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
	call("a", (struct ds_kube_call){ .stream = piece, .timeout_ns = -1,
					 .quiet_ns = 300 * DS_NS_PER_MS });
	(void)snprintf(want, sizeof(want), "a+abc|a 200 fault 127.0.0.1:%d: nothing came for 0.3 s|",
		       server.port);
	wait_for(&loop, want);
}

static void begin_another(void *ctx, const struct ds_kube_reply *reply)
{
	done(ctx, reply);
	ds_kube_cancel(api, "c");
	get("d");
}

/* What has another ctx goes on; one that ends may begin others and end others. */
static void calls_that_are_cancelled(void **state)
{
	static const char name[] = "b";

	(void)state;
	make("{}");
	server.reply = EMPTY("200 OK", "");
	get(name);
	ds_kube_cancel(api, name);		/* before it began */
	call("a", (struct ds_kube_call){ .done = begin_another });
	wait_for(&loop, "a 200 |d 200 |");
	server.reply = NULL;
	get(name);
	for (int i = 0; server.requests < 3; i++) {
		assert_true(i < 100000);
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
	ds_kube_cancel(api, name);		/* under way */
	get("e");				/* and what is left when all of it ends is not told */
	ds_kube_api_free(&api);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_string_equal(got.data, "a 200 |d 200 |");
}

static void the_servers_clock(void **state)
{
	int64_t lo_ns, hi_ns;

	(void)state;
	make("{}");
	catch_errors();
	server.reply = EMPTY("200 OK", "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n");
	get("a");
	wait_for(&loop, "a 200 |");
	assert_true(ds_kube_api_clock(api, &lo_ns, &hi_ns));
	assert_true(lo_ns <= offset_ns && offset_ns <= hi_ns && hi_ns - lo_ns >= DS_NS_PER_S);
	get("b");
	wait_for(&loop, "a 200 |b 200 |");
	assert_int_equal(count_lines(caught_errors()), 1);
}

static void a_kubeconfig_that_is_wrong(void **state)
{
	struct ds_kube_access_options options = { .kubeconfig = path };

	(void)state;
	put(path, O_TRUNC, "clusters: [\n");
	catch_errors();
	assert_true(ds_kube_api_new(&api, &loop, &options) < 0);
	assert_int_equal(count_lines(caught_errors()), 1);
	assert_null(api);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(each_method_with_its_body),
		TEST(a_token_that_expired_is_read_anew),
		TEST(a_plugin_is_run_once_for_all_that_wait),
		TEST(a_plugin_that_fails_is_a_fault),
		TEST(other_answers_are_told),
		TEST(a_body_is_bounded),
		TEST(nobody_is_there),
		TEST(a_stream_comes_in_pieces),
		TEST(a_stream_that_says_nothing_ends),
		TEST(calls_that_are_cancelled),
		TEST(the_servers_clock),
		TEST(a_kubeconfig_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
