// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_credentials_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define EXPIRES "2026-11-23T08:00:00Z"
#define EXPIRES_NS (INT64_C(1795420800) * DS_NS_PER_S)
#define KEYS "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s/e+c=\",\"Token\":\"t==\","
#define SECRET "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"

static struct ds_aws_keys keys;
static char fault[DS_AWS_FAULT_MAX];

static int fresh(void **state)
{
	(void)state;
	ds_aws_keys_clear(&keys);
	fault[0] = '\0';
	return 0;
}

static int json(const char *text)
{
	return ds_aws_json_keys(text, strlen(text), &keys, fault);
}

static int sts(const char *text)
{
	return ds_aws_sts_keys(text, strlen(text), &keys, fault);
}

static void assert_none(int r, const char *why)
{
	assert_int_equal(r, -EINVAL);
	assert_null(keys.key_id);
	assert_null(keys.secret);
	assert_null(keys.token);
	if (!strstr(fault, why))
		fail_msg("'%s' does not say '%s'", fault, why);
}

static void assert_keys(int r, const char *token, int64_t expires_ns)
{
	assert_int_equal(r, 0);
	assert_string_equal(keys.key_id, "ASIA1");
	assert_string_equal(keys.secret, "s/e+c=");
	if (token)
		assert_string_equal(keys.token, token);
	else
		assert_null(keys.token);
	assert_int_equal(keys.expires_ns, expires_ns);
}

static void what_containers_and_imds_answer(void **state)
{
	(void)state;
	assert_keys(json("{" KEYS "\"Expiration\":\"" EXPIRES "\",\"AccountId\":\"1\"}"), "t==",
		    EXPIRES_NS);
	assert_keys(json(" {\n \"Code\" : \"Success\", \"Type\":\"AWS-HMAC\", \"LastUpdated\":\"x\","
			 "\"Other\":{\"Token\":[1,null,true]},\n"
			 "\"Expiration\":\"" EXPIRES "\",\"Token\":\"t=\\u003d\","
			 "\"SecretAccessKey\":\"s\\/e+c=\",\"AccessKeyId\":\"ASIA1\" }\n"), "t==",
		    EXPIRES_NS);
	assert_keys(json("{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s/e+c=\"}"), NULL, 0);
	assert_keys(json("{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s/e+c=\",\"Token\":null,"
			 "\"Expiration\":null}"), NULL, 0);
}

static void json_that_is_no_answer(void **state)
{
	static const char *const texts[] = {
		"", "{", "}", "[]", "null", "\"x\"", "<html>", "{\"AccessKeyId\"}", "{" KEYS "}",
		"{" KEYS "\"Expiration\":\"" EXPIRES "\"} x", "{" KEYS "\"Expiration\":\"" EXPIRES "\"",
		"{\"AccessKeyId\":\"A\" \"SecretAccessKey\":\"b\"}", "{,}", "{\"a\":1,}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		(void)snprintf(fault, sizeof(fault), "nothing");
		assert_none(json(texts[i]), "not the JSON of credentials");
	}
	assert_int_equal(ds_aws_json_keys("{}\0", 3, &keys, fault), -EINVAL);
}

static void json_without_what_is_needed(void **state)
{
	(void)state;
	assert_none(json("{}"), "without AccessKeyId");
	assert_none(json("{\"AccessKeyId\":7,\"SecretAccessKey\":\"s\"}"), "without AccessKeyId");
	assert_none(json("{\"accesskeyid\":\"A\",\"SecretAccessKey\":\"s\"}"), "without AccessKeyId");
	assert_none(json("{\"AccessKeyId\":\"A\"}"), "without SecretAccessKey");
	assert_none(json("{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\"}"), "no access key id");
	assert_none(json("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"}"), "no secret access key");
	assert_none(json("{" KEYS "\"Expiration\":\"soon\"}"), "no time");
	assert_none(json("{" KEYS "\"Expiration\":\"1677-10-01T00:00:00Z\"}"), "no time");
	assert_none(json("{" KEYS "\"Expiration\":\"1970-01-01T00:00:00Z\"}"), "no time");
	assert_none(json("{" KEYS "\"Expiration\":\"2262-04-01T00:00:00Z\"}"), "no time");
}

static void what_no_header_may_have_is_no_key(void **state)
{
	(void)state;
	assert_none(json("{\"AccessKeyId\":\"A\\nB\",\"SecretAccessKey\":\"s\"}"), "access key id");
	assert_none(json("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s s\"}"), "secret access key");
	assert_none(json("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\\r\"}"),
		    "session token");
	assert_none(json("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"\"}"),
		    "session token");
	assert_none(json("{\"AccessKeyId\":\"\xc3\xa4\",\"SecretAccessKey\":\"s\"}"), "access key id");
}

static void lengths_have_bounds(void **state)
{
	struct ds_buf text = { 0 };

	(void)state;
	for (size_t len = DS_AWS_TOKEN_MAX; len <= DS_AWS_TOKEN_MAX + 1; len++) {
		ds_buf_clear(&text);
		ds_buf_puts(&text, "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s/e+c=\",\"Token\":\"");
		for (size_t i = 0; i < len; i++)
			ds_buf_putc(&text, 't');
		ds_buf_puts(&text, "\"}");
		if (len == DS_AWS_TOKEN_MAX) {
			assert_int_equal(json(text.data), 0);
			assert_int_equal(strlen(keys.token), len);
		} else {
			assert_none(json(text.data), "too long");
		}
	}
	ds_buf_free(&text);
	assert_none(json("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"x\":"
			 "[[[[[[[[[[[[1]]]]]]]]]]]]}"), "not the JSON");
}

static void imds_refuses_with_status_200(void **state)
{
	(void)state;
	assert_none(json("{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot\"}"),
		    "AssumeRoleUnauthorizedAccess: EC2 cannot");
	assert_none(json("{\"Code\":\"Failed\"}"), "Failed");
	assert_none(json("{\"Code\":\"\",\"Message\":\"\"}"), "Code is not Success");
	assert_none(json("{\"Code\":\"\"," KEYS "\"Message\":\"\"}"), "Code is not Success");
	/* whatever says more of them is not told */
	assert_none(json("{\"Code\":\"Failed\"," KEYS "\"Message\":\"s/e+c=\"}"), "Code is not Success");
	assert_null(strstr(fault, "s/e+c="));
}

#define RESULT "<AssumeRoleWithWebIdentityResponse xmlns=\"urn:a\"><AssumeRoleWithWebIdentityResult>"
#define END "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

static void what_sts_answers(void **state)
{
	(void)state;
	assert_keys(sts(RESULT "<Audience>x</Audience>\n<Credentials>\n"
			" <SessionToken>t==</SessionToken><Expiration> " EXPIRES "\n</Expiration>"
			"<SecretAccessKey>s/e+c=</SecretAccessKey><AccessKeyId>ASIA1</AccessKeyId>"
			"</Credentials>" END), "t==", EXPIRES_NS);
	/* elements of other paths are none of these */
	assert_none(sts(RESULT "<SessionToken>t</SessionToken><AccessKeyId>A</AccessKeyId>" END),
		    "without SessionToken");
}

#define CREDENTIALS(x) RESULT "<Credentials>" x "</Credentials>" END
#define TOKEN "<SessionToken>t</SessionToken>"
#define UNTIL "<Expiration>" EXPIRES "</Expiration>"

static void sts_answers_that_cannot_be_used(void **state)
{
	(void)state;
	assert_none(sts(""), "cannot be read");
	assert_none(sts("{}"), "cannot be read");
	assert_none(sts("<a>"), "cannot be read");
	assert_none(sts("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), "document type");
	assert_none(sts("<a/>"), "without SessionToken");
	assert_none(sts(CREDENTIALS(TOKEN)), "without Expiration");
	assert_none(sts(CREDENTIALS(TOKEN UNTIL)), "without AccessKeyId");
	assert_none(sts(CREDENTIALS(TOKEN UNTIL "<AccessKeyId>A</AccessKeyId>")),
		    "without SecretAccessKey");
	assert_none(sts(CREDENTIALS(TOKEN UNTIL "<AccessKeyId>A</AccessKeyId>"
				    "<SecretAccessKey/>")), "no secret access key");
	assert_none(sts(CREDENTIALS(TOKEN "<Expiration>1</Expiration><AccessKeyId>A</AccessKeyId>"
				    "<SecretAccessKey>s</SecretAccessKey>")), "no time");
	assert_none(sts(CREDENTIALS("<SessionToken>a b</SessionToken>" UNTIL
				    "<AccessKeyId>A</AccessKeyId>"
				    "<SecretAccessKey>s</SecretAccessKey>")), "session token");
}

static const char *json_error(const char *text, const char *secret)
{
	ds_aws_json_error(text, strlen(text), secret, fault);
	return fault;
}

static const char *sts_error(const char *message, const char *secret)
{
	static char text[2048];

	(void)snprintf(text, sizeof(text), "<ErrorResponse><Error><Type>Sender</Type>"
		       "<Code>AccessDenied</Code><Message>%s</Message></Error></ErrorResponse>",
		       message);
	ds_aws_sts_error(text, strlen(text), secret, fault);
	return fault;
}

static void errors_are_told(void **state)
{
	(void)state;
	assert_string_equal(json_error("{\"code\":\"A\",\"message\":\"b\"}", NULL), "A: b");
	assert_string_equal(json_error("{\"Code\":\"A\"}", NULL), "A");
	assert_string_equal(json_error("{\"Message\":\"b\"}", NULL), "b");
	assert_string_equal(json_error("{}", NULL), "");
	assert_string_equal(json_error("", NULL), "");
	assert_string_equal(json_error("<html>no</html>", NULL), "");
	assert_string_equal(json_error("{\"cut", NULL), "");
	assert_string_equal(json_error("no role\n\x1b[1m", NULL), "no role??[1m");
	assert_string_equal(sts_error("no &amp; no", SECRET), "AccessDenied: no & no");
	ds_aws_sts_error("<a", 2, NULL, fault);
	assert_string_equal(fault, "");
}

static void errors_are_cut(void **state)
{
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(strlen(json_error(text, NULL)), 200);
	assert_int_equal(strlen(sts_error(text, NULL)), strlen("AccessDenied: ") + 200);
}

static void errors_that_repeat_a_secret_are_left_out(void **state)
{
	char part[32] = "see ";

	(void)state;
	assert_string_equal(sts_error("bad token " SECRET, SECRET), "");
	assert_string_equal(json_error("bad token " SECRET, SECRET), "");
	assert_string_equal(json_error("{\"code\":\"" SECRET "\"}", SECRET), "");
	/* a part of it, from its middle */
	memcpy(part + 4, SECRET + 9, 16);
	assert_string_equal(json_error(part, SECRET), "");
	part[19] = '\0';
	assert_string_equal(json_error(part, SECRET), part);
	/* a short one */
	assert_string_equal(json_error("see abc1", "abc1"), "");
	assert_string_equal(json_error("see abc", "abc1"), "see abc");
	assert_string_equal(json_error("see abc", ""), "see abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_containers_and_imds_answer, fresh, fresh),
		cmocka_unit_test_setup_teardown(json_that_is_no_answer, fresh, fresh),
		cmocka_unit_test_setup_teardown(json_without_what_is_needed, fresh, fresh),
		cmocka_unit_test_setup_teardown(what_no_header_may_have_is_no_key, fresh, fresh),
		cmocka_unit_test_setup_teardown(lengths_have_bounds, fresh, fresh),
		cmocka_unit_test_setup_teardown(imds_refuses_with_status_200, fresh, fresh),
		cmocka_unit_test_setup_teardown(what_sts_answers, fresh, fresh),
		cmocka_unit_test_setup_teardown(sts_answers_that_cannot_be_used, fresh, fresh),
		cmocka_unit_test_setup_teardown(errors_are_told, fresh, fresh),
		cmocka_unit_test_setup_teardown(errors_are_cut, fresh, fresh),
		cmocka_unit_test_setup_teardown(errors_that_repeat_a_secret_are_left_out, fresh,
						fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
