/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether all of a text is UTF-8: what tests ask of each line that is written.
 */
#ifndef DS_TESTS_UNIT_UTF8_VALID_H
#define DS_TESTS_UNIT_UTF8_VALID_H

#include <stdbool.h>

#include "user/util/utf8.h"

static inline bool utf8_valid(const char *text, size_t len)
{
	while (len > 0) {
		size_t n = ds_utf8_sequence(text, len);

		if (n == 0)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

#endif
