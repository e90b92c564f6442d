/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to be asked over the network: the API server, AWS, kube-proxy, who listens where the
 * metrics are to be. All at once, on a loop of its own, with an end.
 */
#ifndef DS_DOCTOR_ONLINE_H
#define DS_DOCTOR_ONLINE_H

#include "user/doctor/aws.h"
#include "user/doctor/clock.h"
#include "user/doctor/cluster.h"
#include "user/doctor/kube_proxy.h"
#include "user/doctor/metrics.h"
#include "user/doctor/targets.h"
#include "user/source/kube/kube_access.h"

/* Where the answers go; what is not `asked` or `wanted` there is left alone. All borrowed. */
struct ds_doctor_online {
	const struct ds_kube_access_options *access;
	struct ds_doctor_cluster *cluster;
	struct ds_doctor_targets *targets;
	struct ds_doctor_aws *aws;
	struct ds_doctor_clock *clock;
	struct ds_doctor_kube_proxy *kube_proxy;
	struct ds_doctor_metrics *metrics;
};

/* I/O. Returns when all has been answered, or after 20 s. 0 or -errno with one line logged. */
int ds_doctor_look_online(const struct ds_doctor_online *asked);

#endif
