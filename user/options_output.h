/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say what is printed and how it is judged, as argp children. */
#ifndef DS_OPTIONS_OUTPUT_H
#define DS_OPTIONS_OUTPUT_H

#include <argp.h>

extern const struct argp ds_argp_filter;	/* what to print */
extern const struct argp ds_argp_printing;	/* how, and how much; --fail-on, --strict */
extern const struct argp ds_argp_judging;	/* --settle, --tap, --tap-max, --rate-limit, -v */

#endif
