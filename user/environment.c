/* SPDX-License-Identifier: Apache-2.0 */
#include "user/environment.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 128		/* of a command */
#define ITEMS_MAX 1024		/* that the environment gives */

struct named_option {
	const struct argp_option *as;
	bool on_command_line;
};

struct options {
	struct named_option list[OPTIONS_MAX];
	int cnt;
};

static bool is_end(const struct argp_option *o)
{
	return !o->name && !o->key && !o->doc && !o->group;
}

/* Those of the tree that have a name, as argp walks it. */
static void collect(struct options *all, const struct argp *argp)
{
	for (const struct argp_option *o = argp->options; o && !is_end(o); o++)
		if (o->name && !(o->flags & OPTION_DOC) && all->cnt < OPTIONS_MAX)
			all->list[all->cnt++] = (struct named_option){ .as = o };
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		collect(all, c->argp);
}

void ds_environment_name(const char *option, char ret_name[DS_ENVIRONMENT_NAME_MAX])
{
	size_t len = sizeof(DS_ENVIRONMENT_PREFIX) - 1;

	memcpy(ret_name, DS_ENVIRONMENT_PREFIX, len);
	option += strspn(option, "-");
	for (; *option && *option != '=' && len < DS_ENVIRONMENT_NAME_MAX - 1; option++)
		ret_name[len++] =
			*option == '-' ? '_' : (char)toupper((unsigned char)*option);
	ret_name[len] = '\0';
}

/* ---- what the command line gives ---- */

/* As getopt: the whole name, or the beginning of one. */
static struct named_option *long_option(struct options *all, const char *name, size_t len)
{
	struct named_option *begun = NULL;

	for (int i = 0; i < all->cnt; i++) {
		const char *known = all->list[i].as->name;

		if (strncmp(known, name, len) != 0)
			continue;
		if (!known[len])
			return &all->list[i];
		begun = begun ? begun : &all->list[i];
	}
	return begun;
}

static struct named_option *short_option(struct options *all, int key)
{
	for (int i = 0; i < all->cnt; i++)
		if (all->list[i].as->key == key && isgraph(key))
			return &all->list[i];
	return NULL;
}

/* Marks the options of a word such as -vn; true where the next word is the value of the last. */
static bool mark_short(struct options *all, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		struct named_option *o = short_option(all, *c);

		if (!o)
			continue;
		o->on_command_line = true;
		if (o->as->arg)
			return !c[1];
	}
	return false;
}

static bool mark_long(struct options *all, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	struct named_option *o = long_option(all, word + 2, len);

	if (!o)
		return false;
	o->on_command_line = true;
	return o->as->arg && !(o->as->flags & OPTION_ARG_OPTIONAL) && !word[2 + len];
}

static void mark_given(struct options *all, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "--"))
			return;
		if (word[0] != '-' || !word[1])
			continue;
		i += word[1] == '-' ? mark_long(all, word) : mark_short(all, word);
	}
}

/* ---- names ---- */

/* How many letters must be changed, added or taken away to make one of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[DS_ENVIRONMENT_NAME_MAX + 1], len = strlen(b);

	if (len > DS_ENVIRONMENT_NAME_MAX)
		return len;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t change = corner + (a[i] != b[j]);
			size_t least = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;

			corner = row[j + 1];
			row[j + 1] = change < least ? change : least;
		}
	}
	return row[len];
}

/* The option of that variable, or NULL; then nearest is the name that is most like it. */
static struct named_option *find(struct options *all, const char *name, size_t *nearest_distance,
			    char nearest[DS_ENVIRONMENT_NAME_MAX])
{
	for (int i = 0; i < all->cnt; i++) {
		char known[DS_ENVIRONMENT_NAME_MAX];
		size_t d;

		ds_environment_name(all->list[i].as->name, known);
		d = distance(name, known);
		if (!d)
			return &all->list[i];
		if (d < *nearest_distance) {
			*nearest_distance = d;
			memcpy(nearest, known, sizeof(known));
		}
	}
	return NULL;
}

/* "PORT", or "PORT_9973_TCP" and what follows it: of a Service's port, by an old convention. */
static bool is_link_port(const char *rest, const char *value)
{
	static const char *const protocols[] = { "TCP", "UDP", "SCTP" };
	const char *after;

	if (strncmp(rest, "PORT", 4) != 0)
		return false;
	if (!rest[4])
		return strstr(value, "://");
	if (rest[4] != '_' || !isdigit((unsigned char)rest[5]))
		return false;
	after = rest + 5 + strspn(rest + 5, "0123456789");
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (*after == '_' && !strncmp(after + 1, protocols[i], strlen(protocols[i])))
			return true;
	return false;
}

/* Kubernetes puts the addresses of a namespace's Services into the environment of its pods. */
static bool is_service_link(const char *name, const char *value)
{
	for (const char *at = name; at; at = strchr(at, '_')) {
		at += *at == '_';
		if (!strcmp(at, "SERVICE_HOST") || !strcmp(at, "SERVICE_PORT") ||
		    !strncmp(at, "SERVICE_PORT_", 13) || is_link_port(at, value))
			return true;
	}
	return false;
}

/* ---- arguments ---- */

static int add(struct ds_environment *arguments, const struct argp_option *o, const char *value,
	       int value_len)
{
	char *word;

	if (arguments->given == ITEMS_MAX)
		return -ENOMEM;
	if (asprintf(&word, value ? "--%s=%.*s" : "--%s", o->name, value_len, value) < 0)
		return -ENOMEM;
	arguments->owned[arguments->given++] = word;
	return 0;
}

static int add_list(struct ds_environment *arguments, const struct argp_option *o,
		    const char *value)
{
	int r = 0;

	while (*value && !r) {
		size_t len = strcspn(value, ",");

		if (len)
			r = add(arguments, o, value, (int)len);
		value += len + (value[len] == ',');
	}
	return r;
}

static int add_option(struct ds_environment *arguments, const struct argp_option *o,
		      const char *name, const char *value, char *fault, size_t fault_size)
{
	if (o->flags & DS_OPTION_REPEATABLE)
		return add_list(arguments, o, value);
	if (o->arg)
		return add(arguments, o, value, (int)strlen(value));
	if (!strcmp(value, "1") || !strcmp(value, "true"))
		return add(arguments, o, NULL, 0);
	if (!*value || !strcmp(value, "0") || !strcmp(value, "false"))
		return 0;
	(void)snprintf(fault, fault_size, "%s: '%.64s' is none of: 1, true, 0, false", name, value);
	return -EINVAL;
}

/* One entry of the environment that has the prefix. */
static int take(struct ds_environment *arguments, struct options *all, struct options *others,
		const char *entry, char *fault, size_t fault_size)
{
	char name[256], nearest[DS_ENVIRONMENT_NAME_MAX] = "";
	size_t least = SIZE_MAX;
	const char *equals = strchr(entry, '=');
	struct named_option *o;

	if (!equals)
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(equals - entry), entry);
	if (is_service_link(name + sizeof(DS_ENVIRONMENT_PREFIX) - 1, equals + 1))
		return 0;
	o = find(all, name, &least, nearest);
	if (o)
		return o->on_command_line ? 0 : add_option(arguments, o->as, name, equals + 1,
							   fault, fault_size);
	if (find(others, name, &least, nearest))
		return 0;
	(void)snprintf(fault, fault_size, "%.128s in the environment is no option; %s is the "
		       "nearest", name, nearest);
	return -EINVAL;
}

static int finish(struct ds_environment *arguments, int argc, char **argv)
{
	arguments->argc = argc + arguments->given;
	arguments->argv = calloc((size_t)arguments->argc + 1, sizeof(*arguments->argv));
	if (!arguments->argv)
		return -ENOMEM;
	arguments->argv[0] = argv[0];
	for (int i = 0; i < arguments->given; i++)
		arguments->argv[1 + i] = arguments->owned[i];
	for (int i = 1; i < argc; i++)
		arguments->argv[arguments->given + i] = argv[i];
	return 0;
}

int ds_environment_arguments(struct ds_environment *ret_arguments, const struct argp *argp,
			     const struct argp *const *elsewhere, char *const *environment,
			     int argc, char **argv, char *fault, size_t fault_size)
{
	struct options all = { 0 }, others = { 0 };
	int r = 0;

	*ret_arguments = (struct ds_environment){ 0 };
	ret_arguments->owned = calloc(ITEMS_MAX, sizeof(*ret_arguments->owned));
	if (!ret_arguments->owned)
		return -ENOMEM;
	collect(&all, argp);
	for (; *elsewhere; elsewhere++)
		collect(&others, *elsewhere);
	mark_given(&all, argc, argv);
	for (; *environment && !r; environment++)
		if (!strncmp(*environment, DS_ENVIRONMENT_PREFIX,
			     sizeof(DS_ENVIRONMENT_PREFIX) - 1))
			r = take(ret_arguments, &all, &others, *environment, fault, fault_size);
	return r ? r : finish(ret_arguments, argc, argv);
}

void ds_environment_free(struct ds_environment *arguments)
{
	for (int i = 0; arguments->owned && i < arguments->given; i++)
		free(arguments->owned[i]);
	free(arguments->owned);
	free(arguments->argv);
	*arguments = (struct ds_environment){ 0 };
}
