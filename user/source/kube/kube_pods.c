/* SPDX-License-Identifier: Apache-2.0 */
/* What was told of each pod, and what has changed since. */
#include "user/source/kube/kube_pods.h"

#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_pod.h"
#include "user/util/timefmt.h"

#define UID_LEN 36 /* 8-4-4-4-12 */

struct followed {
	struct ds_kube_pod pod;
	uint64_t told; /* digest of what was told last */
	int64_t told_newest_ns;
	bool is_told;
	bool t0_told;
	bool watched; /* a reading of this run was told: what comes now is news */
};

void *ds_kube_pods_take(void *ctx, void *object, json_object *json)
{
	const struct ds_kube_pods *pods = ctx;
	struct followed *f = object;
	struct ds_kube_pod pod;

	if (ds_kube_pod_read(json, pods->now_ns, &pod))
		return NULL;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return NULL;
		memcpy(&f->pod, &pod, sizeof(pod));
		return f;
	}
	ds_kube_pod_keep_t0(&pod, &f->pod);
	memcpy(&f->pod, &pod, sizeof(pod));
	return f;
}

void *ds_kube_pods_restored(const struct ds_event *ev)
{
	struct followed *f;

	if (ev->kind != DS_EVENT_POD_STATE || !ds_event_has(ev, DS_KEY_RESTORED) ||
	    !ds_event_has(ev, DS_KEY_POD_UID) || strlen(ev->pod_uid) != UID_LEN ||
	    !ds_event_has(ev, DS_KEY_POD_NAME) || !ds_event_has(ev, DS_KEY_PHASE) ||
	    ds_event_has(ev, DS_KEY_PHASE_LANE) || ev->phase == DS_PHASE_DELETED)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f || !ds_kube_copy(f->pod.name, sizeof(f->pod.name), ev->pod_name) ||
	    (ds_event_has(ev, DS_KEY_POD_NAMESPACE) &&
	     !ds_kube_copy(f->pod.namespace_, sizeof(f->pod.namespace_), ev->pod_namespace))) {
		free(f);
		return NULL;
	}
	memcpy(f->pod.uid, ev->pod_uid, UID_LEN);
	f->pod.phase = ev->phase;
	f->pod.grace_s = f->pod.trigger = -1;
	if (ds_event_has(ev, DS_KEY_T0)) {
		f->pod.t0_ns = ev->t0;
		f->pod.t0_error_ns = ds_event_has(ev, DS_KEY_T0_ERROR) ? ev->t0_error : 0;
		f->pod.t0_source = ds_event_has(ev, DS_KEY_T0_SOURCE) ? ev->t0_source : 0;
		f->pod.trigger = ds_event_has(ev, DS_KEY_TRIGGER) ? ev->trigger :
								    DS_TRIGGER_DELETION;
		f->pod.grace_s = ds_event_has(ev, DS_KEY_GRACE_PERIOD) ? ev->grace_period_s : -1;
	}
	f->t0_told = f->pod.t0_ns != 0;
	f->told = ds_kube_pod_digest(&f->pod);
	f->is_told = true;
	return f;
}

/* The API server's stamp by this node's clock, once: as early as it may be. */
static void correct_t0(const struct ds_kube_pods *pods, struct followed *f)
{
	if (!f->pod.t0_ns || f->t0_told || f->pod.t0_source != DS_T0_SOURCE_DELETION_TIMESTAMP)
		return;
	f->pod.t0_ns -= pods->clock_hi_ns;
	f->pod.t0_error_ns += pods->clock_hi_ns - pods->clock_lo_ns;
}

/* A stamp is a floor: what it stands for may be almost a second younger. */
static void note_lateness(struct ds_kube_pods *pods, const struct followed *f)
{
	int64_t late_ns = pods->now_ns - f->pod.newest_ns - DS_NS_PER_S;

	if (pods->clock_lo_ns < 0)	/* it may be the server's, which is behind */
		late_ns += pods->clock_lo_ns;
	if (f->watched && f->pod.newest_ns > f->told_newest_ns && late_ns > pods->late_ns)
		pods->late_ns = late_ns;
}

static void tell(struct ds_kube_pods *pods, struct followed *f)
{
	struct ds_event ev;
	uint64_t digest = ds_kube_pod_digest(&f->pod);
	bool news = !f->is_told || digest != f->told;

	f->told = digest;
	f->told_newest_ns = f->pod.newest_ns;
	f->t0_told = f->pod.t0_ns != 0;
	f->is_told = true;
	if (!news)
		return;
	ds_kube_pod_event(&f->pod, pods->node, pods->now_ns, &ev);
	pods->deliver(pods->ctx, &ev);
}

/* It began to go, and nobody saw when: evidence of its end may be set against nothing. */
static void tell_unseen(struct ds_kube_pods *pods)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LOSS, pods->now_ns);
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_WATCH);
	DS_SET_STR(&ev, LOSS_CLASS, loss_class, "pods");
	DS_SET(&ev, LOSS_COUNT, loss_count, 1);
	pods->deliver(pods->ctx, &ev);
}

void ds_kube_pods_tell(void *ctx, void *object, enum ds_kube_told told)
{
	struct ds_kube_pods *pods = ctx;
	struct followed *f = object;
	bool ended = f->pod.phase == DS_PHASE_DELETED, going = f->pod.t0_ns || ended;
	bool vanished = told == DS_KUBE_MISSING && !going && f->watched;

	correct_t0(pods, f);
	note_lateness(pods, f);
	f->watched = true;
	/* A pod that had ended before anybody looked (a finished Job) is of no interest. */
	if (ended && !f->is_told)
		return;
	if (told != DS_KUBE_IS)
		ds_kube_pod_gone(&f->pod, pods->now_ns, told == DS_KUBE_MISSING);
	tell(pods, f);
	if (vanished) /* before this run: that is the gap between the two */
		tell_unseen(pods);
}

void ds_kube_pods_drop(void *ctx, void *object)
{
	(void)ctx;
	free(object);
}
