// SPDX-License-Identifier: Apache-2.0
/*
 * Asks the product's chain of AWS credentials, for tests of it alone. Lines of standard input: "get"
 * prints what it found as one JSON line (never a secret), "refused" tells it that AWS did not take
 * them. The end of standard input ends it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <json-c/json.h>

#include "user/source/aws/aws_credentials.h"
#include "user/source/http/http.h"

struct asker {
	struct ds_aws_chain *chain;
	char line[64];
	size_t len;
};

static void put(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
}

static void print(void *ctx, const struct ds_aws_credentials *c, const char *fault)
{
	struct asker *a = ctx;
	struct json_object *line = json_object_new_object();

	put(line, "fault", fault);
	put(line, "region", ds_aws_chain_region(a->chain));
	if (c) {
		put(line, "provider", c->provider);
		put(line, "key_id", c->key_id);
		json_object_object_add(line, "has_token", json_object_new_boolean(c->token != NULL));
		json_object_object_add(line, "expires_ns", json_object_new_int64(c->expires_ns));
	}
	puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
	(void)fflush(stdout);
	json_object_put(line);
}

static void take(struct asker *a)
{
	if (!strcmp(a->line, "get"))
		ds_aws_chain_get(a->chain, print, a);
	else if (!strcmp(a->line, "refused"))
		ds_aws_chain_refused(a->chain);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct asker *a = poll->data;
	char c;

	(void)events;
	if (status < 0 || read(STDIN_FILENO, &c, 1) <= 0) {
		(void)uv_poll_stop(poll);
		uv_stop(poll->loop);
		return;
	}
	if (c != '\n') {
		if (a->len < sizeof(a->line) - 1)
			a->line[a->len++] = c;
		return;
	}
	a->line[a->len] = '\0';
	a->len = 0;
	take(a);
}

int main(void)
{
	struct asker a = { 0 };
	struct ds_http *http;
	uv_poll_t input;
	uv_loop_t loop;

	if (uv_loop_init(&loop) || ds_http_new(&http, &loop) ||
	    ds_aws_chain_new(&a.chain, &loop, http) || uv_poll_init(&loop, &input, STDIN_FILENO))
		return 1;
	input.data = &a;
	if (uv_poll_start(&input, UV_READABLE, on_input))
		return 1;
	puts("ready");
	(void)fflush(stdout);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	ds_aws_chain_free(&a.chain);
	ds_http_free(&http);
	uv_close((uv_handle_t *)&input, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) ? 1 : 0;
}
