// SPDX-License-Identifier: Apache-2.0
/* What the API server's answers hold. Pure: JSON in, facts out; what comes may be anything. */
#include <json-c/json.h>
#include <string.h>

#include "user/doctor/cluster.h"
#include "user/doctor/targets.h"
#include "user/source/cluster/handover_text.h"
#include "user/source/cluster/lease.h"
#include "user/source/kube/kube_json.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

#define DEPTH_MAX 32

static void put_json(json_object **object)
{
	(void)json_object_put(*object);	/* counts down; NULL is fine */
}

/* NULL where it is no JSON. */
static json_object *parse(const char *json, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	json_object *object;

	if (!tokener)
		return NULL;
	object = json ? json_tokener_parse_ex(tokener, json, (int)len) : NULL;
	json_tokener_free(tokener);
	return object;
}

enum ds_review ds_doctor_cluster_answer(int status, const char *json, size_t len)
{
	ds_cleanup(put_json) json_object *object = NULL;
	json_object *allowed;

	if (status != 200 && status != 201)
		return DS_REVIEW_FAILED;
	object = parse(json, len);
	allowed = ds_kube_member(ds_kube_child(object, "status"), "allowed", json_type_boolean);
	if (!allowed)
		return DS_REVIEW_FAILED;
	return json_object_get_boolean(allowed) ? DS_REVIEW_ALLOWED : DS_REVIEW_DENIED;
}

void ds_doctor_cluster_user(char *buf, size_t size, const char *json, size_t len)
{
	ds_cleanup(put_json) json_object *object = parse(json, len);
	json_object *info = ds_kube_child(ds_kube_child(object, "status"), "userInfo");

	buf[0] = '\0';
	(void)ds_kube_copy(buf, size, ds_kube_text(info, "username")); /* too long: not told */
}

/* A time whose distance from another can be told. */
static bool is_stamp(int64_t ns)
{
	return ns >= 0 && ns <= DS_EVENT_TIME_MAX;
}

static void read_lease(struct ds_doctor_targets *t, json_object *object, int64_t now_ns)
{
	struct ds_lease lease;

	if (ds_lease_read(object, &lease))
		return;
	t->dated = is_stamp(lease.renewed_ns) && lease.renewed_ns;
	if (t->dated)
		t->age_ns = now_ns - lease.renewed_ns;
	t->duration_s = lease.duration_s;
	(void)ds_kube_copy(t->holder, sizeof(t->holder), lease.holder); /* of the same size */
}

static void read_configmap(struct ds_doctor_targets *t, json_object *object, int64_t now_ns)
{
	json_object *data = ds_kube_child(object, "data");
	const char *text = ds_kube_text(data, DS_HANDOVER_KEY);
	const char *written = ds_kube_text(data, DS_HANDOVER_WRITTEN_KEY);
	int64_t at_ns;

	for (const char *p = text; *p; p++)
		t->lines += *p == '\n';
	t->dated = !ds_time_parse(written, strlen(written), &at_ns) && is_stamp(at_ns);
	if (t->dated)
		t->age_ns = now_ns - at_ns;
}

void ds_doctor_targets_read(struct ds_doctor_targets *t, const char *json, size_t len,
			    int64_t now_ns)
{
	ds_cleanup(put_json) json_object *object = parse(json, len);

	if (t->of_lease)
		read_lease(t, object, now_ns);
	else
		read_configmap(t, object, now_ns);
}
