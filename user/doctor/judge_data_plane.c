// SPDX-License-Identifier: Apache-2.0
/* What links, routes and rules say of how packets reach the pods here. Pure. */
#include "user/doctor/data_plane.h"

#include <stdlib.h>
#include <string.h>

#define RULE_LOCAL_STRICT 20
#define RULE_TO_POD 512
#define TABLE_LOCAL 255
#define PREFIX_SIZE 16		/* addresses of a delegated prefix, a /28 */
#define PREFIX_PODS_MIN 5	/* fewer may be near each other by chance */

static const struct {
	enum ds_plane_link link;
	const char *begin, *rest;
} kinds[] = {
#define ROW(suffix, begin, rest, what) { DS_PLANE_##suffix, begin, rest },
	DS_PLANE_LINK_LIST(ROW)
};

static bool rest_fits(const char *rest, const char *how)
{
	if (*how == '*')
		return true;
	if (*how == 'x')
		return strlen(rest) == 11 && strspn(rest, "0123456789abcdef") == 11;
	if (*how == 'd')
		return *rest && !rest[strspn(rest, "0123456789")];
	return !*rest;
}

static void add_link(struct ds_doctor_data_plane *p, const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].begin);

		if (strncmp(name, kinds[i].begin, len) || !rest_fits(name + len, kinds[i].rest))
			continue;
		p->links[kinds[i].link]++;
		return;
	}
}

static bool is_uplink(const struct ds_doctor_data_plane *p, uint32_t device)
{
	for (uint32_t i = 0; i < p->uplinks_cnt; i++)
		if (p->uplinks[i] == device)
			return true;
	return false;
}

static void add_route(struct ds_doctor_data_plane *p, const struct ds_rt *rt)
{
	bool host = rt->dst.bits == 128;

	if (rt->kernel || !rt->unicast)
		return;
	for (int i = 0; rt->gateway && i < rt->hop_cnt; i++)
		if (!is_uplink(p, rt->hops[i]) && p->uplinks_cnt < DS_DOCTOR_UPLINKS_MAX)
			p->uplinks[p->uplinks_cnt++] = rt->hops[i];
	if (!host || rt->gateway || rt->hop_cnt != 1 || p->hosts_cnt == DS_DOCTOR_PODS_MAX)
		return;
	p->hosts[p->hosts_cnt].addr = rt->dst.addr;
	p->hosts[p->hosts_cnt++].device = rt->hops[0];
}

/*
 * By an uplink a node reaches its gateway or its name server; link-local addresses are what pods of
 * IPv6 get besides, to reach others by IPv4.
 */
static bool is_pod(const struct ds_doctor_data_plane *p, uint32_t i)
{
	const struct ds_addr *a = &p->hosts[i].addr;
	bool link_local = ds_addr_is_v4(a) ? a->bytes[12] == 169 && a->bytes[13] == 254 :
					     a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;

	return !link_local && !is_uplink(p, p->hosts[i].device);
}

uint32_t ds_doctor_data_plane_pods(const struct ds_doctor_data_plane *p, bool v6)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < p->hosts_cnt; i++)
		cnt += is_pod(p, i) && v6 == !ds_addr_is_v4(&p->hosts[i].addr);
	return cnt;
}

static void add_rule(struct ds_doctor_data_plane *p, const struct ds_rt *rt)
{
	if (rt->priority == RULE_TO_POD && rt->dst.bits == 128)
		p->rules_to_pod++;
	if (rt->priority == RULE_LOCAL_STRICT && rt->table == TABLE_LOCAL)
		p->local_moved = true;
}

void ds_doctor_data_plane_add(struct ds_doctor_data_plane *p, const struct ds_rt *rt)
{
	if (rt->kind == DS_RT_LINK)
		add_link(p, rt->name);
	if (rt->kind == DS_RT_ROUTE)
		add_route(p, rt);
	if (rt->kind == DS_RT_RULE)
		add_rule(p, rt);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ds_addr));
}

/* Pods of secondary addresses lie anywhere in the subnet, those of prefixes 16 in a row. */
bool ds_doctor_data_plane_has_prefixes(const struct ds_doctor_data_plane *p)
{
	struct ds_addr sorted[DS_DOCTOR_PODS_MAX];
	uint32_t cnt = 0, blocks = 0;

	for (uint32_t i = 0; i < p->hosts_cnt; i++)
		if (is_pod(p, i) && ds_addr_is_v4(&p->hosts[i].addr))
			sorted[cnt++] = p->hosts[i].addr;
	if (cnt < PREFIX_PODS_MIN)
		return false;
	for (uint32_t i = 0; i < cnt; i++)
		sorted[i].bytes[15] &= 0xf0;
	qsort(sorted, cnt, sizeof(sorted[0]), by_bytes);
	for (uint32_t i = 0; i < cnt; i++)
		blocks += i == 0 || by_bytes(&sorted[i], &sorted[i - 1]);
	/* One more than needed: the last prefix is being filled while another empties. */
	return blocks <= (cnt + PREFIX_SIZE - 1) / PREFIX_SIZE + 1 && blocks * 3 <= cnt;
}

/* Those that this project has not tried. */
static const struct {
	enum ds_plane_link link;
	const char *name, *why;
} untested[] = {
	{ DS_PLANE_CILIUM, "Cilium", "its BPF programs can drop or redirect a packet before the hooks see it" },
	{ DS_PLANE_CALICO, "Calico", "what its policies drop is told as `rejected`, without their names" },
	{ DS_PLANE_FLANNEL, "Flannel", "its pods have no routes of their own" },
	{ DS_PLANE_BRIDGE, "a bridge of pods", "its pods have no routes of their own" },
	{ DS_PLANE_GKE, "GKE's data plane", "made for another cloud's load balancers" },
	{ DS_PLANE_AZURE, "Azure's data plane", "made for another cloud's load balancers" },
	{ DS_PLANE_ANTREA, "Antrea", "Open vSwitch forwards without the hooks' knowledge" },
	{ DS_PLANE_OVN, "OVN-Kubernetes", "Open vSwitch forwards without the hooks' knowledge" },
};

static bool judge_untested(const struct ds_doctor_data_plane *p, struct ds_finding *f)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(untested) / sizeof(untested[0]); i++) {
		if (!p->links[untested[i].link])
			continue;
		ds_finding_say(f, DS_FOUND_WARN, "%s: not tested by this project (%s)", untested[i].name,
			       untested[i].why);
		any = true;
	}
	if (any)
		ds_finding_advise(f, "Compare with the load balancer's own metrics before you rely on "
				     "a verdict `clean`, and report what differs");
	return any;
}

/* Where the VPC CNI has the addresses from. */
static const char *addresses_of(const struct ds_doctor_data_plane *p)
{
	uint32_t v4 = ds_doctor_data_plane_pods(p, false);

	if (!v4 && ds_doctor_data_plane_pods(p, true))
		return "IPv6 prefixes";
	if (ds_doctor_data_plane_has_prefixes(p))
		return "it seems with prefix delegation";
	return v4 < PREFIX_PODS_MIN ? "secondary addresses or prefixes: too few pods to tell" :
				      "secondary addresses";
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

static void say_tested(const struct ds_doctor_data_plane *p, struct ds_finding *f)
{
	bool branches = p->links[DS_PLANE_BRANCH] || p->links[DS_PLANE_BRANCH_POD];
	uint32_t v6 = ds_doctor_data_plane_pods(p, true);

	if (p->links[DS_PLANE_VPC_CNI] || p->rules_to_pod)
		ds_finding_say(f, DS_FOUND_OK, "VPC CNI, %s, %u pod%s: tested", addresses_of(p),
			       p->links[DS_PLANE_VPC_CNI], plural(p->links[DS_PLANE_VPC_CNI]));
	if (branches)
		ds_finding_say(f, DS_FOUND_OK, "security groups for pods (branch interfaces), %u pod%s: "
			       "tested", p->links[DS_PLANE_BRANCH_POD],
			       plural(p->links[DS_PLANE_BRANCH_POD]));
	if (branches && p->local_moved)
		ds_finding_say(f, DS_FOUND_OK, "strict mode: traffic between pods of this node leaves it");
	if (v6)
		ds_finding_say(f, DS_FOUND_OK, "IPv6, %u pod%s: tested", v6, plural(v6));
}

static void tell_facts(const struct ds_doctor_data_plane *p, struct ds_finding *f)
{
	ds_finding_number_fact(f, "pods_ipv4", ds_doctor_data_plane_pods(p, false));
	ds_finding_number_fact(f, "pods_ipv6", ds_doctor_data_plane_pods(p, true));
	ds_finding_number_fact(f, "vpc_cni_links", p->links[DS_PLANE_VPC_CNI]);
	ds_finding_number_fact(f, "branch_links", p->links[DS_PLANE_BRANCH_POD]);
	ds_finding_bool_fact(f, "prefix_delegation", ds_doctor_data_plane_has_prefixes(p));
	ds_finding_bool_fact(f, "cilium", p->links[DS_PLANE_CILIUM]);
	ds_finding_bool_fact(f, "calico", p->links[DS_PLANE_CALICO]);
}

void ds_doctor_judge_data_plane(const struct ds_doctor_data_plane *p, struct ds_finding *f)
{
	uint32_t v4 = ds_doctor_data_plane_pods(p, false);

	if (p->fault[0]) {
		ds_finding_say(f, DS_FOUND_WARN, "links and routes cannot be read: %s", p->fault);
		ds_finding_advise(f, "Allow AF_NETLINK sockets: without them the release of an address "
				     "is not seen");
		return;
	}
	tell_facts(p, f);
	say_tested(p, f);
	if (judge_untested(p, f) || f->found != DS_FOUND_SKIP)
		return;
	if (v4) {
		ds_finding_say(f, DS_FOUND_OK, "routed to devices, by what is not known: %u address%s; their "
			       "releases are seen", v4, v4 == 1 ? "" : "es");
		return;
	}
	ds_finding_say(f, DS_FOUND_WARN, "no address here is routed to a pod");
	ds_finding_advise(f, "Run it on the node, in its network namespace (hostNetwork: true): "
			     "releases of pods' addresses are seen only there");
}
