/* SPDX-License-Identifier: Apache-2.0 */
/* A listening TCP socket on an address as people write it. */
#ifndef DS_SINK_WEB_LISTEN_H
#define DS_SINK_WEB_LISTEN_H

#include <stdint.h>

/*
 * 0 with *ret_fd (non-blocking, close-on-exec) and the port that it has; or -errno with one line
 * logged that says what to do. What text may be: web_parse.h.
 */
int ds_web_listen(const char *text, int *ret_fd, uint16_t *ret_port);

#endif
