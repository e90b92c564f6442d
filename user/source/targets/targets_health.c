/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `aws elbv2 describe-target-health` prints. It names neither its time nor its target group;
 * those stand in a line of their own before it, as `date -u +"%FT%TZ $ARN"` writes it, or in
 * members "time" and "TargetGroupArn" that jq put there. Boto3's answer has its Date header.
 */
#include "user/source/targets/targets_formats.h"

#include <stdio.h>
#include <string.h>

#include "user/util/timefmt.h"

#define CALL_NS (5 * DS_NS_PER_S)	/* how long the program may take to answer */

bool ds_targets_stamp_line(struct ds_targets_parser *p, const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);
	size_t stamp_len = space ? (size_t)(space - line) : len;
	size_t group_len = space ? len - stamp_len - 1 : 0;

	if (memchr(line, ',', len) ||
	    ds_targets_stamp(line, stamp_len, &p->stamp_lo_ns, &p->stamp_hi_ns))
		return false;
	if (group_len >= sizeof(p->stamp_group))
		group_len = 0;
	memcpy(p->stamp_group, line + len - group_len, group_len);
	p->stamp_group[group_len] = '\0';
	return true;
}

/* "Sun, 22 Nov 2026 10:15:31 GMT" */
static bool http_date(const char *text, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4], iso[32];
	int day, year, h, m, s;
	const char *at;

	if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &h, &m, &s) != 6)
		return false;
	at = strstr(months, month);
	if (!at || (at - months) % 3)
		return false;
	(void)snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%02d:%02d:%02dZ", year,
		       (int)(at - months) / 3 + 1, day, h, m, s);
	return !ds_targets_stamp(iso, strlen(iso), ret_lo_ns, ret_hi_ns);
}

static bool date_header(json_object *object, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	json_object *meta, *headers;
	const char *date;

	if (!json_object_object_get_ex(object, "ResponseMetadata", &meta) ||
	    !json_object_is_type(meta, json_type_object) ||
	    !json_object_object_get_ex(meta, "HTTPHeaders", &headers))
		return false;
	date = ds_targets_string(headers, "date");
	return date && http_date(date, ret_lo_ns, ret_hi_ns);
}

/* When it was read: [lo, hi] holds the moment at which the API looked. */
static bool when(const struct ds_targets_parser *p, json_object *object,
		 struct ds_targets_told *told)
{
	const char *time = ds_targets_string(object, "time");

	if (time && !ds_targets_stamp(time, strlen(time), &told->lo_ns, &told->hi_ns)) {
		told->lo_ns -= CALL_NS;		/* taken before the call or after it */
		told->hi_ns += CALL_NS;
	} else if (date_header(object, &told->lo_ns, &told->hi_ns)) {
		told->lo_ns -= DS_NS_PER_S;	/* it looked, then it answered */
	} else if (p->stamp_lo_ns) {
		told->lo_ns = p->stamp_lo_ns;
		told->hi_ns = p->stamp_hi_ns + CALL_NS;
	} else if (p->now_ns) {
		told->lo_ns = p->now_ns - CALL_NS;
		told->hi_ns = p->now_ns;
	} else {
		return false;
	}
	return true;
}

static void take_target(struct ds_targets_parser *p, json_object *item,
			struct ds_targets_told *told)
{
	json_object *target = NULL, *health = NULL, *port;
	const char *state;

	if (json_object_is_type(item, json_type_object)) {
		(void)json_object_object_get_ex(item, "Target", &target);
		(void)json_object_object_get_ex(item, "TargetHealth", &health);
	}
	told->id = ds_targets_string(target, "Id");
	told->port = json_object_is_type(target, json_type_object) &&
				     json_object_object_get_ex(target, "Port", &port) ?
			     json_object_get_int64(port) : 0;
	state = ds_targets_string(health, "State");
	told->reason = ds_targets_string(health, "Reason");
	told->state = state ? ds_name_parse(DS_NAMES_TARGET_STATE, state, strlen(state)) : -1;
	if (told->state < 0)
		ds_targets_bad(p, "a target whose TargetHealth.State is not known");
	else
		ds_targets_tell_reading(p, told);
}

bool ds_targets_health(struct ds_targets_parser *p, json_object *object)
{
	struct ds_targets_told told = { .source = DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH };
	json_object *list;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, "TargetHealthDescriptions", &list))
		return false;
	told.group = ds_targets_string(object, "TargetGroupArn");
	if (!told.group)
		told.group = p->stamp_group;
	if (!json_object_is_type(list, json_type_array))
		ds_targets_bad(p, "TargetHealthDescriptions is no list");
	else if (!when(p, object, &told))
		ds_targets_bad(p, "describe-target-health without its time: put a line with the time and "
				  "the target group's ARN before it, as date -u +\"%FT%TZ $ARN\" does");
	else
		for (size_t i = 0; i < json_object_array_length(list); i++)
			take_target(p, json_object_array_get_idx(list, i), &told);
	p->stamp_lo_ns = 0;
	return true;
}
