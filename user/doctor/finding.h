/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `drainsnoop doctor` found: one finding a check, each with a word, a sentence and what to do.
 * Pure: the facts come from the look_*.c files, what they mean is said by the judge_*.c files.
 */
#ifndef DS_DOCTOR_FINDING_H
#define DS_DOCTOR_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

/* X(SUFFIX, "name", "what it looks at"), in the order in which they are printed. */
#define DS_CHECK_LIST(X) \
	X(KERNEL, "kernel", "release, BTF") \
	X(PRIVILEGES, "privileges", "capabilities, seccomp, locked memory, lockdown") \
	X(PROBES, "probes", "which programs this kernel loads and attaches") \
	X(DATA_PLANE, "data-plane", "how packets reach the pods of this node") \
	X(KUBE_PROXY, "kube-proxy", "how packets to a NodePort reach pods") \
	X(CLUSTER, "cluster", "API server and rights") \
	X(TARGETS, "targets", "what `drainsnoop targets` handed to this node, and when; who leads") \
	X(AWS, "aws", "credentials and rights at Elastic Load Balancing") \
	X(CLOCK, "clock", "whether this node's clock can be compared with others") \
	X(STATE, "state", "the state file") \
	X(METRICS, "metrics", "the address of /metrics")
#define DS_CHECK_ENUM_(suffix, name, what) DS_CHECK_##suffix,
enum ds_check { DS_CHECK_LIST(DS_CHECK_ENUM_) DS_CHECK_MAX };

/* From good to bad; what is said last does not hide what is worse. */
enum ds_found { DS_FOUND_SKIP, DS_FOUND_OK, DS_FOUND_WARN, DS_FOUND_FAIL, DS_FOUND_MAX };

/* Zeroed at first but for check; ds_finding_free at last. */
struct ds_finding {
	enum ds_check check;
	enum ds_found found;
	struct ds_buf text;	/* what is so; sentences without a full stop, joined by "; " */
	struct ds_buf advice;	/* what to do, the same; empty where there is nothing to do */
	struct ds_buf facts;	/* members of a JSON object, without its braces */
};

const char *ds_check_name(enum ds_check check);
const char *ds_check_what(enum ds_check check);
const char *ds_found_name(enum ds_found found);	/* "skip", "ok", "warn", "fail" */

/* Adds a sentence; the finding is as bad as the worst of them. */
void ds_finding_say(struct ds_finding *f, enum ds_found found, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds what to do. */
void ds_finding_advise(struct ds_finding *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Facts for machines; keys are ours, values may be anything (NULL: left out). */
void ds_finding_text_fact(struct ds_finding *f, const char *key, const char *value);
void ds_finding_number_fact(struct ds_finding *f, const char *key, int64_t value);
void ds_finding_bool_fact(struct ds_finding *f, const char *key, bool value);

void ds_finding_free(struct ds_finding *f);

#endif
