/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what was said of a target group to drainsnoop.target.state events. One file a format, each
 * pure (targets_formats.h); this one tells them apart item by item: a file may hold several.
 */
#ifndef DS_SOURCE_TARGETS_PARSE_H
#define DS_SOURCE_TARGETS_PARSE_H

#include "user/source/targets/targets_tell.h"

void ds_targets_parse_feed(struct ds_targets_parser *p, const char *data, size_t len);
void ds_targets_parse_end(struct ds_targets_parser *p);
void ds_targets_parse_free(struct ds_targets_parser *p);

#endif
