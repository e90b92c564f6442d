/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where container credentials are asked for (ECS, EKS Pod Identity, Greengrass): from the values of
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI. Pure.
 */
#ifndef DS_SOURCE_AWS_CONTAINER_H
#define DS_SOURCE_AWS_CONTAINER_H

#include <stddef.h>

#define DS_AWS_URL_MAX 2048

/*
 * Writes the URL; relative (a path on 169.254.170.2) goes before full; NULL: not set. A full one
 * without TLS is taken only of loopback addresses, localhost, ECS (169.254.170.2) and EKS Pod
 * Identity (169.254.170.23, fd00:ec2::23): the token that is sent there must not leave the node.
 * 0; -ENOENT (neither is set), or -EINVAL with what is wrong in *ret_fault (static).
 */
int ds_aws_container_url(const char *relative, const char *full, char url[DS_AWS_URL_MAX],
			 const char **ret_fault);

#endif
