// SPDX-License-Identifier: Apache-2.0
/* Findings as a table, or as JSON. */
#include "user/doctor/report.h"

#include <stdio.h>
#include <string.h>

#include "user/util/json.h"
#include "user/util/timefmt.h"
#include "user/util/utf8.h"

#define NAME_WIDTH 10
#define WORD_WIDTH 4
#define INDENT (NAME_WIDTH + 2 + WORD_WIDTH + 2)
#define WIDTH_MIN (INDENT + 40)

static bool is_wanted(const struct ds_doctor_report *r, int check)
{
	return r->checks & UINT32_C(1) << check;
}

static int count(const struct ds_doctor_report *r, enum ds_found found)
{
	int n = 0;

	for (int i = 0; i < DS_CHECK_MAX; i++)
		n += is_wanted(r, i) && r->findings[i].found == found;
	return n;
}

int ds_doctor_failures(const struct ds_doctor_report *r)
{
	return count(r, DS_FOUND_FAIL);
}

/* A word of a sentence: what others wrote is in it, so nothing that a terminal would obey. */
static void put_word(struct ds_buf *buf, const char *word, size_t len)
{
	for (size_t i = 0; i < len; ) {
		size_t n = ds_utf8_sequence(word + i, len - i);
		unsigned char c = (unsigned char)word[i];

		if (n == 0 || (n == 1 && (c < 0x20 || c == 0x7f)) ||
		    (n == 2 && c == 0xc2 && (unsigned char)word[i + 1] < 0xa0)) {
			ds_buf_printf(buf, "\\x%02x", c);
			i++;
			continue;
		}
		ds_buf_put(buf, word + i, n);
		i += n;
	}
}

/* A sentence from column INDENT on, broken between words, with a full stop. */
static void put_sentence(struct ds_buf *buf, const char *text, int width)
{
	size_t room = (size_t)((width > WIDTH_MIN ? width : WIDTH_MIN) - INDENT), used = 0;

	for (const char *word = text; *word; ) {
		size_t len = strcspn(word, " ");

		if (used && used + 1 + len > room) {
			ds_buf_printf(buf, "\n%*s", INDENT, "");
			used = 0;
		} else if (used) {
			ds_buf_putc(buf, ' ');
			used++;
		}
		put_word(buf, word, len);
		used += len;
		word += len;
		word += strspn(word, " ");
	}
	ds_buf_puts(buf, used && text[strlen(text) - 1] != '.' ? ".\n" : "\n");
}

static const char *color_of(enum ds_found found)
{
	static const char *const colors[DS_FOUND_MAX] = { "\033[2m", "\033[32m", "\033[33m",
							  "\033[31m" };

	return colors[found];
}

static void put_finding(struct ds_buf *buf, const struct ds_finding *f, bool color, int width)
{
	const char *word = f->found == DS_FOUND_FAIL ? "FAIL" : ds_found_name(f->found);

	ds_buf_printf(buf, "%-*s  %s%-*s%s  ", NAME_WIDTH, ds_check_name(f->check),
		      color ? color_of(f->found) : "", WORD_WIDTH, word, color ? "\033[0m" : "");
	put_sentence(buf, f->text.data ? f->text.data : "", width);
	if (f->advice.len) {
		ds_buf_printf(buf, "%*s", INDENT, "");
		put_sentence(buf, f->advice.data, width);
	}
}

void ds_doctor_table(struct ds_buf *buf, const struct ds_doctor_report *r)
{
	int failures = ds_doctor_failures(r), warnings = count(r, DS_FOUND_WARN);

	for (int i = 0; i < DS_CHECK_MAX; i++)
		if (is_wanted(r, i))
			put_finding(buf, &r->findings[i], r->color, r->width);
	if (failures)
		ds_buf_printf(buf, "%d must be mended", failures);
	else
		ds_buf_puts(buf, "Nothing has to be mended");
	if (warnings)
		ds_buf_printf(buf, ", %d %s worth a look", warnings, warnings == 1 ? "is" : "are");
	ds_buf_puts(buf, ".\n");
}

static void member(struct ds_buf *buf, const char *key, const char *value)
{
	ds_buf_printf(buf, "\"%s\":", key);
	ds_json_string(buf, value, strlen(value));
}

static void put_object(struct ds_buf *buf, const struct ds_finding *f)
{
	ds_buf_putc(buf, '{');
	member(buf, "check", ds_check_name(f->check));
	ds_buf_putc(buf, ',');
	member(buf, "looks_at", ds_check_what(f->check));
	ds_buf_putc(buf, ',');
	member(buf, "status", ds_found_name(f->found));
	ds_buf_putc(buf, ',');
	member(buf, "text", f->text.data ? f->text.data : "");
	if (f->advice.len) {
		ds_buf_putc(buf, ',');
		member(buf, "advice", f->advice.data);
	}
	ds_buf_printf(buf, ",\"facts\":{%s}}", f->facts.data ? f->facts.data : "");
}

void ds_doctor_json(struct ds_buf *buf, const struct ds_doctor_report *r)
{
	char stamp[DS_RFC3339_LEN + 1];

	ds_time_rfc3339(r->time_ns, stamp);
	ds_buf_puts(buf, "{\"schema\":1,");
	member(buf, "time", stamp);
	ds_buf_putc(buf, ',');
	member(buf, "version", r->version);
	if (r->node[0]) {
		ds_buf_putc(buf, ',');
		member(buf, "node", r->node);
	}
	ds_buf_putc(buf, ',');
	member(buf, "for", r->command);
	ds_buf_printf(buf, ",\"failed\":%d,\"warned\":%d,\"checks\":[", ds_doctor_failures(r),
		      count(r, DS_FOUND_WARN));
	for (int i = 0, printed = 0; i < DS_CHECK_MAX; i++) {
		if (!is_wanted(r, i))
			continue;
		if (printed++)
			ds_buf_putc(buf, ',');
		put_object(buf, &r->findings[i]);
	}
	ds_buf_puts(buf, "]}\n");
}
