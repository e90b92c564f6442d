// SPDX-License-Identifier: Apache-2.0
#include "user/source/elb/elb_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/names.h"
#include "user/source/aws/xml.h"
#include "user/util/buf.h"

#define XMLNS "xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\""
#define EC2_XMLNS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""
#define ID "<ResponseMetadata><RequestId>4f0d9b2a</RequestId></ResponseMetadata>"
#define GROUP_ARN "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
#define LB_ARN "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/fedcba9876543210"

static struct ds_elb_reply reply;
static const char *fault;

static int read_n(const char *xml, size_t len)
{
	char *copy = malloc(len ? len : 1);	/* so that a sanitizer sees a read beyond it */
	int r;

	assert_non_null(copy);
	memcpy(copy, xml, len);
	ds_elb_reply_free(&reply);
	r = ds_elb_reply_read(&reply, copy, len, &fault);
	free(copy);
	return r;
}

static void read_good(const char *xml, enum ds_elb_reply_kind kind)
{
	assert_int_equal(read_n(xml, strlen(xml)), 0);
	assert_null(fault);
	assert_int_equal(reply.kind, kind);
}

static int teardown(void **state)
{
	(void)state;
	ds_elb_reply_free(&reply);
	return 0;
}

#define HEALTH(members) \
	"<DescribeTargetHealthResponse " XMLNS "><DescribeTargetHealthResult>" \
	"<TargetHealthDescriptions>" members "</TargetHealthDescriptions>" \
	"</DescribeTargetHealthResult>" ID "</DescribeTargetHealthResponse>"

static const char two_targets[] = HEALTH(
	"<member><Target><Id>10.0.1.5</Id><Port>8080</Port><AvailabilityZone>eu-west-1a"
	"</AvailabilityZone></Target><HealthCheckPort>8081</HealthCheckPort><TargetHealth>"
	"<State>draining</State><Reason>Target.DeregistrationInProgress</Reason>"
	"<Description>Target deregistration is in progress</Description></TargetHealth>"
	"<AdministrativeOverride><State>no_override</State><Reason>"
	"AdministrativeOverride.NoOverride</Reason></AdministrativeOverride></member>\n"
	"<member><TargetHealth><State>healthy</State></TargetHealth><HealthCheckPort>traffic-port"
	"</HealthCheckPort><Target><Port>80</Port><Id>fd00::1</Id></Target></member>");

static void health_is_read(void **state)
{
	(void)state;
	read_good(two_targets, DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.health_cnt, 2);
	assert_string_equal(reply.healths[0].id, "10.0.1.5");
	assert_int_equal(reply.healths[0].port, 8080);
	assert_int_equal(reply.healths[0].check_port, 8081);
	assert_int_equal(reply.healths[0].state, DS_TARGET_STATE_DRAINING);
	assert_string_equal(reply.healths[0].state_text, "draining");
	assert_string_equal(reply.healths[0].reason, "Target.DeregistrationInProgress");
	assert_string_equal(reply.healths[0].description, "Target deregistration is in progress");
	assert_string_equal(reply.healths[1].id, "fd00::1");
	assert_int_equal(reply.healths[1].port, 80);
	assert_int_equal(reply.healths[1].check_port, 0);
	assert_int_equal(reply.healths[1].state, DS_TARGET_STATE_HEALTHY);
	assert_string_equal(reply.healths[1].reason, "");
	assert_string_equal(reply.request_id, "4f0d9b2a");
	assert_string_equal(reply.code, "");
	assert_null(reply.marker);
	assert_null(ds_elb_reply_attribute(&reply, "x"));
}

static void what_a_target_lacks_is_empty(void **state)
{
	(void)state;
	read_good(HEALTH(""), DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.health_cnt, 0);
	read_good(HEALTH("<member/><member><Target><Id>i-1</Id></Target><New><Id>x</Id></New>"
			 "<TargetHealth><State>resting</State></TargetHealth></member>"),
		  DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.health_cnt, 2);
	assert_string_equal(reply.healths[0].id, "");
	assert_int_equal(reply.healths[0].state, -1);
	assert_string_equal(reply.healths[1].id, "i-1");
	assert_int_equal(reply.healths[1].port, 0);
	assert_int_equal(reply.healths[1].state, -1);
	assert_string_equal(reply.healths[1].state_text, "resting");
}

static void read_port(const char *member, unsigned int port)
{
	read_good(member, DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.healths[0].port, port);
}

static void ports_that_are_none_are_zero(void **state)
{
	(void)state;
#define PORT(text) HEALTH("<member><Target><Port>" text "</Port></Target></member>")
	read_port(PORT("1"), 1);
	read_port(PORT("65535"), 65535);
	read_port(PORT("65536"), 0);
	read_port(PORT("99999999999999999999999999"), 0);
	read_port(PORT("-1"), 0);
	read_port(PORT("80x"), 0);
	read_port(PORT(""), 0);
}

/* A word of drainsnoop's own is no state of AWS's. */
static void absent_is_no_state_of_aws(void **state)
{
	(void)state;
	read_good(HEALTH("<member><TargetHealth><State>absent</State></TargetHealth></member>"),
		  DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.healths[0].state, -1);
}

static void groups_are_read(void **state)
{
	(void)state;
	read_good("<DescribeTargetGroupsResponse " XMLNS "><DescribeTargetGroupsResult><TargetGroups>"
		  "<member><TargetGroupArn>" GROUP_ARN "</TargetGroupArn>"
		  "<HealthCheckTimeoutSeconds>5</HealthCheckTimeoutSeconds>"
		  "<HealthCheckPort>traffic-port</HealthCheckPort><Matcher><HttpCode>200</HttpCode>"
		  "</Matcher><TargetGroupName>web</TargetGroupName><HealthCheckProtocol>HTTP"
		  "</HealthCheckProtocol><HealthCheckPath>/</HealthCheckPath><Protocol>HTTP</Protocol>"
		  "<Port>8080</Port><VpcId>vpc-1</VpcId><HealthyThresholdCount>3</HealthyThresholdCount>"
		  "<HealthCheckIntervalSeconds>15</HealthCheckIntervalSeconds><LoadBalancerArns><member>"
		  LB_ARN "</member><member>another</member></LoadBalancerArns>"
		  "<UnhealthyThresholdCount>2</UnhealthyThresholdCount><TargetType>ip</TargetType>"
		  "</member><member><LoadBalancerArns/></member></TargetGroups>"
		  "<NextMarker>abc=</NextMarker></DescribeTargetGroupsResult>" ID
		  "</DescribeTargetGroupsResponse>", DS_ELB_REPLY_GROUPS);
	assert_int_equal(reply.group_cnt, 2);
	assert_string_equal(reply.groups[0].arn, GROUP_ARN);
	assert_string_equal(reply.groups[0].name, "web");
	assert_string_equal(reply.groups[0].protocol, "HTTP");
	assert_int_equal(reply.groups[0].port, 8080);
	assert_string_equal(reply.groups[0].type, "ip");
	assert_string_equal(reply.groups[0].check_protocol, "HTTP");
	assert_string_equal(reply.groups[0].check_port, "traffic-port");
	assert_int_equal(reply.groups[0].check_interval_s, 15);
	assert_int_equal(reply.groups[0].check_timeout_s, 5);
	assert_int_equal(reply.groups[0].healthy_checks, 3);
	assert_int_equal(reply.groups[0].unhealthy_checks, 2);
	assert_string_equal(reply.groups[0].balancer_arn, LB_ARN);
	assert_string_equal(reply.groups[1].balancer_arn, "");
	assert_string_equal(reply.groups[1].arn, "");
	assert_string_equal(reply.marker, "abc=");
}

static void attributes_are_read(void **state)
{
	(void)state;
	read_good("<DescribeTargetGroupAttributesResponse " XMLNS ">"
		  "<DescribeTargetGroupAttributesResult><Attributes>"
		  "<member><Value>300</Value><Key>deregistration_delay.timeout_seconds</Key></member>"
		  "<member><Key>preserve_client_ip.enabled</Key><Value>false</Value></member>"
		  "<member><Key>stickiness.app_cookie.cookie_name</Key><Value/></member>"
		  "</Attributes></DescribeTargetGroupAttributesResult>" ID
		  "</DescribeTargetGroupAttributesResponse>", DS_ELB_REPLY_ATTRIBUTES);
	assert_int_equal(reply.attribute_cnt, 3);
	assert_string_equal(ds_elb_reply_attribute(&reply, "deregistration_delay.timeout_seconds"),
			    "300");
	assert_string_equal(ds_elb_reply_attribute(&reply, "preserve_client_ip.enabled"), "false");
	assert_string_equal(ds_elb_reply_attribute(&reply, "stickiness.app_cookie.cookie_name"), "");
	assert_null(ds_elb_reply_attribute(&reply, "preserve_client_ip"));
}

static void balancers_are_read(void **state)
{
	(void)state;
	read_good("<DescribeLoadBalancersResponse " XMLNS "><DescribeLoadBalancersResult>"
		  "<LoadBalancers><member><LoadBalancerArn>" LB_ARN "</LoadBalancerArn><Scheme>internal"
		  "</Scheme><LoadBalancerName>web</LoadBalancerName><VpcId>vpc-1</VpcId>"
		  "<CanonicalHostedZoneId>Z1</CanonicalHostedZoneId><AvailabilityZones><member>"
		  "<SubnetId>subnet-1</SubnetId><ZoneName>eu-west-1a</ZoneName><LoadBalancerAddresses/>"
		  "</member></AvailabilityZones><Type>application</Type><DNSName>internal-web-1.eu-west-1."
		  "elb.amazonaws.com</DNSName><State><Code>active</Code></State></member>"
		  "</LoadBalancers></DescribeLoadBalancersResult>" ID
		  "</DescribeLoadBalancersResponse>", DS_ELB_REPLY_BALANCERS);
	assert_int_equal(reply.balancer_cnt, 1);
	assert_string_equal(reply.balancers[0].arn, LB_ARN);
	assert_string_equal(reply.balancers[0].name, "web");
	assert_string_equal(reply.balancers[0].type, "application");
	assert_string_equal(reply.balancers[0].scheme, "internal");
	assert_string_equal(reply.balancers[0].state, "active");
	assert_string_equal(reply.balancers[0].dns_name,
			    "internal-web-1.eu-west-1.elb.amazonaws.com");
}

static const char interfaces[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<DescribeNetworkInterfacesResponse " EC2_XMLNS "><requestId>59dbff89</requestId>"
	"<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>"
	"<description>ELB app/web/fedcba9876543210</description><privateIpAddress>10.0.0.10"
	"</privateIpAddress><groupSet><item><groupId>sg-1</groupId></item></groupSet>"
	"<privateIpAddressesSet><item><privateIpAddress>10.0.0.10</privateIpAddress>"
	"<primary>true</primary><association><publicIp>198.51.100.1</publicIp></association></item>"
	"<item><privateIpAddress>10.0.0.11</privateIpAddress><primary>false</primary></item>"
	"</privateIpAddressesSet><ipv6AddressesSet><item><ipv6Address>fd00::10</ipv6Address></item>"
	"</ipv6AddressesSet><interfaceType>interface</interfaceType></item>"
	"<item><networkInterfaceId>eni-2</networkInterfaceId><privateIpAddressesSet><item>"
	"<privateIpAddress>10.0.0.20</privateIpAddress></item></privateIpAddressesSet></item>"
	"</networkInterfaceSet><nextToken>page2</nextToken></DescribeNetworkInterfacesResponse>";

static void assert_address(size_t i, size_t interface, const char *text)
{
	assert_int_equal(reply.addresses[i].interface, interface);
	assert_string_equal(reply.addresses[i].text, text);
}

static void interfaces_are_read(void **state)
{
	(void)state;
	read_good(interfaces, DS_ELB_REPLY_INTERFACES);
	assert_int_equal(reply.interface_cnt, 2);
	assert_string_equal(reply.interfaces[0].id, "eni-1");
	assert_string_equal(reply.interfaces[0].description, "ELB app/web/fedcba9876543210");
	assert_string_equal(reply.interfaces[0].type, "interface");
	assert_string_equal(reply.interfaces[1].description, "");
	assert_int_equal(reply.address_cnt, 4);
	assert_address(0, 0, "10.0.0.10");
	assert_address(1, 0, "10.0.0.11");
	assert_address(2, 0, "fd00::10");
	assert_address(3, 1, "10.0.0.20");
	assert_string_equal(reply.marker, "page2");
	assert_string_equal(reply.request_id, "59dbff89");
}

static void errors_are_read(void **state)
{
	(void)state;
	read_good("<ErrorResponse " XMLNS "><Error><Type>Sender</Type><Code>TargetGroupNotFound</Code>"
		  "<Message>One or more target groups not found</Message></Error>"
		  "<RequestId>r-1</RequestId></ErrorResponse>", DS_ELB_REPLY_ERROR);
	assert_string_equal(reply.code, "TargetGroupNotFound");
	assert_string_equal(reply.message, "One or more target groups not found");
	assert_string_equal(reply.request_id, "r-1");
	read_good("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>"
		  "<Code>UnauthorizedOperation</Code><Message>You are not authorized</Message></Error>"
		  "<Error><Code>Second</Code><Message>two</Message></Error></Errors>"
		  "<RequestID>r-2</RequestID></Response>", DS_ELB_REPLY_ERROR);
	assert_string_equal(reply.code, "UnauthorizedOperation");
	assert_string_equal(reply.message, "You are not authorized");
	assert_string_equal(reply.request_id, "r-2");
	read_good("<ErrorResponse/>", DS_ELB_REPLY_ERROR);
	assert_string_equal(reply.code, "");
}

static void refused(const char *xml, size_t len, int code, const char *part)
{
	assert_int_equal(read_n(xml, len), code);
	assert_non_null(strstr(fault, part));
	assert_null(reply.healths);
	assert_int_equal(reply.health_cnt, 0);
}

static void what_is_no_reply_is_refused(void **state)
{
	static const char *const others[] = {
		"<html><body>503 Service Unavailable</body></html>",
		"<ListUsersResponse/>",
		"<TargetHealthDescriptions><member/></TargetHealthDescriptions>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		refused(others[i], strlen(others[i]), -EBADMSG, "no reply of ELBv2 or EC2");
	refused("", 0, -EBADMSG, "no well-formed XML");
	refused("{\"message\":\"Forbidden\"}", 23, -EBADMSG, "no well-formed XML");
	refused("<!DOCTYPE x [<!ENTITY a \"b\">]><ErrorResponse/>", 46, -EBADMSG, "document type");
}

static void cut_replies_are_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(two_targets); len++)
		refused(two_targets, len, -EBADMSG, "no well-formed XML");
	for (size_t len = 0; len < strlen(interfaces); len++)
		refused(interfaces, len, -EBADMSG, "no well-formed XML");
}

/* Items of one reply in the place of another's, and items outside their list. */
static void items_count_only_in_their_place(void **state)
{
	(void)state;
	read_good("<DescribeTargetHealthResponse><member><Target><Id>x</Id></Target></member>"
		  "<DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>a</TargetGroupArn>"
		  "</member></TargetGroups></DescribeTargetGroupsResult><ErrorResponse><Error><Code>Throttling"
		  "</Code></Error></ErrorResponse></DescribeTargetHealthResponse>", DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.health_cnt + reply.group_cnt, 0);
	assert_string_equal(reply.code, "");
}

static void items_are_bounded(void **state)
{
	struct ds_buf b = { 0 };

	(void)state;
	ds_buf_puts(&b, "<DescribeTargetHealthResponse><DescribeTargetHealthResult>"
			"<TargetHealthDescriptions>");
	for (int i = 0; i < DS_ELB_REPLY_ITEMS_MAX; i++)
		ds_buf_puts(&b, "<member/>");
	ds_buf_puts(&b, "</TargetHealthDescriptions></DescribeTargetHealthResult>"
			"</DescribeTargetHealthResponse>");
	read_good(b.data, DS_ELB_REPLY_HEALTH);
	assert_int_equal(reply.health_cnt, DS_ELB_REPLY_ITEMS_MAX);
	ds_buf_clear(&b);
	ds_buf_puts(&b, "<DescribeTargetHealthResponse><DescribeTargetHealthResult>"
			"<TargetHealthDescriptions>");
	for (int i = 0; i <= DS_ELB_REPLY_ITEMS_MAX; i++)
		ds_buf_puts(&b, "<member/>");
	refused(b.data, b.len, -E2BIG, "too many items");
	ds_buf_clear(&b);
	while (b.len <= DS_XML_BYTES_MAX)
		ds_buf_puts(&b, two_targets);
	refused(b.data, b.len, -E2BIG, "too long");
	ds_buf_free(&b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		TEST(health_is_read),
		TEST(what_a_target_lacks_is_empty),
		TEST(ports_that_are_none_are_zero),
		TEST(absent_is_no_state_of_aws),
		TEST(groups_are_read),
		TEST(attributes_are_read),
		TEST(balancers_are_read),
		TEST(interfaces_are_read),
		TEST(errors_are_read),
		TEST(what_is_no_reply_is_refused),
		TEST(cut_replies_are_refused),
		TEST(items_count_only_in_their_place),
		TEST(items_are_bounded),
	};

	return cmocka_run_group_tests_name("elb_reply", tests, NULL, NULL);
}
