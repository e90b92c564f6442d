/* SPDX-License-Identifier: Apache-2.0 */
#include "user/named.h"

#include <stdio.h>
#include <string.h>

void ds_named_balancer(const char *prefix, int64_t at_ns, struct ds_event *ret_ev)
{
	ds_event_init(ret_ev, DS_EVENT_LB_ADDRESS, at_ns);
	DS_SET_STR(ret_ev, ADDRESS, address, prefix);
}

void ds_named_pod(const char *arg, int64_t at_ns, struct ds_named_room *room,
		  struct ds_event *ret_ev)
{
	const char *equals = strchr(arg, '='), *slash = equals ? strchr(equals, '/') : NULL;

	(void)snprintf(room->address, sizeof(room->address), "%.*s",
		       equals ? (int)(equals - arg) : (int)strlen(arg), arg);
	ds_event_init(ret_ev, DS_EVENT_POD_STATE, at_ns);
	DS_SET_STR(ret_ev, POD_ADDRESSES, pod_addresses, room->address);
	if (!slash)
		return;
	(void)snprintf(room->namespace_, sizeof(room->namespace_), "%.*s",
		       (int)(slash - equals - 1), equals + 1);
	DS_SET_STR(ret_ev, POD_NAMESPACE, pod_namespace, room->namespace_);
	DS_SET_STR(ret_ev, POD_NAME, pod_name, slash + 1);
}
