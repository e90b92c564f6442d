// SPDX-License-Identifier: Apache-2.0
/*
 * user/source/kernel/kernel_btf.c: on BTF made here, as kernels of either kind would have it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "user/source/kernel/kernel_btf.h"

/* typedef void (*btf_trace_NAME)(void *, int x args); */
static void add_tracepoint(struct btf *btf, const char *name, int args)
{
	int integer = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int pointer = btf__add_ptr(btf, 0);
	int proto = btf__add_func_proto(btf, 0);
	int ptr;

	assert_int_equal(btf__add_func_param(btf, "data", pointer), 0);
	for (int i = 0; i < args; i++)
		assert_int_equal(btf__add_func_param(btf, "x", integer), 0);
	ptr = btf__add_ptr(btf, proto);
	assert_true(btf__add_typedef(btf, name, ptr) > 0);
}

static int setup(void **state)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	add_tracepoint(btf, "btf_trace_tcp_send_reset", 2);
	add_tracepoint(btf, "btf_trace_kfree_skb", 4);
	assert_true(btf__add_typedef(btf, "btf_trace_odd", 1) > 0);	/* not a function */
	assert_true(btf__add_enum(btf, "skb_drop_reason", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_NO_SOCKET", 3), 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_SUBSYS_MASK", 0xffff0000), 0);
	assert_true(btf__add_enum64(btf, "big", 8, false) > 0);
	assert_int_equal(btf__add_enum64_value(btf, "BIG", 1), 0);
	*state = btf;
	return 0;
}

static int teardown(void **state)
{
	btf__free(*state);
	return 0;
}

static void arguments_are_counted_without_the_first(void **state)
{
	assert_int_equal(ds_btf_raw_tp_args(*state, "tcp_send_reset"), 2);
	assert_int_equal(ds_btf_raw_tp_args(*state, "kfree_skb"), 4);
}

static void what_is_missing_is_told(void **state)
{
	char name[200];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_int_equal(ds_btf_raw_tp_args(*state, "icmp_send"), -ENOENT);
	assert_int_equal(ds_btf_raw_tp_args(*state, "odd"), -ENOENT);
	assert_int_equal(ds_btf_raw_tp_args(*state, name), -ENOENT);
	assert_int_equal(ds_btf_each_value(*state, "sk_rst_reason", NULL, NULL), -ENOENT);
}

static void count_value(void *ctx, const char *name, int64_t value)
{
	int *seen = ctx;

	if (strcmp(name, "SKB_DROP_REASON_NO_SOCKET") == 0)
		*seen += value == 3;
	else
		*seen += 10;
}

static void values_of_both_widths_are_named(void **state)
{
	int seen = 0;

	assert_int_equal(ds_btf_each_value(*state, "skb_drop_reason", count_value, &seen), 0);
	assert_int_equal(seen, 11);
	assert_int_equal(ds_btf_each_value(*state, "big", count_value, &seen), 0);
	assert_int_equal(seen, 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arguments_are_counted_without_the_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_missing_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(values_of_both_widths_are_named, setup, teardown),
	};

	return cmocka_run_group_tests_name("kernel_btf", tests, NULL, NULL);
}
