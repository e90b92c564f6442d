/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the poller: a server on the test's own loop that answers as ELBv2 and EC2 do, of one
 * target 10.0.3.1:8080 in one group, or as its variables say. AWS_ENDPOINT_URL is set to it.
 */
#ifndef DS_TESTS_UNIT_AWS_SERVER_H
#define DS_TESTS_UNIT_AWS_SERVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "tests/unit/unit.h"
#include "user/source/elb/elb_plan.h"
#include "user/util/buf.h"

#define ARN_BEGIN "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"
#define GROUP ARN_BEGIN "targetgroup/web/0123456789abcdef"
#define BALANCER ARN_BEGIN "loadbalancer/app/shop/fedcba9876543210"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

struct connection {
	uv_tcp_t tcp;
	uv_write_t write;
	struct ds_buf in, out;
};

static uv_loop_t loop;
static uv_tcp_t server;
static int asked[DS_ELB_ASK_MAX], asked_cnt;
static char last_form[8192], last_head[8192];
static const char *health = "healthy";		/* of the target; NULL: not listed */
static const char *delay = "45";			/* of the group, s */
static const char *error_of[DS_ELB_ASK_MAX];	/* an error's code instead of the answer */
static int error_status = 400;
static int errors_left;				/* so many times; -1 = always */
static const char *raw_body;			/* instead of an answer */
static bool hangs_up;

static const char *reason_of(const char *state)
{
	return !strcmp(state, "draining") ? "Target.DeregistrationInProgress" :
	       !strcmp(state, "unused")   ? "Target.NotRegistered" : "";
}

static void write_health(struct ds_buf *b)
{
	ds_buf_puts(b, "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/"
		       "doc/2015-12-01/\"><DescribeTargetHealthResult><TargetHealthDescriptions>");
	if (health)
		ds_buf_printf(b, "<member><Target><Id>10.0.3.1</Id><Port>8080</Port></Target>"
			      "<HealthCheckPort>8080</HealthCheckPort><TargetHealth><State>%s</State>"
			      "<Reason>%s</Reason></TargetHealth></member>", health,
			      reason_of(health));
	ds_buf_puts(b, "</TargetHealthDescriptions></DescribeTargetHealthResult>"
		       "</DescribeTargetHealthResponse>");
}

static void write_group(struct ds_buf *b)
{
	ds_buf_puts(b, "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups>"
		       "<member><TargetGroupArn>" GROUP "</TargetGroupArn>"
		       "<TargetGroupName>web</TargetGroupName><Port>80</Port>"
		       "<HealthCheckPort>traffic-port</HealthCheckPort>"
		       "<HealthCheckIntervalSeconds>7</HealthCheckIntervalSeconds>"
		       "<LoadBalancerArns><member>" BALANCER "</member></LoadBalancerArns>"
		       "<TargetType>ip</TargetType></member></TargetGroups>"
		       "</DescribeTargetGroupsResult></DescribeTargetGroupsResponse>");
}

static void write_attributes(struct ds_buf *b)
{
	ds_buf_printf(b, "<DescribeTargetGroupAttributesResponse><DescribeTargetGroupAttributesResult>"
		      "<Attributes><member><Key>deregistration_delay.timeout_seconds</Key>"
		      "<Value>%s</Value></member><member><Key>preserve_client_ip.enabled</Key>"
		      "<Value>true</Value></member></Attributes>"
		      "</DescribeTargetGroupAttributesResult></DescribeTargetGroupAttributesResponse>",
		      delay);
}

static void write_balancer(struct ds_buf *b)
{
	ds_buf_puts(b, "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers>"
		       "<member><LoadBalancerArn>" BALANCER "</LoadBalancerArn>"
		       "<LoadBalancerName>shop</LoadBalancerName><Type>application</Type></member>"
		       "</LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>");
}

static void write_addresses(struct ds_buf *b)
{
	ds_buf_puts(b, "<DescribeNetworkInterfacesResponse><requestId>1</requestId>"
		       "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>"
		       "<description>ELB app/shop/fedcba9876543210</description>"
		       "<privateIpAddress>10.0.0.10</privateIpAddress>"
		       "<privateIpAddressesSet><item><privateIpAddress>10.0.0.10</privateIpAddress>"
		       "</item><item><privateIpAddress>10.0.0.11</privateIpAddress></item>"
		       "</privateIpAddressesSet></item></networkInterfaceSet>"
		       "</DescribeNetworkInterfacesResponse>");
}

static void write_answer(struct ds_buf *b, int ask)
{
	switch (ask) {
	case DS_ELB_ASK_HEALTH:
		write_health(b);
		break;
	case DS_ELB_ASK_GROUP:
		write_group(b);
		break;
	case DS_ELB_ASK_ATTRIBUTES:
		write_attributes(b);
		break;
	case DS_ELB_ASK_BALANCER:
		write_balancer(b);
		break;
	default:
		write_addresses(b);
		break;
	}
}

static int ask_of(const char *form)
{
	for (int i = 0; i < DS_ELB_ASK_MAX; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "Action=%s&",
			       ds_elb_ask_name((enum ds_elb_ask)i));
		if (strstr(form, text))
			return i;
	}
	fail_msg("a form that was not expected: %s", form);
	return -1;
}

static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;

	ds_buf_free(&c->in);
	ds_buf_free(&c->out);
	free(c);
}

static void close_connection(struct connection *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->tcp))
		uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
}

static void on_written(uv_write_t *write, int status)
{
	struct connection *c = write->data;

	if (status)
		close_connection(c);
}

static void reply(struct connection *c, const char *form)
{
	int ask = ask_of(form), status = 200;
	struct ds_buf body = { 0 };
	uv_buf_t buf;

	asked[ask]++;
	asked_cnt++;
	if (raw_body) {
		ds_buf_puts(&body, raw_body);
	} else if (error_of[ask] && errors_left) {
		status = error_status;
		errors_left -= errors_left > 0;
		ds_buf_printf(&body, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code>"
			      "<Message>who may not: %s</Message></Error></ErrorResponse>",
			      error_of[ask], SECRET);
	} else {
		write_answer(&body, ask);
	}
	ds_buf_clear(&c->out);
	ds_buf_printf(&c->out, "HTTP/1.1 %d X\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n",
		      status, body.len);
	ds_buf_put(&c->out, body.data, body.len);
	ds_buf_free(&body);
	buf = uv_buf_init(c->out.data, (unsigned int)c->out.len);
	c->write.data = c;
	assert_int_equal(uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written), 0);
}

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(size), (unsigned int)size);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = stream->data;
	const char *body, *length;

	if (n > 0)
		ds_buf_put(&c->in, buf->base, (size_t)n);
	free(buf->base);
	if (n < 0 || hangs_up) {
		close_connection(c);
		return;
	}
	body = c->in.data ? strstr(c->in.data, "\r\n\r\n") : NULL;
	length = body ? strcasestr(c->in.data, "Content-Length: ") : NULL;
	if (!length || strlen(body + 4) < (size_t)atoi(length + 16))
		return;
	(void)snprintf(last_head, sizeof(last_head), "%.*s", (int)(body - c->in.data), c->in.data);
	(void)snprintf(last_form, sizeof(last_form), "%s", body + 4);
	ds_buf_clear(&c->in);
	reply(c, last_form);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct connection *c = calloc(1, sizeof(*c));

	assert_int_equal(status, 0);
	assert_non_null(c);
	assert_int_equal(uv_tcp_init(&loop, &c->tcp), 0);
	c->tcp.data = c;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
	assert_int_equal(uv_read_start((uv_stream_t *)&c->tcp, give_room, on_read), 0);
}

static void listen_somewhere(void)
{
	struct sockaddr_in address;
	int len = sizeof(address);
	char url[64];

	assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
	assert_int_equal(uv_tcp_init(&loop, &server), 0);
	assert_int_equal(uv_tcp_bind(&server, (const struct sockaddr *)&address, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&server, 16, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(setenv("AWS_ENDPOINT_URL", url, 1), 0);
}

#endif
