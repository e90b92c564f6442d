/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options: each parser takes the text that was given, and ends the program with a usage
 * error where it is none. `option` is the name to be said, as "--settle"; texts are borrowed.
 */
#ifndef DS_OPTIONS_VALUE_H
#define DS_OPTIONS_VALUE_H

#include <argp.h>
#include <stdint.h>

/*
 * Says what is wrong with the option at hand, by the name of its variable where the environment
 * gave it, and ends with the status of a usage error. Not for ARGP_KEY_END: no option is at hand
 * there.
 */
__attribute__((format(printf, 3, 4)))
void ds_value_error(const struct argp_state *state, const char *option, const char *format, ...);

/* A whole number from 0 up. */
int64_t ds_value_count(const struct argp_state *state, const char *option, const char *arg);

/* A time, as nanoseconds: 90s, 5m, 250ms, plain seconds. */
int64_t ds_value_duration(const struct argp_state *state, const char *option, const char *arg);

/* Requests a second: from 0.01 to 1000. */
double ds_value_rate(const struct argp_state *state, const char *option, const char *arg);

/* A port, 1 to 65535. */
uint16_t ds_value_port(const struct argp_state *state, const char *option, const char *arg);

/* ADDR:PORT to listen on, borrowed; "" for "off" and "". */
const char *ds_value_listen(const struct argp_state *state, const char *option, const char *arg);

/* A name of an object of Kubernetes, borrowed: it stands in paths as it is. */
const char *ds_value_object_name(const struct argp_state *state, const char *option,
				 const char *arg);

/* One of the words; its index. */
int ds_value_choice(const struct argp_state *state, const char *option, const char *const *words,
		    int cnt, const char *arg);

/* One more in a list of DS_OPTION_LIST_MAX; arg itself is kept. */
void ds_value_push(const struct argp_state *state, const char *option, const char **list, int *cnt,
		   const char *arg);

/* For ARGP_KEY_ARG of a command that takes no arguments. */
void ds_value_no_argument(const struct argp_state *state, const char *arg);

/* argp gives a parser's children nothing by itself: for ARGP_KEY_INIT. */
void ds_value_give_to_children(struct argp_state *state, const struct argp_child *children);

#endif
