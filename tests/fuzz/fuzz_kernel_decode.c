// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: records of the ring buffer. The bytes as they are; and cut into records, each with a
 * header that fits: the kind is its first byte. What is decoded is an event of ours to the letter.
 *
 * Built from: user/source/kernel/kernel_decode.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/ds_record.h"
#include "user/core/event_json.h"
#include "user/source/kernel/kernel_decode.h"

#define BOOTED INT64_C(1795000000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* A copy of its own length, aligned as in the ring. */
static void decode(struct ds_decoder *d, const void *record, size_t len)
{
	struct ds_event ev, again;
	struct ds_buf line = { 0 };
	struct ds_perr perr;
	void *copy = malloc(len ? len : 1);
	int r;

	check(copy != NULL);
	memcpy(copy, record, len);
	r = ds_decoder_decode(d, copy, len, &ev);
	check(r == 1 || r == 0 || r == -EBADMSG);
	if (r == 1) {
		ds_event_canonical(&ev);
		ds_event_write(&line, &ev, 0);
		check(!line.failed && !ds_event_read(line.data, line.len - 1, 0, &again, &perr));
		ds_event_clear(&again);
	}
	ds_buf_free(&line);
	free(copy);
}

static void decode_all(struct ds_decoder *d, const uint8_t *data, size_t size)
{
	static const size_t sizes[DS_REC_MAX] = {
		[DS_REC_PACKET] = sizeof(struct ds_rec_packet),
		[DS_REC_SOCKET] = sizeof(struct ds_rec_socket),
		[DS_REC_PROCESS] = sizeof(struct ds_rec_process),
		[DS_REC_LOCATION] = sizeof(struct ds_rec_location),
	};

	while (size) {
		uint8_t record[sizeof(struct ds_rec_socket)] = { 0 };
		uint32_t kind = DS_REC_PACKET + data[0] % (DS_REC_MAX - DS_REC_PACKET);
		size_t body = sizes[kind] - sizeof(struct ds_rec_hdr);
		struct ds_rec_hdr h = { .ts_ns = size, .kind = kind,
					.size = (uint32_t)sizes[kind] };

		data++;
		size--;
		body = body < size ? body : size;
		memcpy(record, &h, sizeof(h));
		memcpy(record + sizeof(h), data, body);
		decode(d, record, sizes[kind]);
		data += body;
		size -= body;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ds_decoder *d;

	check(!ds_decoder_new(&d));
	ds_decoder_set_offset(d, BOOTED);
	check(!ds_decoder_set_reason(d, DS_REASON_DROP, 2, "NO_SOCKET") &&
	      !ds_decoder_set_reason(d, DS_REASON_RESET, 1, "NOT_SPECIFIED"));
	ds_decoder_set_iface(d, 2, "eth0", DS_IFACE_UPLINK);
	ds_decoder_set_iface(d, 3, "a-name-that-is-longer-than-fits", DS_IFACE_MAX);
	decode(d, data, size);
	decode_all(d, data, size);
	ds_decoder_free(&d);
	return 0;
}
