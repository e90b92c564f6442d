/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/targets/targets_tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/source/elb/elb_plan.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

#define NAME_LEN 511		/* of a group, a target, a reason: AWS' own are far shorter */

struct ds_targets_last {
	uint64_t name;		/* hash of group, id and port */
	int64_t at_ns;		/* the earliest moment of the last reading as registered */
	UT_hash_handle hh;
};

void ds_targets_bad(struct ds_targets_parser *p, const char *what)
{
	p->bad++;
	p->fault(p->ctx, p->line, what);
}

/* arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID */
static void set_group(struct ds_event *ev, const char *group, char *room, size_t size)
{
	char *part[6] = { room }, *name, *end;
	int n = 1;

	if (strncmp(group, "arn:", 4) != 0) {
		DS_SET_STR(ev, TG_NAME, tg_name, group);
		return;
	}
	DS_SET_STR(ev, TG_ARN, tg_arn, group);
	(void)snprintf(room, size, "%s", group);
	for (char *c = room; *c && n < 6; c++)
		if (*c == ':') {
			*c = '\0';
			part[n++] = c + 1;
		}
	if (n < 6)
		return;
	DS_SET_STR(ev, REGION, region, part[3]);
	DS_SET_STR(ev, ACCOUNT, account, part[4]);
	name = strchr(part[5], '/');
	end = name ? strchr(name + 1, '/') : NULL;
	if (!end)
		return;
	*end = '\0';
	DS_SET_STR(ev, TG_NAME, tg_name, name + 1);
}

static bool is_long(const char *text)
{
	return text && strnlen(text, NAME_LEN + 1) > NAME_LEN;
}

void ds_targets_tell(struct ds_targets_parser *p, const struct ds_targets_told *told)
{
	char room[NAME_LEN + 1];
	struct ds_event ev;

	if (!told->id || !told->id[0] || told->port < 0 || told->port > UINT16_MAX) {
		ds_targets_bad(p, "a target without an address, or with a port beyond 65535");
		return;
	}
	if (is_long(told->group) || is_long(told->id) || is_long(told->reason)) {
		ds_targets_bad(p, "a target with a name, a group or a reason of more than 511 bytes");
		return;
	}
	ds_event_init(&ev, DS_EVENT_TARGET, told->hi_ns);
	if (told->group && told->group[0])
		set_group(&ev, told->group, room, sizeof(room));
	DS_SET_STR(&ev, TARGET_ID, target_id, told->id);
	if (told->port)
		DS_SET(&ev, TARGET_PORT, target_port, told->port);
	DS_SET(&ev, TARGET_STATE, target_state, told->state);
	DS_SET_STR(&ev, TARGET_STATE_REASON, target_state_reason, told->reason);
	DS_SET(&ev, TARGET_SOURCE, target_source, told->source);
	if (told->lo_ns > 0)	/* what is taken off a time may lead beyond 1970 */
		DS_SET(&ev, NOT_BEFORE, not_before, told->lo_ns);
	DS_SET(&ev, NOT_AFTER, not_after, told->hi_ns);
	if (p->clock_error_ns)
		DS_SET(&ev, CLOCK_ERROR, clock_error, p->clock_error_ns);
	p->events++;
	p->deliver(p->ctx, &ev);
}

static struct ds_targets_last *last_of(struct ds_targets_parser *p,
				       const struct ds_targets_told *told, bool make)
{
	const char *group = told->group ? told->group : "";
	struct ds_targets_last *l;
	uint64_t name;

	name = ds_siphash13(1, 2, group, strlen(group)) ^
	       ds_siphash13(3, (uint64_t)told->port, told->id, strlen(told->id));
	HASH_FIND(hh, p->last, &name, sizeof(name), l);
	if (l || !make)
		return l;
	if (p->last_cnt == DS_TARGETS_LAST_MAX) {
		l = p->last;		/* the first that was told of */
		HASH_DEL(p->last, l);
		p->last_cnt--;
	} else {
		l = calloc(1, sizeof(*l));
		if (!l)
			return NULL;
	}
	l->name = name;
	HASH_ADD(hh, p->last, name, sizeof(l->name), l);
	if (!DS_HASH_ADDED(l)) {
		free(l);
		return NULL;
	}
	p->last_cnt++;
	return l;
}

void ds_targets_tell_reading(struct ds_targets_parser *p, const struct ds_targets_told *told)
{
	bool draining = told->state == DS_TARGET_STATE_DRAINING ||
			told->state == DS_TARGET_STATE_UNHEALTHY_DRAINING;
	struct ds_targets_told t = *told;
	struct ds_targets_last *l = told->id ? last_of(p, told, !draining) : NULL;

	if (draining) {
		t.lo_ns = l && l->at_ns <= t.hi_ns ? l->at_ns : 0;
		if (l)
			l->at_ns = INT64_MAX;	/* further readings of the same drain say no more */
	} else {
		t.lo_ns -= DS_ELB_LAG_NS;	/* it may not know of what was done just before */
		if (l)
			l->at_ns = t.lo_ns;
	}
	ds_targets_tell(p, &t);
}

int ds_targets_stamp(const char *text, size_t len, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	int64_t unit_ns = DS_NS_PER_S, ns = 0;
	char room[48];
	const char *dot;
	size_t digits;

	while (len && (*text == ' ' || *text == '"')) {
		text++;
		len--;
	}
	while (len && (text[len - 1] == ' ' || text[len - 1] == '"' || text[len - 1] == '\r'))
		len--;
	if (!len || len > 40)
		return -EINVAL;
	memcpy(room, text, len);
	room[len] = '\0';
	dot = strpbrk(room, ".,");
	digits = dot ? strspn(dot + 1, "0123456789") : 0;
	for (size_t i = 0; i < digits && unit_ns > 1; i++)
		unit_ns /= 10;
	if (strspn(room, "0123456789.") == len) {
		char *end;
		long long s = strtoll(room, &end, 10);

		if (end == room || s > DS_EVENT_TIME_MAX / DS_NS_PER_S - 1)
			return -EINVAL;
		if (*end && end + 1 + digits != room + len)
			return -EINVAL;		/* an address, say: 10.77.1.11 */
		ns = s * DS_NS_PER_S;
		for (int64_t i = 0, scale = DS_NS_PER_S / 10; i < (int64_t)digits && scale;
		     i++, scale /= 10)
			ns += (dot[1 + i] - '0') * scale;
	} else {
		if (len > 10 && room[10] == ' ')
			room[10] = 'T';
		if (strspn(room, "0123456789-:.T") == len)
			room[len++] = 'Z';	/* no zone: UTC */
		if (ds_time_parse(room, len, &ns))
			return -EINVAL;
	}
	if (ns <= 0 || ns > DS_EVENT_TIME_MAX - 10 * DS_NS_PER_S)
		return -EINVAL;
	*ret_lo_ns = ns;
	*ret_hi_ns = ns + unit_ns;
	return 0;
}

const char *ds_targets_string(json_object *object, const char *key)
{
	json_object *value;

	return json_object_is_type(object, json_type_object) &&
	       json_object_object_get_ex(object, key, &value) &&
	       json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* Lists of targets are written in more than one case: "Id", "id". */
static json_object *any_case(json_object *object, const char *key)
{
	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_foreach(object, name, value)
		if (!strcasecmp(name, key))
			return value;
	return NULL;
}

int ds_targets_each(struct ds_targets_parser *p, json_object *targets,
		    struct ds_targets_told *told)
{
	json_object *items = any_case(targets, "items");
	size_t cnt;

	if (!items)
		items = any_case(targets, "member");
	if (items)
		targets = items;
	if (!json_object_is_type(targets, json_type_array))
		return -EINVAL;
	cnt = json_object_array_length(targets);
	for (size_t i = 0; i < cnt && i < DS_TARGETS_A_CALL_MAX; i++) {
		json_object *target = json_object_array_get_idx(targets, i);
		json_object *id = any_case(target, "id"), *port = any_case(target, "port");

		told->id = json_object_is_type(id, json_type_string) ?
				   json_object_get_string(id) : "";
		told->port = port ? json_object_get_int64(port) : 0;
		ds_targets_tell(p, told);
	}
	if (cnt > DS_TARGETS_A_CALL_MAX)
		ds_targets_bad(p, "a call with more than 1000 targets: those beyond are left out");
	return (int)cnt;
}

void ds_targets_tell_free(struct ds_targets_parser *p)
{
	struct ds_targets_last *l, *next;

	HASH_ITER(hh, p->last, l, next) {
		HASH_DEL(p->last, l);
		free(l);
	}
	p->last_cnt = 0;
}
