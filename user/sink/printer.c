/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/printer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/sink/jsonl.h"
#include "user/sink/table_render.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

struct ds_printer {
	const struct ds_printer_options *options;
	struct ds_jsonl *jsonl;		/* -o json */
	struct ds_table_style style;	/* else */
	struct ds_table_sums sums;
	struct ds_buf buf;
	uint64_t seq;
	int64_t drops;
	bool header_due, gone, complained;
};

bool ds_printer_wants_color(enum ds_color color)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != DS_COLOR_AUTO)
		return color == DS_COLOR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

static int64_t utc_offset_s(enum ds_time_format format)
{
	time_t now = time(NULL);
	struct tm tm;

	return format == DS_TIME_LOCAL && localtime_r(&now, &tm) ? tm.tm_gmtoff : 0;
}

int ds_printer_new(struct ds_printer **ret_printer, const struct ds_printer_options *options)
{
	ds_cleanup(ds_printer_free) struct ds_printer *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p)
		return -ENOMEM;
	p->options = options;
	if (options->output == DS_OUTPUT_JSON)
		r = ds_jsonl_new(&p->jsonl, NULL);
	if (r)
		return r;
	p->style = (struct ds_table_style){
		.wide = options->output == DS_OUTPUT_WIDE,
		.color = ds_printer_wants_color(options->color),
		.time = options->time == DS_TIME_RELATIVE ? DS_TABLE_TIME_RELATIVE :
			options->time == DS_TIME_NONE ? DS_TABLE_TIME_NONE : DS_TABLE_TIME_CLOCK,
		.utc_offset_s = utc_offset_s(options->time),
	};
	p->header_due = options->headers;
	*ret_printer = DS_TAKE(p);
	return 0;
}

void ds_printer_free(struct ds_printer **printer)
{
	struct ds_printer *p = printer ? *printer : NULL;

	if (!p)
		return;
	ds_jsonl_free(&p->jsonl);
	ds_table_sums_free(&p->sums);
	ds_buf_free(&p->buf);
	free(DS_TAKE(*printer));
}

/* Everything in the buffer goes out whole; what cannot is lost and said once. */
static int write_out(struct ds_printer *p)
{
	size_t done = 0;

	while (done < p->buf.len) {
		ssize_t n = write(STDOUT_FILENO, p->buf.data + done, p->buf.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = errno;

			p->gone = err == EPIPE;
			if (!p->gone && !p->complained)
				(void)ds_log_err(err, "write to standard output; lines are lost");
			p->complained = true;
			return -err;
		}
		done += (size_t)n;
	}
	return 0;
}

static int print_row(struct ds_printer *p, const struct ds_event *ev)
{
	ds_buf_clear(&p->buf);
	if (p->header_due && ev->kind == DS_EVENT_START) {
		p->style.start_ns = ev->time_ns;
		p->header_due = false;
		ds_table_header(&p->buf, &p->style);
	}
	ds_table_row(&p->buf, ev, &p->style);
	return write_out(p);
}

int ds_printer_event(struct ds_printer *p, const struct ds_event *ev)
{
	int r;

	ds_table_sums_add(&p->sums, ev);	/* sums hold everything, whatever is printed */
	if (p->gone)
		return -EPIPE;
	if (!ds_filter_passes(&p->options->filter, ev))
		return 0;
	if (ev->kind == DS_EVENT_DROP && p->options->limit && p->drops >= p->options->limit)
		return 0;
	p->drops += ev->kind == DS_EVENT_DROP;
	if (!p->jsonl)
		return print_row(p, ev);
	r = ds_jsonl_event(p->jsonl, ev, p->seq++);
	p->gone = r == -EPIPE;
	return r;
}

int ds_printer_summary(struct ds_printer *p)
{
	if (p->jsonl || p->gone || !p->options->summary)
		return 0;
	ds_buf_clear(&p->buf);
	ds_table_summary(&p->buf, &p->sums, &p->style);
	return write_out(p);
}

int64_t ds_printer_drops(const struct ds_printer *p)
{
	return p->drops;
}
