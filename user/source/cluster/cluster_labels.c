/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of labels as sorted hashes: a selector is a subset or it is not. */
#include "user/source/cluster/cluster_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/util/hash.h"

/* Both hashes are 64 bits wide: no two labels of a cluster meet. */
static uint64_t pair_of(const char *key, const char *value)
{
	uint64_t of_key = ds_siphash13(1, 2, key, strlen(key));

	return ds_siphash13(of_key, 3, value, strlen(value));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int ds_labels_read(json_object *object, struct ds_labels *ret_labels)
{
	struct ds_labels labels = { 0 };
	int max = object ? json_object_object_length(object) : 0;

	if (max > DS_LABELS_MAX)
		return -E2BIG;
	if (max > 0)
		labels.pairs = calloc((size_t)max, sizeof(labels.pairs[0]));
	if (max > 0 && !labels.pairs)
		return -ENOMEM;
	if (max > 0) {
		json_object_object_foreach(object, key, value)
			if (json_object_is_type(value, json_type_string))
				labels.pairs[labels.cnt++] =
					pair_of(key, ds_kube_text(object, key));
		qsort(labels.pairs, (size_t)labels.cnt, sizeof(labels.pairs[0]), by_value);
	}
	*ret_labels = labels;
	return 0;
}

void ds_labels_free(struct ds_labels *labels)
{
	free(labels->pairs);
	*labels = (struct ds_labels){ 0 };
}

int ds_selector_read(json_object *object, struct ds_selector *ret_selector)
{
	struct ds_selector s = { 0 };
	int r = ds_labels_read(ds_kube_child(object, "matchLabels"), &s.want);

	if (r)
		return r;
	s.partial = ds_kube_items(ds_kube_list(object, "matchExpressions")) > 0;
	s.any = object && !s.want.cnt && !s.partial;
	*ret_selector = s;
	return 0;
}

void ds_selector_free(struct ds_selector *selector)
{
	ds_labels_free(&selector->want);
	*selector = (struct ds_selector){ 0 };
}

bool ds_selector_matches(const struct ds_selector *selector, const struct ds_labels *labels)
{
	const struct ds_labels *want = &selector->want;
	int at = 0;

	if (!want->cnt)
		return selector->any || selector->partial;
	for (int i = 0; i < want->cnt; i++) {
		while (at < labels->cnt && labels->pairs[at] < want->pairs[i])
			at++;
		if (at == labels->cnt || labels->pairs[at] != want->pairs[i])
			return false;
	}
	return true;
}
