#ifndef TESTS_NEAR_H
#define TESTS_NEAR_H

/* cmocka wants these four before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/err.h"

/** Fail unless |a - b| <= abs_tol + rel_tol |b|; cmocka's own float assert casts to float. */
#define assert_near(a, b, abs_tol, rel_tol)                                           \
    do {                                                                              \
        double near_a = (a), near_b = (b);                                            \
        if (!(fabs(near_a - near_b) <= (abs_tol) + (rel_tol)*fabs(near_b)))           \
            fail_msg("%s is %.17g, want %.17g (difference %.3g)", #a, near_a, near_b, \
                     near_a - near_b);                                                \
    } while (0)

/** Fail unless the call returned 0; prints the error text. */
#define assert_ok(call, e)                                  \
    do {                                                    \
        int ok_rc = (call);                                 \
        if (ok_rc)                                          \
            fail_msg("%s: %d: %s", #call, ok_rc, (e).text); \
    } while (0)

/** Fail unless the call returned `want` and its text holds `part`. */
#define assert_error(call, want, e, part)                                                    \
    do {                                                                                     \
        int err_rc = (call);                                                                 \
        if (err_rc != (want) || (e).code != (want) || !strstr((e).text, (part)))             \
            fail_msg("%s: %d '%s', want %d with '%s'", #call, err_rc, (e).text, (int)(want), \
                     (part));                                                                \
        (e) = (struct err){ 0 };                                                             \
    } while (0)

#endif
