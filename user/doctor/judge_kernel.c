// SPDX-License-Identifier: Apache-2.0
/* What it means that this kernel has, or has not, what the programs need. Pure. */
#include "user/doctor/kernel.h"

#include <string.h>

/* What is not seen where a hook is missing; one that something else stands in for is not here. */
static const struct {
	const char *hook;
	enum ds_found found;
	const char *without;
} losses[] = {
	{ "inet_sock_set_state", DS_FOUND_FAIL, "neither listeners nor connections are seen" },
	{ "tcp_destroy_sock", DS_FOUND_WARN, "the end of a connection is not seen" },
	{ "tcp_receive_reset", DS_FOUND_WARN, "resets by the load balancer are not seen" },
	{ "kfree_skb", DS_FOUND_WARN, "packets that die on the node are not seen" },
	{ "signal_generate", DS_FOUND_WARN, "who ends a process is not seen" },
	{ "sched_process_exit", DS_FOUND_WARN, "the end of a process is not seen" },
	{ "mark_victim", DS_FOUND_WARN, "the OOM killer is not told from others that kill" },
	{ "netif_receive_skb", DS_FOUND_WARN, "packets to a released address are not seen" },
	{ "net_dev_queue", DS_FOUND_WARN, "packets that leave the node again are not seen" },
	{ "iter:tcp", DS_FOUND_WARN, "listeners that were there before drainsnoop are not found" },
};

void ds_doctor_judge_kernel(const struct ds_doctor_kernel *k, struct ds_finding *f)
{
	ds_finding_text_fact(f, "release", k->release);
	ds_finding_text_fact(f, "machine", k->machine);
	ds_finding_bool_fact(f, "btf", k->btf);
	if (k->btf) {
		ds_finding_say(f, DS_FOUND_OK, "%s %s (%s), BTF is there", k->system, k->release,
			       k->machine);
		return;
	}
	ds_finding_say(f, DS_FOUND_FAIL,
		       "%s %s (%s) has no BTF: /sys/kernel/btf/vmlinux cannot be read", k->system,
		       k->release, k->machine);
	ds_finding_advise(f, "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y (Amazon Linux 2023, "
			     "Bottlerocket, Ubuntu and Debian have it), and mount /sys in the container");
}

/* Whether the list, joined by commas, has the name. */
static bool has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ','))
		if (strcspn(p, ",") == len && !memcmp(p, name, len))
			return true;
	return false;
}

static int count(const char *list)
{
	int n = *list != '\0';

	for (; *list; list++)
		n += *list == ',';
	return n;
}

static void judge_missing(const struct ds_doctor_kernel *k, struct ds_finding *f)
{
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		if (has(k->attached, losses[i].hook))
			continue;
		ds_finding_say(f, losses[i].found, "%s does not attach: %s", losses[i].hook,
			       losses[i].without);
		ds_finding_advise(f, "See what libbpf says with `drainsnoop doctor -v`");
	}
}

void ds_doctor_judge_probes(const struct ds_doctor_kernel *k, struct ds_finding *f)
{
	if (!k->tried) {
		ds_finding_say(f, DS_FOUND_SKIP, "needs BTF and the privileges above");
		return;
	}
	if (k->result) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s",
			       k->said[0] ? k->said : "the programs do not load");
		ds_finding_advise(f, "See what libbpf and the verifier say with `drainsnoop doctor -v`");
		return;
	}
	ds_finding_text_fact(f, "tier", k->tier);
	ds_finding_text_fact(f, "attached", k->attached);
	ds_finding_text_fact(f, "missing", k->missing);
	ds_finding_say(f, DS_FOUND_OK, "%d hooks attach, resets are seen by %s", count(k->attached),
		       k->tier);
	if (k->needs_tap) {
		ds_finding_say(f, DS_FOUND_WARN,
			       "only the tap sees resets, so it is always on: it looks at every packet");
		ds_finding_advise(f, "A kernel from 6.10 on, or one with fentry or kprobes, needs it "
				     "only while a pod goes away");
	}
	judge_missing(k, f);
}
