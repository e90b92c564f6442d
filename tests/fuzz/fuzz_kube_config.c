// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: kubeconfigs. What is taken is within its bounds, a fault has a place and a word, and
 * a choice is one that can be used.
 *
 * Built from: user/source/kube/kube_config.c user/util/wipe.c
 * Packages: yaml-0.1
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_entries(const struct ds_kube_config *config, enum ds_kube_kind kind)
{
	check(config->cnt[kind] <= DS_KUBE_ENTRIES_MAX);
	for (int i = 0; i < config->cnt[kind]; i++) {
		const struct ds_kube_entry *e = config->entries[kind][i];

		check(e->fields[DS_KUBE_FIELD_NAME] && e->fields[DS_KUBE_FIELD_NAME][0]);
		check(e->args_cnt <= DS_KUBE_WORDS_MAX && e->env_cnt <= DS_KUBE_WORDS_MAX);
		for (int k = 0; k < e->args_cnt; k++)
			check(e->args[k]);
		for (int k = 0; k < e->env_cnt; k++)
			check(e->env_names[k]);
		check(ds_kube_config_find(config, kind, e->fields[DS_KUBE_FIELD_NAME]) == e);
	}
}

static void choose(const struct ds_kube_config *config, const char *context)
{
	const struct ds_kube_entry *cluster = NULL, *user = NULL;
	struct ds_kube_fault fault;

	if (ds_kube_config_choose(config, context, &cluster, &user, &fault))
		check(fault.what[0]);
	else
		check(cluster && cluster->fields[DS_KUBE_FIELD_SERVER]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ds_kube_config config = { 0 };
	struct ds_kube_fault fault;

	/* Twice: what is there already stays. */
	for (int i = 0; i < 2; i++)
		if (ds_kube_config_add(&config, (const char *)data, size, "d", &fault))
			check(fault.what[0] && fault.line);
	for (int kind = 0; kind < DS_KUBE_KIND_MAX; kind++)
		check_entries(&config, (enum ds_kube_kind)kind);
	choose(&config, NULL);
	for (int i = 0; i < config.cnt[DS_KUBE_CONTEXTS]; i++)
		choose(&config, config.entries[DS_KUBE_CONTEXTS][i]->fields[DS_KUBE_FIELD_NAME]);
	ds_kube_config_clear(&config);
	return 0;
}
