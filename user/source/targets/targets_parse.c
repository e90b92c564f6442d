/* SPDX-License-Identifier: Apache-2.0 */
/* Which format an item is of. */
#include "user/source/targets/targets_parse.h"

#include <string.h>

#include "user/core/event_json.h"
#include "user/source/targets/targets_formats.h"

static json_object *parse(const char *data, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(DS_TARGETS_DEPTH_MAX);
	json_object *object;

	if (!tokener)
		return NULL;
	object = json_tokener_parse_ex(tokener, data, (int)len);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static bool is_call_line(json_object *object)
{
	return ds_targets_string(object, "msg") != NULL;
}

/* Our own line: pods and such in it are for --events. */
static void take_own(struct ds_targets_parser *p, const char *data, size_t len)
{
	struct ds_perr perr;
	struct ds_event ev;

	if (ds_event_read(data, len, p->now_ns, &ev, &perr) < 0) {
		ds_targets_bad(p, perr.what);
		return;
	}
	if (ev.kind == DS_EVENT_TARGET) {
		p->events++;
		p->deliver(p->ctx, &ev);
	} else {
		p->skipped++;
	}
	ds_event_clear(&ev);
}

static void take_object(struct ds_targets_parser *p, const char *data, size_t len,
			const char *prefix, size_t prefix_len)
{
	json_object *object = parse(data, len);

	if (!object && p->klog && prefix_len)
		p->skipped++;	/* whatever version 1 of the controller writes in braces */
	else if (!object)
		ds_targets_bad(p, "not JSON");
	else if (ds_targets_string(object, "event.name"))
		take_own(p, data, len);
	else if (is_call_line(object) || prefix_len)
		p->skipped += !ds_targets_controller(p, object, prefix, prefix_len);
	else if (!ds_targets_health(p, object) && !ds_targets_cloudtrail(p, object))
		p->skipped++;
	json_object_put(object);
}

/*
 * "STAMP stdout|stderr F|P TEXT", as the container runtime keeps logs; a line of P goes on in the
 * next of its stream. *ret_text is where TEXT begins.
 */
static bool is_runtime_line(const char *line, size_t len, int *ret_stream, const char **ret_text)
{
	const char *space = memchr(line, ' ', len);
	int64_t lo_ns, hi_ns;
	size_t rest;

	if (!space || ds_targets_stamp(line, (size_t)(space - line), &lo_ns, &hi_ns))
		return false;
	rest = (size_t)(line + len - space);
	if (rest < 9 || (memcmp(space, " stdout ", 8) != 0 && memcmp(space, " stderr ", 8) != 0) ||
	    (space[8] != 'F' && space[8] != 'P') || (rest > 9 && space[9] != ' '))
		return false;
	*ret_stream = space[4] == 'e';
	*ret_text = space + (rest > 9 ? 10 : 9);
	return true;
}

/* A line, whole: what stands before the object in it, and the object. */
static bool take_text(struct ds_targets_parser *p, const char *line, size_t len)
{
	const char *brace = memchr(line, '{', len);

	if (ds_targets_klog(p, line, len))
		return true;
	if (!brace)
		return false;
	take_object(p, brace, (size_t)(line + len - brace), line, (size_t)(brace - line));
	return true;
}

/* Its text may be anything that the container wrote. */
static bool take_runtime_line(struct ds_targets_parser *p, const char *line, size_t len)
{
	const char *text, *end = line + len;
	struct ds_buf *whole;
	int stream;

	if (!is_runtime_line(line, len, &stream, &text))
		return false;
	whole = &p->partial[stream];
	if (!whole->len) {
		ds_buf_put(whole, line, (size_t)((const char *)memchr(line, ' ', len) - line));
		ds_buf_putc(whole, ' ');
	}
	if (whole->len + (size_t)(end - text) <= DS_TARGETS_ITEM_MAX)
		ds_buf_put(whole, text, (size_t)(end - text));
	else
		whole->failed = true;
	if (text[-1] == 'P' || text[-2] == 'P')
		return true;
	if (whole->failed)
		ds_targets_bad(p, "a line of several parts that is longer than 1 MiB");
	else
		p->skipped += !take_text(p, whole->data, whole->len);
	ds_buf_clear(whole);
	whole->failed = false;
	return true;
}

static void take_line(struct ds_targets_parser *p, const char *line, size_t len)
{
	while (len && line[len - 1] == '\r')
		len--;
	if (!len || line[0] == '#')
		p->skipped++;
	else if (memchr(line, '\0', len))
		ds_targets_bad(p, "a NUL character");
	else if (take_runtime_line(p, line, len))
		return;
	else if (!take_text(p, line, len) && !ds_targets_stamp_line(p, line, len) &&
		 !ds_targets_csv(p, line, len) && !ds_targets_klog_text(p, line, len))
		ds_targets_bad(p, "no format that is known: CloudTrail, EventBridge, the controller's "
				  "log, describe-target-health, CSV (time,target,port,state) or "
				  "drainsnoop's own lines");
}

static void on_item(void *ctx, enum ds_targets_item kind, uint64_t line, const char *data,
		    size_t len)
{
	struct ds_targets_parser *p = ctx;

	p->line = line;
	p->items++;
	if (kind == DS_TARGETS_OBJECT)
		take_object(p, data, len, "", 0);
	else
		take_line(p, data, len);
}

static void on_fault(void *ctx, uint64_t line, const char *what)
{
	struct ds_targets_parser *p = ctx;

	p->line = line;
	ds_targets_bad(p, what);
}

void ds_targets_parse_feed(struct ds_targets_parser *p, const char *data, size_t len)
{
	p->split.item = on_item;
	p->split.fault = on_fault;
	p->split.ctx = p;
	ds_targets_split_feed(&p->split, data, len);
}

void ds_targets_parse_end(struct ds_targets_parser *p)
{
	if (p->split.item)
		ds_targets_split_end(&p->split);
	for (int i = 0; i < 2; i++) {
		if (p->partial[i].len)
			ds_targets_bad(p, "the last line is partial (P): its other parts are missing");
		ds_buf_clear(&p->partial[i]);
		p->partial[i].failed = false;
	}
}

void ds_targets_parse_free(struct ds_targets_parser *p)
{
	ds_targets_tell_free(p);
	ds_targets_controller_free(p);
	ds_targets_split_free(&p->split);
	for (int i = 0; i < 2; i++)
		ds_buf_free(&p->partial[i]);
}
