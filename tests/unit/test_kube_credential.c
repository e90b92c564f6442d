// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_credential.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define API "client.authentication.k8s.io/v1beta1"
#define CREDENTIAL(status) \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" API "\",\"spec\":{},\"status\":" status "}"

static void assert_gives(const char *text, const char *token, const char *key, int64_t expires_s)
{
	struct ds_kube_credential c;
	const char *fault = "x";

	assert_int_equal(ds_kube_credential_read(text, strlen(text), API, &c, &fault), 0);
	assert_null(fault);
	if (token)
		assert_string_equal(c.token, token);
	else
		assert_null(c.token);
	if (key)
		assert_string_equal(c.key, key);
	else
		assert_true(!c.key && !c.certificate);
	assert_true(c.expires_ns == expires_s * DS_NS_PER_S);
	ds_kube_credential_clear(&c);
	assert_true(!c.token && !c.key && !c.certificate);
}

static void assert_refused(const char *text, const char *why)
{
	struct ds_kube_credential c = { .expires_ns = 7 };
	const char *fault = NULL;

	assert_int_equal(ds_kube_credential_read(text, strlen(text), API, &c, &fault), -EINVAL);
	assert_string_equal(fault, why);
	assert_true(c.expires_ns == 7);
}

static void what_aws_eks_get_token_prints(void **state)
{
	(void)state;
	assert_gives(
		CREDENTIAL(
			"{\"expirationTimestamp\": \"2026-11-22T22:37:24Z\", \"token\": \"k8s-aws-v1.aHR0\"}") "\n",
		"k8s-aws-v1.aHR0", NULL, 1795387044);
}

static void certificates_and_what_never_expires(void **state)
{
	(void)state;
	assert_gives(CREDENTIAL("{\"token\":\"a\"}"), "a", NULL, 0);
	assert_gives(CREDENTIAL("{\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\"}"), NULL,
		     "K", 0);
}

static void what_cannot_be_used(void **state)
{
	static const char none[] = "its answer has neither a token nor a certificate with its key";

	(void)state;
	assert_refused("", "its answer is no JSON");
	assert_refused("Unable to locate credentials", "its answer is no JSON");
	assert_refused("{\"kind\":\"Config\"}", "its answer is no ExecCredential");
	assert_refused("[]", "its answer is no ExecCredential");
	assert_refused(
		"{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}",
		"its answer has another apiVersion than the kubeconfig");
	assert_refused(CREDENTIAL("{}"), none);
	assert_refused(CREDENTIAL("{\"token\":\"\"}"), none);
	assert_refused(CREDENTIAL("{\"token\":5}"), none);
	assert_refused(CREDENTIAL("{\"token\":\"a\\u0000b\"}"), none);
	assert_refused(CREDENTIAL("{\"token\":\"a\",\"clientKeyData\":\"K\"}"), none);
	assert_refused(CREDENTIAL("{\"clientCertificateData\":\"C\"}"), none);
	assert_refused(CREDENTIAL("{\"token\":\"a\",\"expirationTimestamp\":\"soon\"}"),
		       "its expirationTimestamp is no time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_aws_eks_get_token_prints),
		cmocka_unit_test(certificates_and_what_never_expires),
		cmocka_unit_test(what_cannot_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
