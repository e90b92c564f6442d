// SPDX-License-Identifier: Apache-2.0
/*
 * JSON is read by the scanner of flat lines, which makes no copies that would have to be wiped.
 */
#include "user/source/aws/aws_credentials_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/core/scan.h"
#include "user/util/wipe.h"
#include "user/source/aws/xml.h"
#include "user/util/timefmt.h"

#define ERROR_CODE_MAX 64
#define ERROR_TEXT_MAX 200
#define REPEATED_BYTES 16	/* so many bytes of a secret in a row are one too many */

enum field { KEY_ID, SECRET, TOKEN, EXPIRATION, CODE, MESSAGE, FIELD_MAX };

/* What was found; owned copies (wipe.h). */
struct fields {
	char *of[FIELD_MAX];
	size_t len[FIELD_MAX];
};

static void clear_fields(struct fields *f)
{
	for (int i = 0; i < FIELD_MAX; i++)
		ds_wipe_free(f->of[i]);
}

static int set_field(struct fields *f, enum field i, const char *text, size_t len)
{
	char *copy = ds_wipe_calloc(1, len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	ds_wipe_free(f->of[i]);
	f->of[i] = copy;
	f->len[i] = len;
	return 0;
}

static int say(char *fault, int r, const char *what)
{
	(void)snprintf(fault, DS_AWS_FAULT_MAX, "%s", what);
	return r;
}

static bool repeats(const char *text, const char *secret)
{
	size_t len = strlen(text), all = secret ? strlen(secret) : 0;
	size_t run = all < REPEATED_BYTES ? all : REPEATED_BYTES;

	for (size_t i = 0; run && i + run <= all; i++)
		if (memmem(text, len, secret + i, run))
			return true;
	return false;
}

/* "CODE: MESSAGE" of what was found. */
static void tell_error(const struct fields *f, const char *secret, char *error)
{
	const char *code = f->of[CODE] ? f->of[CODE] : "";
	const char *message = f->of[MESSAGE] ? f->of[MESSAGE] : "";

	error[0] = '\0';
	if (f->of[SECRET])
		return;
	(void)snprintf(error, DS_AWS_FAULT_MAX, "%.*s%s%.*s", ERROR_CODE_MAX, code,
		       *code && *message ? ": " : "", ERROR_TEXT_MAX, message);
	for (char *c = error; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	if (repeats(error, secret))
		error[0] = '\0';
}

static struct ds_aws_text text_of(const struct fields *f, enum field i)
{
	return (struct ds_aws_text){ f->of[i], f->len[i] };
}

static int make_keys(const struct fields *f, struct ds_aws_keys *keys, char *fault)
{
	const char *what = NULL;
	int64_t expires_ns = 0;
	int r;

	if (!f->of[KEY_ID])
		return say(fault, -EINVAL, "an answer without AccessKeyId");
	if (!f->of[SECRET])
		return say(fault, -EINVAL, "an answer without SecretAccessKey");
	/* A moment 0 would mean that they never expire. */
	if (f->of[EXPIRATION] &&
	    (ds_time_parse(f->of[EXPIRATION], f->len[EXPIRATION], &expires_ns) ||
	     expires_ns <= 0 || expires_ns > DS_EVENT_TIME_MAX))
		return say(fault, -EINVAL, "an answer whose Expiration is no time");
	r = ds_aws_keys_set(keys, text_of(f, KEY_ID), text_of(f, SECRET), text_of(f, TOKEN), &what);
	if (r) {
		(void)snprintf(fault, DS_AWS_FAULT_MAX, "an answer with %s", what);
		return r;
	}
	keys->expires_ns = expires_ns;
	return 0;
}

static enum field json_field(const struct ds_scan_text *key)
{
	static const struct {
		const char *name;
		enum field field;
	} names[] = {
		{ "AccessKeyId", KEY_ID },    { "SecretAccessKey", SECRET },
		{ "Token", TOKEN },	      { "Expiration", EXPIRATION },
		{ "Code", CODE },	      { "code", CODE },
		{ "Message", MESSAGE },	      { "message", MESSAGE },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!key->cut && key->len == strlen(names[i].name) &&
		    !memcmp(key->text, names[i].name, key->len))
			return names[i].field;
	return FIELD_MAX;
}

/* One member of the object. 0, -EINVAL, -E2BIG or -ENOMEM. */
static int read_member(struct ds_scan *s, struct fields *f, char *room, size_t cap)
{
	struct ds_scan_text text;
	enum field field;

	if (ds_scan_string(s, room, cap, &text))
		return -EINVAL;
	field = json_field(&text);
	if (ds_scan_take(s, ':'))
		return -EINVAL;
	if (field == FIELD_MAX || ds_scan_peek(s) != '"')
		return ds_scan_skip(s);
	if (ds_scan_string(s, room, cap, &text))
		return -EINVAL;
	if (text.cut || text.len > DS_AWS_TOKEN_MAX)
		return -E2BIG;
	return set_field(f, field, text.text, text.len);
}

static int read_members(struct ds_scan *s, struct fields *f, char *room, size_t cap)
{
	int r;

	if (ds_scan_peek(s) == '}')
		return 0;
	for (;;) {
		r = read_member(s, f, room, cap);
		if (r || ds_scan_peek(s) != ',')
			return r;
		s->at++;
	}
}

/* 0, -EINVAL (no JSON object), -E2BIG or -ENOMEM. */
static int read_json(const char *text, size_t len, struct fields *f)
{
	char *room = ds_wipe_malloc(DS_AWS_TOKEN_MAX);
	struct ds_perr perr;
	struct ds_scan scan = { .line = text, .at = text, .end = text + len, .perr = &perr };
	int r = room ? ds_scan_take(&scan, '{') : -ENOMEM;

	if (!r)
		r = read_members(&scan, f, room, DS_AWS_TOKEN_MAX);
	if (!r)
		r = ds_scan_take(&scan, '}');
	if (!r && (ds_scan_peek(&scan) || scan.at < scan.end))
		r = -EINVAL;
	ds_wipe_free(room);
	explicit_bzero(&perr, sizeof(perr));	/* it may quote */
	return r;
}

/* IMDS says with status 200 that there are none. */
static int tell_refusal(const struct fields *f, char *fault)
{
	tell_error(f, NULL, fault);
	return fault[0] ? -EINVAL : say(fault, -EINVAL, "an answer whose Code is not Success");
}

int ds_aws_json_keys(const char *text, size_t len, struct ds_aws_keys *keys,
		     char fault[DS_AWS_FAULT_MAX])
{
	struct fields f = { 0 };
	int r = read_json(text, len, &f);

	ds_aws_keys_clear(keys);
	if (r == -ENOMEM)
		r = say(fault, r, "out of memory");
	else if (r)
		r = say(fault, -EINVAL,
			r == -E2BIG ? "an answer that is too long" :
				      "an answer that is not the JSON of credentials");
	else if (f.of[CODE] && strcmp(f.of[CODE], "Success") != 0)
		r = tell_refusal(&f, fault);
	else
		r = make_keys(&f, keys, fault);
	clear_fields(&f);
	return r;
}

void ds_aws_json_error(const char *text, size_t len, const char *secret,
		       char error[DS_AWS_FAULT_MAX])
{
	struct fields f = { 0 };

	error[0] = '\0';
	/* The agent of Pod Identity writes plain text; pages of proxies are of no use. */
	if (read_json(text, len, &f) && len && text[0] != '<' && text[0] != '{') {
		clear_fields(&f);
		f = (struct fields){ 0 };
		(void)set_field(&f, MESSAGE, text, len);	/* else nothing is told */
	}
	tell_error(&f, secret, error);
	clear_fields(&f);
}

/* Where STS writes what. */
static const struct {
	const char *path;
	enum field field;
} sts_paths[] = {
#define CREDENTIALS "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials"
	{ CREDENTIALS "/AccessKeyId", KEY_ID },
	{ CREDENTIALS "/SecretAccessKey", SECRET },
	{ CREDENTIALS "/SessionToken", TOKEN },
	{ CREDENTIALS "/Expiration", EXPIRATION },
	{ "/ErrorResponse/Error/Code", CODE },
	{ "/ErrorResponse/Error/Message", MESSAGE },
};

static int take_leaf(void *ctx, const char *path, const char *text, size_t len)
{
	struct fields *f = ctx;

	for (size_t i = 0; i < sizeof(sts_paths) / sizeof(sts_paths[0]); i++)
		if (!strcmp(path, sts_paths[i].path))
			return set_field(f, sts_paths[i].field, text, len);
	return 0;
}

static int read_sts(const char *text, size_t len, struct fields *f, const char **ret_fault)
{
	const struct ds_xml_reader reader = { .leaf = take_leaf, .ctx = f };

	return ds_xml_read(text, len, &reader, ret_fault);
}

int ds_aws_sts_keys(const char *text, size_t len, struct ds_aws_keys *keys,
		    char fault[DS_AWS_FAULT_MAX])
{
	struct fields f = { 0 };
	const char *what = NULL;
	int r = read_sts(text, len, &f, &what);

	ds_aws_keys_clear(keys);
	if (r) {
		(void)snprintf(fault, DS_AWS_FAULT_MAX, "an answer that cannot be read: %s",
			       what ? what : "out of memory");
		r = r == -ENOMEM ? r : -EINVAL;
	} else if (!f.of[TOKEN]) {
		r = say(fault, -EINVAL, "an answer without SessionToken");
	} else if (!f.of[EXPIRATION]) {
		r = say(fault, -EINVAL, "an answer without Expiration");
	} else {
		r = make_keys(&f, keys, fault);
	}
	clear_fields(&f);
	return r;
}

void ds_aws_sts_error(const char *text, size_t len, const char *secret,
		      char error[DS_AWS_FAULT_MAX])
{
	struct fields f = { 0 };
	const char *what;

	error[0] = '\0';
	if (!read_sts(text, len, &f, &what))
		tell_error(&f, secret, error);
	clear_fields(&f);
}
