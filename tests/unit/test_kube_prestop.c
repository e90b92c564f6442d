// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_prestop.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static void assert_hook(const char *containers, const char *word)
{
	json_object *list = json_tokener_parse(containers);
	char buf[32] = "x";

	ds_kube_prestop(list, buf, sizeof(buf));
	if (strcmp(buf, word) != 0)
		fail_msg("%s: '%s', not '%s'", containers, buf, word);
	json_object_put(list);
}

static void assert_command(const char *command, const char *word)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "[{\"lifecycle\":{\"preStop\":{\"exec\":{\"command\":%s}}}}]", command);
	assert_hook(text, word);
}

static void the_kinds_of_hooks(void **state)
{
	(void)state;
	assert_hook("[{}]", "none");
	assert_hook("[{\"lifecycle\":{}}]", "none");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":15}}}}]", "sleep:15");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":0}}}}]", "sleep:0");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"httpGet\":{}}}}]", "http");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"tcpSocket\":{}}}}]", "");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"sleep\":{}}}}]", "");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":-1}}}}]", "");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":99999999999}}}}]", "");
	assert_hook("null", "");
	assert_hook("[]", "");
}

static void commands_that_only_sleep(void **state)
{
	static const char *const sleeps[] = {
		"[\"sleep\",\"20\"]",
		"[\"/bin/sleep\",\"20\"]",
		"[\"sleep\",\"20s\"]",
		"[\"sh\",\"-c\",\"sleep 20\"]",
		"[\"/bin/sh\",\"-c\",\"  sleep  20 ; \"]",
		"[\"/bin/bash\",\"-ec\",\"exec sleep 20\"]",
		"[\"/bin/sh\",\"-c\",\"/usr/bin/sleep 20s;\"]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sleeps) / sizeof(sleeps[0]); i++)
		assert_command(sleeps[i], "sleep:20");
	assert_command("[\"sleep\",\"2m\"]", "sleep:120");
	assert_command("[\"sleep\",\"1h\"]", "sleep:3600");
}

/* How long these take is not known: what follows the sleep may close the port. */
static void commands_that_do_more(void **state)
{
	static const char *const others[] = {
		"[\"sh\",\"-c\",\"sleep 20; nginx -s quit\"]",
		"[\"sh\",\"-c\",\"sleep 20 && curl x\"]",
		"[\"sh\",\"-c\",\"sleep $N\"]",
		"[\"sleep\",\"0.5\"]",
		"[\"sleep\",\"\"]",
		"[\"sleep\",\"5d\"]",
		"[\"sleep\"]",
		"[\"sleep\",\"1\",\"2\"]",
		"[\"sh\",\"sleep 20\"]",
		"[\"sh\",\"-c\",\"\"]",
		"[\"sh\",\"-x\",\"sleep 20\"]",
		"[\"nosleep\",\"20\"]",
		"[\"sh\",\"-c\",\";sleep 20\"]",
		"[\"sh\",\"-c\",\"sleep 20 &\"]",
		"[\"sh\",\"-c\",\"sleep;20\"]",
		"[\"python\",\"-c\",\"sleep 20\"]",
		"[\"sleep\",null]",
		"[]",
		"7",
		"[\"sleep\",\"99999999999999999999\"]",
		"[\"sh\",\"-c\",\"exec sleep 20 30\"]",
		"[\"sh\",\"-c\",\"a sleep 20\"]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_command(others[i], "exec");
}

#define PORT "\"ports\":[{\"containerPort\":80}]"
#define SLEEP(n) "\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":" n "}}}"

static void of_several_containers_the_one_that_stays_least(void **state)
{
	(void)state;
	assert_hook("[{" SLEEP("20") "},{" SLEEP("5") "}]", "sleep:5");
	assert_hook("[{" SLEEP("20") "},{}]", "none");
	assert_hook("[{},{" SLEEP("20") "}]", "none");
	/* Only those that serve. */
	assert_hook("[{" PORT "," SLEEP("20") "},{}]", "sleep:20");
	assert_hook("[{" SLEEP("5") "},{" PORT "," SLEEP("20") "}]", "sleep:20");
	assert_hook("[{" PORT "," SLEEP("20") "},{" PORT "}]", "none");
	assert_hook("[{" SLEEP("5") ",\"ports\":[{\"protocol\":\"UDP\"}]},{" PORT
				    "," SLEEP("20") "}]",
		    "sleep:20");
	/* Which of these is shorter nobody knows. */
	assert_hook("[{" SLEEP("5") "},{\"lifecycle\":{\"preStop\":{\"exec\":{}}}}]", "exec");
	assert_hook("[{\"lifecycle\":{\"preStop\":{\"httpGet\":{}}}},{" SLEEP("5") "}]", "http");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kinds_of_hooks),
		cmocka_unit_test(commands_that_only_sleep),
		cmocka_unit_test(commands_that_do_more),
		cmocka_unit_test(of_several_containers_the_one_that_stays_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
