// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: what the API server answers to doctor. Only a clear word is a right that is given;
 * names end where their room does, and an age is one that can be said.
 *
 * Built from: user/doctor/read_answers.c user/source/kube/kube_json.c user/source/cluster/lease.c
 * Packages: json-c
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/core/event.h"
#include "user/doctor/cluster.h"
#include "user/doctor/targets.h"
#include "user/util/timefmt.h"

#define NOW INT64_C(1795387050000000000)
#define NAME_ROOM 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* json-c takes it in any case. */
static bool says_true(const char *text, size_t len)
{
	bool stands = false;

	for (size_t i = 0; i + 4 <= len && !stands; i++)
		stands = !strncasecmp(text + i, "true", 4);
	return stands;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ds_doctor_targets t = { 0 }, lease = { .of_lease = true };
	const char *text = (const char *)data;
	char name[NAME_ROOM];
	enum ds_review review = ds_doctor_cluster_answer(201, text, size);

	check(review != DS_REVIEW_OPEN);
	check(review != DS_REVIEW_ALLOWED || says_true(text, size));
	check(ds_doctor_cluster_answer(403, text, size) == DS_REVIEW_FAILED);
	ds_doctor_cluster_user(name, sizeof(name), text, size);
	check(memchr(name, '\0', sizeof(name)) != NULL);
	ds_doctor_targets_read(&t, text, size, NOW);
	check(t.lines >= 0 && (size_t)t.lines <= size);
	check(!t.dated || (t.age_ns <= NOW && t.age_ns >= NOW - DS_EVENT_TIME_MAX));
	ds_doctor_targets_read(&lease, text, size, NOW);
	check(!lease.dated || (lease.age_ns < NOW && lease.age_ns >= NOW - DS_EVENT_TIME_MAX));
	check(memchr(lease.holder, '\0', sizeof(lease.holder)) != NULL);
	return 0;
}
