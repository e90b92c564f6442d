/* SPDX-License-Identifier: Apache-2.0 */
/* A table by UID. A list is told as a whole, in the order of the table. */
#include "user/source/kube/kube_known.h"

#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/util/hash.h"

#define UID_LEN 63

struct ds_kube_known_entry {
	char uid[UID_LEN + 1];
	void *object;
	unsigned list;	/* in which it was seen last */
	bool untold;
	UT_hash_handle hh;
};

static struct ds_kube_known_entry *find(const struct ds_kube_known *k, const char *uid)
{
	struct ds_kube_known_entry *e = NULL;

	HASH_FIND(hh, k->entries, uid, strlen(uid), e);
	return e;
}

static void forget(struct ds_kube_known *k, struct ds_kube_known_entry *e)
{
	HASH_DELETE(hh, k->entries, e);
	k->cnt--;
	k->hooks->drop(k->hooks->ctx, e->object);
	free(e);
}

/* A new entry for an object, which is dropped where it cannot be kept. Or NULL. */
static struct ds_kube_known_entry *add(struct ds_kube_known *k, const char *uid, void *object)
{
	struct ds_kube_known_entry *e = k->cnt < k->hooks->max ? calloc(1, sizeof(*e)) : NULL;

	if (e) {
		memcpy(e->uid, uid, strlen(uid));
		e->object = object;
		HASH_ADD_KEYPTR(hh, k->entries, e->uid, strlen(e->uid), e);
	}
	if (!e || !DS_HASH_ADDED(e)) {
		k->over++;
		k->hooks->drop(k->hooks->ctx, object);
		free(e);
		return NULL;
	}
	k->cnt++;
	return e;
}

void ds_kube_known_add(struct ds_kube_known *k, const char *uid, void *object)
{
	if (strlen(uid) > UID_LEN || find(k, uid))
		k->hooks->drop(k->hooks->ctx, object);
	else
		(void)add(k, uid, object);
}

/* Takes what json says of the object of that UID. NULL where that is nothing. */
static struct ds_kube_known_entry *take(struct ds_kube_known *k, const char *uid, json_object *json)
{
	struct ds_kube_known_entry *e = find(k, uid);
	void *object;

	if (!e && k->cnt >= k->hooks->max) {
		k->over++;
		return NULL;
	}
	object = k->hooks->take(k->hooks->ctx, e ? e->object : NULL, json);
	if (!object) {
		k->bad++;
		return NULL;
	}
	if (!e)
		return add(k, uid, object);
	e->object = object;
	return e;
}

static const char *uid_of(json_object *object)
{
	const char *uid = ds_kube_text(ds_kube_child(object, "metadata"), "uid");

	return strlen(uid) <= UID_LEN ? uid : "";
}

void ds_kube_known_begin_list(struct ds_kube_known *k)
{
	k->list++;
	k->holed = false;
}

void ds_kube_known_item(struct ds_kube_known *k, json_object *json)
{
	const char *uid = uid_of(json);
	struct ds_kube_known_entry *e = uid[0] ? take(k, uid, json) : NULL;

	k->bad += !uid[0];
	if (e)
		e->untold = true;
	if (!e && uid[0])
		e = find(k, uid); /* it makes no sense now, but it is there */
	if (e)
		e->list = k->list;
	k->holed = k->holed || !e;
}

static void tell_gone(struct ds_kube_known *k)
{
	struct ds_kube_known_entry *e, *next;

	HASH_ITER(hh, k->entries, e, next) {
		if (e->list == k->list)
			continue;
		k->hooks->tell(k->hooks->ctx, e->object, DS_KUBE_MISSING);
		forget(k, e);
	}
}

void ds_kube_known_end_list(struct ds_kube_known *k)
{
	if (!k->holed)
		tell_gone(k);
	for (struct ds_kube_known_entry *e = k->entries; e; e = e->hh.next) {
		if (e->untold)
			k->hooks->tell(k->hooks->ctx, e->object, DS_KUBE_IS);
		e->untold = false;
	}
}

void ds_kube_known_change(struct ds_kube_known *k, json_object *json, bool gone)
{
	const char *uid = uid_of(json);
	struct ds_kube_known_entry *e;

	if (!uid[0]) {
		k->bad++;
		return;
	}
	/* One that is gone and was not known says nothing that anybody asked for. */
	if (gone && !find(k, uid))
		return;
	e = take(k, uid, json);
	if (!e && gone)
		e = find(k, uid);
	if (!e)
		return;
	k->hooks->tell(k->hooks->ctx, e->object, gone ? DS_KUBE_DELETED : DS_KUBE_IS);
	if (gone)
		forget(k, e);
}

void ds_kube_known_clear(struct ds_kube_known *k)
{
	while (k->entries)
		forget(k, k->entries);
}
