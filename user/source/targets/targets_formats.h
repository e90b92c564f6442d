/* SPDX-License-Identifier: Apache-2.0 */
/* The formats, one file each. Pure. */
#ifndef DS_SOURCE_TARGETS_FORMATS_H
#define DS_SOURCE_TARGETS_FORMATS_H

#include "user/source/targets/targets_tell.h"

/* Each takes an object or a line that is its own; 0 where it is not. */
bool ds_targets_cloudtrail(struct ds_targets_parser *p, json_object *object);
bool ds_targets_health(struct ds_targets_parser *p, json_object *object);
bool ds_targets_stamp_line(struct ds_targets_parser *p, const char *line, size_t len);
bool ds_targets_csv(struct ds_targets_parser *p, const char *line, size_t len);

/* A line of the controller: the object within it, and what stands before it ("" = nothing). */
bool ds_targets_controller(struct ds_targets_parser *p, json_object *object, const char *prefix,
			   size_t prefix_len);
void ds_targets_controller_free(struct ds_targets_parser *p);

/* A line of version 1 of the controller; and text among such lines, once one was seen. */
bool ds_targets_klog(struct ds_targets_parser *p, const char *line, size_t len);
bool ds_targets_klog_text(struct ds_targets_parser *p, const char *line, size_t len);

/*
 * When the runtime (kubectl logs --timestamps) read a line: the last word of what stands before it
 * that is a time. *ret_lo_ns is earlier by how late it may be.
 */
bool ds_targets_prefix_stamp(const char *prefix, int64_t *ret_lo_ns, int64_t *ret_hi_ns);

/* A call begins (targets are handed over), and has ended at hi_ns: told, and forgotten. */
void ds_targets_call_begin(struct ds_targets_parser *p, const struct ds_targets_call *begun);
void ds_targets_call_end(struct ds_targets_parser *p, struct ds_targets_call *call, int64_t hi_ns);
void ds_targets_call_forget(struct ds_targets_call *call);

#endif
