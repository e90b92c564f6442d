// SPDX-License-Identifier: Apache-2.0
/*
 * Puts one question of the product's to AWS, or to what plays it, and prints what was understood as
 * one JSON line, for tests of the wire form. Credentials come from the environment.
 *   elb-call URL REGION health ARN [ID PORT]... | groups ARN... | attributes ARN |
 *            balancers ARN... | interfaces DESCRIPTION...
 * MARKER in the environment asks for the page after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <json-c/json.h>

#include "user/source/elb/elb_query.h"
#include "user/source/elb/elb_reply.h"
#include "user/source/http/http.h"

#define TARGETS_MAX 128

static struct json_object *add(struct json_object *list)
{
	struct json_object *one = json_object_new_object();

	json_object_array_add(list, one);
	return one;
}

static struct json_object *list_in(struct json_object *line, const char *name)
{
	struct json_object *list = json_object_new_array();

	json_object_object_add(line, name, list);
	return list;
}

static void text(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, value ? json_object_new_string(value) : NULL);
}

static void number(struct json_object *to, const char *key, int64_t value)
{
	json_object_object_add(to, key, json_object_new_int64(value));
}

static void put_targets(struct json_object *line, const struct ds_elb_reply *r)
{
	struct json_object *list = list_in(line, "targets");

	for (size_t i = 0; i < r->health_cnt; i++) {
		struct json_object *one = add(list);

		text(one, "id", r->healths[i].id);
		number(one, "port", r->healths[i].port);
		number(one, "check_port", r->healths[i].check_port);
		text(one, "state", r->healths[i].state_text);
		text(one, "reason", r->healths[i].reason);
	}
}

static void put_groups(struct json_object *line, const struct ds_elb_reply *r)
{
	struct json_object *groups = list_in(line, "groups"), *values = json_object_new_object();
	struct json_object *balancers = list_in(line, "balancers");

	for (size_t i = 0; i < r->group_cnt; i++) {
		struct json_object *one = add(groups);

		text(one, "arn", r->groups[i].arn);
		text(one, "name", r->groups[i].name);
		text(one, "type", r->groups[i].type);
		text(one, "check_port", r->groups[i].check_port);
		number(one, "check_interval_s", r->groups[i].check_interval_s);
		text(one, "balancer_arn", r->groups[i].balancer_arn);
	}
	for (size_t i = 0; i < r->attribute_cnt; i++)
		text(values, r->attributes[i].key, r->attributes[i].value);
	json_object_object_add(line, "attributes", values);
	for (size_t i = 0; i < r->balancer_cnt; i++) {
		struct json_object *one = add(balancers);

		text(one, "arn", r->balancers[i].arn);
		text(one, "name", r->balancers[i].name);
		text(one, "type", r->balancers[i].type);
	}
}

static void put_addresses(struct json_object *line, const struct ds_elb_reply *r)
{
	struct json_object *list = list_in(line, "addresses");

	for (size_t i = 0; i < r->address_cnt; i++) {
		struct json_object *one = add(list);

		text(one, "address", r->addresses[i].text);
		text(one, "description", r->interfaces[r->addresses[i].interface].description);
	}
}

static void print(void *ctx, const struct ds_http_reply *reply)
{
	struct json_object *line = json_object_new_object();
	struct ds_elb_reply r = { 0 };
	const char *unread = NULL;

	(void)ctx;
	text(line, "fault", reply->fault);
	number(line, "status", reply->status);
	number(line, "retry_after_ns", reply->retry_after_ns);
	if (!reply->fault && !ds_elb_reply_read(&r, reply->body, reply->len, &unread)) {
		text(line, "code", r.code);
		text(line, "message", r.message);
		text(line, "marker", r.marker);
		put_targets(line, &r);
		put_groups(line, &r);
		put_addresses(line, &r);
	}
	text(line, "unread", unread);
	number(line, "error", ds_elb_reply_error(reply->status, r.code));
	puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
	ds_elb_reply_free(&r);
	json_object_put(line);
}

/* Writes the form of the question. The service that it is for. */
static const char *ask(struct ds_buf *form, char **words, size_t word_cnt)
{
	const char *const *texts = (const char *const *)words + 1;
	struct ds_elb_query_target targets[TARGETS_MAX];
	const char *marker = getenv("MARKER");
	size_t cnt = 0;

	for (size_t i = 2; i + 1 < word_cnt && cnt < TARGETS_MAX; i += 2)
		targets[cnt++] = (struct ds_elb_query_target){
			.id = words[i], .port = (uint16_t)atoi(words[i + 1]) };
	if (!strcmp(words[0], "health"))
		ds_elb_query_health(form, words[1], targets, cnt);
	else if (!strcmp(words[0], "groups"))
		ds_elb_query_groups(form, texts, word_cnt - 1, marker);
	else if (!strcmp(words[0], "attributes"))
		ds_elb_query_attributes(form, words[1]);
	else if (!strcmp(words[0], "balancers"))
		ds_elb_query_balancers(form, texts, word_cnt - 1, marker);
	else
		ds_elb_query_interfaces(form, texts, word_cnt - 1, marker);
	return strcmp(words[0], "interfaces") ? DS_ELB_QUERY_SERVICE : DS_ELB_QUERY_SERVICE_EC2;
}

int main(int argc, char **argv)
{
	const char *const headers[] = { DS_ELB_QUERY_CONTENT_TYPE, NULL };
	const struct ds_http_tls tls = { .ca_file = getenv("AWS_CA_BUNDLE") };
	struct ds_http_sigv4 sigv4 = { .key_id = getenv("AWS_ACCESS_KEY_ID"),
				       .secret = getenv("AWS_SECRET_ACCESS_KEY"),
				       .token = getenv("AWS_SESSION_TOKEN") };
	struct ds_http_request request = { .headers = headers, .tls = &tls, .sigv4 = &sigv4,
					   .done = print };
	struct ds_buf form = { 0 };
	struct ds_http *http;
	char url[512];
	uv_loop_t loop;
	int err;

	if (argc < 5)
		return 2;
	sigv4.region = argv[2];
	sigv4.service = ask(&form, argv + 3, (size_t)argc - 3);
	err = ds_elb_query_url(sigv4.service, argv[2], "amazonaws.com", argv[1], url, sizeof(url));
	if (err || uv_loop_init(&loop) || ds_http_new(&http, &loop))
		return 1;
	request.url = url;
	request.body = form.data;
	request.body_len = form.len;
	if (ds_http_start(http, &request, NULL))
		return 1;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	ds_http_free(&http);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	ds_buf_free(&form);
	return uv_loop_close(&loop) ? 1 : 0;
}
