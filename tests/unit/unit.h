/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test includes: cmocka with what it needs before it.
 */
#ifndef DS_TESTS_UNIT_UNIT_H
#define DS_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
