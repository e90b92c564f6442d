// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: replies of ELBv2 and EC2. What is accepted is whole: no text is NULL, only the lists
 * of its kind hold items, addresses belong to an interface; what is refused leaves nothing.
 *
 * Built from: user/source/elb/elb_reply.c user/source/elb/elb_error.c
 * Built from: user/source/aws/xml.c user/util/wipe.c
 * Packages: expat
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/names.h"
#include "user/source/elb/elb_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_health(const struct ds_elb_health *h)
{
	check(h->id && h->state_text && h->reason && h->description);
	check(h->state >= -1 && h->state < DS_TARGET_STATE_MAX);
	check(h->state != DS_TARGET_STATE_ABSENT);
	check(h->state < 0 || h->state_text[0]);
}

static void check_group(const struct ds_elb_group *g)
{
	check(g->arn && g->name && g->protocol && g->type && g->check_protocol && g->check_port &&
	      g->balancer_arn);
}

static void check_lists(const struct ds_elb_reply *reply)
{
	size_t all = reply->health_cnt + reply->group_cnt + reply->attribute_cnt +
		     reply->balancer_cnt + reply->interface_cnt + reply->address_cnt;
	const size_t of_kind[DS_ELB_REPLY_MAX] = {
		[DS_ELB_REPLY_HEALTH] = reply->health_cnt,
		[DS_ELB_REPLY_GROUPS] = reply->group_cnt,
		[DS_ELB_REPLY_ATTRIBUTES] = reply->attribute_cnt,
		[DS_ELB_REPLY_BALANCERS] = reply->balancer_cnt,
		[DS_ELB_REPLY_INTERFACES] = reply->interface_cnt + reply->address_cnt,
	};

	check(all <= DS_ELB_REPLY_ITEMS_MAX && all == of_kind[reply->kind]);
	for (size_t i = 0; i < reply->health_cnt; i++)
		check_health(&reply->healths[i]);
	for (size_t i = 0; i < reply->group_cnt; i++)
		check_group(&reply->groups[i]);
	for (size_t i = 0; i < reply->attribute_cnt; i++)
		check(ds_elb_reply_attribute(reply, reply->attributes[i].key) &&
		      reply->attributes[i].value);
	for (size_t i = 0; i < reply->balancer_cnt; i++)
		check(reply->balancers[i].arn && reply->balancers[i].state);
	for (size_t i = 0; i < reply->interface_cnt; i++)
		check(reply->interfaces[i].id && reply->interfaces[i].description &&
		      reply->interfaces[i].type);
	for (size_t i = 0; i < reply->address_cnt; i++)
		check(reply->addresses[i].interface < reply->interface_cnt &&
		      reply->addresses[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ds_elb_reply empty;
	struct ds_elb_reply reply;
	const char *fault;
	int r = ds_elb_reply_read(&reply, (const char *)data, size, &fault);

	if (r) {
		check(r == -EBADMSG || r == -E2BIG);
		check(fault && fault[0] && !memcmp(&reply, &empty, sizeof(reply)));
		return 0;
	}
	check(!fault && reply.kind < DS_ELB_REPLY_MAX && reply.code && reply.message &&
	      reply.request_id);
	check(!reply.marker || reply.marker[0]);
	check(ds_elb_reply_error(200, reply.code) < DS_ELB_ERROR_MAX);
	check_lists(&reply);
	ds_elb_reply_free(&reply);
	check(!memcmp(&reply, &empty, sizeof(reply)));
	return 0;
}
