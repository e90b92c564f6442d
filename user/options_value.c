/* SPDX-License-Identifier: Apache-2.0 */
#include "user/options_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/environment.h"
#include "user/options.h"
#include "user/sink/web_parse.h"
#include "user/util/timefmt.h"

#define SAID_MAX 512
#define OBJECT_NAME_MAX 253

/* Whether the option at hand was given by the environment. */
static bool is_environments(const struct argp_state *state)
{
	const struct ds_options *o = state->input;

	return o && state->next > 1 && state->next - 1 <= o->environment_cnt;
}

void ds_value_error(const struct argp_state *state, const char *option, const char *format, ...)
{
	char said[SAID_MAX];
	char name[DS_ENVIRONMENT_NAME_MAX];
	va_list args;

	if (is_environments(state)) {
		ds_environment_name(state->argv[state->next - 1], name);
		option = name;
	}
	va_start(args, format);
	(void)vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	argp_error(state, "%s: %s", option, said);
}

int64_t ds_value_count(const struct argp_state *state, const char *option, const char *arg)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(arg, &end, 10);
	if (errno || end == arg || *end || n < 0)
		ds_value_error(state, option, "'%s' is not a whole number from 0 up", arg);
	return n;
}

int64_t ds_value_duration(const struct argp_state *state, const char *option, const char *arg)
{
	int64_t ns = 0;

	if (ds_duration_parse(arg, &ns))
		ds_value_error(state, option,
			       "'%s' is not a time; write 90s, 5m, 250ms or plain seconds", arg);
	return ns;
}

double ds_value_rate(const struct argp_state *state, const char *option, const char *arg)
{
	char *end;
	double rate = strtod(arg, &end);

	if (end == arg || *end || !(rate >= 0.01 && rate <= 1000))
		ds_value_error(state, option, "'%s' is no number from 0.01 to 1000", arg);
	return rate;
}

uint16_t ds_value_port(const struct argp_state *state, const char *option, const char *arg)
{
	int64_t port = ds_value_count(state, option, arg);

	if (port < 1 || port > UINT16_MAX)
		ds_value_error(state, option, "'%s' is not a port (1-65535)", arg);
	return (uint16_t)port;
}

const char *ds_value_listen(const struct argp_state *state, const char *option, const char *arg)
{
	struct ds_web_address address;

	if (!*arg || !strcmp(arg, "off"))
		return "";
	if (ds_web_address_parse(arg, strlen(arg), &address))
		ds_value_error(state, option, "'%s' is no address and port; write :9973, "
			       "10.0.3.17:9973, [::1]:9973, or off", arg);
	return arg;
}

static int word_of(const char *const *words, int cnt, const char *arg)
{
	for (int i = 0; i < cnt; i++)
		if (!strcmp(words[i], arg))
			return i;
	return -1;
}

const char *ds_value_object_name(const struct argp_state *state, const char *option,
				 const char *arg)
{
	size_t len = strlen(arg);

	if (!len || len > OBJECT_NAME_MAX ||
	    strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789-.") != len || arg[0] == '.' ||
	    arg[0] == '-')
		ds_value_error(state, option, "'%s' is no name of an object of Kubernetes", arg);
	return arg;
}

int ds_value_choice(const struct argp_state *state, const char *option, const char *const *words,
		    int cnt, const char *arg)
{
	int i = word_of(words, cnt, arg);

	if (i < 0) {
		char known[128] = "";

		for (int k = 0; k < cnt; k++) {
			strncat(known, k ? ", " : "", sizeof(known) - strlen(known) - 1);
			strncat(known, words[k], sizeof(known) - strlen(known) - 1);
		}
		ds_value_error(state, option, "'%s' is none of: %s", arg, known);
	}
	return i;
}

void ds_value_push(const struct argp_state *state, const char *option, const char **list, int *cnt,
		   const char *arg)
{
	if (*cnt == DS_OPTION_LIST_MAX)
		ds_value_error(state, option, "given more than %d times", DS_OPTION_LIST_MAX);
	else
		list[(*cnt)++] = arg;
}

void ds_value_no_argument(const struct argp_state *state, const char *arg)
{
	argp_error(state, "unexpected argument '%s'", arg);
}

void ds_value_give_to_children(struct argp_state *state, const struct argp_child *children)
{
	for (int i = 0; children[i].argp; i++)
		state->child_inputs[i] = state->input;
}
