/* SPDX-License-Identifier: Apache-2.0 */
#include "user/opening.h"

#include <stdio.h>
#include <string.h>

#include "user/source/kernel/kernel.h"

void ds_opening_start(const struct ds_options *options, const struct ds_kernel *kernel,
		      int64_t at_ns, struct ds_opening_room *room, struct ds_event *ret_ev)
{
	struct ds_event *ev = ret_ev;
	bool always = options->tap_always || ds_kernel_needs_tap(kernel);

	ds_event_init(ev, DS_EVENT_START, at_ns);
	DS_SET_STR(ev, VERSION, version, DS_VERSION);
	DS_SET_STR(ev, SCHEMA_URL, schema_url, DS_SCHEMA_URL);
	if (!uname(&room->uts))
		DS_SET_STR(ev, KERNEL_RELEASE, kernel_release, room->uts.release);
	DS_SET_STR(ev, PROBES_ATTACHED, probes_attached, ds_kernel_attached(kernel));
	DS_SET_STR(ev, PROBES_MISSING, probes_missing, ds_kernel_missing(kernel));
	DS_SET_STR(ev, TIER, tier, ds_kernel_tier(kernel));
	DS_SET(ev, BOOT_OFFSET, boot_offset_ns, (uint64_t)ds_kernel_boot_offset(kernel));
	DS_SET(ev, OPT_SETTLE, opt_settle, options->settle_ns);
	DS_SET_STR(ev, OPT_TAP, opt_tap, always ? "always" : "auto");
	DS_SET(ev, OPT_TAP_MAX, opt_tap_max, options->tap_max_ns);
	DS_SET(ev, OPT_RATE_LIMIT, opt_rate_limit, options->rate_limit);
}

void ds_opening_balancer(const char *prefix, int64_t at_ns, struct ds_event *ret_ev)
{
	ds_event_init(ret_ev, DS_EVENT_LB_ADDRESS, at_ns);
	DS_SET_STR(ret_ev, ADDRESS, address, prefix);
}

void ds_opening_pod(const char *arg, int64_t at_ns, struct ds_opening_room *room,
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
