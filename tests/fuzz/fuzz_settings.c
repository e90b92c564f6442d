// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: what people set. Each line that has an equals sign is a variable of the environment,
 * each other one a word of the command line and a value. An environment is arguments that argp
 * knows, or a sentence; a value that is taken means the same when it is written again.
 *
 * Built from: user/environment.c user/filter.c user/util/base64.c
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/environment.h"
#include "user/filter.h"
#include "user/util/addr.h"
#include "user/util/base64.h"
#include "user/util/timefmt.h"

#define LINES_MAX 32
#define TEN_YEARS_NS (INT64_C(3653) * 86400 * DS_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct argp_option options[] = {
	{ "verbose", 'v', NULL, 0, "", 0 },
	{ "settle", 's', "TIME", 0, "", 0 },
	{ "lb", 'l', "CIDR", DS_OPTION_REPEATABLE, "", 0 },
	{ "metrics-listen", 1, "ADDR", OPTION_ARG_OPTIONAL, "", 0 },
	{ 0 },
};
static const struct argp_option others[] = { { "lease", 2, "NAME", 0, "", 0 }, { 0 } };
static const struct argp command = { .options = options }, elsewhere = { .options = others };

static void check(bool good)
{
	if (!good)
		abort();
}

static bool is_known(const char *word)
{
	for (const struct argp_option *o = options; o->name; o++) {
		size_t len = strlen(o->name);

		if (!strncmp(word, "--", 2) && !strncmp(word + 2, o->name, len) &&
		    (!word[2 + len] || (word[2 + len] == '=' && o->arg)))
			return true;
	}
	return false;
}

static void check_environment(char **environment, int argc, char **argv)
{
	const struct argp *const list[] = { &elsewhere, NULL };
	struct ds_environment got;
	char fault[512] = "";
	int r = ds_environment_arguments(&got, &command, list, environment, argc, argv, fault,
					 sizeof(fault));

	check(memchr(fault, '\0', sizeof(fault)) != NULL);
	if (r) {
		check(fault[0] || r != -EINVAL);
	} else {
		check(!fault[0] && got.argc == argc + got.given && !got.argv[got.argc]);
		for (int i = 1; i <= got.given; i++)
			check(is_known(got.argv[i]));
		for (int i = 1; i < argc; i++)
			check(got.argv[got.given + i] == argv[i]);
	}
	ds_environment_free(&got);
}

static void check_addresses(const char *text, size_t len)
{
	char written[DS_PREFIX_STRLEN];
	struct ds_prefix prefix, prefix_again;
	struct ds_addr addr, addr_again;

	if (!ds_addr_parse(text, len, &addr)) {
		size_t n = ds_addr_format(&addr, written);

		check(!ds_addr_parse(written, n, &addr_again) && ds_addr_equal(&addr, &addr_again));
	}
	if (!ds_prefix_parse(text, len, &prefix)) {
		size_t n = ds_prefix_format(&prefix, written);

		check(n < sizeof(written) && !ds_prefix_parse(written, n, &prefix_again));
		check(prefix.bits == prefix_again.bits &&
		      ds_addr_equal(&prefix.addr, &prefix_again.addr));
	}
}

static void check_times(const char *text, size_t len)
{
	char written[DS_RFC3339_LEN + 1];
	int64_t ns, again;

	if (!ds_duration_parse(text, &ns))
		check(ns >= 0 && ns <= TEN_YEARS_NS);
	if (ds_time_parse(text, len, &ns))
		return;
	ds_time_rfc3339(ns, written);
	check(!ds_time_parse(written, DS_RFC3339_LEN, &again) && ns == again);
}

/* Certificates within a kubeconfig. */
static void check_base64(const char *text, size_t len)
{
	char *decoded = malloc(DS_BASE64_ROOM(len));
	size_t n = 0;

	check(decoded != NULL);
	check(ds_base64_decode(text, len, decoded, &n) || n <= DS_BASE64_ROOM(len));
	free(decoded);
}

static void check_value(const char *text)
{
	size_t len = strlen(text);
	struct ds_filter filter = { 0 };

	check_base64(text, len);
	check_addresses(text, len);
	check_times(text, len);
	if (!ds_filter_parse_kinds(&filter, text))
		check(filter.kinds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *environment[LINES_MAX + 1] = { NULL }, *argv[LINES_MAX + 2] = { (char[]){ "x" } };
	char *copy = malloc(size + 1), *rest = copy, *line;
	int cnt = 0, argc = 1;

	check(copy != NULL);
	memcpy(copy, data, size);
	copy[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (strchr(line, '=') && line[0] != '-') {
			if (cnt < LINES_MAX)
				environment[cnt++] = line;
			continue;
		}
		check_value(line);
		if (argc <= LINES_MAX)
			argv[argc++] = line;
	}
	check_environment(environment, argc, argv);
	free(copy);
	return 0;
}
