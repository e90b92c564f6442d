// SPDX-License-Identifier: Apache-2.0
/*
 * Which element is what stands in tables: a reply is known by the path of its list, an item begins
 * with each element of that path, and its fields are paths below it. Elements come in any order.
 */
#include "user/source/elb/elb_reply.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/names.h"
#include "user/source/aws/xml.h"

enum type { TEXT, PORT, NUMBER, STATE, FIRST_OF_SEVERAL };

struct field {
	const char *path;	/* below the item */
	enum type type;
	size_t offset;
};

struct list {
	enum ds_elb_reply_kind kind;
	const char *root;	/* the document's element */
	const char *item;	/* the path of an item */
	const char *marker;	/* the whole path; NULL: it has none */
	const char *request_id;	/* the same */
	size_t array, cnt;	/* in struct ds_elb_reply */
	size_t size;		/* of an item */
	const struct field *fields;
};

#define AT(member) offsetof(struct ds_elb_reply, member)
/* The one of a table of fields that is the last. */
#define END { NULL, TEXT, 0 }

#define F(member) offsetof(struct ds_elb_health, member)
static const struct field health_fields[] = {
	{ "/Target/Id", TEXT, F(id) },
	{ "/Target/Port", PORT, F(port) },
	{ "/HealthCheckPort", PORT, F(check_port) },
	{ "/TargetHealth/State", STATE, F(state) },
	{ "/TargetHealth/State", TEXT, F(state_text) },
	{ "/TargetHealth/Reason", TEXT, F(reason) },
	{ "/TargetHealth/Description", TEXT, F(description) },
	END,
};
#undef F

#define F(member) offsetof(struct ds_elb_group, member)
static const struct field group_fields[] = {
	{ "/TargetGroupArn", TEXT, F(arn) },
	{ "/TargetGroupName", TEXT, F(name) },
	{ "/Protocol", TEXT, F(protocol) },
	{ "/Port", PORT, F(port) },
	{ "/TargetType", TEXT, F(type) },
	{ "/HealthCheckProtocol", TEXT, F(check_protocol) },
	{ "/HealthCheckPort", TEXT, F(check_port) },
	{ "/HealthCheckIntervalSeconds", NUMBER, F(check_interval_s) },
	{ "/HealthCheckTimeoutSeconds", NUMBER, F(check_timeout_s) },
	{ "/HealthyThresholdCount", NUMBER, F(healthy_checks) },
	{ "/UnhealthyThresholdCount", NUMBER, F(unhealthy_checks) },
	{ "/LoadBalancerArns/member", FIRST_OF_SEVERAL, F(balancer_arn) },
	END,
};
#undef F

#define F(member) offsetof(struct ds_elb_attribute, member)
static const struct field attribute_fields[] = {
	{ "/Key", TEXT, F(key) },
	{ "/Value", TEXT, F(value) },
	END,
};
#undef F

#define F(member) offsetof(struct ds_elb_balancer, member)
static const struct field balancer_fields[] = {
	{ "/LoadBalancerArn", TEXT, F(arn) },
	{ "/LoadBalancerName", TEXT, F(name) },
	{ "/Type", TEXT, F(type) },
	{ "/Scheme", TEXT, F(scheme) },
	{ "/DNSName", TEXT, F(dns_name) },
	{ "/State/Code", TEXT, F(state) },
	END,
};
#undef F

#define F(member) offsetof(struct ds_elb_interface, member)
static const struct field interface_fields[] = {
	{ "/networkInterfaceId", TEXT, F(id) },
	{ "/description", TEXT, F(description) },
	{ "/interfaceType", TEXT, F(type) },
	END,
};
#undef F

static const struct field address_fields[] = {
	{ "", TEXT, offsetof(struct ds_elb_address, text) },
	END,
};

#define ELB(action, name) \
	"/" action "Response", "/" action "Response/" action "Result/" name "/member", \
		"/" action "Response/" action "Result/NextMarker", \
		"/" action "Response/ResponseMetadata/RequestId"
#define INTERFACES "/DescribeNetworkInterfacesResponse"
#define EC2(item) \
	INTERFACES, INTERFACES "/networkInterfaceSet/item" item, INTERFACES "/nextToken", \
		INTERFACES "/requestId"
#define LIST(type, list, cnt) AT(list), AT(cnt), sizeof(struct type)

static const struct list lists[] = {
	{ DS_ELB_REPLY_HEALTH, ELB("DescribeTargetHealth", "TargetHealthDescriptions"),
	  LIST(ds_elb_health, healths, health_cnt), health_fields },
	{ DS_ELB_REPLY_GROUPS, ELB("DescribeTargetGroups", "TargetGroups"),
	  LIST(ds_elb_group, groups, group_cnt), group_fields },
	{ DS_ELB_REPLY_ATTRIBUTES, ELB("DescribeTargetGroupAttributes", "Attributes"),
	  LIST(ds_elb_attribute, attributes, attribute_cnt), attribute_fields },
	{ DS_ELB_REPLY_BALANCERS, ELB("DescribeLoadBalancers", "LoadBalancers"),
	  LIST(ds_elb_balancer, balancers, balancer_cnt), balancer_fields },
	{ DS_ELB_REPLY_INTERFACES, EC2(""),
	  LIST(ds_elb_interface, interfaces, interface_cnt), interface_fields },
	{ DS_ELB_REPLY_INTERFACES, EC2("/privateIpAddressesSet/item/privateIpAddress"),
	  LIST(ds_elb_address, addresses, address_cnt), address_fields },
	{ DS_ELB_REPLY_INTERFACES, EC2("/ipv6AddressesSet/item/ipv6Address"),
	  LIST(ds_elb_address, addresses, address_cnt), address_fields },
};
#define LIST_CNT (sizeof(lists) / sizeof(lists[0]))

struct reader {
	struct ds_elb_reply *reply;
	bool known;		/* the document's element has been seen, kind is valid */
	size_t item_cnt;
	const char *fault;
};

/* What a text is that was not told. Texts are owned unless they are this one. */
static const char none[] = "";

static const char *text_at(const char *item, size_t offset)
{
	const char *text;

	memcpy(&text, item + offset, sizeof(text));
	return text;
}

static void set_text_at(char *item, size_t offset, const char *text)
{
	memcpy(item + offset, &text, sizeof(text));
}

static void drop_text(const char *text)
{
	if (text != none)
		free((void *)(uintptr_t)text);
}

static bool is_text(const struct field *f)
{
	return f->type == TEXT || f->type == FIRST_OF_SEVERAL;
}

/* The list's array and count, which lie in the reply with types of their own. */
static char *array_of(const struct ds_elb_reply *reply, const struct list *l, size_t *ret_cnt)
{
	char *array;

	memcpy(&array, (const char *)reply + l->array, sizeof(array));
	memcpy(ret_cnt, (const char *)reply + l->cnt, sizeof(*ret_cnt));
	return array;
}

static void set_array(struct ds_elb_reply *reply, const struct list *l, char *array, size_t cnt)
{
	memcpy((char *)reply + l->array, &array, sizeof(array));
	memcpy((char *)reply + l->cnt, &cnt, sizeof(cnt));
}

static void clear_item(char *item, const struct list *l)
{
	const int unknown = -1;

	memset(item, 0, l->size);
	for (const struct field *f = l->fields; f->path; f++) {
		if (is_text(f))
			set_text_at(item, f->offset, none);
		else if (f->type == STATE)
			memcpy(item + f->offset, &unknown, sizeof(unknown));
	}
}

static int append(struct reader *r, const struct list *l)
{
	size_t cnt;
	char *array = array_of(r->reply, l, &cnt);

	if (++r->item_cnt > DS_ELB_REPLY_ITEMS_MAX) {
		r->fault = "the reply has too many items";
		return -E2BIG;
	}
	if (!(cnt & (cnt - 1))) {	/* full: it grows at 0, 1, 2, 4, ... */
		array = realloc(array, (cnt ? 2 * cnt : 1) * l->size);
		if (!array)
			return -ENOMEM;
	}
	clear_item(array + cnt * l->size, l);
	set_array(r->reply, l, array, cnt + 1);
	if (l->array == AT(addresses))
		r->reply->addresses[cnt].interface = r->reply->interface_cnt - 1;
	return 0;
}

static int begin_document(struct reader *r, const char *path)
{
	r->known = true;
	r->reply->kind = DS_ELB_REPLY_ERROR;
	if (!strcmp(path, "/ErrorResponse") || !strcmp(path, "/Response"))
		return 0;
	for (size_t i = 0; i < LIST_CNT; i++) {
		if (!strcmp(path, lists[i].root)) {
			r->reply->kind = lists[i].kind;
			return 0;
		}
	}
	r->fault = "the XML is no reply of ELBv2 or EC2 that is known here";
	return -EBADMSG;
}

static int on_open(void *ctx, const char *path)
{
	struct reader *r = ctx;

	if (!r->known)
		return begin_document(r, path);
	for (size_t i = 0; i < LIST_CNT; i++)
		if (!strcmp(path, lists[i].item))
			return append(r, &lists[i]);
	return 0;
}

/* Digits only, and not more than max; else 0. */
static uint32_t number(const char *text, uint32_t max)
{
	uint64_t v = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		v = v * 10 + (uint64_t)(*text - '0');
		if (v > max)
			return 0;
	}
	return (uint32_t)v;
}

/* A text that is told twice is the later one, unless what comes first is what counts. */
static int set_text(const char **to, const char *text, size_t len)
{
	char *copy;

	if (!len)
		return 0;
	copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	drop_text(*to);
	*to = copy;
	return 0;
}

static int set_text_field(char *item, const struct field *f, const char *text, size_t len)
{
	const char *was = text_at(item, f->offset);
	int r;

	if (f->type == FIRST_OF_SEVERAL && was != none)
		return 0;
	r = set_text(&was, text, len);
	set_text_at(item, f->offset, was);
	return r;
}

static int set_field(char *item, const struct field *f, const char *text, size_t len)
{
	uint32_t v = number(text, f->type == PORT ? UINT16_MAX : UINT32_MAX);
	uint16_t port = (uint16_t)v;
	int state;

	switch (f->type) {
	case TEXT:
	case FIRST_OF_SEVERAL:
		return set_text_field(item, f, text, len);
	case PORT:
		memcpy(item + f->offset, &port, sizeof(port));
		return 0;
	case NUMBER:
		memcpy(item + f->offset, &v, sizeof(v));
		return 0;
	case STATE:
		state = ds_name_parse(DS_NAMES_TARGET_STATE, text, len);
		/* "absent" is a word of ours, not of AWS. */
		if (state == DS_TARGET_STATE_ABSENT)
			state = -1;
		memcpy(item + f->offset, &state, sizeof(state));
		return 0;
	}
	return 0;
}

/* A leaf of the last item of the list. */
static int take_field(struct reader *r, const struct list *l, const char *path, const char *text,
		      size_t len)
{
	size_t at = strlen(l->item), cnt;
	char *array = array_of(r->reply, l, &cnt);
	int result = 0;

	if (!cnt || strncmp(path, l->item, at) != 0)
		return 0;
	for (const struct field *f = l->fields; f->path && !result; f++)
		if (!strcmp(path + at, f->path))
			result = set_field(array + (cnt - 1) * l->size, f, text, len);
	return result;
}

static int take_error(struct ds_elb_reply *reply, const char *path, const char *text, size_t len)
{
	static const char *const codes[] = { "/ErrorResponse/Error/Code",
					     "/Response/Errors/Error/Code" };
	static const char *const messages[] = { "/ErrorResponse/Error/Message",
						"/Response/Errors/Error/Message" };
	static const char *const ids[] = { "/ErrorResponse/RequestId", "/Response/RequestID" };

	for (int i = 0; i < 2; i++) {
		if (!strcmp(path, codes[i]) && reply->code == none)
			return set_text(&reply->code, text, len);
		if (!strcmp(path, messages[i]) && reply->message == none)
			return set_text(&reply->message, text, len);
		if (!strcmp(path, ids[i]))
			return set_text(&reply->request_id, text, len);
	}
	return 0;
}

static int on_leaf(void *ctx, const char *path, const char *text, size_t len)
{
	struct reader *r = ctx;
	int result = 0;

	if (r->reply->kind == DS_ELB_REPLY_ERROR)
		return take_error(r->reply, path, text, len);
	for (size_t i = 0; i < LIST_CNT && !result; i++) {
		if (lists[i].kind != r->reply->kind)
			continue;
		if (!strcmp(path, lists[i].marker))
			return set_text(&r->reply->marker, text, len);
		if (!strcmp(path, lists[i].request_id))
			return set_text(&r->reply->request_id, text, len);
		result = take_field(r, &lists[i], path, text, len);
	}
	return result;
}

int ds_elb_reply_read(struct ds_elb_reply *ret_reply, const char *body, size_t len,
		      const char **ret_fault)
{
	struct ds_elb_reply reply = { .code = none, .message = none, .request_id = none,
				      .marker = none };
	struct reader r = { .reply = &reply };
	const struct ds_xml_reader xml = { .open = on_open, .leaf = on_leaf, .ctx = &r };
	int result = ds_xml_read(body, len, &xml, ret_fault);

	if (result) {
		if (!*ret_fault)
			*ret_fault = r.fault ? r.fault : "out of memory";
		ds_elb_reply_free(&reply);
	}
	if (reply.marker == none)
		reply.marker = NULL;
	*ret_reply = reply;
	return result;
}

static void free_list(struct ds_elb_reply *reply, const struct list *l)
{
	size_t cnt;
	char *array = array_of(reply, l, &cnt);

	for (size_t i = 0; i < cnt; i++)
		for (const struct field *f = l->fields; f->path; f++)
			if (is_text(f))
				drop_text(text_at(array + i * l->size, f->offset));
	free(array);
	set_array(reply, l, NULL, 0);
}

void ds_elb_reply_free(struct ds_elb_reply *reply)
{
	for (size_t i = 0; i < LIST_CNT; i++)
		free_list(reply, &lists[i]);
	drop_text(reply->code);
	drop_text(reply->message);
	drop_text(reply->request_id);
	drop_text(reply->marker);
	memset(reply, 0, sizeof(*reply));
}

const char *ds_elb_reply_attribute(const struct ds_elb_reply *reply, const char *key)
{
	for (size_t i = 0; i < reply->attribute_cnt; i++)
		if (!strcmp(reply->attributes[i].key, key))
			return reply->attributes[i].value;
	return NULL;
}
