/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/elb/elb_fault.h"

#include "user/util/log.h"
#include "user/util/timefmt.h"

#define CLOCK_OFF_NS (30 * DS_NS_PER_S)	/* AWS refuses signatures that are 5 minutes off */

static void tell(enum ds_elb_fault fault, const struct ds_elb_request *request, const char *detail)
{
	const char *action = ds_elb_ask_name(request->ask);
	bool ec2 = request->ask == DS_ELB_ASK_ADDRESSES;

	switch (fault) {
	case DS_ELB_FAULT_CREDENTIALS:
		ds_log_warn("no credentials for AWS: %.600s", detail);
		break;
	case DS_ELB_FAULT_ENDPOINT:
		ds_log_warn("%s: AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_%s is no http:// or "
			    "https:// URL without a user", action,
			    ec2 ? "EC2" : "ELASTIC_LOAD_BALANCING_V2");
		break;
	case DS_ELB_FAULT_UNREACHABLE:
		ds_log_warn("%s is not answered by AWS: %.300s; trying again, less and less "
			    "often", action, detail);
		break;
	case DS_ELB_FAULT_UNREADABLE:
		ds_log_warn("AWS' answer to %s cannot be used: %.200s; trying again", action,
			    detail);
		break;
	case DS_ELB_FAULT_THROTTLED:
		ds_log_warn("AWS throttles %s (%.60s); asking less often. A lower --elb-rate "
			    "leaves more to the load balancer controller", action, detail);
		break;
	case DS_ELB_FAULT_REFUSED:
		ds_log_warn("AWS refuses the credentials (%.60s); fetching new ones", detail);
		break;
	case DS_ELB_FAULT_SIGNATURE:
		ds_log_warn("AWS refuses the signature (%.60s): compare this host's clock with "
			    "NTP, and the secret key", detail);
		break;
	case DS_ELB_FAULT_DENIED:
		ds_log_warn("%s is not permitted by AWS (%.300s): allow the role %s:%s%s", action,
			    detail, ec2 ? "ec2" : "elasticloadbalancing", action,
			    ec2 ? ", or leave --elb-addresses out; going on without these addresses" :
				  "");
		break;
	case DS_ELB_FAULT_GONE:
		ds_log_warn("AWS knows no %s; it is not asked again", request->arn);
		break;
	case DS_ELB_FAULT_SERVER:
		ds_log_warn("%s failed at AWS (%.60s); trying again", action, detail);
		break;
	case DS_ELB_FAULT_OTHER:
		ds_log_warn("AWS does not take %s for %s: %.60s; trying again", action,
			    request->arn, detail);
		break;
	case DS_ELB_FAULT_NONE:
	case DS_ELB_FAULT_MAX:
		break;
	}
}

void ds_elb_faults_tell(struct ds_elb_faults *faults, const struct ds_elb_request *request,
			const struct ds_elb_answer *answer)
{
	bool *said = &faults->said[answer->fault][request->ask == DS_ELB_ASK_ADDRESSES];

	/* A group that does not exist is asked once: each has a line of its own. */
	if (answer->fault == DS_ELB_FAULT_NONE || (*said && answer->fault != DS_ELB_FAULT_GONE))
		return;
	*said = true;
	tell(answer->fault, request,
	     answer->detail && answer->detail[0] ? answer->detail : "no reason given");
}

void ds_elb_faults_state(struct ds_elb_faults *faults, const char *state)
{
	if (!faults->state_said)
		ds_log_warn("AWS tells a target state '%.40s' that is not known here; such targets are left out",
			    state);
	faults->state_said = true;
}

void ds_elb_faults_clock(struct ds_elb_faults *faults, int64_t server_ns, int64_t now_ns)
{
	int64_t off_ns = now_ns - server_ns;

	if (!server_ns || faults->clock_said ||
	    (off_ns > -CLOCK_OFF_NS && off_ns < CLOCK_OFF_NS))
		return;
	faults->clock_said = true;
	ds_log_warn("this host's clock and AWS' differ by %lld s: times from elsewhere (CloudTrail, "
		    "the controller's log) do not fit; set it by NTP",
		    (long long)(off_ns / DS_NS_PER_S));
}
