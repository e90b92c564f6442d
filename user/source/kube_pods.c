/* SPDX-License-Identifier: Apache-2.0 */
/* What was told of each pod, and what has changed since. */
#include "user/source/kube_pods.h"

#include <stdlib.h>
#include <string.h>

#include "user/source/kube_pod.h"
#include "user/util/timefmt.h"

struct followed {
	struct ds_kube_pod pod, told;
	bool is_told;
	bool watched; /* its first reading was told: what comes now is news */
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

/* A stamp is a floor: what it stands for may be almost a second younger. */
static void note_lateness(struct ds_kube_pods *pods, const struct followed *f)
{
	int64_t late_ns = pods->now_ns - f->pod.newest_ns - DS_NS_PER_S;

	if (f->watched && f->pod.newest_ns > f->told.newest_ns && late_ns > pods->late_ns)
		pods->late_ns = late_ns;
}

static void tell(struct ds_kube_pods *pods, struct followed *f)
{
	struct ds_event ev;
	bool news = !f->is_told || !ds_kube_pod_same(&f->pod, &f->told);

	memcpy(&f->told, &f->pod, sizeof(f->told));
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

	note_lateness(pods, f);
	f->watched = true;
	/* A pod that had ended before anybody looked (a finished Job) is of no interest. */
	if (ended && !f->is_told)
		return;
	if (told != DS_KUBE_IS)
		ds_kube_pod_gone(&f->pod, pods->now_ns, told == DS_KUBE_MISSING);
	tell(pods, f);
	if (told == DS_KUBE_MISSING && !going)
		tell_unseen(pods);
}

void ds_kube_pods_drop(void *ctx, void *object)
{
	(void)ctx;
	free(object);
}
