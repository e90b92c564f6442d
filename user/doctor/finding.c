// SPDX-License-Identifier: Apache-2.0
/* Findings: sentences and facts, put together. */
#include "user/doctor/finding.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/util/json.h"

#define SENTENCE_MAX 1024
#define BETWEEN "; "

#define NAME(suffix, name, what) name,
#define WHAT(suffix, name, what) what,
static const char *const names[] = { DS_CHECK_LIST(NAME) };
static const char *const whats[] = { DS_CHECK_LIST(WHAT) };
static const char *const words[DS_FOUND_MAX] = { "skip", "ok", "warn", "fail" };

const char *ds_check_name(enum ds_check check)
{
	return check < DS_CHECK_MAX ? names[check] : "?";
}

const char *ds_check_what(enum ds_check check)
{
	return check < DS_CHECK_MAX ? whats[check] : "?";
}

const char *ds_found_name(enum ds_found found)
{
	return found < DS_FOUND_MAX ? words[found] : "?";
}

/* Whether one of the sentences is this one, whole. */
static bool has_sentence(const struct ds_buf *buf, const char *sentence)
{
	size_t between = strlen(BETWEEN), len = strlen(sentence);

	for (const char *p = buf->data; p && (p = strstr(p, sentence)); p++)
		if ((p == buf->data || ((size_t)(p - buf->data) >= between &&
					!memcmp(p - between, BETWEEN, between))) &&
		    (!p[len] || !strncmp(p + len, BETWEEN, between)))
			return true;
	return false;
}

/* Once is enough: two rights that are missing are mended by one advice. */
static void add(struct ds_buf *buf, const char *format, va_list args)
{
	char sentence[SENTENCE_MAX];
	int n = vsnprintf(sentence, sizeof(sentence), format, args);

	if (n <= 0 || has_sentence(buf, sentence))
		return;
	if (buf->len)
		ds_buf_puts(buf, BETWEEN);
	ds_buf_puts(buf, sentence);
}

void ds_finding_say(struct ds_finding *f, enum ds_found found, const char *format, ...)
{
	va_list args;

	if (found > f->found)
		f->found = found;
	va_start(args, format);
	add(&f->text, format, args);
	va_end(args);
}

void ds_finding_advise(struct ds_finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(&f->advice, format, args);
	va_end(args);
}

static void begin_fact(struct ds_finding *f, const char *key)
{
	if (f->facts.len)
		ds_buf_putc(&f->facts, ',');
	ds_json_string(&f->facts, key, strlen(key));
	ds_buf_putc(&f->facts, ':');
}

void ds_finding_text_fact(struct ds_finding *f, const char *key, const char *value)
{
	if (!value)
		return;
	begin_fact(f, key);
	ds_json_string(&f->facts, value, strlen(value));
}

void ds_finding_number_fact(struct ds_finding *f, const char *key, int64_t value)
{
	begin_fact(f, key);
	ds_buf_printf(&f->facts, "%" PRId64, value);
}

void ds_finding_bool_fact(struct ds_finding *f, const char *key, bool value)
{
	begin_fact(f, key);
	ds_buf_puts(&f->facts, value ? "true" : "false");
}

void ds_finding_free(struct ds_finding *f)
{
	ds_buf_free(&f->text);
	ds_buf_free(&f->advice);
	ds_buf_free(&f->facts);
}
