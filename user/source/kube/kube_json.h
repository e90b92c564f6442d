/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the API server's objects. What is missing, or of another type than it ought to be, is
 * as if it were not there. Pure.
 */
#ifndef DS_SOURCE_KUBE_JSON_H
#define DS_SOURCE_KUBE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DS_KUBE_NAME_LEN 253	/* of a name or a namespace, Kubernetes' limit */
#define DS_KUBE_UID_LEN 63

/* The member of that type, borrowed, or NULL. object may be NULL, or anything. */
json_object *ds_kube_member(json_object *object, const char *key, json_type type);

/* The same for objects and lists. */
json_object *ds_kube_child(json_object *object, const char *key);
json_object *ds_kube_list(json_object *object, const char *key);

/* How many items of a list (NULL: none) are looked at: a bounded number. */
size_t ds_kube_items(json_object *list);

/* A string, borrowed; "" where there is none, or where it holds a NUL. */
const char *ds_kube_text(json_object *object, const char *key);

/* True only where the member is there and true. */
bool ds_kube_is_true(json_object *object, const char *key);

/* A time of RFC 3339, ns since the epoch; 0 where there is none that an event can tell. */
int64_t ds_kube_stamp(json_object *object, const char *key);

/* The condition of that type of an object's status, if it is True, borrowed; or NULL. */
json_object *ds_kube_condition(json_object *status, const char *type);

/* The owner that controls an object: of its metadata's ownerReferences, borrowed, or NULL. */
json_object *ds_kube_controller(json_object *metadata);

/* Copies text that fits; else false, and dst is as it was. */
bool ds_kube_copy(char *dst, size_t size, const char *text);

#endif
