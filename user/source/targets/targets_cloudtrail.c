/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudTrail: a record of RegisterTargets or DeregisterTargets, bare, within an EventBridge
 * envelope ("detail") or as lookup-events gives it ("CloudTrailEvent", a string). eventTime is when
 * the call was completed, a floor to the second: the call took effect within the second before or
 * the one that it names. How "targets" is written is nowhere documented: it is read defensively.
 */
#include "user/source/targets/targets_formats.h"

#include <string.h>

#include "user/util/timefmt.h"

static void take_record(struct ds_targets_parser *p, json_object *record, int state)
{
	const char *time = ds_targets_string(record, "eventTime");
	struct ds_targets_told told = { .state = state, .source = DS_TARGET_SOURCE_CLOUDTRAIL };
	json_object *parameters, *targets = NULL;
	int64_t lo_ns, hi_ns;

	if (json_object_object_get_ex(record, "errorCode", NULL)) {
		p->skipped++;	/* the call failed: it did nothing */
		return;
	}
	if (!time || ds_targets_stamp(time, strlen(time), &lo_ns, &hi_ns)) {
		ds_targets_bad(p, "a CloudTrail record without a time that can be read (eventTime)");
		return;
	}
	if (!json_object_object_get_ex(record, "requestParameters", &parameters))
		parameters = NULL;
	if (parameters && json_object_is_type(parameters, json_type_object))
		(void)json_object_object_get_ex(parameters, "targets", &targets);
	told.group = ds_targets_string(parameters, "targetGroupArn");
	told.lo_ns = lo_ns - DS_NS_PER_S;
	told.hi_ns = hi_ns;
	if (!told.group || ds_targets_each(p, targets, &told) < 0)
		ds_targets_bad(p, "a CloudTrail record without requestParameters.targetGroupArn and "
				  ".targets");
}

static bool is_record(struct ds_targets_parser *p, json_object *object)
{
	const char *source = ds_targets_string(object, "eventSource");
	const char *name = ds_targets_string(object, "eventName");

	if (!source || !name)
		return false;
	if (strcmp(source, "elasticloadbalancing.amazonaws.com") != 0)
		p->skipped++;
	else if (!strcmp(name, "DeregisterTargets"))
		take_record(p, object, DS_TARGET_STATE_DRAINING);
	else if (!strcmp(name, "RegisterTargets"))
		take_record(p, object, DS_TARGET_STATE_INITIAL);
	else
		p->skipped++;
	return true;
}

bool ds_targets_cloudtrail(struct ds_targets_parser *p, json_object *object)
{
	const char *text = ds_targets_string(object, "CloudTrailEvent");
	json_object *detail;

	if (is_record(p, object))
		return true;
	if (json_object_is_type(object, json_type_object) &&
	    json_object_object_get_ex(object, "detail", &detail))
		return is_record(p, detail);
	if (!text)
		return false;
	detail = json_tokener_parse(text);	/* nested no deeper than 32 */
	if (!detail)
		ds_targets_bad(p, "a CloudTrailEvent that is not JSON");
	else if (!is_record(p, detail))
		p->skipped++;
	json_object_put(detail);
	return true;
}
