// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/kernel.h"

#include <errno.h>

#include "tests/unit/doctor_story.h"

#define ALL "icmp_send,inet_sock_set_state,iter:tcp,kfree_skb,mark_victim,net_dev_queue," \
	"netif_receive_skb,sched_process_exit,signal_generate,tcp_destroy_sock," \
	"tcp_receive_reset,tcp_send_reset"

static const struct ds_doctor_kernel today = {
	.system = "Linux", .release = "6.12.46", .machine = "aarch64", .btf = true, .tried = true,
	.tier = "raw_tp", .attached = ALL,
};

static void assert_probes(const struct ds_doctor_kernel *k, enum ds_found found,
			  const char *sentence, const char *mend)
{
	struct ds_finding f = { .check = DS_CHECK_PROBES };

	ds_doctor_judge_probes(k, &f);
	assert_found(&f, found, sentence, mend);
}

static void btf_is_needed(void **state)
{
	struct ds_finding f = { .check = DS_CHECK_KERNEL };
	struct ds_doctor_kernel k = today;

	(void)state;
	ds_doctor_judge_kernel(&k, &f);
	assert_string_equal(text_of(&f.facts),
			    "\"release\":\"6.12.46\",\"machine\":\"aarch64\",\"btf\":true");
	assert_found(&f, DS_FOUND_OK, "Linux 6.12.46 (aarch64), BTF is there", "");
	k.btf = false;
	f.found = DS_FOUND_SKIP;
	ds_doctor_judge_kernel(&k, &f);
	assert_found(&f, DS_FOUND_FAIL, "6.12.46 (aarch64) has no BTF", "CONFIG_DEBUG_INFO_BTF=y");
}

static void everything_attaches(void **state)
{
	(void)state;
	assert_probes(&today, DS_FOUND_OK, "12 hooks attach, resets are seen by raw_tp", "");
}

static void what_stands_in_for_another_is_no_loss(void **state)
{
	struct ds_doctor_kernel k = today;

	(void)state;
	strcpy(k.attached, "fentry:tcp_v4_send_reset,fentry:tcp_v6_send_reset,inet_sock_set_state,"
	       "iter:tcp,kfree_skb,mark_victim,net_dev_queue,netif_receive_skb,"
	       "sched_process_exit,signal_generate,tcp_destroy_sock,tcp_receive_reset");
	strcpy(k.missing, "icmp_send,tcp_send_reset");
	strcpy(k.tier, "fentry");
	assert_probes(&k, DS_FOUND_OK, "seen by fentry", "");
}

static void a_hook_that_is_missing_says_what_is_not_seen(void **state)
{
	struct ds_doctor_kernel k = today;

	(void)state;
	strcpy(k.attached, "inet_sock_set_state,iter:tcp,kfree_skb,net_dev_queue,netif_receive_skb,"
	       "sched_process_exit,signal_generate,tcp_destroy_sock,tcp_receive_reset");
	assert_probes(&k, DS_FOUND_WARN, "mark_victim does not attach: the OOM killer", "doctor -v");
	strcpy(k.attached, "iter:tcp");
	assert_probes(&k, DS_FOUND_FAIL, "neither listeners nor connections are seen", "doctor -v");
	/* A name is whole, not a part of another. */
	strcpy(k.attached, ALL);
	memcpy(strstr(k.attached, "kfree_skb"), "kfree_skX", 9);
	assert_probes(&k, DS_FOUND_WARN, "kfree_skb does not attach", "doctor -v");
}

static void a_tap_that_is_always_on_has_its_price(void **state)
{
	struct ds_doctor_kernel k = today;

	(void)state;
	k.needs_tap = true;
	strcpy(k.tier, "tap");
	assert_probes(&k, DS_FOUND_WARN, "looks at every packet", "6.10");
}

static void what_the_source_said_is_the_sentence(void **state)
{
	struct ds_doctor_kernel k = today;

	(void)state;
	k.result = -EPERM;
	assert_probes(&k, DS_FOUND_FAIL, "the programs do not load", "doctor -v");
	strcpy(k.said, "load the BPF programs: no");
	assert_probes(&k, DS_FOUND_FAIL, "load the BPF programs: no", "doctor -v");
	k.tried = false;
	assert_probes(&k, DS_FOUND_SKIP, "needs BTF and the privileges above", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(btf_is_needed),
		cmocka_unit_test(everything_attaches),
		cmocka_unit_test(what_stands_in_for_another_is_no_loss),
		cmocka_unit_test(a_hook_that_is_missing_says_what_is_not_seen),
		cmocka_unit_test(a_tap_that_is_always_on_has_its_price),
		cmocka_unit_test(what_the_source_said_is_the_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
