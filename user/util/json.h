/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings in JSON text. Whatever bytes come in, well-formed JSON in UTF-8 goes out: control
 * characters (C0, DEL, C1), quotes and backslashes are escaped, bytes that are not UTF-8 become
 * U+FFFD. Pure.
 */
#ifndef DS_UTIL_JSON_H
#define DS_UTIL_JSON_H

#include <stddef.h>

#include "user/util/buf.h"

/*
 * Writes text as the inside of a JSON string to dst, at most room bytes, and stops before the
 * first character that does not fit. Returns the bytes written, *ret_used those consumed of text.
 */
size_t ds_json_escape(char *dst, size_t room, const char *text, size_t len, size_t *ret_used);

/* Appends text as a JSON string, quotes included. */
void ds_json_string(struct ds_buf *b, const char *text, size_t len);

#endif
