/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as libyaml's events tell it, along one path: the keys from the top down to the value at
 * hand, lists not counted. Anchors could make little text large, and nobody needs them: refused.
 */
#include "user/source/kube/kube_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "user/util/wipe.h"
#include "user/util/cleanup.h"

#define DEPTH_MAX 16
#define KEY_LEN 63
#define VALUE_MAX 262144

static const struct {
	const char *path;
	bool is_file;
} fields[DS_KUBE_FIELD_MAX] = {
#define ROW(id, text, file) [DS_KUBE_FIELD_##id] = { .path = text, .is_file = file },
	DS_KUBE_FIELDS(ROW)
#undef ROW
};

static const char *const kinds[DS_KUBE_KIND_MAX] = { "clusters", "users", "contexts" };

struct level {
	bool is_map;
	bool has_key; /* its value comes next */
	char key[KEY_LEN + 1];
};

struct reader {
	struct ds_kube_config *config;
	const char *dir;
	struct level levels[DEPTH_MAX];
	int depth;
	struct ds_kube_entry *entry; /* at hand */
	enum ds_kube_kind kind;
	struct ds_kube_fault *fault;
};

static int wrong(struct reader *r, const yaml_mark_t *mark, const char *what, const char *name)
{
	r->fault->line = mark->line + 1;
	(void)snprintf(r->fault->what, sizeof(r->fault->what), "%s%s", what, name);
	return -EINVAL;
}

/* ---- entries ---- */

static void free_entry(struct ds_kube_entry *entry)
{
	if (!entry)
		return;
	for (int i = 0; i < DS_KUBE_FIELD_MAX; i++)
		ds_wipe_string(&entry->fields[i]);
	for (int i = 0; i < DS_KUBE_WORDS_MAX; i++) {
		ds_wipe_string(&entry->args[i]);
		ds_wipe_string(&entry->env_names[i]);
		ds_wipe_string(&entry->env_values[i]);
	}
	free(entry->dir);
	free(entry);
}

static int begin_entry(struct reader *r, const yaml_mark_t *mark)
{
	r->entry = calloc(1, sizeof(*r->entry));
	if (r->entry)
		r->entry->dir = strdup(r->dir);
	if (r->entry && r->entry->dir)
		return 0;
	(void)wrong(r, mark, "out of memory", "");
	return -ENOMEM;
}

static int end_entry(struct reader *r, const yaml_mark_t *mark)
{
	struct ds_kube_entry *entry = DS_TAKE(r->entry);
	const char *name = entry->fields[DS_KUBE_FIELD_NAME];
	bool known = name && ds_kube_config_find(r->config, r->kind, name);

	if (name && !known && r->config->cnt[r->kind] < DS_KUBE_ENTRIES_MAX) {
		r->config->entries[r->kind][r->config->cnt[r->kind]++] = entry;
		return 0;
	}
	free_entry(entry);
	if (!name)
		return wrong(r, mark, "an entry without a name in ", kinds[r->kind]);
	return known ? 0 : wrong(r, mark, "too many ", kinds[r->kind]);
}

/* ---- values ---- */

/* The keys below the entry ("cluster.server"), or from the top where there is none. */
static void path_of(const struct reader *r, char *path, size_t size)
{
	size_t len = 0;

	path[0] = '\0';
	for (int i = r->entry ? 2 : 0; i < r->depth; i++)
		if (r->levels[i].is_map && len < size)
			len += (size_t)snprintf(path + len, size - len, "%s%s", len ? "." : "",
						r->levels[i].key);
}

static char *join(const char *dir, const char *file)
{
	char *path = NULL;

	if (file[0] == '/' || !dir[0])
		return strdup(file);
	return asprintf(&path, "%s/%s", dir, file) < 0 ? NULL : path;
}

static int set(struct reader *r, const yaml_mark_t *mark, char **dst, char *value)
{
	if (!value) {
		(void)wrong(r, mark, "out of memory", "");
		return -ENOMEM;
	}
	ds_wipe_string(dst);
	*dst = value;
	return 0;
}

static int add_word(struct reader *r, const yaml_mark_t *mark, const char *path, const char *value)
{
	struct ds_kube_entry *e = r->entry;

	if (!strcmp(path, "user.exec.args")) {
		if (e->args_cnt == DS_KUBE_WORDS_MAX)
			return wrong(r, mark, "too many ", path);
		return set(r, mark, &e->args[e->args_cnt++], strdup(value));
	}
	if (!strcmp(path, "user.exec.env.name")) {
		if (e->env_cnt == DS_KUBE_WORDS_MAX)
			return wrong(r, mark, "too many ", path);
		return set(r, mark, &e->env_names[e->env_cnt++], strdup(value));
	}
	/* kubectl writes the name first. */
	if (!strcmp(path, "user.exec.env.value") && e->env_cnt)
		return set(r, mark, &e->env_values[e->env_cnt - 1], strdup(value));
	return 0;
}

static int take_value(struct reader *r, const yaml_mark_t *mark, const char *value)
{
	char path[DEPTH_MAX * (KEY_LEN + 1)];

	path_of(r, path, sizeof(path));
	if (!r->entry) {
		if (!strcmp(path, "current-context") && !r->config->current && value[0])
			return set(r, mark, &r->config->current, strdup(value));
		return 0;
	}
	for (int i = 0; i < DS_KUBE_FIELD_MAX; i++)
		if (!strcmp(path, fields[i].path) && value[0])
			return set(r, mark, &r->entry->fields[i],
				   fields[i].is_file ? join(r->dir, value) : strdup(value));
	return add_word(r, mark, path, value);
}

static int take_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *value = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;

	if (!level)
		return wrong(r, &ev->start_mark, "this is no kubeconfig: a map was expected", "");
	if (strlen(value) != len || len > VALUE_MAX)
		return wrong(r, &ev->start_mark, "a value with a NUL, or longer than 256 KiB", "");
	if (level->is_map && !level->has_key) {
		(void)snprintf(level->key, sizeof(level->key), "%s", value);
		level->has_key = true;
		return 0;
	}
	level->has_key = false;
	return take_value(r, &ev->start_mark, value);
}

static int open_level(struct reader *r, const yaml_event_t *ev, bool is_map)
{
	struct level *above = r->depth ? &r->levels[r->depth - 1] : NULL;

	if (above && above->is_map && !above->has_key)
		return wrong(r, &ev->start_mark, "a key that is no text", "");
	if (r->depth == DEPTH_MAX)
		return wrong(r, &ev->start_mark, "nested too deep", "");
	if (!above && !is_map)
		return wrong(r, &ev->start_mark, "this is no kubeconfig: a map was expected", "");
	if (above)
		above->has_key = false;
	r->levels[r->depth++] = (struct level){ .is_map = is_map };
	if (r->depth != 3 || !is_map || r->levels[1].is_map)
		return 0;
	for (int i = 0; i < DS_KUBE_KIND_MAX; i++)
		if (!strcmp(r->levels[0].key, kinds[i])) {
			r->kind = (enum ds_kube_kind)i;
			return begin_entry(r, &ev->start_mark);
		}
	return 0;
}

static int take_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(r, ev);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return open_level(r, ev, ev->type == YAML_MAPPING_START_EVENT);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		r->depth--;
		return r->depth == 2 && r->entry ? end_entry(r, &ev->start_mark) : 0;
	case YAML_ALIAS_EVENT:
		return wrong(r, &ev->start_mark, "an alias (*name): write the value out", "");
	default:
		return 0;
	}
}

int ds_kube_config_add(struct ds_kube_config *config, const char *text, size_t len, const char *dir,
		       struct ds_kube_fault *ret_fault)
{
	struct reader r = { .config = config, .dir = dir, .fault = ret_fault };
	yaml_parser_t parser;
	yaml_event_t ev;
	bool more = true;
	int err = 0;

	*ret_fault = (struct ds_kube_fault){ 0 };
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (more && !err) {
		if (!yaml_parser_parse(&parser, &ev)) {
			err = wrong(&r, &parser.problem_mark, "not YAML: ",
				    parser.problem ? parser.problem : "cannot be read");
			break;
		}
		more = ev.type != YAML_DOCUMENT_END_EVENT && ev.type != YAML_STREAM_END_EVENT;
		err = take_event(&r, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	free_entry(r.entry);
	return err;
}

/* ---- what was read ---- */

const struct ds_kube_entry *ds_kube_config_find(const struct ds_kube_config *config,
						enum ds_kube_kind kind, const char *name)
{
	for (int i = 0; i < config->cnt[kind]; i++)
		if (!strcmp(config->entries[kind][i]->fields[DS_KUBE_FIELD_NAME], name))
			return config->entries[kind][i];
	return NULL;
}

__attribute__((format(printf, 2, 3))) static int no_such(struct ds_kube_fault *fault,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fault->what, sizeof(fault->what), format, args);
	va_end(args);
	return -EINVAL;
}

static int check_user(const struct ds_kube_entry *user, struct ds_kube_fault *fault)
{
	if (user->fields[DS_KUBE_FIELD_AUTH_PROVIDER])
		return no_such(fault,
			       "its user has the auth-provider '%s', which kubectl gave up "
			       "too: use an exec plugin",
			       user->fields[DS_KUBE_FIELD_AUTH_PROVIDER]);
	if (user->fields[DS_KUBE_FIELD_USERNAME])
		return no_such(fault,
			       "its user '%s' has a name and a password, which the API "
			       "server takes no more: use a token or a certificate",
			       user->fields[DS_KUBE_FIELD_NAME]);
	/* Whoever asked without it would do so with rights that were not meant. */
	if (user->fields[DS_KUBE_FIELD_AS])
		return no_such(fault,
			       "its user '%s' acts as '%s': not supported, use credentials of "
			       "that one",
			       user->fields[DS_KUBE_FIELD_NAME], user->fields[DS_KUBE_FIELD_AS]);
	return 0;
}

int ds_kube_config_choose(const struct ds_kube_config *config, const char *context,
			  const struct ds_kube_entry **ret_cluster,
			  const struct ds_kube_entry **ret_user, struct ds_kube_fault *ret_fault)
{
	const struct ds_kube_entry *chosen, *cluster, *user = NULL;
	const char *name = context ? context : config->current;

	*ret_fault = (struct ds_kube_fault){ 0 };
	if (!name)
		return no_such(ret_fault, "no current-context: give one with --context");
	chosen = ds_kube_config_find(config, DS_KUBE_CONTEXTS, name);
	if (!chosen)
		return no_such(ret_fault, "there is no context '%s'", name);
	if (!chosen->fields[DS_KUBE_FIELD_CLUSTER])
		return no_such(ret_fault, "the context '%s' names no cluster", name);
	cluster = ds_kube_config_find(config, DS_KUBE_CLUSTERS,
				      chosen->fields[DS_KUBE_FIELD_CLUSTER]);
	if (!cluster)
		return no_such(ret_fault, "there is no cluster '%s'",
			       chosen->fields[DS_KUBE_FIELD_CLUSTER]);
	if (!cluster->fields[DS_KUBE_FIELD_SERVER])
		return no_such(ret_fault, "the cluster '%s' has no server",
			       chosen->fields[DS_KUBE_FIELD_CLUSTER]);
	if (cluster->fields[DS_KUBE_FIELD_PROXY])
		return no_such(ret_fault,
			       "the cluster '%s' has a proxy-url: not supported, set "
			       "HTTPS_PROXY",
			       chosen->fields[DS_KUBE_FIELD_CLUSTER]);
	if (chosen->fields[DS_KUBE_FIELD_USER]) {
		user = ds_kube_config_find(config, DS_KUBE_USERS,
					   chosen->fields[DS_KUBE_FIELD_USER]);
		if (!user)
			return no_such(ret_fault, "there is no user '%s'",
				       chosen->fields[DS_KUBE_FIELD_USER]);
		if (check_user(user, ret_fault))
			return -EINVAL;
	}
	*ret_cluster = cluster;
	*ret_user = user;
	return 0;
}

void ds_kube_config_clear(struct ds_kube_config *config)
{
	for (int kind = 0; kind < DS_KUBE_KIND_MAX; kind++)
		for (int i = 0; i < config->cnt[kind]; i++)
			free_entry(config->entries[kind][i]);
	free(config->current);
	memset(config, 0, sizeof(*config));
}
