/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted for each workload, and which pods of it are on the node. A workload's series are
 * there from its first pod on, so that the first drop is a rise from 0, and go an hour after its
 * last pod; their number is bounded, and what finds no place counts in one common place. Pure.
 */
#ifndef DS_SINK_METRICS_SERIES_H
#define DS_SINK_METRICS_SERIES_H

#include "user/core/event.h"
#include "user/util/hash.h"

#define DS_SERIES_NAME_LEN 253		/* of a namespace, of a workload */
#define DS_SERIES_UID_LEN 63
#define DS_SERIES_OTHER "(other)"	/* no name in Kubernetes has parentheses */

/*
 * Where a drop counts: its cause, and for those aborted on a pod that does not go, for which no
 * rollout is to blame, a place of their own.
 */
#define DS_SERIES_APART DS_CAUSE_MAX
#define DS_SERIES_DROPS (DS_CAUSE_MAX + 1)

enum ds_reset_direction { DS_RESET_SENT, DS_RESET_RECEIVED, DS_RESET_MAX };

struct ds_series_exemplar {
	char uid[DS_SERIES_UID_LEN + 1];	/* of the pod, "" = none yet */
	int64_t n, time_ns;
};

struct ds_series {
	char key[2 * DS_SERIES_NAME_LEN + 2];	/* NAMESPACE/WORKLOAD */
	char namespace_[DS_SERIES_NAME_LEN + 1];
	char workload[DS_SERIES_NAME_LEN + 1];	/* "" = not told, or not a label */
	UT_hash_handle hh;
	unsigned int pods;		/* on the node, or gone and not judged */
	int64_t touched_ns;		/* latest event of it */
	uint64_t drops[DS_SERIES_DROPS];
	struct ds_series_exemplar exemplars[DS_SERIES_DROPS];
	uint64_t resets[DS_RESET_MAX][DS_PHASE_MAX + 1];	/* last: phase not known */
	uint64_t unanswered[DS_PHASE_MAX + 1], unanswered_syns[DS_PHASE_MAX + 1];
	uint64_t verdicts[DS_VERDICT_MAX];
};

/* A pod that is on the node, or was. */
struct ds_series_pod {
	char key[DS_SERIES_NAME_LEN + 1];	/* its UID */
	UT_hash_handle hh;
	struct ds_series *series;
	bool going, ended, judged;
	int64_t touched_ns;
};

struct ds_series_table {
	bool by_workload;
	size_t max_series, max_pods;
	struct ds_series *series;	/* uthash: in order of insertion */
	struct ds_series_pod *pods;
	struct ds_series other;		/* what found no place */
	uint64_t refused;		/* how often that was so */
};

/* The series of the pod that the event is about, made when new. Never NULL. */
struct ds_series *ds_series_of(struct ds_series_table *table, const struct ds_event *ev);

/* An event that tells of a pod's state: drainsnoop.pod.state, .pod.phase or .pod.verdict. */
void ds_series_pod_told(struct ds_series_table *table, const struct ds_event *ev);

/* Removes what is long over at that moment. */
void ds_series_expire(struct ds_series_table *table, int64_t now_ns);

/* Pods that go away and are not judged yet. */
unsigned int ds_series_going(const struct ds_series_table *table);

/* Frees what it holds. */
void ds_series_clear(struct ds_series_table *table);

#endif
