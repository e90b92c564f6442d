/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/handover/election.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/lease.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

#define BODY_MAX 65536
#define RETRY_AFTER_MAX_NS (60 * DS_NS_PER_S)

enum step { LOOK, CREATE, UPDATE, GIVE_BACK, OVER };

struct ds_election {
	struct ds_election_options options;
	char *namespace_, *name, *identity;
	char *folder, *path;	/* of all leases of the namespace; of this one */
	struct ds_lease_view view;
	int64_t sent_ns;	/* when the request under way was sent */
	int64_t renewed_ns;	/* the last renewal that succeeded was sent then; 0 = not leading */
	int64_t next_ns;
	enum step step;
	bool busy;
	bool ending;	/* it is given back */
	uint64_t random;
	struct ds_buf body;
};

/* splitmix64: a time, and up to a fifth of it more. */
static int64_t jitter(struct ds_election *e, int64_t ns)
{
	uint64_t z = e->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ns + (int64_t)((z ^ (z >> 31)) % (uint64_t)(ns / 5 + 1));
}

bool ds_election_leads(const struct ds_election *e, int64_t now_ns)
{
	return !e->ending && e->renewed_ns && now_ns - e->renewed_ns < e->options.renew_ns;
}

const char *ds_election_holder(const struct ds_election *e)
{
	return e->view.lease.holder;
}

static bool is_ours(const struct ds_election *e)
{
	return e->view.known && !strcmp(e->view.lease.holder, e->identity);
}

int64_t ds_election_due(const struct ds_election *e)
{
	int64_t due_ns = e->busy || e->step == OVER ? INT64_MAX : e->next_ns;
	int64_t end_ns = e->renewed_ns && !e->ending ? e->renewed_ns + e->options.renew_ns :
						       INT64_MAX;

	return due_ns < end_ns ? due_ns : end_ns;
}

static const char *method_of(enum step step)
{
	return step == LOOK ? "GET" : step == CREATE ? "POST" : "PUT";
}

/* What is to be written, if anything. False without memory. */
static bool write_body(struct ds_election *e, int64_t wall_ns)
{
	ds_buf_clear(&e->body);
	if (e->step != LOOK)
		ds_lease_write(&e->view, e->namespace_, e->name, e->identity,
			       e->options.duration_s, e->step == GIVE_BACK, wall_ns, &e->body);
	return !e->body.failed;
}

bool ds_election_next(struct ds_election *e, int64_t now_ns, int64_t wall_ns,
		      struct ds_election_request *ret_request)
{
	/* Not renewed in time: it may be another's by now. What is under way is answered first. */
	if (e->renewed_ns && !e->ending && !ds_election_leads(e, now_ns)) {
		e->renewed_ns = 0;
		if (!e->busy)
			e->step = LOOK;
	}
	if (e->busy || e->step == OVER || now_ns < e->next_ns)
		return false;
	if (!write_body(e, wall_ns)) {
		e->next_ns = now_ns + e->options.retry_ns;
		return false;
	}
	e->busy = true;
	e->sent_ns = now_ns;
	*ret_request = (struct ds_election_request){
		.method = method_of(e->step),
		.target = e->step == CREATE ? e->folder : e->path,
		.body = e->step == LOOK ? NULL : e->body.data,
		.len = e->body.len,
	};
	return true;
}

/* ---- answers ---- */

/*
 * Takes what the server says that the lease is: as of now, the latest moment at which it may have
 * become so.
 */
static bool take_lease(struct ds_election *e, const char *body, size_t len, int64_t now_ns)
{
	json_tokener *tokener = body && len && len <= BODY_MAX ? json_tokener_new() : NULL;
	json_object *json = tokener ? json_tokener_parse_ex(tokener, body, (int)len) : NULL;
	struct ds_lease lease;
	bool good = json && !ds_lease_read(json, &lease);

	if (good)
		ds_lease_seen(&e->view, &lease, now_ns);
	json_object_put(json);
	if (tokener)
		json_tokener_free(tokener);
	return good;
}

static void try_again(struct ds_election *e, int64_t wait_ns, int64_t now_ns)
{
	int64_t ns = jitter(e, e->options.retry_ns);

	if (wait_ns > RETRY_AFTER_MAX_NS)
		wait_ns = RETRY_AFTER_MAX_NS;
	e->next_ns = now_ns + (wait_ns > ns ? wait_ns : ns);
	e->step = LOOK;
}

/* When it expires, if nobody changes it until then. */
static int64_t expires_ns(const struct ds_election *e)
{
	int64_t s = e->view.lease.duration_s;

	return e->view.since_ns + (s >= 0 ? s : e->options.duration_s) * DS_NS_PER_S;
}

/* It was read. Where it may be had it is asked for at once. */
static void looked(struct ds_election *e, int64_t now_ns)
{
	if (ds_lease_is_free(&e->view, e->identity, now_ns)) {
		e->next_ns = now_ns;
		e->step = UPDATE;
		return;
	}
	e->renewed_ns = 0;
	try_again(e, -1, now_ns);
	if (e->next_ns > expires_ns(e) && expires_ns(e) > now_ns)
		e->next_ns = expires_ns(e);
}

/* It was written, and is ours from when that was asked for. */
static void won(struct ds_election *e, bool readable, int64_t now_ns)
{
	e->renewed_ns = e->sent_ns;
	e->next_ns = e->sent_ns + e->options.retry_ns;
	if (e->next_ns < now_ns)
		e->next_ns = now_ns;
	e->step = readable ? UPDATE : LOOK;
}

void ds_election_answer(struct ds_election *e, int status, const char *body, size_t len,
			int64_t retry_after_ns, int64_t now_ns)
{
	enum step step = e->step;
	bool good = status / 100 == 2, readable = good && take_lease(e, body, len, now_ns);

	e->busy = false;
	if (step == GIVE_BACK) {
		e->step = OVER;
	} else if (step == LOOK && status == 404) {
		ds_lease_seen(&e->view, NULL, now_ns);
		e->renewed_ns = 0;
		e->step = CREATE;
		e->next_ns = now_ns;
	} else if (step == LOOK && readable) {
		looked(e, now_ns);
	} else if (step != LOOK && good) {
		won(e, readable, now_ns);
	} else {
		try_again(e, retry_after_ns, now_ns);
	}
	if (e->ending && e->step != OVER) {
		e->step = is_ours(e) ? GIVE_BACK : OVER;
		e->next_ns = now_ns;
	}
}

/* ---- beginning and end ---- */

void ds_election_release(struct ds_election *e)
{
	if (e->ending)
		return;
	e->ending = true;
	e->next_ns = 0;
	if (!e->busy)
		e->step = e->renewed_ns && is_ours(e) ? GIVE_BACK : OVER;
}

bool ds_election_is_over(const struct ds_election *e)
{
	return e->step == OVER;
}

int ds_election_new(struct ds_election **ret_election, const struct ds_election_options *options)
{
	ds_cleanup(ds_election_free) struct ds_election *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->options = *options;
	e->random = options->seed;
	e->namespace_ = strdup(options->namespace_);
	e->name = strdup(options->name);
	e->identity = strdup(options->identity);
	if (asprintf(&e->folder, "/apis/coordination.k8s.io/v1/namespaces/%s/leases",
		     options->namespace_) < 0)
		e->folder = NULL;
	if (!e->folder || asprintf(&e->path, "%s/%s", e->folder, options->name) < 0)
		e->path = NULL;
	if (!e->namespace_ || !e->name || !e->identity || !e->path)
		return -ENOMEM;
	*ret_election = DS_TAKE(e);
	return 0;
}

void ds_election_free(struct ds_election **election)
{
	struct ds_election *e = election ? *election : NULL;

	if (!e)
		return;
	ds_buf_free(&e->body);
	free(e->namespace_);
	free(e->name);
	free(e->identity);
	free(e->folder);
	free(e->path);
	free(DS_TAKE(*election));
}
