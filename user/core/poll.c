/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which targets are worth asking AWS for (DESIGN section 7): those of pods that go away, from the
 * first sign of it until their verdict. Says wishes only; main hands them to the poller, which
 * knows by itself when a target has come to its end. Pure.
 */
#include <string.h>

#include "user/core/state.h"

static bool is_worth_it(const struct ds_pod *pod)
{
	return ds_pod_is_going(pod) && !pod->verdict_written;
}

/* The groups that have the address are not all known: the poller may be told of some to look in. */
static void wish_address(struct ds_core *core, const struct ds_pod *pod, const struct ds_addr *a)
{
	struct ds_wish wish = { .kind = DS_WISH_POLL, .addr = *a };

	if (!pod->host_network) {
		ds_core_wish(core, &wish);
		return;
	}
	/* The node's address is the other pods' too. */
	for (int i = 0; i < pod->ports_cnt; i++) {
		wish.port = pod->ports[i];
		ds_core_wish(core, &wish);
	}
}

static void wish_targets(struct ds_core *core, const struct ds_pod *pod, const struct ds_addr *a)
{
	struct ds_wish wish = { .kind = DS_WISH_POLL, .addr = *a };

	for (struct ds_target *t = ds_targets_of(core->targets, a); t; t = t->same_address) {
		if (t->polled || strncmp(t->group, "arn:", 4) != 0 ||
		    !ds_target_is_of(core, t, pod))
			continue;
		t->polled = true;
		wish.group = t->group;
		wish.port = t->port;
		ds_core_wish(core, &wish);
	}
}

/* Another pod that goes has the address too, or by now. */
static bool is_anothers(const struct ds_core *core, const struct ds_pod *but,
			const struct ds_addr *a)
{
	const struct ds_pod *pod;
	enum ds_holding holding;

	for (pod = ds_ledger_first_host(core->ledger); pod; pod = pod->next_host)
		if (pod != but && pod->polled_cnt && ds_pod_has_address(pod, a))
			return true;
	pod = ds_ledger_lookup(core->ledger, a, core->now_ns, &holding);
	return pod && pod != but && pod->polled_cnt;
}

void ds_poll_forget(struct ds_core *core, struct ds_pod *pod)
{
	struct ds_wish wish = { .kind = DS_WISH_UNPOLL };

	for (int i = 0; i < pod->polled_cnt; i++) {
		wish.addr = pod->addresses[i];
		if (is_anothers(core, pod, &wish.addr))
			continue;
		for (struct ds_target *t = ds_targets_of(core->targets, &wish.addr); t;
		     t = t->same_address)
			t->polled = false;
		ds_core_wish(core, &wish);
	}
	pod->polled_cnt = 0;
}

void ds_poll_review(struct ds_core *core)
{
	for (struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next) {
		if (!is_worth_it(pod)) {
			ds_poll_forget(core, pod);
			continue;
		}
		for (int i = 0; i < pod->addresses_cnt; i++) {
			if (i >= pod->polled_cnt)
				wish_address(core, pod, &pod->addresses[i]);
			wish_targets(core, pod, &pod->addresses[i]);
		}
		pod->polled_cnt = pod->addresses_cnt;
	}
}
