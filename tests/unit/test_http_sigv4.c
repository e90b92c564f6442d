// SPDX-License-Identifier: Apache-2.0
/*
 * Signatures, as the server receives them, against vectors of AWS's Signature Version 4 test suite
 * (aws-sig-v4-test-suite: post-vanilla, post-x-www-form-urlencoded, ...-parameters,
 * post-sts-header-before), and against one that botocore made of a form of ours.
 */
#include "user/source/http/http_call.h"

#include "tests/unit/http_fixture.h"

#define DATE "X-Amz-Date: 20150830T123600Z"
#define HOST "Host: example.amazonaws.com"
#define SCOPE "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"

static const struct ds_http_sigv4 keys = {
	.region = "us-east-1", .service = "service", .key_id = "AKIDEXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static void post(const struct ds_http_sigv4 *sign, const char *type, const char *body)
{
	const char *const headers[] = { HOST, DATE, type, NULL };
	struct ds_http_request request = { .headers = headers, .body = body,
					   .body_len = strlen(body), .sigv4 = sign };

	server.reply = OK "Content-Length: 0\r\n\r\n";
	call(&request);
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.status, 200);
	assert_not_sent(sign->secret);
}

static void assert_signed(const char *names, const char *signature)
{
	char line[512];

	snprintf(line, sizeof(line), "\r\nAuthorization: AWS4-HMAC-SHA256 " SCOPE ", "
		 "SignedHeaders=%s, Signature=%s\r\n", names, signature);
	assert_sent(line);
	assert_sent("\r\nX-Amz-Date: 20150830T123600Z\r\n");
}

static void post_vanilla(void **state)
{
	(void)state;
	post(&keys, NULL, "");
	assert_signed("host;x-amz-date",
		      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

static void post_x_www_form_urlencoded(void **state)
{
	(void)state;
	post(&keys, "Content-Type: application/x-www-form-urlencoded", "Param1=value1");
	assert_signed("content-type;host;x-amz-date",
		      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

static void post_x_www_form_urlencoded_parameters(void **state)
{
	(void)state;
	post(&keys, "Content-Type: application/x-www-form-urlencoded; charset=utf8",
	     "Param1=value1");
	assert_signed("content-type;host;x-amz-date",
		      "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe");
}

/* The token of the suite. */
#define TOKEN \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmx" \
	"fpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0K" \
	"PkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZb" \
	"qBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

static void post_sts_header_before(void **state)
{
	struct ds_http_sigv4 sign = keys;

	(void)state;
	sign.token = TOKEN;
	post(&sign, NULL, "");
	assert_signed("host;x-amz-date;x-amz-security-token",
		      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
	assert_sent("\r\nx-amz-security-token: " TOKEN "\r\n");
}

#define FORM \
	"Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Aaws%3A" \
	"elasticloadbalancing%3Aus-east-1%3A123456789012%3Atargetgroup%2Fweb%2F0123456789abcdef" \
	"&Targets.member.1.Id=fd00%3A%3A1&Targets.member.1.Port=8080"

/* The whole of what the poller sends: botocore 1.43 signs it so. */
static void form_of_ours_with_a_token(void **state)
{
	struct ds_http_sigv4 sign = keys;

	(void)state;
	sign.token = TOKEN;
	post(&sign, "Content-Type: application/x-www-form-urlencoded; charset=utf-8", FORM);
	assert_signed("content-type;host;x-amz-date;x-amz-security-token",
		      "2233a60293f603f36a46dc94e302f02132ae9d87fae78a4796bb9ea35d59d81b");
	assert_sent("\r\n\r\n" FORM);
}

static void refuse(struct ds_http_sigv4 sign)
{
	struct ds_http_request request = { .url = url, .body = "", .sigv4 = &sign, .done = done,
					   .ctx = &got };

	assert_int_equal(ds_http_start(http, &request, NULL), -EINVAL);
}

static void what_cannot_be_signed_is_refused(void **state)
{
	static const char *const scopes[] = { NULL, "", "a:b", "a b", "a\r\nX: y", "a/b" };
	struct ds_http_sigv4 sign;

	(void)state;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		sign = keys;
		sign.region = scopes[i];
		refuse(sign);
		sign = keys;
		sign.service = scopes[i];
		refuse(sign);
	}
	sign = keys;
	sign.key_id = NULL;
	refuse(sign);
	sign = keys;
	sign.secret = NULL;
	refuse(sign);
	sign = keys;
	sign.token = "a\r\nX: y";
	refuse(sign);
}

/* Answered 403: no second try, and nothing of the keys in what is told. */
static void refusals_are_told_once(void **state)
{
	struct ds_http_request request = { .body = "a=b", .body_len = 3, .sigv4 = &keys };

	(void)state;
	server.reply = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
		       "Content-Length: 2\r\n\r\nno";
	call(&request);
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.status, 401);
	assert_string_equal(got.body.data, "no");
	assert_int_equal(server.requests, 1);
	assert_not_sent(keys.secret);
	assert_sent("\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(post_vanilla),
		TEST(post_x_www_form_urlencoded),
		TEST(post_x_www_form_urlencoded_parameters),
		TEST(post_sts_header_before),
		TEST(form_of_ours_with_a_token),
		TEST(what_cannot_be_signed_is_refused),
		TEST(refusals_are_told_once),
	};

	return cmocka_run_group_tests_name("http_sigv4", tests, NULL, NULL);
}
