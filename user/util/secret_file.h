/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files that hold secrets (tokens, keys): read whole into memory that is wiped when it is
 * freed. They are read anew each time, for whoever issues them replaces them before they expire.
 */
#ifndef DS_SOURCE_SECRET_FILE_H
#define DS_SOURCE_SECRET_FILE_H

#include <stddef.h>

/*
 * Reads a file of at most max bytes. 0 with *ret_text, which ds_wipe_free frees (NUL-terminated;
 * *ret_len is without that NUL, the file's own may be inside); -EFBIG for a larger file, else
 * -errno. A FIFO or a terminal is not waited for. Logs nothing.
 */
int ds_secret_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);

#endif
