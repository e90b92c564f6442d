/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that say where events come from, as argp children: a command takes those that it
 * has. Their input is the struct ds_options.
 */
#ifndef DS_OPTIONS_SOURCE_H
#define DS_OPTIONS_SOURCE_H

#include <argp.h>

extern const struct argp ds_argp_source;	/* --events, --pod-ip, --lb, --netns */
extern const struct argp ds_argp_kube;		/* --kube and how the API server is reached */
extern const struct argp ds_argp_kube_access;	/* only how, for a command that always asks */
extern const struct argp ds_argp_kube_node;	/* the same with --node */
extern const struct argp ds_argp_targets;	/* --targets, --clock-error */
extern const struct argp ds_argp_elb;		/* --elb and how AWS is asked */
extern const struct argp ds_argp_elb_polling;	/* only how, for a command that always asks */

#endif
