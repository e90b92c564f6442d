// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of words, made from the lists of names.h.
 */
#include "user/core/names.h"

#include <string.h>

#define WORD(suffix, word, doc) word,
#define DOC(suffix, word, doc) doc,
#define TABLES(PREFIX, name) \
	static const char *const name##_words[] = { DS_##PREFIX##_LIST(WORD) }; \
	static const char *const name##_docs[] = { DS_##PREFIX##_LIST(DOC) };
DS_ENUM_LISTS(TABLES)

#define ROW(PREFIX, name) \
	[DS_NAMES_##PREFIX] = { #name, name##_words, name##_docs, DS_##PREFIX##_MAX },
const struct ds_names ds_names[DS_NAMES_MAX] = { DS_ENUM_LISTS(ROW) };

const char *ds_name(enum ds_names_id list, int value)
{
	if (list >= DS_NAMES_MAX || value < 0 || value >= ds_names[list].count)
		return "?";
	return ds_names[list].words[value];
}

int ds_name_parse(enum ds_names_id list, const char *word, size_t len)
{
	if (list >= DS_NAMES_MAX)
		return -1;
	for (int i = 0; i < ds_names[list].count; i++) {
		const char *w = ds_names[list].words[i];

		if (strlen(w) == len && memcmp(w, word, len) == 0)
			return i;
	}
	return -1;
}
