/* SPDX-License-Identifier: Apache-2.0 */
/* A finding to be judged into, and what it must say. */
#ifndef DS_TESTS_DOCTOR_STORY_H
#define DS_TESTS_DOCTOR_STORY_H

#include <string.h>

#include "tests/unit/unit.h"
#include "user/doctor/finding.h"

static const char *text_of(const struct ds_buf *b)
{
	return b->data ? b->data : "";
}

/*
 * Asserts the word, what its sentence and its advice hold ("" = no advice), and frees it. What is
 * worth a look has advice in any case.
 */
#define assert_found(f, what, sentence, mend) \
	do { \
		if (!strstr(text_of(&(f)->text), (sentence))) \
			fail_msg("'%s' does not hold '%s'", text_of(&(f)->text), (sentence)); \
		if (!strstr(text_of(&(f)->advice), (mend))) \
			fail_msg("'%s' does not hold '%s'", text_of(&(f)->advice), (mend)); \
		if (!*(mend)) \
			assert_string_equal(text_of(&(f)->advice), ""); \
		assert_true((f)->found < DS_FOUND_WARN || (f)->advice.len); \
		assert_string_equal(ds_found_name((f)->found), ds_found_name(what)); \
		ds_finding_free(f); \
	} while (0)

#endif
