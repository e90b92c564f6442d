/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a table of at most 120 characters; -o wide adds what does not fit. Pure. */
#include "user/sink/table_render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/util/timefmt.h"
#include "user/util/utf8.h"

#define CELL_MAX 256

static const struct { const char *title; int width; } columns[] = {
	{ "TIME", 12 }, { "EVENT", 7 }, { "POD", 20 }, { "POD STATE", 22 }, { "TARGET", 15 },
};

static const char *color_of(const struct ds_event *ev)
{
	switch (ev->level) {
	case DS_LEVEL_ERROR:
		return "\033[31m";
	case DS_LEVEL_WARN:
		return "\033[33m";
	default:
		return "";
	}
}

/* Text that a terminal can take: no control characters, no broken UTF-8. */
static void cell_text(char out[CELL_MAX], const char *text)
{
	size_t len = 0;

	for (; *text && len < CELL_MAX - 5; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c >= 0x7f)
			len += (size_t)snprintf(out + len, CELL_MAX - len, "\\x%02x", c);
		else
			out[len++] = (char)c;
	}
	out[len] = '\0';
}

static void put_cell(struct ds_buf *buf, const char *text, int width, bool cut)
{
	int len = (int)strlen(text);

	if (cut && len > width)		/* names differ at their ends: keep those */
		ds_buf_printf(buf, "..%s  ", text + len - (width - 2));
	else
		ds_buf_printf(buf, "%-*s  ", width, text);
}

static void put_time(struct ds_buf *buf, const struct ds_event *ev,
		     const struct ds_table_style *style)
{
	char stamp[DS_RFC3339_LEN + 1];

	if (style->time == DS_TABLE_TIME_NONE)
		return;
	if (style->time == DS_TABLE_TIME_RELATIVE) {
		ds_buf_printf(buf, "%+12.3f  ", (double)(ev->time_ns - style->start_ns) / 1e9);
		return;
	}
	ds_time_rfc3339(ev->time_ns + style->utc_offset_s * DS_NS_PER_S, stamp);
	ds_buf_printf(buf, "%.12s  ", stamp + 11);
}

void ds_table_header(struct ds_buf *buf, const struct ds_table_style *style)
{
	for (size_t i = style->time == DS_TABLE_TIME_NONE; i < sizeof(columns) / sizeof(columns[0]);
	     i++)
		put_cell(buf, columns[i].title, columns[i].width, false);
	if (style->wide)
		put_cell(buf, "CONNECTION", 44, false);
	ds_buf_puts(buf, "DETAIL\n");
}

static void pod_cell(char out[CELL_MAX], const struct ds_event *ev)
{
	char raw[CELL_MAX];

	if (ds_event_has(ev, DS_KEY_POD_NAME))
		(void)snprintf(raw, sizeof(raw), "%s", ev->pod_name);
	else if (ds_event_has(ev, DS_KEY_POD_IP))
		(void)ds_addr_format(&ev->pod_ip, raw);
	else if (ds_event_has(ev, DS_KEY_ADVICE_OBJECT))
		(void)snprintf(raw, sizeof(raw), "%s", ev->advice_object);
	else
		(void)snprintf(raw, sizeof(raw), "-");
	cell_text(out, raw);
}

static void age(char *out, size_t size, const char *word, int64_t ns)
{
	(void)snprintf(out, size, "%s %+.1fs", word, (double)ns / 1e9);
}

static void state_cell(char out[CELL_MAX], const struct ds_event *ev)
{
	if (!ds_event_has(ev, DS_KEY_PHASE))
		(void)snprintf(out, CELL_MAX, "-");
	else if (ds_event_has(ev, DS_KEY_PHASE_AGE))
		age(out, CELL_MAX, ds_name(DS_NAMES_PHASE, ev->phase), ev->phase_age);
	else
		(void)snprintf(out, CELL_MAX, "%s", ds_name(DS_NAMES_PHASE, ev->phase));
}

static void target_cell(char out[CELL_MAX], const struct ds_event *ev)
{
	if (ev->kind == DS_EVENT_DROP && ds_event_has(ev, DS_KEY_OFFSET_MAX))
		age(out, CELL_MAX, "draining", ev->offset_max);
	else if (ds_event_has(ev, DS_KEY_TARGET_STATE))
		(void)snprintf(out, CELL_MAX, "%s", ds_name(DS_NAMES_TARGET_STATE, ev->target_state));
	else if (ev->kind == DS_EVENT_NO_TARGET)
		(void)snprintf(out, CELL_MAX, "none of %" PRId64, ev->tg_targets);
	else
		(void)snprintf(out, CELL_MAX, "-");
}

static void connection_cell(char out[CELL_MAX], const struct ds_event *ev)
{
	char from[DS_ADDR_STRLEN], to[DS_ADDR_STRLEN];

	if (ev->kind != DS_EVENT_DROP) {
		(void)snprintf(out, CELL_MAX, "-");
		return;
	}
	(void)ds_addr_format(&ev->source, from);
	(void)ds_addr_format(&ev->destination, to);
	(void)snprintf(out, CELL_MAX, "%s:%" PRId64 " > %s:%" PRId64, from, ev->source_port, to,
		       ev->destination_port);
}

static void drop_detail(struct ds_buf *buf, const struct ds_event *ev, bool wide)
{
	ds_buf_puts(buf, ds_name(DS_NAMES_CAUSE, ev->cause));
	if (ds_event_has(ev, DS_KEY_OUTCOME))
		ds_buf_printf(buf, " (%s)", ds_name(DS_NAMES_OUTCOME, ev->outcome));
	if (wide && ds_event_has(ev, DS_KEY_SYMPTOM))
		ds_buf_printf(buf, ", %s", ds_name(DS_NAMES_SYMPTOM, ev->symptom));
	if (ev->repeat > 1)
		ds_buf_printf(buf, ", %" PRId64 "x", ev->repeat);
	if (ev->drop_confidence == DS_CONFIDENCE_LOW)
		ds_buf_puts(buf, ", low confidence");
}

static void phase_detail(struct ds_buf *buf, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_PHASE_PORT))
		ds_buf_printf(buf, "port %" PRId64 " ", ev->phase_port);
	if (ds_event_has(ev, DS_KEY_SINCE_T0))
		ds_buf_printf(buf, "%.1fs after deletion", (double)ev->since_t0 / 1e9);
}

static void verdict_detail(struct ds_buf *buf, const struct ds_event *ev)
{
	ds_buf_printf(buf, "%s", ds_name(DS_NAMES_VERDICT, ev->verdict));
	if (ds_event_has(ev, DS_KEY_VERDICT_REASON))
		ds_buf_printf(buf, " (%s)", ds_name(DS_NAMES_VERDICT_REASON, ev->verdict_reason));
	ds_buf_printf(buf, ", %" PRId64 " lost", ev->verdict_drops);
	if (ds_event_has(ev, DS_KEY_TAIL))
		ds_buf_printf(buf, ", tail %.1fs", (double)ev->tail / 1e9);
	if (ds_event_has(ev, DS_KEY_OVERSLEEP))
		ds_buf_printf(buf, ", overslept %.0fs", (double)ev->oversleep / 1e9);
}

/* "none -> 7" */
static void put_change(struct ds_buf *buf, const struct ds_event *ev)
{
	char suggested[CELL_MAX], current[CELL_MAX];

	cell_text(suggested, ds_event_has(ev, DS_KEY_ADVICE_SUGGESTED) ? ev->advice_suggested : "?");
	cell_text(current, ds_event_has(ev, DS_KEY_ADVICE_CURRENT) ? ev->advice_current : "?");
	ds_buf_printf(buf, "%s -> %s", current, suggested);
}

static bool is_number(const char *text)
{
	return text && *text && !text[strspn(text, "0123456789")];
}

/* A number fits into the row; what is said in words is in the summary. */
static void advice_detail(struct ds_buf *buf, const struct ds_event *ev, bool wide)
{
	ds_buf_puts(buf, ds_name(DS_NAMES_ADVICE, ev->advice));
	if (!wide && !is_number(ev->advice_suggested))
		return;
	ds_buf_puts(buf, ": ");
	put_change(buf, ev);
}

static void absence_detail(struct ds_buf *buf, const struct ds_event *ev)
{
	char group[CELL_MAX];

	cell_text(group, ds_event_has(ev, DS_KEY_TG_NAME) ? ev->tg_name : "?");
	ds_buf_printf(buf, "no healthy target in %s", group);
	if (ds_event_has(ev, DS_KEY_TG_NO_TARGET))
		ds_buf_printf(buf, " for %.1fs", (double)ev->tg_no_target / 1e9);
	if (!ds_event_has(ev, DS_KEY_TG_LAST_ARRIVAL))
		ds_buf_puts(buf, ", nothing arrived");
}

static void target_detail(struct ds_buf *buf, const struct ds_event *ev)
{
	char id[CELL_MAX], group[CELL_MAX];

	cell_text(id, ev->target_id ? ev->target_id : "?");
	cell_text(group, ds_event_has(ev, DS_KEY_TG_NAME) ? ev->tg_name : "?");
	ds_buf_printf(buf, "%s:%" PRId64 " in %s", id, ev->target_port, group);
}

static void detail(struct ds_buf *buf, const struct ds_event *ev, bool wide)
{
	char raw[1024], text[CELL_MAX];

	switch (ev->kind) {
	case DS_EVENT_DROP:
		drop_detail(buf, ev, wide);
		break;
	case DS_EVENT_PHASE:
		phase_detail(buf, ev);
		break;
	case DS_EVENT_VERDICT:
		verdict_detail(buf, ev);
		break;
	case DS_EVENT_ADVICE:
		advice_detail(buf, ev, wide);
		break;
	case DS_EVENT_NO_TARGET:
		absence_detail(buf, ev);
		break;
	case DS_EVENT_TARGET:
		target_detail(buf, ev);
		break;
	default:
		(void)ds_event_message(ev, raw, sizeof(raw));
		cell_text(text, raw);
		ds_buf_puts(buf, text);
		break;
	}
}

static const char *word_of(const struct ds_event *ev)
{
	switch (ev->kind) {
	case DS_EVENT_DROP:
		return "drop";
	case DS_EVENT_PHASE:
		return "phase";
	case DS_EVENT_TARGET:
		return "target";
	case DS_EVENT_VERDICT:
		return "verdict";
	case DS_EVENT_ADVICE:
		return "advice";
	case DS_EVENT_NO_TARGET:
		return "absence";
	case DS_EVENT_HEALTH:
		return ev->level == DS_LEVEL_INFO ? NULL : "health";
	default:
		return NULL;
	}
}

void ds_table_row(struct ds_buf *buf, const struct ds_event *ev, const struct ds_table_style *style)
{
	const char *word = word_of(ev), *color = style->color ? color_of(ev) : "";
	char pod[CELL_MAX], state[CELL_MAX], target[CELL_MAX], connection[CELL_MAX];

	if (!word)
		return;
	pod_cell(pod, ev);
	state_cell(state, ev);
	target_cell(target, ev);
	ds_buf_puts(buf, color);
	put_time(buf, ev, style);
	put_cell(buf, word, columns[1].width, false);
	put_cell(buf, pod, columns[2].width, !style->wide);
	put_cell(buf, state, columns[3].width, false);
	put_cell(buf, target, columns[4].width, false);
	if (style->wide) {
		connection_cell(connection, ev);
		put_cell(buf, connection, 44, false);
	}
	detail(buf, ev, style->wide);
	ds_buf_puts(buf, *color ? "\033[0m\n" : "\n");
}

/* ---- the summary ---- */

void ds_table_sums_free(struct ds_table_sums *sums)
{
	ds_buf_free(&sums->advice);
}

/* What, of what, from what to what, and why: one below the other. */
static void note_advice(struct ds_buf *buf, const struct ds_event *ev)
{
	char text[CELL_MAX];

	cell_text(text, ds_event_has(ev, DS_KEY_ADVICE_OBJECT) ? ev->advice_object : "?");
	ds_buf_printf(buf, "  %s of %s (confidence %s)\n    ", ds_name(DS_NAMES_ADVICE, ev->advice), text,
		      ds_event_has(ev, DS_KEY_ADVICE_CONFIDENCE) ?
			      ds_name(DS_NAMES_CONFIDENCE, ev->advice_confidence) : "?");
	cell_text(text, ds_event_has(ev, DS_KEY_ADVICE_FIELD) ? ev->advice_field : "?");
	ds_buf_printf(buf, "%s: ", text);
	put_change(buf, ev);
	if (ds_event_has(ev, DS_KEY_ADVICE_EVIDENCE)) {
		cell_text(text, ev->advice_evidence);
		ds_buf_printf(buf, "\n    because %s", text);
	}
	ds_buf_puts(buf, "\n");
}

void ds_table_sums_add(struct ds_table_sums *sums, const struct ds_event *ev)
{
	switch (ev->kind) {
	case DS_EVENT_START:
		sums->start_ns = ev->time_ns;
		break;
	case DS_EVENT_VERDICT:
		sums->verdicts[ev->verdict]++;
		break;
	case DS_EVENT_ADVICE:
		note_advice(&sums->advice, ev);
		break;
	case DS_EVENT_NO_TARGET:
		sums->gaps += ds_event_has(ev, DS_KEY_TG_NO_TARGET);
		sums->gaps_ns += ds_event_has(ev, DS_KEY_TG_NO_TARGET) ? ev->tg_no_target : 0;
		break;
	case DS_EVENT_STOP:
		sums->stop_ns = ev->time_ns;
		sums->drops = ev->verdict_drops;
		sums->lost = ev->lost_events;
		memcpy(sums->drops_by, ev->drops_by, sizeof(sums->drops_by));
		memcpy(sums->not_drops, ev->not_drops, sizeof(sums->not_drops));
		break;
	default:
		break;
	}
}

static void list_counts(struct ds_buf *buf, const uint32_t *counts, int cnt, enum ds_names_id names)
{
	const char *separator = "";

	for (int i = 0; i < cnt; i++) {
		if (!counts[i])
			continue;
		ds_buf_printf(buf, "%s%" PRIu32 " %s", separator, counts[i], ds_name(names, i));
		separator = ", ";
	}
	if (!*separator)
		ds_buf_puts(buf, "none");
}

void ds_table_summary(struct ds_buf *buf, const struct ds_table_sums *sums,
		      const struct ds_table_style *style)
{
	int64_t pods = 0;

	for (int i = 0; i < DS_VERDICT_MAX; i++)
		pods += sums->verdicts[i];
	ds_buf_printf(buf, "\n%.1fs: %" PRId64 " pods went away (%" PRId64 " clean, %" PRId64
		      " with losses, %" PRId64 " inconclusive), ", (double)(sums->stop_ns - sums->start_ns) / 1e9,
		      pods, sums->verdicts[DS_VERDICT_CLEAN], sums->verdicts[DS_VERDICT_DROPPED],
		      sums->verdicts[DS_VERDICT_INCONCLUSIVE]);
	ds_buf_printf(buf, "%s%" PRId64 " connections lost%s, %" PRId64 " events lost.\n",
		      style->color && sums->drops ? "\033[31m" : "", sums->drops,
		      style->color && sums->drops ? "\033[0m" : "", sums->lost);
	ds_buf_puts(buf, "Lost, by cause: ");
	list_counts(buf, sums->drops_by, DS_CAUSE_MAX, DS_NAMES_CAUSE);
	ds_buf_puts(buf, ".\nNot drops: ");
	list_counts(buf, sums->not_drops, DS_NOT_DROP_MAX, DS_NAMES_NOT_DROP);
	ds_buf_puts(buf, ".\n");
	if (sums->gaps)
		ds_buf_printf(buf, "No healthy target in a target group: %" PRId64 "x, %.1fs in all.\n",
			      sums->gaps, (double)sums->gaps_ns / 1e9);
	if (sums->advice.len) {
		ds_buf_puts(buf, "Advice:\n");
		ds_buf_put(buf, sums->advice.data, sums->advice.len);
	}
}
