/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a watch knows: the objects of its collection by UID, and in which list each was seen last,
 * so that a new list tells who is gone. A part of kube_watch.c. Pure.
 */
#ifndef DS_SOURCE_KUBE_KNOWN_H
#define DS_SOURCE_KUBE_KNOWN_H

#include "user/source/kube/kube_watch.h"

struct ds_kube_known_entry;

/* Zero at first, but for `hooks`: borrowed. */
struct ds_kube_known {
	const struct ds_kube_watch_options *hooks;
	struct ds_kube_known_entry *entries;
	size_t cnt;
	unsigned list;		/* number of the list at hand */
	bool holed;		/* an item of it could not be read: who is gone? */
	uint64_t bad, over;	/* objects that could not be read, and that were too many */
};

/* An object that is known from elsewhere. Takes it over: dropped, where it cannot be kept. */
void ds_kube_known_add(struct ds_kube_known *k, const char *uid, void *object);

/* A list begins; what came of one that was not whole is told with this one. */
void ds_kube_known_begin_list(struct ds_kube_known *k);

/* An item of the list. */
void ds_kube_known_item(struct ds_kube_known *k, json_object *json);

/* The list is whole: tells who is gone, unless an item of it was unreadable, and then who is. */
void ds_kube_known_end_list(struct ds_kube_known *k);

/* What a watch says of an object. */
void ds_kube_known_change(struct ds_kube_known *k, json_object *json, bool gone);

/* Drops every object. */
void ds_kube_known_clear(struct ds_kube_known *k);

#endif
