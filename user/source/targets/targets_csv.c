/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV: time,target,port,state[,target_group]. A row says that the target was in that state then; a
 * drain began between the last row of the target that says otherwise and the first that says
 * draining. A first row with the names of the columns is skipped.
 */
#include "user/source/targets/targets_formats.h"

#include <string.h>

#define COLUMNS 5
#define COLUMN_MAX 256

/* Cuts at commas; quotes around a column go. Returns how many columns, 0 where one is too long. */
static int cut(const char *line, size_t len, char columns[COLUMNS][COLUMN_MAX])
{
	const char *end = line + len;
	int n = 0;

	while (n < COLUMNS) {
		const char *comma = memchr(line, ',', (size_t)(end - line));
		const char *stop = comma ? comma : end, *from = line;

		while (from < stop && (*from == ' ' || *from == '"'))
			from++;
		while (stop > from && (stop[-1] == ' ' || stop[-1] == '"' || stop[-1] == '\r'))
			stop--;
		if (stop - from >= COLUMN_MAX)
			return 0;
		memcpy(columns[n], from, (size_t)(stop - from));
		columns[n++][stop - from] = '\0';
		if (!comma)
			break;
		line = comma + 1;
	}
	return n;
}

static int64_t port_of(const char *text)
{
	int64_t port = 0;

	for (; *text >= '0' && *text <= '9' && port <= UINT16_MAX; text++)
		port = port * 10 + (*text - '0');
	return *text ? -1 : port;
}

bool ds_targets_csv(struct ds_targets_parser *p, const char *line, size_t len)
{
	struct ds_targets_told told = { .source = DS_TARGET_SOURCE_FILE };
	char columns[COLUMNS][COLUMN_MAX];
	int n = cut(line, len, columns);

	if (n < 4)
		return false;
	if (!strcmp(columns[0], "time")) {
		p->skipped++;
		return true;
	}
	told.id = columns[1];
	told.port = port_of(columns[2]);
	told.state = ds_name_parse(DS_NAMES_TARGET_STATE, columns[3], strlen(columns[3]));
	told.group = n == COLUMNS ? columns[4] : "";
	if (ds_targets_stamp(columns[0], strlen(columns[0]), &told.lo_ns, &told.hi_ns))
		ds_targets_bad(p, "CSV: the first column is no time (2026-11-22T10:15:31.5Z)");
	else if (told.port < 0)
		ds_targets_bad(p, "CSV: the third column is no port");
	else if (told.state < 0)
		ds_targets_bad(p, "CSV: the fourth column is no state (initial, healthy, unhealthy, "
				  "draining, unused, ...)");
	else
		ds_targets_tell_reading(p, &told);
	return true;
}
