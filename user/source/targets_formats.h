/* SPDX-License-Identifier: Apache-2.0 */
/* The formats, one file each. Pure. */
#ifndef DS_SOURCE_TARGETS_FORMATS_H
#define DS_SOURCE_TARGETS_FORMATS_H

#include "user/source/targets_tell.h"

/* Each takes an object or a line that is its own; 0 where it is not. */
bool ds_targets_cloudtrail(struct ds_targets_parser *p, json_object *object);
bool ds_targets_health(struct ds_targets_parser *p, json_object *object);
bool ds_targets_stamp_line(struct ds_targets_parser *p, const char *line, size_t len);
bool ds_targets_csv(struct ds_targets_parser *p, const char *line, size_t len);

/* A line of the controller: the object within it, and what stands before it ("" = nothing). */
bool ds_targets_controller(struct ds_targets_parser *p, json_object *object, const char *prefix,
			   size_t prefix_len);
void ds_targets_controller_free(struct ds_targets_parser *p);

#endif
