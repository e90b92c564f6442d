/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/lease.h"

#include <errno.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/util/json.h"
#include "user/util/timefmt.h"

#define DURATION_MAX_S 3600
#define DURATION_DEFAULT_S 15	/* where a lease says none */
#define MICRO_LEN 27		/* "2026-11-22T10:15:31.660018Z" */

static int64_t number(json_object *spec, const char *key, int64_t absent)
{
	json_object *value = ds_kube_member(spec, key, json_type_int);

	return value ? json_object_get_int64(value) : absent;
}

int ds_lease_read(json_object *json, struct ds_lease *ret_lease)
{
	json_object *metadata = ds_kube_child(json, "metadata"), *spec = ds_kube_child(json, "spec");
	struct ds_lease lease = { 0 };

	if (!ds_kube_copy(lease.version, sizeof(lease.version),
			  ds_kube_text(metadata, "resourceVersion")) || !lease.version[0] ||
	    !ds_kube_copy(lease.holder, sizeof(lease.holder), ds_kube_text(spec, "holderIdentity")))
		return -EINVAL;
	lease.acquired_ns = ds_kube_stamp(spec, "acquireTime");
	lease.renewed_ns = ds_kube_stamp(spec, "renewTime");
	lease.duration_s = number(spec, "leaseDurationSeconds", -1);
	if (lease.duration_s < 0 || lease.duration_s > DURATION_MAX_S)
		lease.duration_s = -1;
	lease.transitions = number(spec, "leaseTransitions", 0);
	if (lease.transitions < 0 || lease.transitions >= INT32_MAX)
		lease.transitions = 0;
	memcpy(ret_lease, &lease, sizeof(lease));
	return 0;
}

/* Who holds it and until when is as it was; the version alone may be another. */
static bool is_same(const struct ds_lease *a, const struct ds_lease *b)
{
	return !strcmp(a->holder, b->holder) && a->acquired_ns == b->acquired_ns &&
	       a->renewed_ns == b->renewed_ns && a->duration_s == b->duration_s &&
	       a->transitions == b->transitions;
}

void ds_lease_seen(struct ds_lease_view *view, const struct ds_lease *lease, int64_t now_ns)
{
	bool same = view->known && (lease ? !view->absent && is_same(&view->lease, lease) :
					    view->absent);

	if (!same)
		view->since_ns = now_ns;
	view->known = true;
	view->absent = !lease;
	if (lease)
		memcpy(&view->lease, lease, sizeof(*lease));
	else
		memset(&view->lease, 0, sizeof(view->lease));
}

static int64_t expires_ns(const struct ds_lease_view *view)
{
	int64_t s = view->lease.duration_s;

	return view->since_ns + (s >= 0 ? s : DURATION_DEFAULT_S) * DS_NS_PER_S;
}

bool ds_lease_is_free(const struct ds_lease_view *view, const char *me, int64_t now_ns)
{
	return view->known && (view->absent || !view->lease.holder[0] ||
			       !strcmp(view->lease.holder, me) || now_ns >= expires_ns(view));
}

/* A MicroTime: six digits. */
static void put_time(struct ds_buf *b, const char *key, int64_t ns)
{
	char text[DS_RFC3339_LEN + 1];

	ds_time_rfc3339(ns, text);
	ds_buf_printf(b, ",\"%s\":\"%.*sZ\"", key, MICRO_LEN - 1, text);
}

static void put_string(struct ds_buf *b, const char *key, const char *text)
{
	ds_buf_printf(b, "\"%s\":", key);
	ds_json_string(b, text, strlen(text));
}

void ds_lease_write(const struct ds_lease_view *view, const char *namespace_, const char *name,
		    const char *me, int64_t duration_s, bool release, int64_t now_ns,
		    struct ds_buf *ret_body)
{
	bool exists = view->known && !view->absent;
	bool kept = exists && !strcmp(view->lease.holder, me);
	struct ds_buf *b = ret_body;

	ds_buf_puts(b, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{");
	put_string(b, "name", name);
	ds_buf_putc(b, ',');
	put_string(b, "namespace", namespace_);
	if (exists) {
		ds_buf_putc(b, ',');
		put_string(b, "resourceVersion", view->lease.version);
	}
	ds_buf_puts(b, "},\"spec\":{");
	put_string(b, "holderIdentity", release ? "" : me);
	ds_buf_printf(b, ",\"leaseDurationSeconds\":%lld", (long long)(release ? 1 : duration_s));
	put_time(b, "acquireTime",
		 kept && view->lease.acquired_ns ? view->lease.acquired_ns : now_ns);
	put_time(b, "renewTime", now_ns);
	ds_buf_printf(b, ",\"leaseTransitions\":%lld}}",
		      (long long)(exists ? view->lease.transitions + !kept : 0));
}
