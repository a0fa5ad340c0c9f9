/* Charts, and the page and figures of a model that predicts a number. */
#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/chart.h"

/* A stage's own files are not in the library. */
#include "stages/evaluate/class_report.c"
#include "stages/evaluate/confusion_page.c"
#include "stages/evaluate/model_report.c"
#include "stages/evaluate/number_report.c"
#include "stages/evaluate/report_parts.c"

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

static void a_line_goes_through_its_points(void **state)
{
    double x[3] = { 0, .5, 1 }, y[3] = { 0, (double)NAN, 1 };
    struct chart c = { .title = "a<b", .x_name = "x", .y_name = "y", .shares = true };
    struct chart_line line = { .kind = "one", .x = x, .y = y, .n = 3, .dots = true };
    struct str s = { 0 };
    (void)state;
    chart_lines(&s, &c, &line, 1);
    /* from lower left to upper right of the frame, past the point that is none */
    assert_non_null(strstr(str_text(&s), "d=\"M54.0 276.0L356.0 26.0\""));
    assert_int_equal(occurrences(str_text(&s), "<circle"), 2);
    assert_non_null(strstr(str_text(&s), "<b>a&lt;b</b>"));
    assert_non_null(strstr(str_text(&s), ">100%</text>"));
    assert_null(strstr(str_text(&s), "key one")); /* without a name */
    assert_null(strstr(str_text(&s), "nan"));
    str_release(&s);
}

static void the_guide_is_dashed_and_lies_where_it_is_said(void **state)
{
    double x[2] = { 0, 10 }, y[2] = { 0, 10 };
    struct chart c = { "t", "x", "y", false, true, { 0, 0, 10, 10 } };
    struct str s = { 0 };
    (void)state;
    chart_cloud(&s, &c, x, y, 2);
    assert_non_null(strstr(str_text(&s), "<path class=\"mark\" d=\"M54.0 276.0L356.0 26.0\"/>"));
    assert_int_equal(occurrences(str_text(&s), "class=\"point\""), 2);
    str_release(&s);
}

static void many_points_are_shades(void **state)
{
    enum { N = CHART_MOST_DOTS + 1 };
    double x[N], y[N];
    struct chart c = { .title = "t", .x_name = "x", .y_name = "y" };
    struct str s = { 0 };
    (void)state;
    for (size_t i = 0; i < N; i++) /* all but one at one place */
        x[i] = y[i] = i ? 0 : 1;
    chart_cloud(&s, &c, x, y, N);
    assert_int_equal(occurrences(str_text(&s), "<circle"), 0);
    assert_int_equal(occurrences(str_text(&s), "class=\"cell\""), 2);
    assert_int_equal(occurrences(str_text(&s), "opacity=\"1.00\""), 1);
    assert_int_equal(occurrences(str_text(&s), "opacity=\"0.15\""), 1); /* 1 of 800 */
    str_release(&s);
}

static void without_points_there_is_a_note(void **state)
{
    double none[1] = { (double)NAN }, far[1] = { 1e13 };
    struct chart c = { .title = "t", .x_name = "x", .y_name = "y" };
    struct str s = { 0 };
    (void)state;
    chart_cloud(&s, &c, none, none, 1);
    chart_cloud(&s, &c, far, far, 1);
    assert_int_equal(occurrences(str_text(&s), "Nothing to show."), 2);
    assert_null(strstr(str_text(&s), "<svg"));
    str_release(&s);
}

/** Four rows of a number, the last one wrong by 2. */
static const double truth[4] = { 1, 2, 3, 4 };
static const float estimate[4] = { 1, 2, 3, 6 };

static struct model_report number_report(struct report_model model[2])
{
    struct err e = { 0 };
    model[0].kind = "extra_trees";
    model[1].kind = "champion";
    assert_ok(residuals_compute(&model[0].residuals, truth, estimate, 4, &e), e);
    assert_ok(residuals_compute(&model[1].residuals, truth, (float[]){ 1, 1, 1, 1 }, 4, &e), e);
    model[1].versus = (struct paired){ .n = 4, .difference = 1, .p_value = .25, .p_worse = 1 };
    return (struct model_report){ .side = "test",
                                  .model = model,
                                  .n_model = 1,
                                  .target = "<count>",
                                  .truth = truth,
                                  .estimate = estimate,
                                  .train_mean = 2.5,
                                  .champion = &model[1] };
}

static void the_page_of_a_number_has_its_errors(void **state)
{
    static const char *const part[] = { "<b>0.200</b><span>R&sup2;",
                                        "<b>0.5</b><span>mean abs",
                                        "<b>1</b><span>root mean",
                                        "<b>2</b><span>largest",
                                        "&lt;count&gt;",
                                        "Residuals",
                                        ", 2.5, would have MAE 1 and RMSE 1.118" };
    struct report_model model[2] = { { 0 } };
    struct model_report r = number_report(model);
    struct str s = { 0 };
    (void)state;
    model_report_html(&r, &s);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (!strstr(str_text(&s), part[i]))
            fail_msg("the page has no %s", part[i]);
    static const char *const tag[] = { "section", "div", "table", "svg", "figure", "main" };
    for (size_t i = 0; i < sizeof tag / sizeof *tag; i++) {
        char open[16], close[16];
        snprintf(open, sizeof open, "<%s", tag[i]);
        snprintf(close, sizeof close, "</%s>", tag[i]);
        assert_int_equal(occurrences(str_text(&s), open), occurrences(str_text(&s), close));
    }
    assert_null(strstr(str_text(&s), "champion"));
    str_release(&s);
}

static void the_champion_stands_in_the_comparison_alone(void **state)
{
    struct report_model model[2] = { { 0 } };
    struct model_report r = number_report(model);
    (void)state;
    json_t *metrics = model_report_json(&r), *comparison = model_report_comparison(&r);
    assert_near(json_real_value(json_object_get(metrics, "mae")), .5, 0, 0);
    assert_null(json_object_get(json_object_get(metrics, "models"), "champion"));
    json_t *champion = json_object_get(comparison, "champion");
    assert_near(json_real_value(json_object_get(champion, "mae")), 1.5, 0, 0);
    assert_near(json_real_value(json_object_get(champion, "p_value")), .25, 0, 0);
    assert_true(json_is_null(json_object_get(champion, "spearman"))); /* it says the same always */
    json_decref(metrics);
    json_decref(comparison);
    r.champion = NULL;
    comparison = model_report_comparison(&r);
    assert_true(json_is_null(json_object_get(comparison, "champion")));
    json_decref(comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_goes_through_its_points),
        cmocka_unit_test(the_guide_is_dashed_and_lies_where_it_is_said),
        cmocka_unit_test(many_points_are_shades),
        cmocka_unit_test(without_points_there_is_a_note),
        cmocka_unit_test(the_page_of_a_number_has_its_errors),
        cmocka_unit_test(the_champion_stands_in_the_comparison_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
