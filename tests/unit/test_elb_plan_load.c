// SPDX-License-Identifier: Apache-2.0
/* The plan under load, against an API with a bucket of tokens. */
#include "tests/unit/elb_story.h"

/* ---- 1,000 terminating targets in 20 groups for 5 minutes ---- */

#define GROUPS 20
#define EACH 50
#define SPAN (300 * S)
#define PENDING_MAX 64
#define SENT_MAX 20000

/* AWS: a bucket of tokens per account, as documented: 40 at once, 10 a second. */
struct api {
	double tokens;
	int64_t at_ns;
	int throttled;
};

static bool api_takes(struct api *api, int64_t now_ns)
{
	api->tokens += (double)(now_ns - api->at_ns) / (double)S * 10;
	api->tokens = api->tokens > 40 ? 40 : api->tokens;
	api->at_ns = now_ns;
	if (api->tokens < 1) {
		api->throttled++;
		return false;
	}
	api->tokens -= 1;
	return true;
}

static int64_t drains_at(int g, int k)
{
	return BEGIN + (int64_t)((g * 7919 + k * 104729) % 60000) * MS;
}

struct flight {
	struct ds_elb_request request;
	int64_t sent_ns, done_ns;
	bool taken;
};

static int number_of(const struct ds_addr *a)
{
	return a->bytes[14] << 8 | a->bytes[15];
}

static void land(struct story *s, struct flight *f, int g)
{
	s->now_ns = f->done_ns;
	for (int i = 0; i < f->request.targets_cnt; i++) {
		const struct ds_elb_target_name *name = &f->request.targets[i];
		int n = number_of(&name->addr);
		int64_t at_ns = drains_at(g, n % EACH);
		int state = f->sent_ns + 5 * MS < at_ns ? DS_TARGET_STATE_HEALTHY :
							  DS_TARGET_STATE_DRAINING;

		ds_elb_plan_read(s->plan, &f->request, name, state, "", f->sent_ns, s->now_ns);
	}
	ds_elb_plan_done(s->plan, &f->request, f->taken ? DS_ELB_ANSWERED : DS_ELB_THROTTLED, -1,
			 s->now_ns);
}

static int by_width(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The rate, and what AWS takes; returns how many were throttled. */
static int simulate(double rate, bool is_tight, int64_t *ret_widest_gap_ns)
{
	static struct flight flights[PENDING_MAX];
	static int64_t sent[SENT_MAX], last[GROUPS], widths[GROUPS * EACH];
	struct story *s = new_story(rate, false);
	struct api api = { .tokens = is_tight ? 0 : 1e12, .at_ns = is_tight ? BEGIN : NEVER };
	int flying = 0, sent_cnt = 0, widest_group = -1, result, bounded;
	struct ds_elb_counters counters;

	memset(last, 0, sizeof(last));
	*ret_widest_gap_ns = 0;
	for (int g = 0; g < GROUPS; g++)
		for (int k = 0; k < EACH; k++)
			watch(s, g, g * EACH + k, 80);
	while (s->now_ns < BEGIN + SPAN) {
		int64_t due_ns = ds_elb_plan_due(s->plan);
		int first = -1;

		for (int i = 0; i < flying; i++)
			if (first < 0 || flights[i].done_ns < flights[first].done_ns)
				first = i;
		if (first >= 0 && flights[first].done_ns <= due_ns) {
			struct flight f = flights[first];
			int g = atoi(strstr(f.request.arn, "web-") + 4);

			flights[first] = flights[--flying];
			if (f.request.ask == DS_ELB_ASK_HEALTH) {
				land(s, &f, g);
			} else {
				s->now_ns = f.done_ns;
				done(s, &f.request, f.taken ? DS_ELB_ANSWERED : DS_ELB_THROTTLED);
			}
			continue;
		}
		assert_int_not_equal(due_ns, NEVER);
		s->now_ns = due_ns;
		assert_true(flying < PENDING_MAX && sent_cnt < SENT_MAX);
		assert_true(ds_elb_plan_take(s->plan, s->now_ns, &flights[flying].request));
		flights[flying].sent_ns = s->now_ns;
		flights[flying].done_ns = s->now_ns + 10 * MS + sent_cnt % 7 * 5 * MS;
		flights[flying].taken = !is_tight || api_takes(&api, s->now_ns);
		sent[sent_cnt++] = s->now_ns;
		if (flights[flying].request.ask == DS_ELB_ASK_HEALTH) {
			int g = atoi(strstr(flights[flying].request.arn, "web-") + 4);

			assert_int_equal(flights[flying].request.targets_cnt, EACH);
			if (last[g] && s->now_ns > BEGIN + 10 * S && s->now_ns < BEGIN + 60 * S &&
			    s->now_ns - last[g] > *ret_widest_gap_ns) {
				*ret_widest_gap_ns = s->now_ns - last[g];
				widest_group = g;
			}
			if (flights[flying].taken)
				last[g] = s->now_ns;
		}
		flying++;
	}
	/* In no second more than the rate, wherever it begins. */
	for (int i = 0; i + (int)rate < sent_cnt; i++)
		assert_true(sent[i + (int)rate] - sent[i] >= S);
	for (int g = 0; g < GROUPS; g++)
		assert_true(last[g] > BEGIN + SPAN - (is_tight ? 30 : 8) * S);	/* nobody starves */
	assert_true(widest_group >= 0);
	/* Each drain was seen, and lies inside of what was told. */
	result = bounded = 0;
	for (int i = 0; i < s->told_cnt; i++) {
		int n = number_of(&s->told[i].addr);
		int64_t at_ns = drains_at(n / EACH, n % EACH);

		if (s->told[i].state != DS_TARGET_STATE_DRAINING)
			continue;
		result++;
		assert_true(s->told[i].lo_ns <= at_ns && at_ns <= s->told[i].hi_ns);
		if (s->told[i].lo_ns)
			widths[bounded++] = s->told[i].hi_ns - s->told[i].lo_ns;
	}
	qsort(widths, (size_t)bounded, sizeof(widths[0]), by_width);
	assert_int_equal(result, GROUPS * EACH);
	counters = ds_elb_plan_counters(s->plan);
	assert_int_equal(counters.requests, sent_cnt);
	assert_int_equal(counters.throttled, api.throttled);
	assert_int_equal(counters.failed, 0);
	assert_int_equal(counters.refused, 0);
	print_message("rate %g%s: %d requests in 300 s, %d throttled; a group waits %.2f s at most; "
		      "width of a drain's interval: median %.2f s, largest %.2f s\n",
		      rate, is_tight ? ", AWS takes 10 a second" : "", sent_cnt, api.throttled,
		      (double)*ret_widest_gap_ns / (double)S,
		      (double)widths[bounded / 2] / (double)S,
		      (double)widths[bounded - 1] / (double)S);
	end_story(s);
	return api.throttled;
}

static void a_thousand_targets_in_twenty_groups(void **state)
{
	int64_t gap_ns;

	(void)state;
	/* Enough for all: each at its interval, but for jitter and the turns of the others. */
	assert_int_equal(simulate(40, false, &gap_ns), 0);
	assert_true(gap_ns <= S * 11 / 10 + 100 * MS);
	/* Too little for all: slower, and fair. */
	assert_int_equal(simulate(5, false, &gap_ns), 0);
	assert_in_range(gap_ns, 3900 * MS, 8500 * MS);
	/* AWS takes less than we would send: it backs off, and goes on. */
	assert_true(simulate(40, true, &gap_ns) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_targets_in_twenty_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
