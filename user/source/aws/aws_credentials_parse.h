/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers when it is asked for credentials: the container endpoints and IMDS in JSON, STS in
 * XML. Pure. Sentences about faults hold nothing of the credentials.
 */
#ifndef DS_SOURCE_AWS_CREDENTIALS_PARSE_H
#define DS_SOURCE_AWS_CREDENTIALS_PARSE_H

#include "user/source/aws/aws_keys.h"

/*
 * Reads the answer of status 200. 0, or -EINVAL / -ENOMEM with a sentence in fault
 * ("an answer without SecretAccessKey"); keys is empty then. JSON without Expiration means keys
 * that do not expire; XML must have one.
 */
int ds_aws_json_keys(const char *text, size_t len, struct ds_aws_keys *keys,
		     char fault[DS_AWS_FAULT_MAX]);
int ds_aws_sts_keys(const char *text, size_t len, struct ds_aws_keys *keys,
		    char fault[DS_AWS_FAULT_MAX]);

/*
 * What the answer of another status says: "AccessDenied: Not authorized to ...", cut and made
 * printable; "" where it says nothing that can be read. Left out where it repeats a part of the
 * secret that was sent (NULL: none was).
 */
void ds_aws_json_error(const char *text, size_t len, const char *secret,
		       char error[DS_AWS_FAULT_MAX]);
void ds_aws_sts_error(const char *text, size_t len, const char *secret,
		      char error[DS_AWS_FAULT_MAX]);

#endif
