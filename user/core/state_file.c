/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header and trailer are written in one fixed form and read back as that and nothing else; only
 * the version may be another. The events between them are our own lines.
 */
#include "user/core/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

/* A key for accidents, not for attackers: who may write the file may write what he likes. */
#define KEY_0 UINT64_C(0x647261696e736e6f)
#define KEY_1 UINT64_C(0x6f70207374617465)

#define HEADER_VERSION "{\"drainsnoop.state.version\":"
#define HEADER_TIME ",\"time\":\""
#define HEADER_RUN "\",\"drainsnoop.run.id\":\""
#define HEADER_BOOT "\",\"drainsnoop.state.boot_id\":\""
#define TRAILER_LINES "{\"drainsnoop.state.lines\":"
#define TRAILER_CHECKSUM ",\"drainsnoop.state.checksum\":\""
#define LINE_END "\"}\n"
#define CHECKSUM_DIGITS 16

static uint64_t checksum(const char *data, size_t len)
{
	return ds_siphash13(KEY_0, KEY_1, data, len);
}

/* ---- making one ---- */

void ds_state_begin(struct ds_state_text *t, const struct ds_state_header *header)
{
	char time[DS_RFC3339_LEN + 1];

	t->header = *header;
	t->lines = 0;
	ds_buf_clear(&t->all);
	ds_time_rfc3339(header->time_ns, time);
	ds_buf_printf(&t->all,
		      HEADER_VERSION "%d" HEADER_TIME "%s" HEADER_RUN "%s" HEADER_BOOT
				     "%s" LINE_END,
		      DS_STATE_VERSION, time, header->run_id, header->boot_id);
	t->body = t->all.len;
}

void ds_state_add(void *ctx, const struct ds_event *ev)
{
	struct ds_state_text *t = ctx;
	struct ds_event own = *ev;

	memcpy(own.run_id, t->header.run_id, sizeof(own.run_id));
	ds_event_canonical(&own);	/* one line that cannot be read costs all of them */
	ds_event_write(&t->line, &own, t->lines++);
	t->all.failed = t->all.failed || t->line.failed;
	ds_buf_put(&t->all, t->line.data, t->line.len);
}

int ds_state_end(struct ds_state_text *t)
{
	uint64_t sum = t->all.failed ? 0 : checksum(t->all.data, t->all.len);

	ds_buf_printf(&t->all, TRAILER_LINES "%llu" TRAILER_CHECKSUM "%016llx" LINE_END,
		      (unsigned long long)t->lines, (unsigned long long)sum);
	return t->all.failed ? -ENOMEM : 0;
}

uint64_t ds_state_fingerprint(const struct ds_state_text *t)
{
	const char *trailer = memrchr(t->all.data, '\n', t->all.len - 1);

	/* Without the trailer: its checksum holds the header's time too. */
	return checksum(t->all.data + t->body, (size_t)(trailer + 1 - t->all.data) - t->body);
}

void ds_state_text_free(struct ds_state_text *t)
{
	ds_buf_free(&t->all);
	ds_buf_free(&t->line);
}

/* ---- reading one ---- */

/* What is left of a line that is being taken apart. */
struct rest {
	const char *at;
	size_t len;
};

static bool skip(struct rest *r, const char *literal)
{
	size_t n = strlen(literal);

	if (r->len < n || memcmp(r->at, literal, n) != 0)
		return false;
	r->at += n;
	r->len -= n;
	return true;
}

/* Up to `max` visible characters before a quote, as all of ours are; the NUL is added. */
static bool take_text(struct rest *r, char *buf, size_t max)
{
	size_t n = 0;

	while (n < r->len && r->at[n] > ' ' && r->at[n] < 0x7f && r->at[n] != '"')
		n++;
	if (n > max || n == r->len || r->at[n] != '"')
		return false;
	memcpy(buf, r->at, n);
	buf[n] = '\0';
	r->at += n;
	r->len -= n;
	return true;
}

/* A number without leading zeros, as it was written. */
static bool take_number(struct rest *r, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < r->len && n < 18 && r->at[n] >= '0' && r->at[n] <= '9')
		v = v * 10 + (uint64_t)(r->at[n++] - '0');
	if (!n || (n > 1 && r->at[0] == '0'))
		return false;
	r->at += n;
	r->len -= n;
	*ret = v;
	return true;
}

static bool take_hex(struct rest *r, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t v = 0;

	if (r->len < CHECKSUM_DIGITS)
		return false;
	for (size_t i = 0; i < CHECKSUM_DIGITS; i++) {
		const char *d = r->at[i] ? strchr(digits, r->at[i]) : NULL;

		if (!d)
			return false;
		v = v << 4 | (uint64_t)(d - digits);
	}
	r->at += CHECKSUM_DIGITS;
	r->len -= CHECKSUM_DIGITS;
	*ret = v;
	return true;
}

static int fault(char *why, const char *text)
{
	(void)snprintf(why, DS_STATE_WHY_LEN + 1, "%s", text);
	return -EINVAL;
}

static int parse_trailer(const char *data, size_t len, struct ds_state_view *v, size_t *ret_before,
			 char *why)
{
	const char *newline = len > 1 ? memrchr(data, '\n', len - 1) : NULL;
	struct rest r;
	uint64_t sum;

	if (!len)
		return fault(why, "it is empty");
	if (data[len - 1] != '\n' || !newline)
		return fault(why, "it has no end: it was cut off");
	r = (struct rest){ newline + 1, len - (size_t)(newline + 1 - data) };
	if (!skip(&r, TRAILER_LINES) || !take_number(&r, &v->lines) ||
	    !skip(&r, TRAILER_CHECKSUM) || !take_hex(&r, &sum) || !skip(&r, LINE_END) || r.len)
		return fault(why, "its last line is missing: it was cut off");
	*ret_before = (size_t)(newline + 1 - data);
	return checksum(data, *ret_before) == sum ? 0 : fault(why, "its checksum is wrong");
}

static int parse_header(const char *data, size_t len, struct ds_state_view *v, char *why)
{
	struct rest r = { data, len };
	char time[DS_RFC3339_LEN + 1];
	uint64_t version;

	if (!skip(&r, HEADER_VERSION) || !take_number(&r, &version))
		return fault(why, "its first line is not that of a state file");
	if (version != DS_STATE_VERSION) {
		(void)snprintf(why, DS_STATE_WHY_LEN + 1,
			       "its version is %llu, this program knows %d",
			       (unsigned long long)version, DS_STATE_VERSION);
		return -EINVAL;
	}
	if (!skip(&r, HEADER_TIME) || !take_text(&r, time, DS_RFC3339_LEN) ||
	    !skip(&r, HEADER_RUN) || !take_text(&r, v->header.run_id, DS_RUN_ID_LEN) ||
	    !skip(&r, HEADER_BOOT) || !take_text(&r, v->header.boot_id, DS_BOOT_ID_LEN) ||
	    !skip(&r, LINE_END) || ds_time_parse(time, strlen(time), &v->header.time_ns) ||
	    v->header.time_ns < 0 || v->header.time_ns > DS_EVENT_TIME_MAX)
		return fault(why, "its first line is malformed");
	v->body = r.at;
	v->body_len = r.len;
	return 0;
}

/* The next line of a body. The lines before the trailer all end in a newline. */
static bool next_line(struct rest *r, struct rest *ret_line)
{
	const char *newline = r->len ? memchr(r->at, '\n', r->len) : NULL;

	if (!newline)
		return false;
	*ret_line = (struct rest){ r->at, (size_t)(newline - r->at) };
	r->len -= ret_line->len + 1;
	r->at = newline + 1;
	return true;
}

/* Nothing is told before all of it is known to be good. */
static int check_lines(const struct ds_state_view *v, char *why)
{
	struct rest r = { v->body, v->body_len }, line;
	struct ds_perr perr;
	struct ds_event ev;
	uint64_t n = 0;
	bool good;

	while (next_line(&r, &line)) {
		n++;
		if (ds_event_read(line.at, line.len, 0, &ev, &perr)) {
			(void)snprintf(why, DS_STATE_WHY_LEN + 1, "line %llu: byte %zu: %s",
				       (unsigned long long)n + 1, perr.offset, perr.what);
			return -EINVAL;
		}
		good = ds_event_has(&ev, DS_KEY_RESTORED) && ev.restored;
		ds_event_clear(&ev);
		if (!good) {
			(void)snprintf(why, DS_STATE_WHY_LEN + 1, "line %llu is no restored event",
				       (unsigned long long)n + 1);
			return -EINVAL;
		}
	}
	return n == v->lines ? 0 : fault(why, "its number of lines is wrong");
}

int ds_state_parse(const char *data, size_t len, struct ds_state_view *ret_view,
		   char why[DS_STATE_WHY_LEN + 1])
{
	size_t before = 0;
	int r;

	memset(ret_view, 0, sizeof(*ret_view));
	why[0] = '\0';
	r = parse_trailer(data, len, ret_view, &before, why);
	r = r ? r : parse_header(data, before, ret_view, why);
	return r ? r : check_lines(ret_view, why);
}

/* What a reboot ended. Sockets are its listeners, and no namespace has the inode that it had. */
static bool survives_reboot(struct ds_event *ev)
{
	ev->present[DS_KEY_NETNS / 64] &= ~(UINT64_C(1) << DS_KEY_NETNS % 64);
	return ev->kind != DS_EVENT_SOCKET;
}

int ds_state_each(const struct ds_state_view *view, bool same_boot,
		  void (*fn)(void *ctx, struct ds_event *ev), void *ctx)
{
	struct rest r = { view->body, view->body_len }, line;
	struct ds_perr perr;
	struct ds_event ev;

	while (next_line(&r, &line)) {
		if (ds_event_read(line.at, line.len, 0, &ev, &perr))
			return -ENOMEM; /* it was read once already */
		if (same_boot || survives_reboot(&ev)) {
			if (!ev.time_ns) /* of no moment: a load balancer's address */
				ev.time_ns = view->header.time_ns;
			fn(ctx, &ev);
		}
		ds_event_clear(&ev);
	}
	return 0;
}
