// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/privileges.h"

#include <errno.h>
#include <linux/capability.h>

#include "tests/unit/doctor_story.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define BOTH (BIT(38) | BIT(39))	/* CAP_PERFMON, CAP_BPF */

/* The agent's container as the chart makes it, on a kernel of today. */
static struct ds_doctor_privileges well(void)
{
	return (struct ds_doctor_privileges){
		.root = true, .container = true, .effective = BOTH, .permitted = BOTH,
		.bounding = BOTH, .first_userns = true, .seccomp = 2, .bpf_errno = EINVAL,
		.memlock_bytes = 65536,
	};
}

#define assert_judged(p, can, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_PRIVILEGES }; \
		assert_int_equal(ds_doctor_judge_privileges((p), &f_), (can)); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void both_capabilities_are_enough(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	assert_judged(&p, true, DS_FOUND_OK, "CAP_BPF and CAP_PERFMON are effective", "");
	p.effective = BIT(CAP_SYS_ADMIN);
	assert_judged(&p, true, DS_FOUND_OK, "CAP_SYS_ADMIN is effective", "");
}

static void one_of_them_is_not(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.effective = p.permitted = p.bounding = BIT(39);
	assert_judged(&p, false, DS_FOUND_FAIL, "CAP_PERFMON: not given to this container",
		      "add: [BPF, PERFMON]");
	p.effective = p.permitted = p.bounding = BIT(38);
	assert_judged(&p, false, DS_FOUND_FAIL, "CAP_BPF: not given", "add: [BPF, PERFMON]");
}

static void a_container_of_another_user_has_none(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.root = false;
	p.effective = p.permitted = 0;
	assert_judged(&p, false, DS_FOUND_FAIL, "CAP_BPF and CAP_PERFMON: missing", "runAsUser: 0");
	p.permitted = BOTH;
	assert_judged(&p, false, DS_FOUND_FAIL, "permitted, but not effective", "Run as user 0");
}

static void a_person_runs_it_with_sudo(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.container = p.root = false;
	p.effective = p.permitted = 0;
	p.bounding = ~UINT64_C(0);
	assert_judged(&p, false, DS_FOUND_FAIL, "this process has not got them", "sudo drainsnoop");
	p.bounding = 0;
	assert_judged(&p, false, DS_FOUND_FAIL, "(bounding set)", "CapabilityBoundingSet=");
	p.bounding = ~UINT64_C(0);
	p.root = true;
	assert_judged(&p, false, DS_FOUND_FAIL, "taken from this process", "--cap-add");
}

static void seccomp_is_called_by_its_name(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.bpf_errno = p.map_errno = EPERM;
	assert_judged(&p, false, DS_FOUND_FAIL,
		      "CAP_BPF is granted, but bpf() returns EPERM: the seccomp profile forbids it",
		      "seccompProfile.type: Unconfined");
	p.bpf_errno = p.map_errno = ENOSYS;
	assert_judged(&p, false, DS_FOUND_FAIL, "bpf() returns ENOSYS: the seccomp profile",
		      "containerd 1.7");
	p.seccomp = 0;
	assert_judged(&p, false, DS_FOUND_FAIL, "this kernel has no bpf()", "kernel with BPF");
	p.bpf_errno = p.map_errno = EACCES;
	assert_judged(&p, false, DS_FOUND_FAIL, "EACCES: a security module", "SELinux");
}

static void capabilities_of_a_user_namespace_are_void(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.first_userns = false;
	p.bpf_errno = EPERM;
	assert_judged(&p, false, DS_FOUND_FAIL, "those of a user namespace", "hostUsers: true");
	p.bpf_errno = EINVAL;	/* kernel.unprivileged_bpf_disabled = 0 */
	p.map_errno = EPERM;
	assert_judged(&p, false, DS_FOUND_FAIL, "those of a user namespace", "hostUsers: true");
	p.map_errno = 0;	/* a token may give it there */
	assert_judged(&p, true, DS_FOUND_OK, "effective", "");
}

static void locked_memory_is_told_from_seccomp(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.map_errno = EPERM;
	assert_judged(&p, false, DS_FOUND_FAIL, "locked memory (as all did before 5.11), and the limit is "
		      "64 KiB", "CAP_SYS_RESOURCE");
	p.effective |= BIT(CAP_SYS_RESOURCE);
	assert_judged(&p, true, DS_FOUND_OK, "raised by itself", "");
	p.map_errno = ENOMEM;
	assert_judged(&p, false, DS_FOUND_FAIL, "no memory", "memory limit of the container");
	p.map_errno = E2BIG;
	assert_judged(&p, true, DS_FOUND_WARN, "a map could not be made (errno 7)", "doctor -v");
}

static void lockdown_stands_in_the_way_when_it_is_confidentiality(void **state)
{
	struct ds_doctor_privileges p = well();

	(void)state;
	p.lockdown = DS_LOCKDOWN_INTEGRITY;
	assert_judged(&p, true, DS_FOUND_OK, "effective", "");
	p.lockdown = DS_LOCKDOWN_CONFIDENTIALITY;
	assert_judged(&p, false, DS_FOUND_FAIL, "locked down (confidentiality)", "lockdown=integrity");
}

static void facts_are_json(void **state)
{
	struct ds_finding f = { .check = DS_CHECK_PRIVILEGES };
	struct ds_doctor_privileges p = well();

	(void)state;
	p.seccomp = -1;
	assert_true(ds_doctor_judge_privileges(&p, &f));
	assert_string_equal(text_of(&f.facts), "\"cap_bpf\":true,\"cap_perfmon\":true,"
			    "\"cap_sys_admin\":false,\"root\":true");
	ds_finding_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_capabilities_are_enough),
		cmocka_unit_test(one_of_them_is_not),
		cmocka_unit_test(a_container_of_another_user_has_none),
		cmocka_unit_test(a_person_runs_it_with_sudo),
		cmocka_unit_test(seccomp_is_called_by_its_name),
		cmocka_unit_test(capabilities_of_a_user_namespace_are_void),
		cmocka_unit_test(locked_memory_is_told_from_seccomp),
		cmocka_unit_test(lockdown_stands_in_the_way_when_it_is_confidentiality),
		cmocka_unit_test(facts_are_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
