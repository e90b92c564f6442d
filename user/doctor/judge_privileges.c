// SPDX-License-Identifier: Apache-2.0
/* Why this process may not trace: the first reason that applies is the one to mend. Pure. */
#include "user/doctor/privileges.h"

#include <errno.h>
#include <inttypes.h>

#include "user/source/kernel/kernel_caps.h"

#define SECCOMP_FILTERED 2

static bool suffices(uint64_t caps)
{
	return (caps & DS_CAPS_NEEDED) == DS_CAPS_NEEDED || (caps & DS_CAP_BIT(CAP_SYS_ADMIN));
}

static const char *lacking(uint64_t caps)
{
	if (!(caps & DS_CAPS_NEEDED))
		return "CAP_BPF and CAP_PERFMON";
	return caps & DS_CAP_BIT(CAP_BPF) ? "CAP_PERFMON" : "CAP_BPF";
}

static void judge_capabilities(const struct ds_doctor_privileges *p, struct ds_finding *f)
{
	const char *what = lacking(p->effective);

	if (suffices(p->permitted)) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s: permitted, but not effective", what);
		ds_finding_advise(f, "Run as user 0 (runAsUser: 0, with no other right)");
	} else if (p->container && !p->root) {
		ds_finding_say(f, DS_FOUND_FAIL,
			       "%s: missing, as this container does not run as user 0", what);
		ds_finding_advise(f, "Set securityContext.runAsUser: 0 and capabilities.add: "
				     "[BPF, PERFMON]; without user 0 added capabilities are not effective");
	} else if (p->container) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s: not given to this container", what);
		ds_finding_advise(f, "Set securityContext.capabilities.add: [BPF, PERFMON]");
	} else if (p->root || !suffices(p->bounding)) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s: taken from this process%s", what,
			       suffices(p->bounding) ? "" : " and what it starts (bounding set)");
		ds_finding_advise(f, "Give both capabilities to the service or container that this is "
				     "(CapabilityBoundingSet=, AmbientCapabilities=, --cap-add)");
	} else {
		ds_finding_say(f, DS_FOUND_FAIL, "%s: this process has not got them", what);
		ds_finding_advise(f, "Run it as root: sudo drainsnoop");
	}
}

/* bpf() does not answer as it does to those who may use it. */
static void judge_refusal(const struct ds_doctor_privileges *p, struct ds_finding *f)
{
	const char *name = p->bpf_errno == EPERM ? "EPERM" : p->bpf_errno == ENOSYS ? "ENOSYS" :
		p->bpf_errno == EACCES ? "EACCES" : "an unknown error";

	if (p->seccomp == SECCOMP_FILTERED) {
		ds_finding_say(f, DS_FOUND_FAIL, "CAP_BPF is granted, but bpf() returns %s: "
			       "the seccomp profile forbids it", name);
		ds_finding_advise(f, "Use a container runtime whose default profile allows bpf() to who "
				     "has CAP_BPF (containerd 1.7 and later do), or set "
				     "seccompProfile.type: Unconfined (chart: agent.seccompProfile)");
	} else if (p->bpf_errno == ENOSYS) {
		ds_finding_say(f, DS_FOUND_FAIL, "this kernel has no bpf() (CONFIG_BPF_SYSCALL)");
		ds_finding_advise(f, "Use a kernel with BPF");
	} else {
		ds_finding_say(f, DS_FOUND_FAIL, "CAP_BPF is granted, but bpf() returns %s: "
			       "a security module forbids it", name);
		ds_finding_advise(f, "Look for the denial in the audit log or dmesg (SELinux, AppArmor), "
				     "and allow it there");
	}
}

static void judge_memory(const struct ds_doctor_privileges *p, struct ds_finding *f)
{
	if (p->map_errno == EPERM && (p->effective & DS_CAP_BIT(CAP_SYS_RESOURCE))) {
		ds_finding_say(f, DS_FOUND_OK, "the limit of locked memory is raised by itself");
	} else if (p->map_errno == EPERM) {
		ds_finding_say(f, DS_FOUND_FAIL, "this kernel counts BPF maps as locked memory (as all did "
			       "before 5.11), and the limit is %" PRIu64 " KiB",
			       p->memlock_bytes >> 10);
		ds_finding_advise(f, "Add CAP_SYS_RESOURCE (chart: agent.capabilities.sysResource), or raise "
				     "the limit (LimitMEMLOCK=infinity, ulimit -l unlimited)");
	} else if (p->map_errno == ENOMEM) {
		ds_finding_say(f, DS_FOUND_FAIL, "there is no memory for the maps");
		ds_finding_advise(f, "Raise the memory limit of the container: maps and ring buffer "
				     "(some 10 MiB) count for it");
	} else if (p->map_errno) {
		ds_finding_say(f, DS_FOUND_WARN, "a map could not be made (errno %d)", p->map_errno);
		ds_finding_advise(f, "See check `probes`, and what libbpf says with `drainsnoop doctor -v`");
	}
}

bool ds_doctor_judge_privileges(const struct ds_doctor_privileges *p, struct ds_finding *f)
{
	ds_finding_bool_fact(f, "cap_bpf", p->effective & DS_CAP_BIT(CAP_BPF));
	ds_finding_bool_fact(f, "cap_perfmon", p->effective & DS_CAP_BIT(CAP_PERFMON));
	ds_finding_bool_fact(f, "cap_sys_admin", p->effective & DS_CAP_BIT(CAP_SYS_ADMIN));
	ds_finding_bool_fact(f, "root", p->root);
	if (p->seccomp >= 0)
		ds_finding_bool_fact(f, "seccomp", p->seccomp == SECCOMP_FILTERED);
	if (!suffices(p->effective)) {
		judge_capabilities(p, f);
		return false;
	}
	if (!p->first_userns && (p->bpf_errno != EINVAL || p->map_errno == EPERM)) {
		ds_finding_say(f, DS_FOUND_FAIL,
			       "the capabilities are those of a user namespace, and void for bpf()");
		ds_finding_advise(f, "Run it outside of user namespaces (no rootless container, "
				     "hostUsers: true)");
		return false;
	}
	if (p->bpf_errno != EINVAL) {
		judge_refusal(p, f);
		return false;
	}
	judge_memory(p, f);
	if (p->lockdown == DS_LOCKDOWN_CONFIDENTIALITY) {
		ds_finding_say(f, DS_FOUND_FAIL, "the kernel is locked down (confidentiality): programs may "
			       "not read its memory");
		ds_finding_advise(f, "Boot with lockdown=integrity, or without lockdown");
	}
	if (f->found == DS_FOUND_FAIL)
		return false;
	ds_finding_say(f, DS_FOUND_OK, "%s", (p->effective & DS_CAPS_NEEDED) == DS_CAPS_NEEDED ?
		       "CAP_BPF and CAP_PERFMON are effective, bpf() answers" :
		       "CAP_SYS_ADMIN is effective, bpf() answers");
	return true;
}
