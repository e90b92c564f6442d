/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check `data-plane`: what routes packets to the pods of this node, as links, routes and rules show
 * it, and whether this project has tested drainsnoop with that.
 */
#ifndef DS_DOCTOR_DATA_PLANE_H
#define DS_DOCTOR_DATA_PLANE_H

#include "user/doctor/finding.h"
#include "user/source/route/route_parse.h"

#define DS_DOCTOR_PODS_MAX 2048		/* addresses that are routed to devices */
#define DS_DOCTOR_UPLINKS_MAX 64

/*
 * Links by what their names tell. X(SUFFIX, "how it begins", "what the rest is", what it is). The rest: "x"
 * eleven hexadecimal digits, "d" digits, "" nothing, "*" anything. The first that fits counts.
 */
#define DS_PLANE_LINK_LIST(X) \
	X(VPC_CNI, "eni", "x", "pod of the VPC CNI") \
	X(BRANCH, "vlan.eth.", "d", "branch interface") \
	X(BRANCH_POD, "vlan", "x", "pod with a branch interface") \
	X(CALICO, "cali", "x", "pod of Calico") \
	X(CALICO, "vxlan.calico", "", "Calico's overlay") \
	X(CILIUM, "cilium_", "*", "Cilium") \
	X(CILIUM, "lxc", "*", "pod of Cilium") \
	X(FLANNEL, "flannel.", "d", "Flannel's overlay") \
	X(BRIDGE, "cni", "d", "bridge of pods") \
	X(BRIDGE, "cbr", "d", "bridge of pods") \
	X(GKE, "gke", "x", "pod on GKE") \
	X(AZURE, "azv", "x", "pod on Azure") \
	X(ANTREA, "antrea-gw", "d", "Antrea") \
	X(OVN, "ovn-k8s-mp", "d", "OVN-Kubernetes") \
	X(IPVS, "kube-ipvs", "d", "kube-proxy's IPVS")

enum ds_plane_link {
	DS_PLANE_VPC_CNI, DS_PLANE_BRANCH, DS_PLANE_BRANCH_POD, DS_PLANE_CALICO, DS_PLANE_CILIUM,
	DS_PLANE_FLANNEL, DS_PLANE_BRIDGE, DS_PLANE_GKE, DS_PLANE_AZURE, DS_PLANE_ANTREA,
	DS_PLANE_OVN, DS_PLANE_IPVS, DS_PLANE_LINK_MAX
};

/* Zeroed at first. */
struct ds_doctor_data_plane {
	char fault[128];	/* "" = all was read */
	uint32_t links[DS_PLANE_LINK_MAX];
	uint32_t rules_to_pod;	/* the VPC CNI's 512 */
	bool local_moved;	/* its 20: strict mode, table `local` comes after branches */
	struct {
		struct ds_addr addr;
		uint32_t device;
	} hosts[DS_DOCTOR_PODS_MAX];	/* host routes: a pod each, unless by an uplink */
	uint32_t hosts_cnt;
	uint32_t uplinks[DS_DOCTOR_UPLINKS_MAX];	/* devices with a gateway behind them */
	uint32_t uplinks_cnt;
};

/* Pure. Takes one message of a dump of links, routes and rules. */
void ds_doctor_data_plane_add(struct ds_doctor_data_plane *p, const struct ds_rt *rt);

/* Pure. How many addresses of that family are routed to pods. */
uint32_t ds_doctor_data_plane_pods(const struct ds_doctor_data_plane *p, bool v6);

/* Pure. Whether those of IPv4 look as if they came in prefixes of 16 (prefix delegation). */
bool ds_doctor_data_plane_has_prefixes(const struct ds_doctor_data_plane *p);

/* I/O. Reads links, routes and rules of this process's network namespace; needs no right. */
void ds_doctor_look_data_plane(struct ds_doctor_data_plane *p);

void ds_doctor_judge_data_plane(const struct ds_doctor_data_plane *p, struct ds_finding *f);

#endif
