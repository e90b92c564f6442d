/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check `kube-proxy`: which mode sends NodePort traffic to pods here. It matters for target groups
 * of instances; those of addresses reach the pods without it.
 */
#ifndef DS_DOCTOR_KUBE_PROXY_H
#define DS_DOCTOR_KUBE_PROXY_H

#include "user/doctor/finding.h"

struct ds_doctor_kube_proxy {
	char mode[16];		/* what it says itself, at 127.0.0.1:10249/proxyMode; "" = nothing */
	bool ipvs_link;		/* kube-ipvs0 is there */
	bool rules_read;	/* the tables of netfilter could be read: needs CAP_NET_ADMIN */
	bool nft_table;		/* a table `kube-proxy` */
	bool iptables_chain;	/* a chain `KUBE-SERVICES`, of iptables on nftables */
};

/* I/O. The tables; mode and link are the caller's. */
void ds_doctor_look_kube_proxy(struct ds_doctor_kube_proxy *k);

void ds_doctor_judge_kube_proxy(const struct ds_doctor_kube_proxy *k, struct ds_finding *f);

#endif
