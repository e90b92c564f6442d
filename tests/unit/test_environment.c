// SPDX-License-Identifier: Apache-2.0
#include "user/environment.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct argp_option child_options[] = {
	{ NULL, 0, NULL, 0, "A header", 1 },
	{ "lb", 300, "CIDR", DS_OPTION_REPEATABLE, "a list", 1 },
	{ "port", 301, "PORT", DS_OPTION_REPEATABLE, "a list", 1 },
	{ "verbose", 'v', NULL, 0, "no value", 1 },
	{ "name", 'n', "NS", DS_OPTION_REPEATABLE, "a short one too", 1 },
	{ 0 }
};
static const struct argp child = { .options = child_options };
static const struct argp_child children[] = { { &child, 0, NULL, 1 }, { 0 } };
static const struct argp_option own_options[] = {
	{ "metrics-listen", 256, "ADDR", 0, "a value", 1 },
	{ "metrics-labels", 257, "LIST", 0, "another", 1 },
	{ "standalone", 258, NULL, 0, "no value", 1 },
	{ 0 }
};
static const struct argp command = { .options = own_options, .children = children };
static const struct argp_option other_options[] = {
	{ "lease", 256, "NAME", 0, "of another command", 1 },
	{ 0 }
};
static const struct argp other = { .options = other_options };
static const struct argp *const elsewhere[] = { &other, NULL };

static char fault[256];

/* The words that a command gets, each followed by a space; or the fault. */
static const char *words(char *const *environment, int argc, char **argv)
{
	static char text[1024];
	struct ds_environment all;
	int r;

	fault[0] = text[0] = '\0';
	r = ds_environment_arguments(&all, &command, elsewhere, environment, argc, argv, fault,
				     sizeof(fault));
	if (r) {
		assert_int_equal(r, -EINVAL);
		ds_environment_free(&all);
		return fault;
	}
	assert_null(all.argv[all.argc]);
	for (int i = 0; i < all.argc; i++) {
		strcat(text, all.argv[i]);
		strcat(text, " ");
	}
	ds_environment_free(&all);
	return text;
}

#define WORDS(environment, ...) \
	words((char *[]){ environment, NULL }, \
	      (int)(sizeof((char *[]){ "x", ##__VA_ARGS__ }) / sizeof(char *)), \
	      (char *[]){ "x", ##__VA_ARGS__, NULL })

static void a_variable_is_an_option(void **state)
{
	(void)state;
	assert_string_equal(WORDS("DRAINSNOOP_METRICS_LISTEN=[::1]:9973"),
			    "x --metrics-listen=[::1]:9973 ");
	/* An empty value is one: it may mean "none". */
	assert_string_equal(WORDS("DRAINSNOOP_METRICS_LISTEN="), "x --metrics-listen= ");
	assert_string_equal(WORDS("DRAINSNOOP_METRICS_LISTEN=a=b"), "x --metrics-listen=a=b ");
	/* Not ours. */
	assert_string_equal(WORDS("PATH=/bin"), "x ");
	assert_string_equal(WORDS("DRAINSNOOP=1"), "x ");
	assert_string_equal(WORDS("DRAINSNOOP_METRICS_LISTEN"), "x ");
	/* What was there stays, behind it. */
	assert_string_equal(WORDS("DRAINSNOOP_STANDALONE=1", "-v", "--lb", "10.0.0.0/8"),
			    "x --standalone -v --lb 10.0.0.0/8 ");
}

static void without_a_value_it_is_true_or_false(void **state)
{
	(void)state;
	assert_string_equal(WORDS("DRAINSNOOP_STANDALONE=true"), "x --standalone ");
	assert_string_equal(WORDS("DRAINSNOOP_STANDALONE=0"), "x ");
	assert_string_equal(WORDS("DRAINSNOOP_STANDALONE=false"), "x ");
	assert_string_equal(WORDS("DRAINSNOOP_STANDALONE="), "x ");
	assert_string_equal(WORDS("DRAINSNOOP_STANDALONE=yes"),
			    "DRAINSNOOP_STANDALONE: 'yes' is none of: 1, true, 0, false");
}

static void lists_are_comma_separated(void **state)
{
	(void)state;
	assert_string_equal(WORDS("DRAINSNOOP_LB=10.0.0.0/8,fd00::/8"),
			    "x --lb=10.0.0.0/8 --lb=fd00::/8 ");
	assert_string_equal(WORDS("DRAINSNOOP_LB=,a,,b,"), "x --lb=a --lb=b ");
	assert_string_equal(WORDS("DRAINSNOOP_LB="), "x ");
	/* This one is a list for its own parser. */
	assert_string_equal(WORDS("DRAINSNOOP_METRICS_LABELS=namespace,workload"),
			    "x --metrics-labels=namespace,workload ");
}

static void the_command_line_wins(void **state)
{
	(void)state;
	assert_string_equal(WORDS("DRAINSNOOP_LB=a,b", "--lb", "c"), "x --lb c ");
	assert_string_equal(WORDS("DRAINSNOOP_LB=a,b", "--lb=c"), "x --lb=c ");
	assert_string_equal(WORDS("DRAINSNOOP_METRICS_LISTEN=a", "--metrics-li", "b"),
			    "x --metrics-li b ");
	assert_string_equal(WORDS("DRAINSNOOP_VERBOSE=1", "-v"), "x -v ");
	assert_string_equal(WORDS("DRAINSNOOP_NAME=a", "-vn", "b"), "x -vn b ");
	assert_string_equal(WORDS("DRAINSNOOP_NAME=a", "-nb"), "x -nb ");
	/* What only looks as if it were given. */
	assert_string_equal(WORDS("DRAINSNOOP_VERBOSE=1", "-nv"), "x --verbose -nv ");
	assert_string_equal(WORDS("DRAINSNOOP_VERBOSE=1", "--lb", "-v"), "x --verbose --lb -v ");
	assert_string_equal(WORDS("DRAINSNOOP_VERBOSE=1", "-n", "-v"), "x --verbose -n -v ");
	assert_string_equal(WORDS("DRAINSNOOP_LB=a", "--lbs", "c"), "x --lb=a --lbs c ");
	assert_string_equal(WORDS("DRAINSNOOP_LB=a", "--", "--lb=c"), "x --lb=a -- --lb=c ");
	assert_string_equal(WORDS("DRAINSNOOP_LB=a", "-", "v"), "x --lb=a - v ");
}

static void an_unknown_name_is_a_fault_that_names_the_nearest(void **state)
{
	(void)state;
	assert_string_equal(WORDS("DRAINSNOOP_METRIC_LISTEN=:1"),
			    "DRAINSNOOP_METRIC_LISTEN in the environment is no option; "
			    "DRAINSNOOP_METRICS_LISTEN is the nearest");
	assert_string_equal(WORDS("DRAINSNOOP_LBS=:1"),
			    "DRAINSNOOP_LBS in the environment is no option; DRAINSNOOP_LB is the "
			    "nearest");
	assert_non_null(strstr(WORDS("DRAINSNOOP_=1"), "DRAINSNOOP_ in the environment"));
	assert_non_null(strstr(WORDS("DRAINSNOOP_metrics_listen=1"), "DRAINSNOOP_METRICS_LISTEN"));
}

/* One container, several commands. */
static void the_variables_of_other_commands_are_left_alone(void **state)
{
	(void)state;
	assert_string_equal(WORDS("DRAINSNOOP_LEASE=a"), "x ");
	assert_non_null(strstr(WORDS("DRAINSNOOP_LEASES=a"), "DRAINSNOOP_LEASE is"));
}

/* A Service called drainsnoop, or drainsnoop-SOMETHING, in the same namespace. */
static void what_kubernetes_says_of_services_is_no_option(void **state)
{
	static char *const links[] = {
		"DRAINSNOOP_SERVICE_HOST=10.0.0.1", "DRAINSNOOP_SERVICE_PORT=9973",
		"DRAINSNOOP_SERVICE_PORT_METRICS=9973", "DRAINSNOOP_PORT=tcp://10.0.0.1:9973",
		"DRAINSNOOP_PORT_9973_TCP=tcp://10.0.0.1:9973", "DRAINSNOOP_PORT_9973_TCP_PORT=9973",
		"DRAINSNOOP_PORT_9973_TCP_ADDR=10.0.0.1", "DRAINSNOOP_PORT_9973_UDP_PROTO=udp",
		"DRAINSNOOP_AGENT_METRICS_SERVICE_HOST=10.0.0.1",
		"DRAINSNOOP_AGENT_METRICS_PORT=tcp://10.0.0.1:9973",
		"DRAINSNOOP_AGENT_METRICS_PORT_9973_TCP_PROTO=tcp",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		assert_string_equal(WORDS(links[i]), "x ");
	assert_string_equal(WORDS("DRAINSNOOP_PORT=8080"), "x --port=8080 ");
	assert_non_null(strstr(WORDS("DRAINSNOOP_PORT_TCP=1"), "is no option"));
	assert_non_null(strstr(WORDS("DRAINSNOOP_PORT_9973=1"), "is no option"));
	assert_non_null(strstr(WORDS("DRAINSNOOP_SERVICE=1"), "is no option"));
	assert_non_null(strstr(WORDS("DRAINSNOOP_XSERVICE_HOST=1"), "is no option"));
}

static void names_of_any_length_do_no_harm(void **state)
{
	char entry[4096], name[DS_ENVIRONMENT_NAME_MAX];

	(void)state;
	memset(entry, 'A', sizeof(entry));
	memcpy(entry, DS_ENVIRONMENT_PREFIX, sizeof(DS_ENVIRONMENT_PREFIX) - 1);
	entry[sizeof(entry) - 2] = '=';
	entry[sizeof(entry) - 1] = '\0';
	assert_non_null(strstr(WORDS(entry), "is the nearest"));
	ds_environment_name(entry, name);
	assert_int_equal(strlen(name), sizeof(name) - 1);
	ds_environment_name("--metrics-listen=:1", name);
	assert_string_equal(name, "DRAINSNOOP_METRICS_LISTEN");
}

/* More words than there is room for are refused, not cut. */
static void too_many_items_are_refused(void **state)
{
	char entry[8192] = "DRAINSNOOP_LB=";
	char *environment[] = { entry, NULL }, *argv[] = { "x", NULL };
	struct ds_environment all;

	(void)state;
	for (int i = 0; i < 1025; i++)
		strcat(entry, "a,");
	assert_int_equal(ds_environment_arguments(&all, &command, elsewhere, environment, 1, argv,
						  fault, sizeof(fault)), -ENOMEM);
	ds_environment_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_variable_is_an_option),
		cmocka_unit_test(without_a_value_it_is_true_or_false),
		cmocka_unit_test(lists_are_comma_separated),
		cmocka_unit_test(the_command_line_wins),
		cmocka_unit_test(an_unknown_name_is_a_fault_that_names_the_nearest),
		cmocka_unit_test(the_variables_of_other_commands_are_left_alone),
		cmocka_unit_test(what_kubernetes_says_of_services_is_no_option),
		cmocka_unit_test(names_of_any_length_do_no_harm),
		cmocka_unit_test(too_many_items_are_refused),
	};

	return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
