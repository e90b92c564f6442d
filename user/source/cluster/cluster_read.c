/* SPDX-License-Identifier: Apache-2.0 */
/* The objects between a load balancer and its pods: bindings, Services, EndpointSlices. */
#include "user/source/cluster/cluster_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_arn.h"
#include "user/source/kube/kube_json.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

#define CHECKPOINT "elbv2.k8s.aws/checkpoint"
#define CHECKPOINT_STAMP "elbv2.k8s.aws/checkpoint-timestamp"
#define SERVICE_NAME "kubernetes.io/service-name"

/* ---- pieces ---- */

int64_t ds_read_number(json_object *object, const char *key, int64_t max)
{
	json_object *value = ds_kube_member(object, key, json_type_int);
	int64_t number = value ? json_object_get_int64(value) : -1;

	return number < 0 || number > max ? -1 : number;
}

int64_t ds_read_digits(const char *text, int64_t max)
{
	int64_t number = 0;

	if (!*text)
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (number > (max - (*text - '0')) / 10)
			return -1;
		number = number * 10 + (*text - '0');
	}
	return *text ? -1 : number;
}

bool ds_read_bool(json_object *object, const char *key, bool otherwise)
{
	json_object *value = ds_kube_member(object, key, json_type_boolean);

	return value ? json_object_get_boolean(value) : otherwise;
}

uint16_t ds_read_port_number(json_object *object, const char *key)
{
	int64_t number = ds_read_number(object, key, UINT16_MAX);

	return number > 0 ? (uint16_t)number : 0;
}

bool ds_read_name(json_object *object, struct ds_read_name *ret_name)
{
	json_object *metadata = ds_kube_child(object, "metadata");

	return ds_kube_text(metadata, "name")[0] &&
	       ds_kube_copy(ret_name->name, sizeof(ret_name->name),
			    ds_kube_text(metadata, "name")) &&
	       ds_kube_copy(ret_name->namespace_, sizeof(ret_name->namespace_),
			    ds_kube_text(metadata, "namespace"));
}

bool ds_read_is_tcp(json_object *port)
{
	const char *protocol = ds_kube_text(port, "protocol");

	return !protocol[0] || !strcmp(protocol, "TCP");
}

size_t ds_read_items(json_object *list, size_t max)
{
	size_t cnt = list ? json_object_array_length(list) : 0;

	return cnt > max ? max : cnt;
}

/* A port as a number or as a name; neither where it is missing or of no use. */
static void read_port(json_object *object, const char *key, struct ds_read_port *ret_port)
{
	ret_port->number = ds_read_port_number(object, key);
	(void)ds_kube_copy(ret_port->name, sizeof(ret_port->name), ds_kube_text(object, key));
}

/* ---- TargetGroupBinding ---- */

const struct ds_kube_keep ds_read_binding_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "spec" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "metadata", "annotations" },
	{ "annotations", CHECKPOINT },
	{ "annotations", CHECKPOINT_STAMP },
	{ "spec", "targetGroupARN" },
	{ "spec", "targetType" },
	{ "spec", "ipAddressType" },
	{ "spec", "serviceRef" },
	{ "serviceRef", "name" },
	{ "serviceRef", "port" },
	{ NULL, NULL },
};

static void read_checkpoint(json_object *annotations, struct ds_read_binding *b)
{
	json_object *value = ds_kube_member(annotations, CHECKPOINT, json_type_string);
	int64_t stamp_s = ds_read_digits(ds_kube_text(annotations, CHECKPOINT_STAMP),
					 DS_EVENT_TIME_MAX / DS_NS_PER_S);

	b->has_checkpoint = value != NULL;
	b->is_checkpoint_empty = value && !json_object_get_string_len(value);
	b->checkpoint_ns = stamp_s > 0 ? stamp_s * DS_NS_PER_S : 0;
}

static bool fill_binding(json_object *object, struct ds_read_binding *b)
{
	json_object *spec = ds_kube_child(object, "spec"),
		    *service = ds_kube_child(spec, "serviceRef");
	const char *family = ds_kube_text(spec, "ipAddressType");
	struct ds_arn arn;

	if (!ds_read_name(object, &b->id) ||
	    !ds_kube_copy(b->arn, sizeof(b->arn), ds_kube_text(spec, "targetGroupARN")) ||
	    ds_arn_parse_elb(b->arn, "targetgroup", &arn) ||
	    !ds_kube_text(service, "name")[0] ||
	    !ds_kube_copy(b->service, sizeof(b->service), ds_kube_text(service, "name")))
		return false;
	read_port(service, "port", &b->port);
	/* Inferred by the controller where it is not told: then it is there a moment later. */
	b->type = strcmp(ds_kube_text(spec, "targetType"), "instance") != 0 ?
			  DS_TARGET_TYPE_IP :
			  DS_TARGET_TYPE_INSTANCE;
	b->family = !strcmp(family, "ipv4") ? 4 : !strcmp(family, "ipv6") ? 6 : 0;
	read_checkpoint(ds_kube_child(ds_kube_child(object, "metadata"), "annotations"), b);
	return b->port.number || b->port.name[0];
}

int ds_read_binding(json_object *object, struct ds_read_binding **ret_binding)
{
	struct ds_read_binding *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	if (!fill_binding(object, b)) {
		free(b);
		return -EINVAL;
	}
	*ret_binding = b;
	return 0;
}

void ds_read_binding_free(struct ds_read_binding *binding)
{
	free(binding);
}

/* ---- Service ---- */

const struct ds_kube_keep ds_read_service_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "spec" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "spec", "selector" },
	{ "selector", "*" },
	{ "spec", "publishNotReadyAddresses" },
	{ "spec", "ports" },
	{ "ports", "name" },
	{ "ports", "port" },
	{ "ports", "targetPort" },
	{ "ports", "nodePort" },
	{ "ports", "protocol" },
	{ NULL, NULL },
};

static void add_service_port(json_object *item, struct ds_read_service *s)
{
	struct ds_read_service_port port = { .port = ds_read_port_number(item, "port"),
					     .node_port = ds_read_port_number(item, "nodePort") };

	if (!port.port || !ds_read_is_tcp(item) ||
	    !ds_kube_copy(port.name, sizeof(port.name), ds_kube_text(item, "name")))
		return;
	read_port(item, "targetPort", &port.target);
	s->ports[s->ports_cnt++] = port;
}

int ds_read_service(json_object *object, struct ds_read_service **ret_service)
{
	json_object *spec = ds_kube_child(object, "spec"), *ports = ds_kube_list(spec, "ports");
	size_t cnt = ds_read_items(ports, DS_READ_PORTS_MAX);
	struct ds_read_service *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = ds_read_name(object, &s->id) ? 0 : -EINVAL;
	if (!r)
		r = ds_labels_read(ds_kube_child(spec, "selector"), &s->selector.want);
	if (!r && cnt && !(s->ports = calloc(cnt, sizeof(s->ports[0]))))
		r = -ENOMEM;
	if (r) {
		ds_read_service_free(s);
		return r;
	}
	s->publish_not_ready = ds_read_bool(spec, "publishNotReadyAddresses", false);
	for (size_t i = 0; i < cnt; i++)
		add_service_port(json_object_array_get_idx(ports, i), s);
	*ret_service = s;
	return 0;
}

void ds_read_service_free(struct ds_read_service *service)
{
	if (!service)
		return;
	ds_selector_free(&service->selector);
	free(service->ports);
	free(service);
}

/* ---- EndpointSlice ---- */

const struct ds_kube_keep ds_read_slice_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "addressType" },
	{ "object", "endpoints" },
	{ "object", "ports" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "metadata", "labels" },
	{ "labels", SERVICE_NAME },
	{ "endpoints", "addresses" },
	{ "endpoints", "conditions" },
	{ "endpoints", "nodeName" },
	{ "endpoints", "targetRef" },
	{ "conditions", "ready" },
	{ "conditions", "terminating" },
	{ "targetRef", "kind" },
	{ "targetRef", "name" },
	{ "targetRef", "uid" },
	{ "ports", "name" },
	{ "ports", "port" },
	{ "ports", "protocol" },
	{ NULL, NULL },
};

static bool read_first_address(json_object *endpoint, struct ds_addr *ret_addr)
{
	json_object *list = ds_kube_list(endpoint, "addresses");
	json_object *item = list && json_object_array_length(list) ?
				    json_object_array_get_idx(list, 0) :
				    NULL;
	const char *text = json_object_is_type(item, json_type_string) ?
				   json_object_get_string(item) :
				   "";

	/* Whoever reads the slice takes the first: the others are the same pod's. */
	return !ds_addr_parse(text, strlen(text), ret_addr) && ds_addr_is_set(ret_addr);
}

/* 0 also where it is no pod's: then nothing is added. */
static int add_endpoint(json_object *item, struct ds_read_slice *s)
{
	json_object *ref = ds_kube_child(item, "targetRef"),
		    *conditions = ds_kube_child(item, "conditions");
	const char *kind = ds_kube_text(ref, "kind"), *uid = ds_kube_text(ref, "uid");
	const char *name = ds_kube_text(ref, "name"), *node = ds_kube_text(item, "nodeName");
	struct ds_read_endpoint e = { .terminating =
					      ds_read_bool(conditions, "terminating", false) };

	if (strcmp(kind, "Pod") != 0 || !uid[0] || strlen(name) > DS_KUBE_NAME_LEN ||
	    strlen(node) > DS_KUBE_NAME_LEN || !ds_kube_copy(e.uid, sizeof(e.uid), uid) ||
	    !read_first_address(item, &e.addr))
		return 0;
	/* Kubernetes: what is not told is ready. */
	e.ready = ds_read_bool(conditions, "ready", true);
	e.name = strdup(name);
	e.node = strdup(node);
	if (!e.name || !e.node) {
		free(e.name);
		free(e.node);
		return -ENOMEM;
	}
	s->endpoints[s->endpoints_cnt++] = e;
	return 0;
}

static void add_slice_port(json_object *item, struct ds_read_slice *s)
{
	struct ds_read_slice_port port = { .port = ds_read_port_number(item, "port") };

	if (port.port && ds_read_is_tcp(item) &&
	    ds_kube_copy(port.name, sizeof(port.name), ds_kube_text(item, "name")))
		s->ports[s->ports_cnt++] = port;
}

static int fill_slice(json_object *object, struct ds_read_slice *s)
{
	json_object *labels = ds_kube_child(ds_kube_child(object, "metadata"), "labels");
	json_object *endpoints = ds_kube_list(object, "endpoints"),
		    *ports = ds_kube_list(object, "ports");
	const char *type = ds_kube_text(object, "addressType");
	size_t cnt = ds_read_items(endpoints, DS_READ_ENDPOINTS_MAX);
	size_t ports_cnt = ds_read_items(ports, DS_READ_PORTS_MAX);
	int r = 0;

	if (!ds_read_name(object, &s->id) ||
	    !ds_kube_copy(s->service, sizeof(s->service), ds_kube_text(labels, SERVICE_NAME)))
		return -EINVAL;
	s->family = !strcmp(type, "IPv4") ? 4 : !strcmp(type, "IPv6") ? 6 : 0;
	if (!s->family)
		cnt = 0;	/* FQDN: no pods */
	if (cnt)
		s->endpoints = calloc(cnt, sizeof(s->endpoints[0]));
	if (ports_cnt)
		s->ports = calloc(ports_cnt, sizeof(s->ports[0]));
	if ((cnt && !s->endpoints) || (ports_cnt && !s->ports))
		return -ENOMEM;
	for (size_t i = 0; i < cnt && !r; i++)
		r = add_endpoint(json_object_array_get_idx(endpoints, i), s);
	for (size_t i = 0; i < ports_cnt; i++)
		add_slice_port(json_object_array_get_idx(ports, i), s);
	return r;
}

int ds_read_slice(json_object *object, struct ds_read_slice **ret_slice)
{
	struct ds_read_slice *s = calloc(1, sizeof(*s));
	int r = s ? fill_slice(object, s) : -ENOMEM;

	if (r) {
		ds_read_slice_free(s);
		return r;
	}
	*ret_slice = s;
	return 0;
}

void ds_read_slice_free(struct ds_read_slice *slice)
{
	for (int i = 0; slice && i < slice->endpoints_cnt; i++) {
		free(slice->endpoints[i].name);
		free(slice->endpoints[i].node);
	}
	if (!slice)
		return;
	free(slice->endpoints);
	free(slice->ports);
	free(slice);
}
