/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels and the selectors that want some of them. Of each pair only a hash is kept: nobody asks
 * for their words. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_LABELS_H
#define DS_SOURCE_CLUSTER_LABELS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DS_LABELS_MAX 128

/* Owned: a zeroed one has none. */
struct ds_labels {
	uint64_t *pairs;	/* sorted */
	int cnt;
};

/*
 * A selector: what must be there. One that asks for more than equality is `partial`: whether it
 * matches is not known. `any`: it matches everything ({} where Kubernetes means that by it).
 */
struct ds_selector {
	struct ds_labels want;
	bool partial, any;
};

/* {"key": "value", ...}; NULL = none. Values of other types are left out. 0, -E2BIG or -ENOMEM. */
int ds_labels_read(json_object *object, struct ds_labels *ret_labels);
void ds_labels_free(struct ds_labels *labels);

/* {"matchLabels": {...}, "matchExpressions": [...]}; NULL matches nothing. As above. */
int ds_selector_read(json_object *object, struct ds_selector *ret_selector);
void ds_selector_free(struct ds_selector *selector);

/* Everything that is wanted is there. A partial one matches where the rest of it does. */
bool ds_selector_matches(const struct ds_selector *selector, const struct ds_labels *labels);

#endif
