/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads: what was measured over all pods of one owner, and what else was found of it. The
 * rules of advise.c read it; nothing here decides. Pure.
 */
#ifndef DS_CORE_WORKLOAD_H
#define DS_CORE_WORKLOAD_H

#include "user/core/state.h"
#include "user/util/hash.h"

#define DS_WORKLOAD_KEY_LEN (DS_POD_NAME_LEN * 2 + 32)	/* KIND/NAMESPACE/NAME */
#define DS_ROLLOUTS_NEEDED 3	/* before a shorter preStop is advised: DESIGN section 8 */

/* Measured over its pods. The state file keeps it. */
struct ds_measured {
	int64_t pods, rollouts;
	int64_t drops;
	int64_t tail_ns, tail_error_ns;		/* of the pod with the largest sum */
	bool tail_known;
	int64_t begun_ns;	/* where connections are kept: last new one less T0, -1 = not so */
	int64_t stop_ns;			/* slowest SIGTERM to exit, -1 = none seen */
	int64_t killed_pods;			/* ended by SIGKILL: that time is censored */
	/*
	 * Arrivals in 1000 s from the address of the load balancer that sent least, of the rollouts
	 * in which that was highest, falling: lower_prestop needs the last of them.
	 */
	int64_t rates[DS_ROLLOUTS_NEEDED];
};

/* What speaks for one code of advice besides, as it was found in this run. */
struct ds_finding {
	int64_t cnt;		/* connections, or pods */
	int64_t first_ns, last_ns;	/* when */
	int64_t most_ns;	/* the largest of what was measured with it, -1 = nothing */
	uint16_t port;
};

struct ds_workload {
	char key[DS_WORKLOAD_KEY_LEN];
	UT_hash_handle hh;
	struct ds_workload *prev, *next;	/* the longest untouched first */
	bool fresh;			/* judged pods since the last review */
	struct ds_measured m;
	struct ds_measured before_cut;	/* where `cut`: without the pods that the end cut off */
	bool cut;
	int64_t rollout_rate;		/* lowest of the pods since the last review, -1 = none */
	int64_t prestop_s, grace_s;	/* as configured, -1 = not told */
	int64_t hook_cut_ns;		/* SIGTERM less T0 where the hook was cut, else -1 */
	int64_t ignoring_pods;		/* SIGTERM was ignored by a PID 1 */
	int64_t kept_ns;		/* kept ones were lost so long after T0, -1 = none */
	int64_t reuse_ns;		/* shortest from release to reuse, -1 = none */
	char group[160];		/* target group of raise_delay */
	char probes[64], gates[160];	/* of the pods found wanting; "" = not told */
	int64_t delay_s;		/* its deregistration delay, -1 = not told */
	struct ds_finding found[DS_ADVICE_MAX];
	int64_t said[DS_ADVICE_MAX];	/* the value last suggested, -1 = none yet */
};

struct ds_workloads;

/* 0 or -ENOMEM. */
int ds_workloads_new(struct ds_workloads **ret_workloads);
void ds_workloads_free(struct ds_workloads **workloads);

/*
 * The workload of a pod, made when new; it is touched. Above the bound the longest untouched one
 * goes. NULL without memory.
 */
struct ds_workload *ds_workload_of(struct ds_workloads *all, const struct ds_pod *pod);
/* The longest untouched first; NULL at the end. */
struct ds_workload *ds_workloads_first(const struct ds_workloads *all);

/* The pod belongs to it. */
bool ds_workload_has(const struct ds_workload *w, const struct ds_pod *pod);

/* The verdict of the pod is known: takes what it measured. */
void ds_workload_judged(const struct ds_core *core, struct ds_workload *w, struct ds_pod *pod);

/* Its rollout is over: closes what was measured since the last one. */
void ds_workload_rolled(struct ds_workload *w);

/* One more rollout in which the least busy address of the load balancer sent that often. */
void ds_workload_add_rate(struct ds_measured *m, int64_t rate);

/* One more of what speaks for that code, at that moment. most_ns -1: nothing was measured. */
void ds_workload_found(struct ds_workload *w, enum ds_advice code, int64_t at_ns, int64_t most_ns);

/* It may have pods again, under the same name: a Job and a pod of its own have not. */
bool ds_workload_returns(const struct ds_workload *w);

/* For the state file: its drainsnoop.workload event, with strings borrowed of `w` and of rates. */
#define DS_WORKLOAD_RATES_LEN (DS_ROLLOUTS_NEEDED * 21)
void ds_workload_write(const struct ds_workload *w, struct ds_event *ev,
		       char rates[DS_WORKLOAD_RATES_LEN]);
void ds_workloads_restore(struct ds_workloads *all, const struct ds_event *ev);

#endif
