/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records of the ring buffer to events. Pure: no I/O, no clock; everything that it knows of
 * this kernel (names of reasons and interfaces, the clocks' offset) is given to it.
 */
#ifndef DS_SOURCE_KERNEL_DECODE_H
#define DS_SOURCE_KERNEL_DECODE_H

#include "user/core/event.h"

struct ds_decoder;

enum ds_reason_list { DS_REASON_DROP, DS_REASON_RESET, DS_REASON_MAX };

int ds_decoder_new(struct ds_decoder **ret_d);	/* 0 or -ENOMEM */
void ds_decoder_free(struct ds_decoder **d);

/* Wall clock less boot clock, ns, for the records decoded from now on. */
void ds_decoder_set_offset(struct ds_decoder *d, int64_t boot_offset_ns);

/*
 * Names a reason, without its prefix (SKB_DROP_REASON_, SK_RST_REASON_). Values out of bounds are
 * left out: a record with one then has no reason. 0 or -ENOMEM.
 */
int ds_decoder_set_reason(struct ds_decoder *d, enum ds_reason_list list, int64_t value,
			  const char *name);

/* Names an interface of the routing namespace; kind DS_IFACE_MAX = not known. */
void ds_decoder_set_iface(struct ds_decoder *d, uint32_t ifindex, const char *name,
			  enum ds_iface kind);

/*
 * Decodes one record of len bytes, aligned to 8. 1 with *ret_ev filled (its strings live until the
 * next call or ds_decoder_free), 0 when the record only taught the decoder a name or is of a packet
 * without an address ("::"), -EBADMSG when it is too short, of no known kind, or says something
 * impossible. *ret_ev is then undefined.
 */
int ds_decoder_decode(struct ds_decoder *d, const void *record, size_t len,
		      struct ds_event *ret_ev);

#endif
