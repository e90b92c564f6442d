/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One byte after the other through a small machine; what is kept goes to one buffer. An item of a
 * list is cut off the end of that buffer as soon as it is whole.
 */
#include "user/source/kube/kube_split.h"

#include <string.h>

#define KEEP_BUF_BYTES 65536 /* a larger buffer is given back */

enum state {
	TOP, /* between objects */
	FIRST_KEY, /* behind { */
	KEY, /* behind a comma */
	IN_KEY,
	COLON,
	VALUE,
	FIRST_VALUE, /* behind [ */
	IN_STRING,
	IN_SCALAR,
	BEHIND, /* a value */
	SKIPPING, /* a value that is not kept */
	SKIPPING_STRING,
	SKIPPING_SCALAR,
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
	       c == '.' || c == 'E';
}

static void put(struct ds_kube_split *s, const char *data, size_t len)
{
	if (s->over)
		return;
	s->over = s->buf.len - s->item_at + len > (s->max ? s->max : DS_KUBE_KEPT_MAX);
	if (!s->over)
		ds_buf_put(&s->buf, data, len);
}

static struct ds_kube_split_frame *top(struct ds_kube_split *s)
{
	return &s->frames[s->depth - 1];
}

static bool is_any(const char *key)
{
	return key[0] == '*' && !key[1];
}

/* JSON has no such characters in strings, and a NUL would end the piece. */
static bool is_text(const char *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)key[i] < ' ')
			return false;
	return true;
}

/* The member's key in the table, or NULL. */
static const char *find_kept(const struct ds_kube_split *s, const char *parent)
{
	if (!s->key_len || s->key_len > sizeof(s->key))
		return NULL;
	for (const struct ds_kube_keep *k = s->keep; k->parent; k++) {
		if (k->key[0] == s->key[0] && strlen(k->key) == s->key_len &&
		    !memcmp(k->key, s->key, s->key_len) && !strcmp(k->parent, parent))
			return k->key;
		if (is_any(k->key) && !strcmp(k->parent, parent) && is_text(s->key, s->key_len))
			return k->key;
	}
	return NULL;
}

/* Where a value begins that is kept: the comma before it, and its key. */
static void begin_kept(struct ds_kube_split *s)
{
	struct ds_kube_split_frame *f;

	if (!s->depth)
		return;
	f = top(s);
	if (f->items) {
		s->item_at = s->buf.len;
		return;
	}
	if (f->some)
		put(s, ",", 1);
	f->some = true;
	if (!f->is_object)
		return;
	put(s, "\"", 1);
	if (is_any(s->kept))
		put(s, s->key, s->key_len);
	else
		put(s, s->kept, strlen(s->kept));
	put(s, "\":", 2);
}

static void end_piece(struct ds_kube_split *s, enum ds_kube_piece kind)
{
	if (s->over || s->buf.failed)
		s->fault(s->ctx, s->over ? "an object is too large" : "out of memory");
	else
		s->piece(s->ctx, kind, s->buf.data + s->item_at, s->buf.len - s->item_at);
	s->buf.failed = false;
	if (s->item_at <= s->buf.len && s->buf.data) {
		s->buf.len = s->item_at;
		s->buf.data[s->buf.len] = '\0';
	}
	s->item_at = 0;
	s->over = false;
	if (kind == DS_KUBE_PIECE_OBJECT && s->buf.cap > KEEP_BUF_BYTES)
		ds_buf_free(&s->buf);
}

/* A value is whole. */
static void end_value(struct ds_kube_split *s)
{
	s->state = s->depth ? BEHIND : TOP;
	if (!s->depth)
		end_piece(s, DS_KUBE_PIECE_OBJECT);
	else if (top(s)->items)
		end_piece(s, DS_KUBE_PIECE_ITEM);
}

static bool open_bracket(struct ds_kube_split *s, char c)
{
	const char *name = "";
	bool items = false;

	if (s->depth) {
		name = top(s)->is_object ? s->kept : top(s)->name;
		items = s->depth == 1 && c == '[' && !strcmp(name, "items");
	}
	begin_kept(s);
	put(s, &c, 1);
	s->frames[s->depth++] = (struct ds_kube_split_frame){
		.name = items ? "object" : name,
		.is_object = c == '{',
		.items = items,
	};
	s->state = c == '{' ? FIRST_KEY : FIRST_VALUE;
	return true;
}

static bool close_bracket(struct ds_kube_split *s, char c)
{
	if (top(s)->is_object != (c == '}'))
		return false;
	s->depth--;
	put(s, &c, 1);
	end_value(s);
	return true;
}

static bool begin_value(struct ds_kube_split *s, char c)
{
	bool bracket = c == '{' || c == '[';

	if (!bracket && c != '"' && !is_scalar(c))
		return false;
	if (top(s)->is_object && !s->kept) {
		s->skip_depth = bracket;
		s->state = bracket ? SKIPPING : c == '"' ? SKIPPING_STRING : SKIPPING_SCALAR;
		return true;
	}
	if (bracket && s->depth == DS_KUBE_DEPTH_MAX) {
		begin_kept(s);
		put(s, "null", 4);
		s->skip_depth = 1;
		s->state = SKIPPING;
		return true;
	}
	if (bracket)
		return open_bracket(s, c);
	begin_kept(s);
	put(s, &c, 1);
	s->state = c == '"' ? IN_STRING : IN_SCALAR;
	return true;
}

/* Between two values: within a list or an object, or at the top. */
static bool take_between(struct ds_kube_split *s, char c)
{
	if (is_space(c))
		return true;
	switch ((enum state)s->state) {
	case TOP:
		return c == '{' && open_bracket(s, c);
	case FIRST_KEY:
	case KEY:
		if (c == '}' && s->state == FIRST_KEY)
			return close_bracket(s, c);
		s->key_len = 0;
		s->state = IN_KEY;
		return c == '"';
	case COLON:
		s->kept = find_kept(s, top(s)->name);
		s->state = VALUE;
		return c == ':';
	case FIRST_VALUE:
		return c == ']' ? close_bracket(s, c) : begin_value(s, c);
	case BEHIND:
		if (c != ',')
			return (c == '}' || c == ']') && close_bracket(s, c);
		s->state = top(s)->is_object ? KEY : VALUE;
		return true;
	default:
		return begin_value(s, c);
	}
}

static void take_key(struct ds_kube_split *s, char c)
{
	if (!s->escaped && c == '"') {
		s->state = COLON;
		return;
	}
	s->escaped = !s->escaped && c == '\\';
	if (s->key_len < sizeof(s->key))
		s->key[s->key_len] = c;
	if (s->key_len <= sizeof(s->key)) /* one more: it is longer than any of the table */
		s->key_len++;
}

/* Whether c ends the string at hand; it is taken in any case. */
static bool ends_string(struct ds_kube_split *s, char c)
{
	if (!s->escaped && c == '"')
		return true;
	s->escaped = !s->escaped && c == '\\';
	return false;
}

static void take_skipped(struct ds_kube_split *s, char c)
{
	if (c == '"')
		s->state = SKIPPING_STRING;
	else if (c == '{' || c == '[')
		s->skip_depth++;
	else if ((c == '}' || c == ']') && --s->skip_depth == 0)
		end_value(s);
}

static bool take(struct ds_kube_split *s, char c)
{
	switch ((enum state)s->state) {
	case IN_KEY:
		take_key(s, c);
		return true;
	case IN_STRING:
		put(s, &c, 1);
		if (ends_string(s, c))
			end_value(s);
		return true;
	case IN_SCALAR:
		if (!is_scalar(c)) {
			end_value(s);
			return take_between(s, c);
		}
		put(s, &c, 1);
		return true;
	case SKIPPING:
		take_skipped(s, c);
		return true;
	case SKIPPING_STRING:
		if (!ends_string(s, c))
			return true;
		s->state = SKIPPING;
		if (!s->skip_depth)
			end_value(s);
		return true;
	case SKIPPING_SCALAR:
		if (is_scalar(c))
			return true;
		end_value(s);
		return take_between(s, c);
	default:
		return take_between(s, c);
	}
}

/*
 * Most of what a server sends is kept by nobody: of a value that is an object or a list, all bytes
 * up to its last bracket at once. Returns how many went by.
 */
static size_t skip(struct ds_kube_split *s, const char *data, size_t len)
{
	bool text = s->state == SKIPPING_STRING, escaped = s->escaped;
	int64_t depth = s->skip_depth;
	size_t n = 0;

	for (; n < len; n++) {
		char c = data[n];

		if (text) {
			text = escaped || c != '"';
			escaped = !escaped && c == '\\';
		} else if (c == '"') {
			text = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (depth == 1)
				break;
			depth--;
		}
	}
	s->state = text ? SKIPPING_STRING : SKIPPING;
	s->escaped = escaped;
	s->skip_depth = depth;
	return n;
}

/* The bytes of a string that is kept, up to its end or a backslash. */
static size_t copy(struct ds_kube_split *s, const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[n] != '"' && data[n] != '\\')
		n++;
	put(s, data, n);
	return n;
}

bool ds_kube_split_feed(struct ds_kube_split *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len && !s->broken;) {
		size_t n = 0;

		if (s->skip_depth && (s->state == SKIPPING || s->state == SKIPPING_STRING))
			n = skip(s, data + i, len - i);
		else if (s->state == IN_STRING && !s->escaped)
			n = copy(s, data + i, len - i);
		i += n;
		if (i < len && !n)
			s->broken = !take(s, data[i++]);
	}
	return !s->broken;
}

bool ds_kube_split_end(struct ds_kube_split *s)
{
	bool whole = !s->broken && s->state == TOP;

	ds_buf_clear(&s->buf);
	s->depth = s->state = 0;
	s->skip_depth = 0;
	s->item_at = 0;
	s->escaped = s->over = s->broken = false;
	return whole;
}

void ds_kube_split_free(struct ds_kube_split *s)
{
	(void)ds_kube_split_end(s);
	ds_buf_free(&s->buf);
}
