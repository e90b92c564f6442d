/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flow's evidence means: a drop with its cause, something counted apart, or nothing
 * (DESIGN section 2). The rules are rows of one table, in order; the first that applies decides.
 * Pure.
 */
#ifndef DS_CORE_CAUSE_H
#define DS_CORE_CAUSE_H

#include "user/core/flow.h"
#include "user/core/target.h"

/* The flow, and what its surroundings were when it was lost. */
struct ds_case {
	const struct ds_flow *flow;
	const struct ds_pod *pod;
	int peer;			/* enum ds_peer */
	bool other_node;		/* DS_PEER_NODE: another one than this */
	bool forwarded;			/* by a node, which put its own address in its place */
	bool may_be_probe;		/* forwarded by this node, or a probe of its kubelet */
	bool counts_as_load_balancer;	/* its traffic, as far as that can be told */
	bool load_balancer_known;
	bool health_check;
	bool inside_pod;
	bool inbound;			/* the pod's port is one on which it serves */
	bool going;			/* the pod was going away */
	bool closed_while_going;	/* the pod was going when the connection was closed */
	bool released;			/* no pod held the address */
	bool got_through;		/* what died was sent again, and did not die again */
	bool restarting;		/* a container ended, and the pod was not going */
	bool unclear;			/* as far as is known: it may be the pod's end */
	bool never_listened;		/* nothing had listened on the port since the pod's start */
	bool registered;		/* its target was registered and not draining */
	bool delay_elapsed;		/* the deregistration delay was over */
	bool may_be_check;		/* health checks have the traffic's port and address */
	bool final;			/* the observation ends before the window does */
	const struct ds_target *target;
	const char *group_name;		/* of the target group, NULL = not known */
	int lb_type;			/* enum ds_lb_type, -1 = not told */
};

enum ds_decision_kind { DS_DECISION_NOTHING, DS_DECISION_NOT_DROP, DS_DECISION_DROP };

struct ds_decision {
	enum ds_decision_kind kind;
	int not_drop;		/* enum ds_not_drop */
	int cause;		/* enum ds_cause */
	int outcome;		/* enum ds_outcome, -1 = none */
	int symptom;		/* enum ds_symptom, -1 = none */
	int confidence;		/* enum ds_confidence */
	const char *rule;	/* name of the row that decided */
};

struct ds_decision ds_cause_decide(const struct ds_case *c);

#endif
