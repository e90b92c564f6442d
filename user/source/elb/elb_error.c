// SPDX-License-Identifier: Apache-2.0
/*
 * What the error codes of AWS mean. Throttling has many names: the list is that of the SDKs.
 */
#include <stddef.h>
#include <string.h>

#include "user/source/elb/elb_reply.h"

static const struct {
	const char *code;
	enum ds_elb_error error;
} codes[] = {
	{ "Throttling", DS_ELB_ERROR_THROTTLED },
	{ "ThrottlingException", DS_ELB_ERROR_THROTTLED },
	{ "ThrottledException", DS_ELB_ERROR_THROTTLED },
	{ "RequestThrottled", DS_ELB_ERROR_THROTTLED },
	{ "RequestThrottledException", DS_ELB_ERROR_THROTTLED },
	{ "EC2ThrottledException", DS_ELB_ERROR_THROTTLED },
	{ "TooManyRequestsException", DS_ELB_ERROR_THROTTLED },
	{ "RequestLimitExceeded", DS_ELB_ERROR_THROTTLED },
	{ "BandwidthLimitExceeded", DS_ELB_ERROR_THROTTLED },
	{ "LimitExceededException", DS_ELB_ERROR_THROTTLED },
	{ "SlowDown", DS_ELB_ERROR_THROTTLED },
	{ "PriorRequestNotComplete", DS_ELB_ERROR_THROTTLED },
	{ "ExpiredToken", DS_ELB_ERROR_EXPIRED },
	{ "ExpiredTokenException", DS_ELB_ERROR_EXPIRED },
	{ "TokenRefreshRequired", DS_ELB_ERROR_EXPIRED },
	{ "InvalidClientTokenId", DS_ELB_ERROR_EXPIRED },
	{ "InvalidAccessKeyId", DS_ELB_ERROR_EXPIRED },
	{ "UnrecognizedClientException", DS_ELB_ERROR_EXPIRED },
	{ "MissingAuthenticationToken", DS_ELB_ERROR_EXPIRED },
	{ "MissingAuthenticationTokenException", DS_ELB_ERROR_EXPIRED },
	{ "AuthFailure", DS_ELB_ERROR_EXPIRED },
	{ "SignatureDoesNotMatch", DS_ELB_ERROR_SIGNATURE },
	{ "InvalidSignatureException", DS_ELB_ERROR_SIGNATURE },
	{ "IncompleteSignature", DS_ELB_ERROR_SIGNATURE },
	{ "IncompleteSignatureException", DS_ELB_ERROR_SIGNATURE },
	{ "RequestExpired", DS_ELB_ERROR_SIGNATURE },
	{ "RequestTimeTooSkewed", DS_ELB_ERROR_SIGNATURE },
	{ "AccessDenied", DS_ELB_ERROR_DENIED },
	{ "AccessDeniedException", DS_ELB_ERROR_DENIED },
	{ "UnauthorizedOperation", DS_ELB_ERROR_DENIED },
	{ "UnauthorizedAccess", DS_ELB_ERROR_DENIED },
	{ "OperationNotPermitted", DS_ELB_ERROR_DENIED },
	{ "NotAuthorized", DS_ELB_ERROR_DENIED },
	{ "OptInRequired", DS_ELB_ERROR_DENIED },
	{ "Blocked", DS_ELB_ERROR_DENIED },
	{ "TargetGroupNotFound", DS_ELB_ERROR_NO_GROUP },
	{ "TargetGroupNotFoundException", DS_ELB_ERROR_NO_GROUP },
	{ "LoadBalancerNotFound", DS_ELB_ERROR_NO_BALANCER },
	{ "LoadBalancerNotFoundException", DS_ELB_ERROR_NO_BALANCER },
	{ "InvalidTarget", DS_ELB_ERROR_NO_TARGET },
	{ "InvalidTargetException", DS_ELB_ERROR_NO_TARGET },
	{ "HealthUnavailable", DS_ELB_ERROR_SERVER },
	{ "InternalError", DS_ELB_ERROR_SERVER },
	{ "InternalFailure", DS_ELB_ERROR_SERVER },
	{ "ServiceUnavailable", DS_ELB_ERROR_SERVER },
	{ "Unavailable", DS_ELB_ERROR_SERVER },
	{ "RequestTimeout", DS_ELB_ERROR_SERVER },
	{ "RequestTimeoutException", DS_ELB_ERROR_SERVER },
};

/* Where the code says nothing: proxies answer without one. */
static enum ds_elb_error of_status(int status)
{
	if (status == 429)
		return DS_ELB_ERROR_THROTTLED;
	if (status == 403)
		return DS_ELB_ERROR_DENIED;
	return status >= 500 ? DS_ELB_ERROR_SERVER : DS_ELB_ERROR_OTHER;
}

enum ds_elb_error ds_elb_reply_error(int status, const char *code)
{
	if (!code || !code[0])
		return status / 100 == 2 ? DS_ELB_ERROR_NONE : of_status(status);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (!strcmp(code, codes[i].code))
			return codes[i].error;
	return of_status(status);
}
