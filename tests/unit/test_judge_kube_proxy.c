// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/kube_proxy.h"

#include "tests/unit/doctor_story.h"

#define assert_proxy(k, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_KUBE_PROXY }; \
		ds_doctor_judge_kube_proxy((k), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void what_it_says_itself_counts(void **state)
{
	struct ds_doctor_kube_proxy k = { .mode = "nftables", .ipvs_link = true };

	(void)state;
	assert_proxy(&k, DS_FOUND_OK, "mode nftables: tested", "");
	strcpy(k.mode, "iptables");
	assert_proxy(&k, DS_FOUND_OK, "mode iptables: NodePort not tested", "");
	strcpy(k.mode, "ipvs");
	assert_proxy(&k, DS_FOUND_WARN, "mode ipvs: NodePort not tested", "type ip");
	strcpy(k.mode, "<html>");	/* somebody else listens there */
	assert_proxy(&k, DS_FOUND_WARN, "mode ipvs", "type ip");
}

static void else_what_it_made(void **state)
{
	struct ds_doctor_kube_proxy k = { .rules_read = true };

	(void)state;
	assert_proxy(&k, DS_FOUND_SKIP, "not found", "");
	k.iptables_chain = true;
	assert_proxy(&k, DS_FOUND_OK, "mode iptables", "");
	k.nft_table = true;	/* left from another mode: cleaned up at its start */
	assert_proxy(&k, DS_FOUND_OK, "mode nftables", "");
	k.ipvs_link = true;
	assert_proxy(&k, DS_FOUND_WARN, "mode ipvs", "nftables");
}

static void who_cannot_look_says_so(void **state)
{
	struct ds_doctor_kube_proxy k = { 0 };

	(void)state;
	assert_proxy(&k, DS_FOUND_SKIP, "cannot be read without CAP_NET_ADMIN", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_itself_counts),
		cmocka_unit_test(else_what_it_made),
		cmocka_unit_test(who_cannot_look_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
