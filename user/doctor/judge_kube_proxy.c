// SPDX-License-Identifier: Apache-2.0
/* Which mode kube-proxy works in, from what it says and what it made. Pure. */
#include "user/doctor/kube_proxy.h"

#include <string.h>

static const char *mode_of(const struct ds_doctor_kube_proxy *k)
{
	static const char *const known[] = { "nftables", "iptables", "ipvs" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(k->mode, known[i]))
			return known[i];
	if (k->ipvs_link)
		return "ipvs";
	if (k->nft_table)
		return "nftables";
	return k->iptables_chain ? "iptables" : NULL;
}

void ds_doctor_judge_kube_proxy(const struct ds_doctor_kube_proxy *k, struct ds_finding *f)
{
	const char *mode = mode_of(k);

	ds_finding_text_fact(f, "mode", mode);
	if (!mode) {
		ds_finding_say(f, DS_FOUND_SKIP, "not found%s", k->rules_read ? "" :
			       " (its tables cannot be read without CAP_NET_ADMIN)");
	} else if (!strcmp(mode, "nftables")) {
		ds_finding_say(f, DS_FOUND_OK, "mode nftables: tested");
	} else if (!strcmp(mode, "iptables")) {
		ds_finding_say(f, DS_FOUND_OK, "mode iptables: NodePort not tested by this project; "
			       "target groups of addresses do not pass it");
	} else {
		ds_finding_say(f, DS_FOUND_WARN, "mode ipvs: NodePort not tested by this project");
		ds_finding_advise(f, "Use target groups of type ip, which do not pass kube-proxy, or its "
				     "mode nftables");
	}
}
