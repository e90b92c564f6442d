/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Lease of coordination.k8s.io/v1, and who may lead by it. Pure. The holder's clock is never
 * compared with this one's: what counts is for how long the lease has not changed, by our clock.
 */
#ifndef DS_SOURCE_CLUSTER_LEASE_H
#define DS_SOURCE_CLUSTER_LEASE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_LEASE_NAME_LEN 253
#define DS_LEASE_VERSION_LEN 63

struct ds_lease {
	char holder[DS_LEASE_NAME_LEN + 1];	/* "" = nobody */
	char version[DS_LEASE_VERSION_LEN + 1];	/* resourceVersion: writes name it */
	int64_t acquired_ns, renewed_ns;	/* by its holder's clock; 0 = not told */
	int64_t duration_s;			/* -1 = not told */
	int64_t transitions;
};

/* 0 or -EINVAL (no Lease; *ret_lease is untouched). */
int ds_lease_read(json_object *json, struct ds_lease *ret_lease);

/* What is known of it, and since when by our clock. Zero at first: nothing is known. */
struct ds_lease_view {
	struct ds_lease lease;
	int64_t since_ns;	/* it was first seen like this */
	bool known, absent;
};

/* It was read (NULL: there is none) at now_ns. */
void ds_lease_seen(struct ds_lease_view *view, const struct ds_lease *lease, int64_t now_ns);

/* Whether `me` may take it: it is nobody's, ours, or has not changed for longer than it lasts. */
bool ds_lease_is_free(const struct ds_lease_view *view, const char *me, int64_t now_ns);

/*
 * The JSON of the Lease as `me` would write it at now_ns (duration_s > 0), with the version that
 * was seen, so that of two who write one fails. release: gives it up.
 */
void ds_lease_write(const struct ds_lease_view *view, const char *namespace_, const char *name,
		    const char *me, int64_t duration_s, bool release, int64_t now_ns,
		    struct ds_buf *ret_body);

#endif
