/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted for each workload, or for each pod of it, and which pods are on the node. Series
 * are there from the first pod on, so that the first drop is a rise from 0. Those of a workload go
 * an hour after its last pod, those of a pod ten minutes after its verdict: whatever counted is
 * there for so long. Their number is bounded, and what finds no place counts in a common one. Pure.
 */
#ifndef DS_SINK_METRICS_SERIES_H
#define DS_SINK_METRICS_SERIES_H

#include "user/core/event.h"
#include "user/util/hash.h"

#define DS_SERIES_NAME_LEN 253		/* of a namespace, of a workload, of a pod */
#define DS_SERIES_UID_LEN 63
#define DS_SERIES_OTHER "(other)"	/* no name in Kubernetes has parentheses */

/*
 * Where a drop counts: its cause, and for those aborted on a pod that does not go, for which no
 * rollout is to blame, a place of their own.
 */
#define DS_SERIES_APART DS_CAUSE_MAX
#define DS_SERIES_DROPS (DS_CAUSE_MAX + 1)

enum ds_reset_direction { DS_RESET_SENT, DS_RESET_RECEIVED, DS_RESET_MAX };

/* The counters of a set, one series each; the last of the phases: phase not known. */
#define DS_SERIES_DROP(place) (place)
#define DS_SERIES_VERDICT(verdict) (DS_SERIES_DROPS + (int)(verdict))
#define DS_SERIES_RESET(direction, phase) \
	(DS_SERIES_VERDICT(DS_VERDICT_MAX) + (direction) * (DS_PHASE_MAX + 1) + (phase))
#define DS_SERIES_UNANSWERED(phase) (DS_SERIES_RESET((int)DS_RESET_MAX, 0) + (phase))
#define DS_SERIES_UNANSWERED_SYNS(phase) (DS_SERIES_UNANSWERED(DS_PHASE_MAX + 1) + (phase))
#define DS_SERIES_COUNTERS DS_SERIES_UNANSWERED_SYNS(DS_PHASE_MAX + 1)

struct ds_series_exemplar {
	char uid[DS_SERIES_UID_LEN + 1];	/* of the pod, "" = none yet */
	int64_t n, time_ns;
};

/* A set of series: those that have the same namespace, workload and pod. */
struct ds_series {
	char key[3 * DS_SERIES_NAME_LEN + 3];	/* NAMESPACE/WORKLOAD/POD */
	char namespace_[DS_SERIES_NAME_LEN + 1];
	char workload[DS_SERIES_NAME_LEN + 1];	/* "" = not told, or not a label */
	char pod[DS_SERIES_NAME_LEN + 1];	/* "" = not a label */
	UT_hash_handle hh;
	struct ds_series *of;		/* of a pod's: its workload's; NULL = a workload's */
	unsigned int pods;		/* on the node, or gone and not judged; and sets below it */
	size_t shown;			/* series of it: those born, and those that counted */
	int64_t touched_ns;		/* latest event of it */
	uint64_t counts[DS_SERIES_COUNTERS];
	struct ds_series_exemplar exemplars[DS_SERIES_DROPS];
};

/* A pod that is on the node, or was. */
struct ds_series_pod {
	char key[DS_SERIES_NAME_LEN + 1];	/* its UID */
	UT_hash_handle hh;
	struct ds_series *series;	/* in which it counts */
	bool going, ended, judged;
	int64_t judged_ns, touched_ns;
};

struct ds_series_table {
	bool by_workload, by_pod;
	size_t max_series, max_pods;	/* series, not sets; without those of `other` */
	size_t shown;			/* series of all sets */
	int64_t now_ns;			/* of the latest tick; the caller sets it */
	struct ds_series *series;	/* uthash: in order of insertion */
	struct ds_series_pod *pods;
	struct ds_series other;		/* what found no place */
	uint64_t refused;		/* how often something did not */
};

/*
 * The set in which an event of that pod counts. By pod it is the pod's own where its state was told
 * and its verdict is not long ago, else its workload's, whose pod is DS_SERIES_OTHER. The set of a
 * workload is made when new. Never NULL.
 */
struct ds_series *ds_series_of(struct ds_series_table *table, const struct ds_event *ev);

/* A counter is a series from the beginning, at 0; else only once it counted. */
bool ds_series_is_shown(const struct ds_series *s, int counter);

/*
 * Adds n. Where that is one series more than there may be, it is added in the common set. Returns
 * the set that counted.
 */
struct ds_series *ds_series_count(struct ds_series_table *table, struct ds_series *s, int counter,
				  uint64_t n);

/* An event that tells of a pod's state: drainsnoop.pod.state, .pod.phase or .pod.verdict. */
void ds_series_pod_told(struct ds_series_table *table, const struct ds_event *ev);

/* Removes what is long over at that moment. */
void ds_series_expire(struct ds_series_table *table, int64_t now_ns);

/* Pods that go away and are not judged yet. */
unsigned int ds_series_going(const struct ds_series_table *table);

/* Frees what it holds. */
void ds_series_clear(struct ds_series_table *table);

#endif
