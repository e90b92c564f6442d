/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two formats differ in little: where the family's name ends, what HELP escapes, units,
 * exemplars and the last line.
 */
#include "user/sink/metrics_text.h"

#include <stdlib.h>
#include <string.h>

#include "user/util/text.h"
#include "user/util/timefmt.h"
#include "user/util/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD, for bytes that are not UTF-8 */

static const char *const type_words[] = {
	[DS_METRIC_COUNTER] = "counter", [DS_METRIC_GAUGE] = "gauge",
	[DS_METRIC_HISTOGRAM] = "histogram", [DS_METRIC_INFO] = "info",
};

/* What its samples are called beyond the family. */
static const char *suffix_of(enum ds_metric_type type)
{
	return type == DS_METRIC_COUNTER ? "_total" : type == DS_METRIC_INFO ? "_info" : "";
}

static void put_escaped(struct ds_buf *out, const char *text, bool quotes)
{
	size_t len = strlen(text);

	while (len) {
		size_t n = ds_utf8_sequence(text, len);

		if (!n)
			ds_buf_puts(out, REPLACEMENT);
		else if (*text == '\\')
			ds_buf_puts(out, "\\\\");
		else if (*text == '\n')
			ds_buf_puts(out, "\\n");
		else if (*text == '"' && quotes)
			ds_buf_puts(out, "\\\"");
		else
			ds_buf_put(out, text, n);
		n = n ? n : 1;
		text += n;
		len -= n;
	}
}

static void put_heading(struct ds_metrics_text *t, const char *word)
{
	const struct ds_metric_family *f = t->family;

	/* The old format knows samples only: its families are called as these are. */
	ds_buf_printf(t->out, "# %s %s%s ", word, f->name,
		      t->openmetrics ? "" : suffix_of(f->type));
}

void ds_metrics_text_family(struct ds_metrics_text *t, const struct ds_metric_family *family)
{
	bool info = family->type == DS_METRIC_INFO;

	t->family = family;
	put_heading(t, "HELP");
	put_escaped(t->out, family->help, t->openmetrics);
	ds_buf_putc(t->out, '\n');
	put_heading(t, "TYPE");
	ds_buf_puts(t->out, info && !t->openmetrics ? "gauge" : type_words[family->type]);
	ds_buf_putc(t->out, '\n');
	if (!t->openmetrics || !family->unit)
		return;
	put_heading(t, "UNIT");
	ds_buf_puts(t->out, family->unit);
	ds_buf_putc(t->out, '\n');
}

static void put_label(struct ds_buf *out, const struct ds_metric_label *label, bool first)
{
	ds_buf_putc(out, first ? '{' : ',');
	ds_buf_puts(out, label->name);
	ds_buf_puts(out, "=\"");
	put_escaped(out, label->value, true);
	ds_buf_putc(out, '"');
}

static void put_labels(struct ds_buf *out, const struct ds_metric_label *labels, int cnt)
{
	bool first = true;

	for (int i = 0; i < cnt; i++) {
		if (!labels[i].value || !labels[i].value[0])
			continue;
		put_label(out, &labels[i], first);
		first = false;
	}
	if (!first)
		ds_buf_putc(out, '}');
}

/* Nanoseconds as seconds: as many digits as it needs, and `least` after the point. */
static void put_seconds(struct ds_buf *out, int64_t ns, int least)
{
	uint64_t all = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	uint32_t rest = (uint32_t)(all % (uint64_t)DS_NS_PER_S);
	char digits[9];
	int len = 9;

	ds_digits_fixed(digits, rest, 9);
	while (len > least && digits[len - 1] == '0')
		len--;
	ds_buf_printf(out, "%s%llu", ns < 0 ? "-" : "",
		      (unsigned long long)(all / (uint64_t)DS_NS_PER_S));
	if (len) {
		ds_buf_putc(out, '.');
		ds_buf_put(out, digits, (size_t)len);
	}
}

static void put_value(struct ds_buf *out, struct ds_metric_value value)
{
	if (value.is_ns)
		put_seconds(out, value.n, 0);
	else
		ds_buf_printf(out, "%lld", (long long)value.n);
}

static size_t characters(const char *text)
{
	size_t len = strlen(text), cnt = 0;

	while (len) {
		size_t n = ds_utf8_sequence(text, len);

		n = n ? n : 1;
		text += n;
		len -= n;
		cnt++;
	}
	return cnt;
}

static void put_exemplar(struct ds_metrics_text *t, const struct ds_metric_exemplar *e)
{
	if (!t->openmetrics || !e || !e->label.value || !e->label.value[0] ||
	    characters(e->label.name) + characters(e->label.value) > DS_METRIC_EXEMPLAR_MAX)
		return;
	ds_buf_puts(t->out, " # ");
	put_labels(t->out, &e->label, 1);
	ds_buf_printf(t->out, " %lld", (long long)e->n);
	if (e->time_ns) {
		ds_buf_putc(t->out, ' ');
		put_seconds(t->out, e->time_ns, 0);
	}
}

void ds_metrics_text_exemplified(struct ds_metrics_text *t, const struct ds_metric_label *labels,
				 int labels_cnt, struct ds_metric_value value,
				 const struct ds_metric_exemplar *exemplar)
{
	ds_buf_puts(t->out, t->family->name);
	ds_buf_puts(t->out, suffix_of(t->family->type));
	put_labels(t->out, labels, labels_cnt);
	ds_buf_putc(t->out, ' ');
	put_value(t->out, value);
	put_exemplar(t, exemplar);
	ds_buf_putc(t->out, '\n');
}

void ds_metrics_text_sample(struct ds_metrics_text *t, const struct ds_metric_label *labels,
			    int labels_cnt, struct ds_metric_value value)
{
	ds_metrics_text_exemplified(t, labels, labels_cnt, value, NULL);
}

static void put_name(struct ds_metrics_text *t, const char *suffix,
		     const struct ds_metric_label *labels, int labels_cnt)
{
	ds_buf_puts(t->out, t->family->name);
	ds_buf_puts(t->out, suffix);
	put_labels(t->out, labels, labels_cnt);
	ds_buf_putc(t->out, ' ');
}

void ds_metrics_text_histogram(struct ds_metrics_text *t, const struct ds_metric_label *labels,
			       int labels_cnt, const struct ds_metric_histogram *h)
{
	struct ds_metric_label with_le[DS_METRIC_LABELS_MAX + 1];
	struct ds_buf le = { 0 };
	uint64_t sum = 0;

	if (labels_cnt > DS_METRIC_LABELS_MAX)
		return;
	for (int i = 0; i < labels_cnt; i++)
		with_le[i] = labels[i];
	for (int i = 0; i <= h->bounds_cnt; i++) {
		sum += h->counts[i];
		ds_buf_clear(&le);
		/* OpenMetrics writes a bound with its point: one name for both formats. */
		if (i < h->bounds_cnt)
			put_seconds(&le, h->bounds_ns[i], 1);
		else
			ds_buf_puts(&le, "+Inf");
		t->out->failed = t->out->failed || le.failed;
		with_le[labels_cnt] = (struct ds_metric_label){ "le", le.data };
		put_name(t, "_bucket", with_le, labels_cnt + 1);
		ds_buf_printf(t->out, "%llu\n", (unsigned long long)sum);
	}
	ds_buf_free(&le);
	put_name(t, "_sum", labels, labels_cnt);
	put_seconds(t->out, h->sum_ns, 0);
	ds_buf_putc(t->out, '\n');
	put_name(t, "_count", labels, labels_cnt);
	ds_buf_printf(t->out, "%llu\n", (unsigned long long)sum);
}

void ds_metrics_text_labelled(struct ds_metrics_text *t, const char *label, const char *value,
			      uint64_t n)
{
	const struct ds_metric_label only = { label, value };

	ds_metrics_text_sample(t, &only, 1, DS_METRIC_COUNT(n));
}

void ds_metrics_text_single(struct ds_metrics_text *t, const struct ds_metric_family *family,
			    struct ds_metric_value value)
{
	ds_metrics_text_family(t, family);
	ds_metrics_text_sample(t, NULL, 0, value);
}

void ds_metrics_text_end(struct ds_metrics_text *t)
{
	if (t->openmetrics)
		ds_buf_puts(t->out, "# EOF\n");
}
