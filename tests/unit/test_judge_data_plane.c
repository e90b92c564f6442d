// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/data_plane.h"

#include <stdio.h>

#include "tests/unit/doctor_story.h"

static void link_named(struct ds_doctor_data_plane *p, const char *name)
{
	struct ds_rt rt = { .kind = DS_RT_LINK };

	(void)snprintf(rt.name, sizeof(rt.name), "%s", name);
	ds_doctor_data_plane_add(p, &rt);
}

/* "10.0.0.1" or "10.0.0.0/24"; device 0: it leads nowhere. */
static void route(struct ds_doctor_data_plane *p, const char *to, uint32_t device)
{
	struct ds_rt rt = { .kind = DS_RT_ROUTE, .unicast = device != 0, .hops = { device },
			    .hop_cnt = device != 0, .v6 = strchr(to, ':') != NULL };

	assert_int_equal(ds_prefix_parse(to, strlen(to), &rt.dst), 0);
	ds_doctor_data_plane_add(p, &rt);
}

static void gateway(struct ds_doctor_data_plane *p, uint32_t device)
{
	struct ds_rt rt = { .kind = DS_RT_ROUTE, .unicast = true, .gateway = true,
			    .hops = { device }, .hop_cnt = 1, .dst.bits = 96 };

	ds_doctor_data_plane_add(p, &rt);
}

static void rule(struct ds_doctor_data_plane *p, uint32_t priority, const char *to,
		 const char *from, uint32_t table)
{
	struct ds_rt rt = { .kind = DS_RT_RULE, .unicast = true, .priority = priority,
			    .table = table };

	assert_int_equal(ds_prefix_parse(to, strlen(to), &rt.dst), 0);
	assert_int_equal(ds_prefix_parse(from, strlen(from), &rt.src), 0);
	ds_doctor_data_plane_add(p, &rt);
}

#define assert_plane(p, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_DATA_PLANE }; \
		ds_doctor_judge_data_plane((p), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

/* A node of EKS with three pods. */
static void make_node(struct ds_doctor_data_plane *p)
{
	link_named(p, "lo");
	link_named(p, "ens5");
	link_named(p, "eni0123456789a");
	link_named(p, "enia7ae9e3ec30");
	link_named(p, "enibbbbbbbbbbb");
	link_named(p, "ens6");
	route(p, "10.0.3.201", 3);
	route(p, "10.0.3.17", 4);
	route(p, "10.0.9.80", 5);
	route(p, "10.0.0.0/16", 2);
	rule(p, 512, "10.0.3.201", "0.0.0.0/0", 254);
	rule(p, 1536, "0.0.0.0/0", "10.0.9.80", 3);
}

static void a_node_of_the_vpc_cni(void **state)
{
	struct ds_doctor_data_plane p = { 0 };
	struct ds_finding f = { .check = DS_CHECK_DATA_PLANE };

	(void)state;
	make_node(&p);
	ds_doctor_judge_data_plane(&p, &f);
	assert_string_equal(text_of(&f.facts),
			    "\"pods_ipv4\":3,\"pods_ipv6\":0,\"vpc_cni_links\":3,\"branch_links\":0,"
			    "\"prefix_delegation\":false,\"cilium\":false,\"calico\":false");
	assert_found(&f, DS_FOUND_OK, "VPC CNI, secondary addresses or prefixes: too few pods to tell, 3 pods: tested", "");
	assert_int_equal(p.rules_to_pod, 1);
}

static void routes_that_are_no_pods(void **state)
{
	struct ds_doctor_data_plane p = { 0 };
	struct ds_rt rt = { .kind = DS_RT_ROUTE, .unicast = true, .hops = { 2 }, .hop_cnt = 1 };

	(void)state;
	assert_int_equal(ds_prefix_parse("10.0.3.9", 8, &rt.dst), 0);
	rt.gateway = true;	/* a route to a host behind a router */
	ds_doctor_data_plane_add(&p, &rt);
	rt.gateway = false;
	rt.kernel = true;	/* the node's own address */
	ds_doctor_data_plane_add(&p, &rt);
	rt.kernel = false;
	rt.hop_cnt = 2;
	ds_doctor_data_plane_add(&p, &rt);
	assert_int_equal(ds_doctor_data_plane_pods(&p, false), 0);
	assert_plane(&p, DS_FOUND_WARN, "no address here is routed to a pod", "hostNetwork");
}

/* What DHCP leaves on Amazon Linux 2023, and what the VPC CNI makes for its second interface. */
static void routes_by_an_uplink_are_no_pods(void **state)
{
	struct ds_doctor_data_plane p = { 0 };

	(void)state;
	route(&p, "10.0.0.2", 2);	/* the name server; before the gateway's route is read */
	gateway(&p, 2);
	gateway(&p, 2);
	gateway(&p, 6);
	route(&p, "10.0.0.1", 6);
	assert_int_equal(p.uplinks_cnt, 2);
	assert_plane(&p, DS_FOUND_WARN, "no address here is routed to a pod", "hostNetwork");
	route(&p, "10.0.3.9", 3);
	assert_int_equal(ds_doctor_data_plane_pods(&p, false), 1);
	for (uint32_t device = 10; device < 2 * DS_DOCTOR_UPLINKS_MAX; device++)
		gateway(&p, device);
	assert_int_equal(p.uplinks_cnt, DS_DOCTOR_UPLINKS_MAX);
}

static void names_must_fit_as_a_whole(void **state)
{
	static const char *const others[] = {
		"eni", "eni0123456789", "eni0123456789ab", "eni0123456789G", "enip0s3", "vlan100",
		"vlan.eth.", "vlan.eth.x", "cali", "flannel.x", "cni-podman0", "kube-ipvs",
	};
	struct ds_doctor_data_plane p = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		link_named(&p, others[i]);
	for (int i = 0; i < DS_PLANE_LINK_MAX; i++)
		assert_int_equal(p.links[i], 0);
}

static void prefix_delegation_shows_in_the_addresses(void **state)
{
	struct ds_doctor_data_plane p = { 0 };
	char to[32];

	(void)state;
	link_named(&p, "eni0123456789a");
	for (int i = 0; i < 4; i++) {
		(void)snprintf(to, sizeof(to), "10.0.4.%d", 32 + i);
		route(&p, to, 3);
	}
	assert_false(ds_doctor_data_plane_has_prefixes(&p));	/* may be chance */
	for (int i = 4; i < 20; i++) {
		(void)snprintf(to, sizeof(to), "10.0.4.%d", 32 + i);
		route(&p, to, 3);
	}
	assert_true(ds_doctor_data_plane_has_prefixes(&p));
	route(&p, "10.0.4.200", 3);	/* a third prefix is begun */
	assert_true(ds_doctor_data_plane_has_prefixes(&p));
	route(&p, "10.0.4.220", 3);
	assert_false(ds_doctor_data_plane_has_prefixes(&p));
}

static void secondary_addresses_are_said(void **state)
{
	struct ds_doctor_data_plane p = { 0 };
	char to[32];

	(void)state;
	link_named(&p, "eni0123456789a");
	for (int i = 0; i < 5; i++) {
		(void)snprintf(to, sizeof(to), "10.0.%d.7", i);
		route(&p, to, 3);
	}
	assert_plane(&p, DS_FOUND_OK, "VPC CNI, secondary addresses, 1 pod: tested", "");
}

static void prefix_delegation_is_said(void **state)
{
	struct ds_doctor_data_plane p = { 0 };
	char to[32];

	(void)state;
	link_named(&p, "eni0123456789a");
	for (int i = 0; i < DS_DOCTOR_PODS_MAX + 10; i++) {	/* more than are kept */
		(void)snprintf(to, sizeof(to), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		route(&p, to, 3);
	}
	assert_int_equal(ds_doctor_data_plane_pods(&p, false), DS_DOCTOR_PODS_MAX);
	assert_plane(&p, DS_FOUND_OK, "it seems with prefix delegation", "");
}

static void branch_interfaces_and_strict_mode(void **state)
{
	struct ds_doctor_data_plane p = { 0 };

	(void)state;
	make_node(&p);
	link_named(&p, "vlan.eth.1");
	link_named(&p, "vlan0123456789a");
	assert_plane(&p, DS_FOUND_OK, "branch interfaces), 1 pod: tested", "");
	assert_false(p.local_moved);
	rule(&p, 20, "0.0.0.0/0", "0.0.0.0/0", 254);
	assert_false(p.local_moved);
	rule(&p, 20, "0.0.0.0/0", "0.0.0.0/0", 255);
	assert_plane(&p, DS_FOUND_OK, "strict mode", "");
}

static void ipv6_pods(void **state)
{
	struct ds_doctor_data_plane p = { 0 };

	(void)state;
	link_named(&p, "eni0123456789a");
	route(&p, "2001:db8::17", 3);
	assert_plane(&p, DS_FOUND_OK, "IPv6 prefixes", "");
	route(&p, "169.254.172.5", 4);	/* the way out by IPv4 */
	route(&p, "fe80::5", 4);
	assert_int_equal(ds_doctor_data_plane_pods(&p, true), 1);
	assert_plane(&p, DS_FOUND_OK, "VPC CNI, IPv6 prefixes, 1 pod: tested", "");
}

static void what_is_not_tested_is_said(void **state)
{
	static const struct { const char *link, *sentence; } known[] = {
		{ "cilium_host", "Cilium: not tested" }, { "lxc4f2", "Cilium: not tested" },
		{ "cali0123456789a", "Calico: not tested" }, { "vxlan.calico", "Calico: not tested" },
		{ "flannel.1", "Flannel: not tested" }, { "cni0", "a bridge of pods: not tested" },
		{ "cbr0", "a bridge of pods" }, { "gke0123456789a", "GKE's data plane" },
		{ "azv0123456789a", "Azure's" }, { "antrea-gw0", "Antrea" },
		{ "ovn-k8s-mp0", "OVN-Kubernetes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct ds_doctor_data_plane p = { 0 };

		link_named(&p, known[i].link);
		assert_plane(&p, DS_FOUND_WARN, known[i].sentence, "before you rely on a verdict");
	}
}

static void chained_on_the_vpc_cni_both_are_said(void **state)
{
	struct ds_doctor_data_plane p = { 0 };

	(void)state;
	make_node(&p);
	link_named(&p, "cilium_net");
	assert_plane(&p, DS_FOUND_WARN, "3 pods: tested; Cilium: not tested", "verdict");
}

static void unknown_routes_and_none(void **state)
{
	struct ds_doctor_data_plane p = { 0 };

	(void)state;
	route(&p, "10.1.0.0/26", 0);
	route(&p, "10.1.0.6", 0);	/* it leads nowhere */
	route(&p, "10.1.0.7", 5);
	assert_plane(&p, DS_FOUND_OK, "by what is not known: 1 address;", "");
	strcpy(p.fault, "no sockets");
	assert_plane(&p, DS_FOUND_WARN, "cannot be read: no sockets", "AF_NETLINK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_of_the_vpc_cni),
		cmocka_unit_test(routes_that_are_no_pods),
		cmocka_unit_test(routes_by_an_uplink_are_no_pods),
		cmocka_unit_test(names_must_fit_as_a_whole),
		cmocka_unit_test(prefix_delegation_shows_in_the_addresses),
		cmocka_unit_test(secondary_addresses_are_said),
		cmocka_unit_test(prefix_delegation_is_said),
		cmocka_unit_test(branch_interfaces_and_strict_mode),
		cmocka_unit_test(ipv6_pods),
		cmocka_unit_test(what_is_not_tested_is_said),
		cmocka_unit_test(chained_on_the_vpc_cni_both_are_said),
		cmocka_unit_test(unknown_routes_and_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
