// SPDX-License-Identifier: Apache-2.0
#include "user/source/elb/elb_reply.h"

#include "tests/unit/unit.h"

static void codes_tell(void **state)
{
	static const struct {
		const char *code;
		enum ds_elb_error error;
	} cases[] = {
		{ "Throttling", DS_ELB_ERROR_THROTTLED },
		{ "ThrottlingException", DS_ELB_ERROR_THROTTLED },
		{ "RequestLimitExceeded", DS_ELB_ERROR_THROTTLED },
		{ "EC2ThrottledException", DS_ELB_ERROR_THROTTLED },
		{ "ExpiredToken", DS_ELB_ERROR_EXPIRED },
		{ "InvalidClientTokenId", DS_ELB_ERROR_EXPIRED },
		{ "AuthFailure", DS_ELB_ERROR_EXPIRED },
		{ "SignatureDoesNotMatch", DS_ELB_ERROR_SIGNATURE },
		{ "RequestExpired", DS_ELB_ERROR_SIGNATURE },
		{ "AccessDenied", DS_ELB_ERROR_DENIED },
		{ "UnauthorizedOperation", DS_ELB_ERROR_DENIED },
		{ "TargetGroupNotFound", DS_ELB_ERROR_NO_GROUP },
		{ "LoadBalancerNotFound", DS_ELB_ERROR_NO_BALANCER },
		{ "InvalidTarget", DS_ELB_ERROR_NO_TARGET },
		{ "HealthUnavailable", DS_ELB_ERROR_SERVER },
		{ "ServiceUnavailable", DS_ELB_ERROR_SERVER },
		{ "ValidationError", DS_ELB_ERROR_OTHER },
		{ "throttling", DS_ELB_ERROR_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ds_elb_reply_error(400, cases[i].code), cases[i].error);
	/* The code says more than the status. */
	assert_int_equal(ds_elb_reply_error(403, "ExpiredToken"), DS_ELB_ERROR_EXPIRED);
	assert_int_equal(ds_elb_reply_error(503, "RequestLimitExceeded"), DS_ELB_ERROR_THROTTLED);
	assert_int_equal(ds_elb_reply_error(200, "Throttling"), DS_ELB_ERROR_THROTTLED);
}

static void without_a_code_the_status_tells(void **state)
{
	(void)state;
	assert_int_equal(ds_elb_reply_error(200, NULL), DS_ELB_ERROR_NONE);
	assert_int_equal(ds_elb_reply_error(204, ""), DS_ELB_ERROR_NONE);
	assert_int_equal(ds_elb_reply_error(302, ""), DS_ELB_ERROR_OTHER);
	assert_int_equal(ds_elb_reply_error(400, NULL), DS_ELB_ERROR_OTHER);
	assert_int_equal(ds_elb_reply_error(403, NULL), DS_ELB_ERROR_DENIED);
	assert_int_equal(ds_elb_reply_error(429, ""), DS_ELB_ERROR_THROTTLED);
	assert_int_equal(ds_elb_reply_error(499, NULL), DS_ELB_ERROR_OTHER);
	assert_int_equal(ds_elb_reply_error(500, NULL), DS_ELB_ERROR_SERVER);
	assert_int_equal(ds_elb_reply_error(503, "Unheard"), DS_ELB_ERROR_SERVER);
	assert_int_equal(ds_elb_reply_error(0, NULL), DS_ELB_ERROR_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_tell),
		cmocka_unit_test(without_a_code_the_status_tells),
	};

	return cmocka_run_group_tests_name("elb_error", tests, NULL, NULL);
}
