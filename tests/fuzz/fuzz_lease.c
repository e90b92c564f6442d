// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: a Lease that somebody else wrote. Nobody leads by one that he does not hold, nor
 * after it has not changed for as long as it lasts; what is written over it names its version and
 * is a Lease that is ours.
 *
 * Built from: user/source/cluster/lease.c user/source/kube/kube_json.c
 * Packages: json-c
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/utf8_valid.h"
#include "user/source/cluster/lease.h"
#include "user/util/timefmt.h"

#define NOW INT64_C(1795387050000000000)
#define LASTS_S 15
#define LONGEST_S 3600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static int read_text(const char *text, size_t size, struct ds_lease *ret_lease)
{
	json_tokener *tokener = json_tokener_new_ex(16);
	json_object *json = tokener ? json_tokener_parse_ex(tokener, text, (int)size) : NULL;
	int r = ds_lease_read(json, ret_lease);

	json_object_put(json);
	if (tokener)
		json_tokener_free(tokener);
	return r;
}

static void check_written(const struct ds_lease_view *view, const char *me, bool release)
{
	struct ds_buf body = { 0 };
	struct ds_lease lease;

	ds_lease_write(view, "drainsnoop", "lease", me, LASTS_S, release, NOW, &body);
	check(!body.failed);
	check(!read_text(body.data, body.len, &lease));
	check(!strcmp(lease.version, view->lease.version));
	check(!strcmp(lease.holder, release ? "" : me) && lease.renewed_ns == NOW);
	check(lease.duration_s == (release ? 1 : LASTS_S));
	/* Beyond 31 bits it begins anew. */
	check(lease.transitions >= view->lease.transitions || !lease.transitions);
	ds_buf_free(&body);
}

static void check_holder(const struct ds_lease_view *view, const char *me)
{
	check(ds_lease_is_free(view, me, NOW) ==
	      (!view->lease.holder[0] || !strcmp(view->lease.holder, me) ||
	       !view->lease.duration_s));
	check(ds_lease_is_free(view, me, NOW + LONGEST_S * DS_NS_PER_S));
	/* What is not UTF-8 comes back as something else; the server takes none of it. */
	if (!utf8_valid(me, strlen(me)) ||
	    !utf8_valid(view->lease.version, strlen(view->lease.version)))
		return;
	check_written(view, me, false);
	check_written(view, me, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ds_lease_view view = { 0 };
	struct ds_lease lease;

	if (read_text((const char *)data, size, &lease))
		return 0;
	ds_lease_seen(&view, &lease, NOW);
	check_holder(&view, "me");
	if (lease.holder[0])
		check_holder(&view, lease.holder);
	ds_lease_seen(&view, &lease, NOW + DS_NS_PER_S);
	check(view.since_ns == NOW);	/* the same as before: the clock runs on */
	return 0;
}
