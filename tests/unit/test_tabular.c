#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/tabular.h"
#include "num/rng.h"

/* Six rows; the first four are training rows.
 *   price  1  -  4  3 | 100  -        grade  b  a  -  b | c  -        old  1 0 0 0 | 1 1 (bool, no
 * gap) */
static double price_at[] = { 1, 0, 4, 3, 100, 0 };
static uint8_t price_there[] = { 1, 0, 1, 1, 1, 0 };
static int32_t grade_at[] = { 0, 1, -1, 0, 2, -1 };
static uint8_t grade_there[] = { 1, 1, 0, 1, 1, 0 };
static char level_b[] = "b", level_a[] = "a", level_c[] = "c";
static char *grade_level[] = { level_b, level_a, level_c };
static uint8_t old_at[] = { 1, 0, 0, 0, 1, 1 };
static char price_name[] = "price", grade_name[] = "grade", old_name[] = "old",
            text_name[] = "text";
static char *features[] = { price_name, grade_name, old_name };
enum { N = 6, N_TRAIN = 4 };
static const size_t train[N_TRAIN] = { 0, 1, 2, 3 };

struct fixture {
    struct column col[3];
    struct table t;
    struct tabular s;
    struct err e;
    double x[N * 16];
};

/* Everything borrowed from the arrays above: never released as a table. */
static struct fixture *fixture(void)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    f->col[0] = (struct column){
        .name = price_name, .type = COLUMN_FLOAT, .n = N, .real = price_at, .valid = price_there
    };
    f->col[1] = (struct column){ .name = grade_name,
                                 .type = COLUMN_CATEGORY,
                                 .n = N,
                                 .code = grade_at,
                                 .valid = grade_there,
                                 .level = grade_level,
                                 .n_level = 3 };
    f->col[2] = (struct column){ .name = old_name, .type = COLUMN_BOOL, .n = N, .flag = old_at };
    f->t = (struct table){
        .n_row = N, .n_col = 3, .col = f->col, .roles = { .feature = features, .n_feature = 3 }
    };
    return f;
}

static void done(struct fixture *f)
{
    tabular_release(&f->s);
    free(f);
}

static void fit(struct fixture *f, const struct tabular_options *o)
{
    assert_ok(tabular_fit(&f->s, &f->t, train, N_TRAIN, o, 1, &f->e), f->e);
    assert_ok(tabular_apply(&f->s, &f->t, NULL, N, f->x, &f->e), f->e);
}

static double at(const struct fixture *f, size_t row, const char *name)
{
    for (size_t j = 0; j < f->s.n_out; j++)
        if (strcmp(f->s.name[j], name) == 0)
            return f->x[row * f->s.n_out + j];
    fail_msg("no column '%s'", name);
    return (double)NAN;
}

static void a_gap_becomes_the_median_of_the_training_rows(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f, &(struct tabular_options){ .indicators = true });
    assert_int_equal(f->s.n_out, 5); /* price, price missing, grade=a, grade=b, old */
    assert_string_equal(f->s.name[1], "price missing");
    assert_near(at(f, 1, "price"), 3, 0, 0); /* of 1 3 4 */
    assert_near(at(f, 5, "price"), 3, 0, 0);
    assert_near(at(f, 4, "price"), 100, 0, 0);
    assert_near(at(f, 1, "price missing"), 1, 0, 0);
    assert_near(at(f, 0, "price missing"), 0, 0, 0);
    assert_near(at(f, 0, "old"), 1, 0, 0);
    done(f);
}

static void the_median_of_an_even_number_lies_between_the_middle_two(void **state)
{
    struct fixture *f = fixture();
    const size_t two[] = { 0, 2 };
    (void)state;
    assert_ok(tabular_fit(&f->s, &f->t, two, 2, &(struct tabular_options){ 0 }, 1, &f->e), f->e);
    assert_near(f->s.col[0].fill, 2.5, 0, 0);
    done(f);
}

static void a_gap_becomes_the_mean_or_a_constant_when_asked(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f, &(struct tabular_options){ .number_missing = TABULAR_MEAN });
    assert_near(at(f, 5, "price"), 8.0 / 3, 1e-15, 0);
    tabular_release(&f->s);
    fit(f, &(struct tabular_options){ .number_missing = TABULAR_CONSTANT, .constant = -7 });
    assert_near(at(f, 5, "price"), -7, 0, 0);
    done(f);
}

static void standard_scaling_is_over_the_filled_training_rows(void **state)
{
    struct fixture *f = fixture();
    double sd = sqrt((1.75 * 1.75 + 0.25 * 0.25 + 1.25 * 1.25 + 0.25 * 0.25) /
                     4); /* 1 3 4 3: mean 2.75 */
    (void)state;
    fit(f, &(struct tabular_options){ .scale = true, .indicators = true });
    assert_near(at(f, 0, "price"), -1.75 / sd, 1e-15, 1e-15);
    assert_near(at(f, 4, "price"), 97.25 / sd, 1e-15, 1e-15);
    assert_near(at(f, 1, "price missing"), 1, 0, 0); /* 0/1 columns stay */
    assert_near(at(f, 0, "grade=b"), 1, 0, 0);
    tabular_release(&f->s);
    fit(f,
        &(struct tabular_options){ .scale = true, .indicators = true, .scale_indicators = true });
    assert_near(at(f, 1, "price missing"), 0.75 / sqrt(3.0 / 16), 1e-15, 1e-15); /* 0 1 0 0 */
    done(f);
}

static void a_gap_in_a_category_is_the_most_frequent_level(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f, &(struct tabular_options){ 0 });
    assert_near(at(f, 2, "grade=b"), 1, 0, 0);
    assert_near(at(f, 5, "grade=b"), 1, 0, 0);
    assert_near(at(f, 2, "grade=a"), 0, 0, 0);
    assert_near(at(f, 4, "grade=a") + at(f, 4, "grade=b"), 0, 0, 0); /* c was not seen */
    done(f);
}

static void a_gap_in_a_category_can_be_a_level_of_its_own_or_nothing(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f,
        &(struct tabular_options){ .category_missing = TABULAR_LABEL, .missing_label = "Missing" });
    assert_near(at(f, 2, "grade=Missing"), 1, 0, 0);
    assert_near(at(f, 5, "grade=Missing"), 1, 0, 0);
    assert_near(at(f, 0, "grade=Missing"), 0, 0, 0);
    tabular_release(&f->s);
    fit(f, &(struct tabular_options){ .category_missing = TABULAR_ZERO });
    assert_near(at(f, 2, "grade=a") + at(f, 2, "grade=b"), 0, 0, 0);
    done(f);
}

static void one_hot_can_drop_the_last_level(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f, &(struct tabular_options){ .drop_last = true });
    assert_int_equal(f->s.n_out, 3); /* price, grade=a, old */
    assert_string_equal(f->s.name[1], "grade=a");
    assert_near(at(f, 1, "grade=a"), 1, 0, 0);
    assert_near(at(f, 0, "grade=a"), 0, 0, 0);
    done(f);
}

static void rare_and_unseen_levels_become_one(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f, &(struct tabular_options){ .rare_below = 0.3,
                                      .rare_label = "Rare" }); /* a: 1 of 4; b, with the gap: 3 */
    assert_int_equal(f->s.col[1].n_level, 2);
    assert_near(at(f, 1, "grade=Rare"), 1, 0, 0);
    assert_near(at(f, 4, "grade=Rare"), 1, 0, 0); /* c, unseen */
    assert_near(at(f, 2, "grade=b"), 1, 0, 0);
    tabular_release(&f->s);
    fit(f, &(struct tabular_options){ .rare_below = 0.25,
                                      .rare_label = "Rare" }); /* 0.25 is not below 0.25 */
    assert_near(at(f, 1, "grade=a"), 1, 0, 0);
    tabular_release(&f->s);
    fit(f, &(struct tabular_options){ .rare_below = 0.3,
                                      .rare_label = "Rare",
                                      .category_missing = TABULAR_LABEL,
                                      .missing_label = "Missing" });
    assert_near(at(f, 5, "grade=Rare"), 1, 0, 0); /* the level of the gaps is rare itself */
    done(f);
}

static void what_stands_in_other_rows_changes_nothing(void **state)
{
    struct fixture *f = fixture(), *g = fixture();
    struct tabular_options o = { .scale = true,
                                 .scale_indicators = true,
                                 .indicators = true,
                                 .rare_below = 0.1,
                                 .rare_label = "Rare",
                                 .number_missing = TABULAR_MEAN };
    /* other values, a gap more, other levels in another order: in rows 4 and 5 only */
    static double other_price[] = { 1, 0, 4, 3, -9, 1e9 };
    static uint8_t other_there[] = { 1, 0, 1, 1, 0, 1 }, other_old[] = { 1, 0, 0, 0, 0, 0 };
    static char level_z[] = "z";
    static char *other_level[] = { level_z, level_a, level_b };
    static int32_t other_grade[] = { 2, 1, -1, 2, 0, 0 };
    static uint8_t other_grade_there[] = { 1, 1, 0, 1, 1, 1 };
    (void)state;
    g->col[0].real = other_price;
    g->col[0].valid = other_there;
    g->col[1].level = other_level;
    g->col[1].code = other_grade;
    g->col[1].valid = other_grade_there;
    g->col[2].flag = other_old;
    fit(f, &o);
    fit(g, &o);
    char *a = tabular_text(&f->s), *b = tabular_text(&g->s);
    assert_string_equal(a, b);
    assert_memory_equal(f->x, g->x, N_TRAIN * f->s.n_out * sizeof *f->x);
    tabular_release(&g->s); /* but what stands in a training row does */
    other_price[3] = 5;
    fit(g, &o);
    char *c = tabular_text(&g->s);
    assert_true(strcmp(a, c) != 0);
    free(a);
    free(b);
    free(c);
    done(g);
    done(f);
}

static void the_state_survives_its_text_bit_for_bit(void **state)
{
    struct fixture *f = fixture();
    struct tabular back = { 0 };
    double again[N * 16], some[2 * 16];
    const size_t two[] = { 5, 1 };
    static double odd[] = { 0.1, 0, 1e-7, 1.0 / 3, 12345.678901234567, 0 };
    (void)state;
    f->col[0].real = odd;
    fit(f, &(struct tabular_options){ .scale = true,
                                      .scale_indicators = true,
                                      .indicators = true,
                                      .number_missing = TABULAR_MEAN,
                                      .rare_below = 0.3,
                                      .rare_label = "R" });
    char *text = tabular_text(&f->s);
    assert_ok(tabular_parse(&back, "state", text, &f->e), f->e);
    char *text2 = tabular_text(&back);
    assert_string_equal(text, text2);
    assert_ok(tabular_apply(&back, &f->t, NULL, N, again, &f->e), f->e);
    assert_memory_equal(again, f->x, N * back.n_out * sizeof *again);
    assert_ok(tabular_apply(&back, &f->t, two, 2, some, &f->e),
              f->e); /* one row at a time, as in serving */
    assert_memory_equal(some, f->x + 5 * back.n_out, back.n_out * sizeof *some);
    assert_memory_equal(some + back.n_out, f->x + back.n_out, back.n_out * sizeof *some);
    free(text);
    free(text2);
    tabular_release(&back);
    done(f);
}

static void a_column_without_any_value_gives_none(void **state)
{
    struct fixture *f = fixture();
    static uint8_t nothing[N] = { 0, 0, 0, 0, 1, 1 };
    static int32_t no_code[N] = { -1, -1, -1, -1, 0, 0 };
    (void)state;
    f->col[0].valid = nothing;
    f->col[1].valid = nothing;
    f->col[1].code = no_code;
    fit(f, &(struct tabular_options){ .scale = true, .indicators = true });
    assert_int_equal(f->s.n_out, 1);
    assert_string_equal(f->s.name[0], "old");
    done(f);
}

static void a_constant_column_becomes_zeros(void **state)
{
    struct fixture *f = fixture();
    static double same[N] = { 0.1, 0.1, 0.1, 0.1, 0.1, 0.6 };
    (void)state;
    f->col[0].real = same;
    f->col[0].valid = NULL;
    fit(f, &(struct tabular_options){ .scale = true });
    assert_near(at(f, 0, "price"), 0, 1e-15, 0);
    assert_near(at(f, 5, "price"), 0.5, 1e-15, 0);
    done(f);
}

static void a_table_without_features_gives_no_column(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    f->t.roles.n_feature = 0;
    fit(f, &(struct tabular_options){ .scale = true });
    assert_int_equal(f->s.n_out, 0);
    char *text = tabular_text(&f->s);
    tabular_release(&f->s);
    assert_ok(tabular_parse(&f->s, "state", text, &f->e), f->e);
    free(text);
    done(f);
}

static void an_absent_column_is_a_gap_in_every_row(void **state)
{
    struct fixture *f = fixture();
    double x[N * 16];
    (void)state;
    fit(f, &(struct tabular_options){ .indicators = true });
    f->t.n_col = 1;
    f->col[0] = f->col[2]; /* only `old` is left */
    assert_ok(tabular_apply(&f->s, &f->t, NULL, N, x, &f->e), f->e);
    assert_near(x[0], 3, 0, 0);
    assert_near(x[1], 1, 0, 0);
    assert_near(x[3], 1, 0, 0); /* grade=b, the most frequent */
    assert_near(x[4], 1, 0, 0); /* old, read */
    done(f);
}

static void an_infinity_is_refused_with_its_place(void **state)
{
    struct fixture *f = fixture();
    static double bad[N] = { 1, 2, (double)INFINITY, 4, 5, 6 };
    (void)state;
    f->col[0].real = bad;
    f->col[0].valid = NULL;
    assert_error(
        tabular_fit(&f->s, &f->t, train, N_TRAIN, &(struct tabular_options){ 0 }, 1, &f->e),
        ERR_DATA, f->e, "'price' row 2");
    bad[2] = 3;
    fit(f, &(struct tabular_options){ .scale = true });
    bad[5] = (double)NAN;
    assert_error(tabular_apply(&f->s, &f->t, NULL, N, f->x, &f->e), ERR_DATA, f->e,
                 "'price' row 5");
    bad[5] = 1e40; /* finite, but not as the float32 that a network sees */
    assert_error(tabular_apply(&f->s, &f->t, NULL, N, f->x, &f->e), ERR_DATA, f->e,
                 "'price' row 5: the value is too large");
    bad[0] = bad[1] = 1e308;
    bad[2] = bad[3] = -1e308;
    tabular_release(&f->s);
    assert_error(tabular_fit(&f->s, &f->t, train, N_TRAIN,
                             &(struct tabular_options){ .scale = true }, 1, &f->e),
                 ERR_DATA, f->e, "too large");
    bad[0] = bad[1] = bad[2] = 1;
    bad[3] = 1e308; /* the square alone is too large */
    assert_error(tabular_fit(&f->s, &f->t, train, N_TRAIN,
                             &(struct tabular_options){ .scale = true }, 1, &f->e),
                 ERR_DATA, f->e, "'price': its values are too large to be scaled");
    done(f);
}

static void box_cox_finds_the_same_lambda_in_any_unit(void **state)
{
    static const double unit[] = { 1, 1e15, 1e-9 };
    static double x[N];
    double lambda = 0;
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct fixture *f = fixture();
        f->col[0].real = x;
        f->col[0].valid = NULL;
        f->t.roles.n_feature = 1;
        for (int i = 0; i < N; i++)
            x[i] = unit[k] * (0.8 + 0.1 * i);
        fit(f, &(struct tabular_options){ .transform = TABULAR_BOX_COX });
        if (k == 0)
            lambda = f->s.col[0].lambda;
        assert_near(f->s.col[0].lambda, lambda, 1e-6, 0);
        assert_near(lambda, 0.67826321, 1e-6, 0); /* scipy.stats.boxcox */
        done(f);
    }
}

static void text_and_changed_types_are_refused(void **state)
{
    struct fixture *f = fixture();
    struct column text = { .name = text_name, .type = COLUMN_STRING, .n = N }, grade;
    char *only_text[] = { text_name };
    (void)state;
    fit(f, &(struct tabular_options){ 0 });
    grade = f->col[1];
    f->col[1] = f->col[0];
    f->col[1].name = grade_name;
    assert_error(tabular_apply(&f->s, &f->t, NULL, N, f->x, &f->e), ERR_DATA, f->e,
                 "want a category");
    f->col[1] = grade;
    f->col[0] = text;
    f->t.roles.feature = only_text;
    f->t.roles.n_feature = 1;
    tabular_release(&f->s);
    assert_error(
        tabular_fit(&f->s, &f->t, train, N_TRAIN, &(struct tabular_options){ 0 }, 1, &f->e),
        ERR_DATA, f->e, "is text");
    assert_error(tabular_fit(&f->s, &f->t, train, 0, &(struct tabular_options){ 0 }, 1, &f->e),
                 ERR_DATA, f->e, "no training row");
    done(f);
}

static void a_damaged_state_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"tabular\":2}",
        "{\"tabular\":1}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\"}],\"names\":[],\"mean\":[],\"sd\":[]}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\",\"type\":\"number\",\"fill\":0,\"indicator\":"
        "false,\"columns\":2}],"
        "\"names\":[\"a\",\"b\"],\"mean\":[0,0],\"sd\":[1,1]}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\",\"type\":\"number\",\"fill\":0,\"indicator\":"
        "false,\"columns\":1}],"
        "\"names\":[\"a\"],\"mean\":[0],\"sd\":[0]}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\",\"type\":\"number\",\"fill\":0,\"indicator\":"
        "false,\"columns\":1}],"
        "\"names\":[\"a\"],\"mean\":[0,1],\"sd\":[1]}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\",\"type\":\"category\",\"levels\":[\"y\",\"x\"]"
        ",\"missing\":null,"
        "\"other\":null,\"columns\":2}],\"names\":[\"a\",\"b\"],\"mean\":[0,0],\"sd\":[1,1]}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\",\"type\":\"category\",\"levels\":[\"x\",\"y\"]"
        ",\"missing\":2,"
        "\"other\":null,\"columns\":2}],\"names\":[\"a\",\"b\"],\"mean\":[0,0],\"sd\":[1,1]}",
        "{\"tabular\":1,\"columns\":[{\"name\":\"a\",\"type\":\"category\",\"levels\":[\"x\",\"y\","
        "\"z\"],\"missing\":2,"
        "\"other\":null,\"columns\":1}],\"names\":[\"a\"],\"mean\":[0],\"sd\":[1]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tabular s = { 0 };
        struct err e = { 0 };
        assert_error(tabular_parse(&s, "m.h5", bad[i], &e), ERR_DATA, e,
                     "'m.h5': the state of the feature columns");
        assert_int_equal(s.n_col, 0);
    }
}

/* Every transform with a group, every encoding with the label `grade`: state -> text -> state. */
static void a_state_of_every_kind_reads_back_bit_for_bit(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++) {
        struct fixture *f = fixture();
        struct tabular again = { 0 };
        double x[N * 16];
        f->t.roles.label = old_name;
        const struct tabular_options o = { .transform = (enum tabular_transform)kind,
                                           .encode = (enum tabular_encode)(kind % 4),
                                           .scale = (enum tabular_scale)(kind % 4),
                                           .group = grade_name };
        f->t.roles.n_feature = 2; /* `old` has a 0, which has no logarithm */
        fit(f, &o);
        char *text = tabular_text(&f->s);
        assert_ok(tabular_parse(&again, "state", text, &f->e), f->e);
        char *twice = tabular_text(&again);
        assert_string_equal(text, twice);
        assert_ok(tabular_apply(&again, &f->t, NULL, N, x, &f->e), f->e);
        assert_memory_equal(x, f->x, N * f->s.n_out * sizeof *x);
        if (kind) { /* and a state without one of its keys is refused */
            assert_non_null(strstr(text, "\"tabular\":2"));
            for (char *cut = strstr(text, "\"values\":["); cut; cut = NULL) {
                struct tabular none = { 0 };
                memcpy(cut, "\"valuez\"", 8);
                assert_error(tabular_parse(&none, "state", text, &f->e), ERR_DATA, f->e, "values");
            }
        }
        free(twice);
        free(text);
        tabular_release(&again);
        done(f);
    }
}

static void a_gap_is_filled_by_its_group(void **state)
{
    struct fixture *f = fixture();
    (void)state;
    fit(f, &(struct tabular_options){ .group = grade_name });
    /* row 1 is the only one of level a and has no price: the median of all, 3; row 5 has no level
     */
    assert_near(at(f, 1, "price"), 3, 0, 0);
    assert_near(at(f, 5, "price"), 3, 0, 0);
    price_there[3] = 0; /* of level b, as row 0, whose price is 1 */
    struct tabular s = { 0 };
    assert_ok(tabular_fit(&s, &f->t, train, N_TRAIN,
                          &(struct tabular_options){ .group = grade_name }, 1, &f->e),
              f->e);
    assert_ok(tabular_apply(&s, &f->t, NULL, N, f->x, &f->e), f->e);
    price_there[3] = 1;
    assert_near(f->x[3 * s.n_out], 1, 0, 0);
    tabular_release(&s);
    done(f);
}

static void a_part_of_a_day_without_a_date_is_refused_with_its_row(void **state)
{
    (void)state;
    static int64_t day[N] = { 0, -1, 19782, 365, INT64_MAX, INT64_MIN };
    static char us[] = "us", days[] = "days";
    struct fixture *f = fixture();
    f->col[0] = (struct column){
        .name = price_name, .type = COLUMN_DATE, .n = N, .whole = day, .unit = days
    };
    f->t.roles.n_feature = 1;
    assert_ok(tabular_fit(&f->s, &f->t, train, N_TRAIN,
                          &(struct tabular_options){ .parts = 1u << TABULAR_YEAR }, 1, &f->e),
              f->e);
    assert_error(tabular_apply(&f->s, &f->t, NULL, N, f->x, &f->e), ERR_DATA, f->e,
                 "column 'price' row 4: nan is not a finite number");
    f->col[0].unit = us; /* 292,000 years before and after 1970 */
    assert_ok(tabular_apply(&f->s, &f->t, NULL, N, f->x, &f->e), f->e);
    assert_near(f->x[1], 1969, 0, 0);
    assert_near(f->x[4], 294247, 0, 0);
    assert_near(f->x[5], -290308, 0, 0);
    done(f);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Many rows, so that the median is sought in a part of them: of few different values, of many, of
 * rising ones, of one that is far away from all. */
static double many_at(int kind, size_t i, struct rng *r)
{
    return kind == 0   ? (double)rng_below(r, 3)
           : kind == 1 ? rng_normal(r)
           : kind == 2 ? (double)i
           : i % 512   ? 1
                       : 1e9 - (double)i;
}

static void medians_and_quartiles_of_many_rows_are_those_of_the_sorted_ones(void **state)
{
    enum { MANY = 20001 };
    struct fixture *f = fixture();
    struct rng r;
    double *x = mem_calloc(MANY, sizeof *x), *sorted = mem_calloc(MANY, sizeof *sorted);
    size_t *row = mem_calloc(MANY, sizeof *row);
    (void)state;
    rng_init(&r, 9, 0);
    f->t.n_row = MANY;
    f->t.roles.n_feature = 1;
    f->col[0] = (struct column){ .name = price_name, .type = COLUMN_FLOAT, .n = MANY, .real = x };
    for (int kind = 0; kind < 8; kind++) {
        size_t n = MANY - (size_t)kind / 4;
        for (size_t i = 0; i < n; i++) {
            row[i] = i;
            sorted[i] = x[i] = many_at(kind % 4, i, &r);
        }
        qsort(sorted, n, sizeof *sorted, by_value);
        assert_ok(tabular_fit(&f->s, &f->t, row, n,
                              &(struct tabular_options){ .scale = TABULAR_ROBUST }, 1, &f->e),
                  f->e);
        double low = (double)(n - 1) / 4, high = 3 * low;
        double a = sorted[(size_t)low] +
                   (low - floor(low)) * (sorted[(size_t)ceil(low)] - sorted[(size_t)low]);
        double b = sorted[(size_t)high] +
                   (high - floor(high)) * (sorted[(size_t)ceil(high)] - sorted[(size_t)high]);
        assert_near(f->s.col[0].fill, (sorted[n / 2] + sorted[(n - 1) / 2]) / 2, 0, 1e-15);
        assert_near(f->s.mean[0], f->s.col[0].fill, 0, 0);
        assert_near(f->s.sd[0], b - a > 0 ? b - a : 1, 0, 1e-12);
        tabular_release(&f->s);
    }
    free(row);
    free(sorted);
    free(x);
    done(f);
}

static void any_number_of_threads_learns_the_same(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct fixture *f = fixture();
        struct tabular again = { 0 };
        f->t.roles.label = old_name;
        const struct tabular_options o = { .encode = (enum tabular_encode)how,
                                           .scale = (enum tabular_scale)how,
                                           .scale_indicators = true,
                                           .indicators = true };
        fit(f, &o);
        assert_ok(tabular_fit(&again, &f->t, train, N_TRAIN, &o, 3, &f->e), f->e);
        char *one = tabular_text(&f->s), *three = tabular_text(&again);
        assert_string_equal(one, three);
        free(three);
        free(one);
        tabular_release(&again);
        done(f);
    }
}

/* Of two columns that cannot be learnt from, the first is told, whichever thread is quicker. */
static void the_first_column_that_fails_is_told(void **state)
{
    struct fixture *f = fixture();
    static double bad[N] = { 1, 2, (double)INFINITY, 4, 5, 6 };
    char *twice[] = { old_name, price_name, text_name };
    (void)state;
    f->col[0].real = bad;
    f->t.roles.feature = twice;
    for (int threads = 1; threads < 4; threads++) {
        assert_error(tabular_fit(&f->s, &f->t, train, N_TRAIN, &(struct tabular_options){ 0 },
                                 threads, &f->e),
                     ERR_DATA, f->e, "'price' row 2");
    }
    done(f);
}

static void a_gap_that_is_kept_is_nan_and_counts_in_no_scale(void **state)
{
    struct fixture *f = fixture();
    struct tabular again = { 0 };
    double x[N * 16];
    (void)state;
    for (unsigned transform = 0; transform < 5; transform++) {
        fit(f, &(struct tabular_options){
                   .number_missing = TABULAR_KEEP,
                   .transform = (enum tabular_transform)transform,
                   .scale = TABULAR_STANDARD,
                   .indicators = true,
                   .choice = &(struct tabular_choice){ old_name, { .drop = true } },
                   .n_choice = 1 });
        assert_true(isnan(at(f, 1, "price")) && isnan(at(f, 5, "price")));
        assert_near(at(f, 0, "price") + at(f, 2, "price") + at(f, 3, "price"), 0, 1e-12, 0);
        assert_near(at(f, 1, "price missing"), 1, 0, 0);
        char *text = tabular_text(&f->s), *kept = tabular_kept(text);
        assert_string_equal(kept, "price");
        assert_ok(tabular_parse(&again, "state", text, &f->e), f->e);
        assert_ok(tabular_apply(&again, &f->t, NULL, N, x, &f->e), f->e);
        assert_memory_equal(x, f->x, N * f->s.n_out * sizeof *x);
        free(kept);
        free(text);
        tabular_release(&again);
        tabular_release(&f->s);
    }
    done(f);
}

static void an_absent_column_is_zeros_or_refused_when_asked(void **state)
{
    struct fixture *f = fixture();
    double x[N * 16];
    struct tabular_options o = { .indicators = true, .scale = TABULAR_STANDARD };
    (void)state;
    o.absent = TABULAR_ZEROS;
    fit(f, &o);
    f->t.n_col = 1;
    f->col[0] = f->col[2]; /* only `old` is left */
    assert_ok(tabular_apply(&f->s, &f->t, NULL, N, x, &f->e), f->e);
    for (size_t j = 0; j < 4; j++)
        assert_near(x[j], 0, 0, 0);
    assert_near(x[4], at(f, 0, "old"), 0, 0);
    done(f);
    f = fixture();
    o.absent = TABULAR_REFUSE;
    fit(f, &o);
    f->t.n_col = 2;
    assert_error(tabular_apply(&f->s, &f->t, NULL, N, x, &f->e), ERR_DATA, f->e,
                 "no column 'old', which must not be absent");
    done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_of_every_kind_reads_back_bit_for_bit),
        cmocka_unit_test(a_gap_is_filled_by_its_group),
        cmocka_unit_test(a_part_of_a_day_without_a_date_is_refused_with_its_row),
        cmocka_unit_test(medians_and_quartiles_of_many_rows_are_those_of_the_sorted_ones),
        cmocka_unit_test(any_number_of_threads_learns_the_same),
        cmocka_unit_test(the_first_column_that_fails_is_told),
        cmocka_unit_test(a_gap_that_is_kept_is_nan_and_counts_in_no_scale),
        cmocka_unit_test(an_absent_column_is_zeros_or_refused_when_asked),
        cmocka_unit_test(a_gap_becomes_the_median_of_the_training_rows),
        cmocka_unit_test(the_median_of_an_even_number_lies_between_the_middle_two),
        cmocka_unit_test(a_gap_becomes_the_mean_or_a_constant_when_asked),
        cmocka_unit_test(standard_scaling_is_over_the_filled_training_rows),
        cmocka_unit_test(a_gap_in_a_category_is_the_most_frequent_level),
        cmocka_unit_test(a_gap_in_a_category_can_be_a_level_of_its_own_or_nothing),
        cmocka_unit_test(one_hot_can_drop_the_last_level),
        cmocka_unit_test(rare_and_unseen_levels_become_one),
        cmocka_unit_test(what_stands_in_other_rows_changes_nothing),
        cmocka_unit_test(the_state_survives_its_text_bit_for_bit),
        cmocka_unit_test(a_column_without_any_value_gives_none),
        cmocka_unit_test(a_constant_column_becomes_zeros),
        cmocka_unit_test(a_table_without_features_gives_no_column),
        cmocka_unit_test(an_absent_column_is_a_gap_in_every_row),
        cmocka_unit_test(an_infinity_is_refused_with_its_place),
        cmocka_unit_test(box_cox_finds_the_same_lambda_in_any_unit),
        cmocka_unit_test(text_and_changed_types_are_refused),
        cmocka_unit_test(a_damaged_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
