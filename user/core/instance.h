/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Target groups whose targets are nodes (target_type instance): a NodePort. They say nothing of a
 * single pod: which pods are behind one, and since when not, is kube-proxy's matter. What they
 * change is who may stand on the other end of a connection to a pod. Pure.
 */
#ifndef DS_CORE_INSTANCE_H
#define DS_CORE_INSTANCE_H

#include "user/core/event.h"

#define DS_INSTANCE_GROUPS_MAX 64
#define DS_INSTANCE_TEXT_LEN 159

struct ds_instance_group {
	char group[DS_INSTANCE_TEXT_LEN + 1];	/* its ARN, else its name */
	char name[DS_INSTANCE_TEXT_LEN + 1];
	int lb_type;		/* enum ds_lb_type, -1 = not told */
	bool preserve_client_ip;
	uint16_t checked_port;	/* the node port, where health checks go there; else 0 */
	int64_t check_interval_s;
};

/* Never forgotten in a run: the last node of a group may be gone, its connections are not. */
struct ds_instances {
	struct ds_instance_group groups[DS_INSTANCE_GROUPS_MAX];
	int cnt;
	int64_t refused;	/* told and not kept: the table was full */
};

/* Takes a target.state event; those of targets that are addresses change nothing. */
void ds_instances_update(struct ds_instances *i, const struct ds_event *ev);

/*
 * For the state file: the group as a target.state event, of no node and no moment; strings are
 * borrowed. ds_instances_update takes it.
 */
void ds_instance_write(const struct ds_instance_group *g, struct ds_event *ev);

/* The only group, or NULL where there is none, or several: then which one it was is not known. */
const struct ds_instance_group *ds_instances_only(const struct ds_instances *i);

/* Whether one of them keeps the client's address. */
bool ds_instances_preserve(const struct ds_instances *i);

/* The longest interval of checks that reach the pods by the node port, in seconds; 0 = none do. */
int64_t ds_instances_check_interval_s(const struct ds_instances *i);

#endif
