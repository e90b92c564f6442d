/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into JSON that others wrote. */
#include "user/source/kube/kube_json.h"

#include <string.h>

#include "user/core/event.h"
#include "user/util/timefmt.h"

#define ITEMS_MAX 256

json_object *ds_kube_member(json_object *object, const char *key, json_type type)
{
	json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

json_object *ds_kube_child(json_object *object, const char *key)
{
	return ds_kube_member(object, key, json_type_object);
}

json_object *ds_kube_list(json_object *object, const char *key)
{
	return ds_kube_member(object, key, json_type_array);
}

size_t ds_kube_items(json_object *list)
{
	size_t cnt = list ? json_object_array_length(list) : 0;

	return cnt > ITEMS_MAX ? ITEMS_MAX : cnt;
}

const char *ds_kube_text(json_object *object, const char *key)
{
	json_object *value = ds_kube_member(object, key, json_type_string);
	const char *text = value ? json_object_get_string(value) : "";

	return value && strlen(text) != (size_t)json_object_get_string_len(value) ? "" : text;
}

bool ds_kube_is_true(json_object *object, const char *key)
{
	return json_object_get_boolean(ds_kube_member(object, key, json_type_boolean));
}

int64_t ds_kube_stamp(json_object *object, const char *key)
{
	const char *text = ds_kube_text(object, key);
	int64_t ns = 0;

	return ds_time_parse(text, strlen(text), &ns) || ns < 0 || ns > DS_EVENT_TIME_MAX ? 0 : ns;
}

json_object *ds_kube_condition(json_object *status, const char *type)
{
	json_object *list = ds_kube_list(status, "conditions");

	for (size_t i = 0; i < ds_kube_items(list); i++) {
		json_object *c = json_object_array_get_idx(list, i);

		if (!strcmp(ds_kube_text(c, "type"), type) &&
		    !strcmp(ds_kube_text(c, "status"), "True"))
			return c;
	}
	return NULL;
}

json_object *ds_kube_controller(json_object *metadata)
{
	json_object *list = ds_kube_list(metadata, "ownerReferences");

	for (size_t i = 0; i < ds_kube_items(list); i++) {
		json_object *owner = json_object_array_get_idx(list, i);

		if (ds_kube_is_true(owner, "controller"))
			return owner;
	}
	return NULL;
}

bool ds_kube_copy(char *dst, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return false;
	memcpy(dst, text, len + 1);
	return true;
}
