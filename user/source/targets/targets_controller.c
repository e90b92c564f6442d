/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load balancer controller's log since its version 2, as JSON or as text with an object behind
 * it, with what kubectl, stern or the runtime put before each line, or without. It writes a line
 * before a call and one after it; the call took effect between the two. Versions before 2.6 do not
 * repeat the targets in the second line, those before 3 stamp with microseconds.
 */
#include "user/source/targets/targets_formats.h"

#include <stdio.h>
#include <string.h>

#include "user/util/timefmt.h"

#define RUNTIME_LATE_NS (100 * DS_NS_PER_MS)	/* the runtime stamps a line when it reads it */
#define PREFIX_MAX 512

struct said {
	int64_t lo_ns, hi_ns;	/* when the line was written */
	bool deregisters, done;
};

/* "deRegistering targets" and its three kin, in any case, anywhere in the text. */
static bool what_is_said(const char *text, struct said *ret_said)
{
	const char *word = strcasestr(text, "registering targets");

	ret_said->done = !word;
	if (!word)
		word = strcasestr(text, "registered targets");
	if (!word)
		return false;
	ret_said->deregisters = word - text >= 2 && !strncasecmp(word - 2, "de", 2);
	return true;
}

bool ds_targets_prefix_stamp(const char *prefix, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	bool found = false;

	while (*prefix) {
		size_t skip = strspn(prefix, " \t"), len;

		prefix += skip;
		len = strcspn(prefix, " \t");
		if (len >= 19 && prefix[4] == '-' &&
		    !ds_targets_stamp(prefix, len, ret_lo_ns, ret_hi_ns))
			found = true;
		prefix += len;
	}
	if (found)
		*ret_lo_ns -= RUNTIME_LATE_NS;
	return found;
}

/* The logger's own stamp: text, or seconds since the epoch with microseconds. */
static bool own_stamp(json_object *object, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	json_object *ts;
	const char *text;

	if (!json_object_object_get_ex(object, "ts", &ts) || !ts)
		return false;
	text = json_object_get_string(ts);
	return text && !ds_targets_stamp(text, strlen(text), ret_lo_ns, ret_hi_ns);
}

static bool when(struct ds_targets_parser *p, json_object *object, const char *prefix,
		 struct said *said)
{
	int64_t lo_ns, hi_ns;
	bool own = own_stamp(object, &said->lo_ns, &said->hi_ns);

	if (ds_targets_prefix_stamp(prefix, &lo_ns, &hi_ns)) {
		/* Of a text log the stamp before the object is the logger's; it reads alike. */
		if (!own || lo_ns > said->lo_ns)
			said->lo_ns = lo_ns;
		if (!own || hi_ns < said->hi_ns)
			said->hi_ns = hi_ns;
	} else if (!own) {
		ds_targets_bad(p, "a line of the controller without a time; kubectl logs --timestamps "
				  "adds one");
		return false;
	}
	return true;
}

void ds_targets_call_forget(struct ds_targets_call *call)
{
	json_object_put(call->targets);
	memset(call, 0, sizeof(*call));
}

void ds_targets_call_begin(struct ds_targets_parser *p, const struct ds_targets_call *begun)
{
	struct ds_targets_call *call = &p->calls[p->next_call++ % DS_TARGETS_CALLS_MAX];

	ds_targets_call_forget(call);
	*call = *begun;
}

static void begin(struct ds_targets_parser *p, const struct said *said, const char *arn,
		  json_object *targets)
{
	struct ds_targets_call call = {
		.deregisters = said->deregisters, .begun_ns = said->lo_ns,
		.targets = json_object_get(targets),
	};

	(void)snprintf(call.arn, sizeof(call.arn), "%s", arn);
	ds_targets_call_begin(p, &call);
}

static void tell(struct ds_targets_parser *p, const char *arn, bool deregisters, int64_t lo_ns,
		 int64_t hi_ns, json_object *targets)
{
	struct ds_targets_told told = {
		.group = arn, .source = DS_TARGET_SOURCE_CONTROLLER_LOG,
		.state = deregisters ? DS_TARGET_STATE_DRAINING : DS_TARGET_STATE_INITIAL,
		.lo_ns = lo_ns, .hi_ns = hi_ns,
	};

	if (ds_targets_each(p, targets, &told) < 0)
		ds_targets_bad(p, "the controller ended a call of which the log does not say the targets; "
				  "read the log from an earlier line on");
}

void ds_targets_call_end(struct ds_targets_parser *p, struct ds_targets_call *call, int64_t hi_ns)
{
	tell(p, call->arn, call->deregisters, call->begun_ns, hi_ns, call->targets);
	ds_targets_call_forget(call);
}

/* The call that has ended: of that group, with those targets where they are told. Oldest first. */
static struct ds_targets_call *find(struct ds_targets_parser *p, const struct said *said,
				    const char *arn, json_object *targets)
{
	for (unsigned i = 0; i < DS_TARGETS_CALLS_MAX; i++) {
		struct ds_targets_call *call =
			&p->calls[(p->next_call + i) % DS_TARGETS_CALLS_MAX];

		if (call->begun_ns && !call->owner && call->deregisters == said->deregisters &&
		    !strcmp(call->arn, arn) && call->begun_ns <= said->hi_ns &&
		    (!targets || json_object_equal(targets, call->targets)))
			return call;
	}
	return NULL;
}

static void end(struct ds_targets_parser *p, const struct said *said, const char *arn,
		json_object *targets)
{
	struct ds_targets_call *call = find(p, said, arn, targets);

	if (call)
		ds_targets_call_end(p, call, said->hi_ns);
	else
		tell(p, arn, said->deregisters, 0, said->hi_ns, targets);
}

bool ds_targets_controller(struct ds_targets_parser *p, json_object *object, const char *prefix,
			   size_t prefix_len)
{
	const char *msg = ds_targets_string(object, "msg"), *arn = ds_targets_string(object, "arn");
	char before[PREFIX_MAX];
	json_object *targets = NULL;
	struct said said = { 0 };

	if (prefix_len >= sizeof(before))
		prefix_len = sizeof(before) - 1;
	memcpy(before, prefix, prefix_len);
	before[prefix_len] = '\0';
	if (!what_is_said(msg ? msg : before, &said) || !arn)
		return false;
	if (!when(p, object, before, &said))
		return true;
	(void)json_object_object_get_ex(object, "targets", &targets);
	if (said.done)
		end(p, &said, arn, targets);
	else
		begin(p, &said, arn, targets);
	return true;
}

void ds_targets_controller_free(struct ds_targets_parser *p)
{
	for (int i = 0; i < DS_TARGETS_CALLS_MAX; i++)
		ds_targets_call_forget(&p->calls[i]);
}
