/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands on standard output: the filtered events as JSON lines or as a table with a summary.
 * One printer serves trace and replay, so that both print the same.
 */
#ifndef DS_SINK_PRINTER_H
#define DS_SINK_PRINTER_H

#include "user/filter.h"

enum ds_output { DS_OUTPUT_TABLE, DS_OUTPUT_WIDE, DS_OUTPUT_JSON, DS_OUTPUT_MAX };
enum ds_time_format { DS_TIME_LOCAL, DS_TIME_UTC, DS_TIME_RELATIVE, DS_TIME_NONE, DS_TIME_MAX };
enum ds_color { DS_COLOR_AUTO, DS_COLOR_ALWAYS, DS_COLOR_NEVER, DS_COLOR_MAX };

struct ds_printer_options {
	struct ds_filter filter;
	enum ds_output output;
	enum ds_time_format time;
	enum ds_color color;
	bool headers, summary;
	int64_t limit;			/* printed drops, 0 = none */
};

struct ds_printer;

/* Whether standard output is to have colours: asks the terminal and NO_COLOR. */
bool ds_printer_wants_color(enum ds_color color);

/* 0 or -errno with one line logged. The options are borrowed until the printer is freed. */
int ds_printer_new(struct ds_printer **ret_printer, const struct ds_printer_options *options);
void ds_printer_free(struct ds_printer **printer);

/*
 * Prints one event that passes the filter. 0; -EPIPE when the reader has gone: the run should end
 * quietly, with status 0; another -errno (the disk is full), logged once: the line is lost and
 * counted.
 */
int ds_printer_event(struct ds_printer *p, const struct ds_event *ev);

/* The summary of a table. After the last event. */
int ds_printer_summary(struct ds_printer *p);

int64_t ds_printer_drops(const struct ds_printer *p);	/* printed drops: what --limit counts */

#endif
