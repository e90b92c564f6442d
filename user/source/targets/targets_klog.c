/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of the controller's version 1 (ALB ingress controller), klog's text:
 *   I1122 13:51:32.393294       1 targets.go:95] NAMESPACE/INGRESS: Removing targets from ARN:
 *     ID:PORT, ID:PORT
 *   I1122 13:51:33.120411       1 controller.go:236] kubebuilder/controller "level"=1
 *     "msg"="Successfully Reconciled" ... "request"={"Namespace":"...","Name":"..."}
 * The first is written before the call, which has ended when its ingress is reconciled: one ingress
 * is reconciled by one worker at a time. The stamps have microseconds, and no year.
 */
#include "user/source/targets/targets_formats.h"

#include <stdio.h>
#include <string.h>

#include "user/util/hash.h"
#include "user/util/timefmt.h"

#define PREFIX_MAX 512
#define HEAD_LEN 21		/* "I1122 13:51:32.393294" */
#define DAY_NS (INT64_C(86400) * DS_NS_PER_S)
#define ZONE_NS (2 * DS_NS_PER_S)	/* further from the runtime's stamp: of another time zone */

struct klog_line {
	char prefix[PREFIX_MAX];	/* what stands before it: the runtime's stamp, names */
	char head[HEAD_LEN + 1];
	const char *msg;		/* behind "FILE:LINE] " */
	size_t msg_len;
};

static bool matches(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++)
		if (*pattern == '0' ? *text < '0' || *text > '9' :
		    *pattern == 'I' ? !memchr("IWEF", *text, 4) : *text != *pattern)
			return false;
	return true;
}

static bool cut(const char *line, size_t len, struct klog_line *ret)
{
	const char *end = line + len, *head = line, *bracket;

	while (head && end - head >= HEAD_LEN && head - line < PREFIX_MAX &&
	       !matches(head, "I0000 00:00:00.000000")) {
		head = memchr(head, ' ', (size_t)(end - head));
		head = head ? head + 1 : NULL;
	}
	if (!head || end - head < HEAD_LEN || head - line >= PREFIX_MAX)
		return false;
	bracket = memmem(head, (size_t)(end - head), "] ", 2);
	if (!bracket)
		return false;
	memcpy(ret->prefix, line, (size_t)(head - line));
	ret->prefix[head - line] = '\0';
	memcpy(ret->head, head, HEAD_LEN);
	ret->head[HEAD_LEN] = '\0';
	ret->msg = bracket + 2;
	ret->msg_len = (size_t)(end - ret->msg);
	return true;
}

/* The line's own stamp in the year that brings it next to a moment: not a day after it. */
static bool own_stamp(const char *head, int64_t near_ns, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	char near[DS_RFC3339_LEN + 1], text[32];
	int year;

	ds_time_rfc3339(near_ns + DAY_NS, near);
	if (sscanf(near, "%4d", &year) != 1)
		return false;
	for (int y = year; y >= year - 8; y--) {	/* 29 February may be rare */
		(void)snprintf(text, sizeof(text), "%04d-%.2s-%.2sT%sZ", y, head + 1, head + 3,
			       head + 6);
		if (!ds_targets_stamp(text, strlen(text), ret_lo_ns, ret_hi_ns) &&
		    *ret_lo_ns <= near_ns + DAY_NS)
			return true;
	}
	return false;
}

static bool when(struct ds_targets_parser *p, const struct klog_line *l, int64_t *ret_lo_ns,
		 int64_t *ret_hi_ns)
{
	int64_t near_ns = p->now_ns ? p->now_ns : p->latest_ns, lo_ns, hi_ns;

	if (ds_targets_prefix_stamp(l->prefix, &lo_ns, &hi_ns)) {
		bool own = own_stamp(l->head, hi_ns, ret_lo_ns, ret_hi_ns) &&
			   *ret_hi_ns > lo_ns - ZONE_NS && *ret_lo_ns < hi_ns + ZONE_NS;

		if (!own || lo_ns > *ret_lo_ns)
			*ret_lo_ns = lo_ns;
		if (!own || hi_ns < *ret_hi_ns)
			*ret_hi_ns = hi_ns;
		return true;
	}
	if (near_ns && own_stamp(l->head, near_ns, ret_lo_ns, ret_hi_ns))
		return true;
	ds_targets_bad(p, "a line of the controller without a year; kubectl logs --timestamps "
			  "adds one");
	return false;
}

static uint64_t owner_of(const char *name, size_t len)
{
	return ds_siphash13(4, 5, name, len) | 1;
}

/* "ID:PORT, ID:PORT" as the list that later versions write; one more than are told, at most. */
static json_object *list_of(const char *text, size_t len)
{
	json_object *list = json_object_new_array();
	const char *end = text + len;

	while (list && text < end && json_object_array_length(list) <= DS_TARGETS_A_CALL_MAX) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma ? comma : end;
		const char *colon = memrchr(text, ':', (size_t)(stop - text));
		json_object *target = json_object_new_object();

		while (text < stop && *text == ' ')
			text++;
		if (!colon || colon < text)
			colon = stop;
		if (target) {
			json_object_object_add(target, "Id", json_object_new_string_len(
						       text, (int)(colon - text)));
			if (colon < stop)
				json_object_object_add(target, "Port", json_object_new_string_len(
							       colon + 1, (int)(stop - colon - 1)));
			json_object_array_add(list, target);
		}
		text = comma ? comma + 1 : end;
	}
	return list;
}

/* "NAMESPACE/INGRESS: Removing targets from ARN: TARGETS" */
static bool take_begin(struct ds_targets_parser *p, const struct klog_line *l)
{
	static const char *const words[] = { ": Adding targets to ", ": Removing targets from " };
	const char *end = l->msg + l->msg_len;

	for (int removes = 0; removes < 2; removes++) {
		const char *word = memmem(l->msg, l->msg_len, words[removes],
					  strlen(words[removes]));
		const char *arn = word ? word + strlen(words[removes]) : NULL;
		const char *stop = arn ? memmem(arn, (size_t)(end - arn), ": ", 2) : NULL;
		struct ds_targets_call call = { .deregisters = removes };
		int64_t hi_ns;

		if (!stop || (size_t)(stop - arn) >= sizeof(call.arn))
			continue;
		if (!when(p, l, &call.begun_ns, &hi_ns))
			return true;
		memcpy(call.arn, arn, (size_t)(stop - arn));
		call.owner = owner_of(l->msg, (size_t)(word - l->msg));
		call.targets = list_of(stop + 2, (size_t)(end - stop - 2));
		ds_targets_call_begin(p, &call);
		return true;
	}
	return false;
}

/* "NAMESPACE/INGRESS: Error removing targets from ARN: WHY": nothing happened. */
static bool take_error(struct ds_targets_parser *p, const struct klog_line *l)
{
	static const char *const words[] = { ": Error adding targets to ",
					     ": Error removing targets from " };

	for (int removes = 0; removes < 2; removes++) {
		const char *word = memmem(l->msg, l->msg_len, words[removes],
					  strlen(words[removes]));

		if (!word)
			continue;
		for (int i = 0; i < DS_TARGETS_CALLS_MAX; i++)
			if (p->calls[i].owner == owner_of(l->msg, (size_t)(word - l->msg)) &&
			    p->calls[i].deregisters == removes)
				ds_targets_call_forget(&p->calls[i]);
		return true;
	}
	return false;
}

/* Of {"Namespace":"a","Name":"b"}, or of "a/b"; 0 where it is neither. */
static uint64_t owner_of_request(const char *text, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(4);
	json_object *object = tokener ? json_tokener_parse_ex(tokener, text, (int)len) : NULL;
	const char *space = ds_targets_string(object, "Namespace");
	const char *name = ds_targets_string(object, "Name");
	char joined[PREFIX_MAX];
	uint64_t owner = 0;

	if (space && name) {
		(void)snprintf(joined, sizeof(joined), "%s/%s", space, name);
		owner = owner_of(joined, strlen(joined));
	} else if (json_object_is_type(object, json_type_string)) {
		owner = owner_of(json_object_get_string(object),
				 (size_t)json_object_get_string_len(object));
	}
	json_object_put(object);
	if (tokener)
		json_tokener_free(tokener);
	return owner;
}

static bool take_end(struct ds_targets_parser *p, const struct klog_line *l)
{
	static const char word[] = "\"msg\"=\"Successfully Reconciled\"", key[] = "\"request\"=";
	const char *request = memmem(l->msg, l->msg_len, key, sizeof(key) - 1);
	int64_t lo_ns, hi_ns = 0;
	uint64_t owner;

	if (!request || !memmem(l->msg, l->msg_len, word, sizeof(word) - 1))
		return false;
	request += sizeof(key) - 1;
	owner = owner_of_request(request, (size_t)(l->msg + l->msg_len - request));
	for (unsigned n = 0; owner && n < DS_TARGETS_CALLS_MAX; n++) {
		struct ds_targets_call *call = &p->calls[(p->next_call + n) % DS_TARGETS_CALLS_MAX];

		if (call->owner != owner)
			continue;
		if (!hi_ns && !when(p, l, &lo_ns, &hi_ns))
			return true;
		ds_targets_call_end(p, call, hi_ns);
	}
	return true;
}

bool ds_targets_klog(struct ds_targets_parser *p, const char *line, size_t len)
{
	struct klog_line l;

	if (!cut(line, len, &l))
		return false;
	p->klog = true;
	if (!take_begin(p, &l) && !take_error(p, &l) && !take_end(p, &l))
		p->skipped++;
	return true;
}

/* What stands around its lines: the banner at its start, and messages of several lines. */
bool ds_targets_klog_text(struct ds_targets_parser *p, const char *line, size_t len)
{
	static const char name[] = "AWS ALB Ingress controller";
	static const char rule[] = "------------------------------------------------------------";

	if (memmem(line, len, rule, sizeof(rule) - 1) || memmem(line, len, name, sizeof(name) - 1))
		p->klog = true;
	p->skipped += p->klog;
	return p->klog;
}
