// SPDX-License-Identifier: Apache-2.0
#include "user/core/names.h"

#include <ctype.h>
#include <string.h>

#include "tests/unit/unit.h"

static void every_word_goes_round(void **state)
{
	(void)state;
	for (int l = 0; l < DS_NAMES_MAX; l++) {
		assert_true(ds_names[l].count > 0);
		for (int i = 0; i < ds_names[l].count; i++) {
			const char *word = ds_names[l].words[i];

			assert_string_equal(ds_name((enum ds_names_id)l, i), word);
			assert_int_equal(ds_name_parse((enum ds_names_id)l, word, strlen(word)), i);
			assert_true(strlen(ds_names[l].docs[i]) > 0);
		}
	}
}

static void words_are_lower_case_and_unique(void **state)
{
	(void)state;
	for (int l = 0; l < DS_NAMES_MAX; l++) {
		for (int i = 0; i < ds_names[l].count; i++) {
			for (const char *c = ds_names[l].words[i]; *c; c++)
				assert_true(islower(*c) || isdigit(*c) || *c == '_' || *c == '.');
			for (int k = 0; k < i; k++)
				assert_string_not_equal(ds_names[l].words[i], ds_names[l].words[k]);
		}
	}
}

static void unknown_words_and_values(void **state)
{
	(void)state;
	assert_string_equal(ds_name(DS_NAMES_CAUSE, -1), "?");
	assert_string_equal(ds_name(DS_NAMES_CAUSE, DS_CAUSE_MAX), "?");
	assert_string_equal(ds_name(DS_NAMES_MAX, 0), "?");
	assert_int_equal(ds_name_parse(DS_NAMES_CAUSE, "", 0), -1);
	assert_int_equal(ds_name_parse(DS_NAMES_CAUSE, "unknow", 6), -1);
	assert_int_equal(ds_name_parse(DS_NAMES_CAUSE, "unknown_", 8), -1);
	assert_int_equal(ds_name_parse(DS_NAMES_CAUSE, "unknown\0x", 9), -1);
	assert_int_equal(ds_name_parse(DS_NAMES_CAUSE, "unknown_", 7), DS_CAUSE_UNKNOWN);
	assert_int_equal(ds_name_parse(DS_NAMES_MAX, "unknown", 7), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_goes_round),
		cmocka_unit_test(words_are_lower_case_and_unique),
		cmocka_unit_test(unknown_words_and_values),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
