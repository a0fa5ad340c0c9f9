#include "near.h"

#include <stdlib.h>

/* A stage's own files are not in the library. */
#include "common/io/plot.c"
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

static void what_html_would_read_is_escaped(void **state)
{
    struct str s = { 0 };
    (void)state;
    plot_escape(&s, "a<b> & \"c\" 'd' \x01\xc3\xa9\x7f");
    assert_string_equal(str_text(&s), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;  \xc3\xa9 ");
    str_release(&s);
}

static void a_figure_that_is_none_is_a_dash(void **state)
{
    struct str s = { 0 };
    (void)state;
    plot_number(&s, (double)NAN, 2);
    plot_percent(&s, (double)INFINITY);
    assert_string_equal(str_text(&s), "&ndash;&ndash;");
    str_clear(&s);
    plot_percent(&s, 0.9333);
    assert_string_equal(str_text(&s), "93.3&nbsp;%");
    str_release(&s);
}

static void a_bar_stays_within_its_frame(void **state)
{
    struct str s = { 0 };
    (void)state;
    plot_bar(&s, 7, "x");
    plot_bar(&s, -7, "x");
    plot_bar(&s, (double)NAN, "x");
    plot_bar(&s, .25, "x");
    assert_int_equal(occurrences(str_text(&s), "width:100.00%"), 1);
    assert_int_equal(occurrences(str_text(&s), "width:0.00%"), 2);
    assert_int_equal(occurrences(str_text(&s), "width:25.00%"), 1);
    str_release(&s);
}

static void the_axis_has_round_steps_and_holds_all_values(void **state)
{
    struct axis a = axis_fit(0.13, 2.41, false);
    (void)state;
    assert_near(a.low, 0, 1e-12, 0);
    assert_near(a.high, 2.5, 1e-12, 0);
    assert_near(a.step, 0.5, 1e-12, 0);
    assert_int_equal(a.decimals, 1);
    a = axis_fit(0.301, 0.995, true);
    assert_near(a.low, 0.2, 1e-12, 0);
    assert_near(a.high, 1, 1e-12, 0);
    a = axis_fit(3, 3, false); /* a flat line */
    assert_true(a.low < 3 && a.high > 3 && a.step > 0);
    a = axis_fit(1e6, 3e6, false);
    assert_near(a.step, 5e5, 1e-6, 0);
    assert_int_equal(a.decimals, 0);
}

static void a_point_lies_where_its_value_is(void **state)
{
    /* Three epochs 0, 1, 2 on an axis of 0 .. 2: lower left, middle, upper right corner of the
     * frame. */
    double y[3] = { 0, 1, 2 };
    struct plot_line line = { "x", "one", y };
    struct str s = { 0 };
    (void)state;
    plot_curves(&s, "t", &line, 1, 3, 2, false);
    assert_non_null(strstr(str_text(&s), "d=\"M48.0 214.0L247.0 114.0L446.0 14.0\""));
    assert_non_null(strstr(str_text(&s), "class=\"mark\" d=\"M247.0 14V214\""));
    str_release(&s);
}

static void a_value_that_is_missing_leaves_a_gap(void **state)
{
    double y[6] = { 1, (double)NAN, 2, 3, (double)INFINITY, -1e308 };
    struct plot_line line = { "x", "one", y };
    struct str s = { 0 };
    (void)state;
    plot_curves(&s, "t", &line, 1, 6, 0, false);
    assert_null(strstr(str_text(&s), "nan"));
    assert_null(strstr(str_text(&s), "inf"));
    const char *path = strstr(str_text(&s), "class=\"line");
    const char *end = strchr(strstr(path, "d=\"") + 3, '"');
    size_t pens = 0, lines = 0;
    for (const char *p = path; p < end; p++) {
        pens += *p == 'M';
        lines += *p == 'L';
    }
    assert_int_equal(pens, 2);
    assert_int_equal(lines, 1);
    assert_null(strstr(str_text(&s), "class=\"mark\""));
    str_release(&s);
}

static void without_epochs_there_is_a_note(void **state)
{
    double none[2] = { (double)NAN, (double)NAN };
    struct plot_line line[2] = { { "training", "one", none }, { "validation", "two", none } };
    struct str s = { 0 };
    (void)state;
    plot_curves(&s, "Loss <&>", line, 2, 0, 0, false);
    plot_curves(&s, "Loss <&>", line, 2, 2, 1, true);
    assert_int_equal(occurrences(str_text(&s), "No epochs to show"), 2);
    assert_int_equal(occurrences(str_text(&s), "Loss &lt;&amp;&gt;"), 2);
    assert_null(strstr(str_text(&s), "<svg"));
    str_release(&s);
}

static void a_line_without_values_is_not_in_the_legend(void **state)
{
    double some[2] = { 1, 2 }, none[2] = { (double)NAN, (double)NAN };
    struct plot_line line[2] = { { "training", "one", some }, { "validation", "two", none } };
    struct str s = { 0 };
    (void)state;
    plot_curves(&s, "t", line, 2, 2, 0, false);
    assert_non_null(strstr(str_text(&s), "training"));
    assert_null(strstr(str_text(&s), "validation"));
    str_release(&s);
}

/* ---- the page ---- */

/** A report of C classes in which every row of the first class is taken for the last one. */
static struct model_report made_report(size_t C, struct report_model *model,
                                       const struct history *history)
{
    struct model_report r = {
        .side = "test", .model = model, .n_model = 1, .n_class = C, .n_row = 9, .history = history
    };
    size_t n = 2 * C;
    int32_t *label = mem_calloc(n, sizeof *label);
    float *p = mem_calloc(n * C, sizeof *p);
    struct err e = { 0 };
    for (size_t i = 0; i < n; i++) {
        label[i] = (int32_t)(i / 2);
        p[i * C + (i < 2 ? C - 1 : i / 2)] = 1;
    }
    model->kind = "fusion";
    assert_ok(metrics_compute(&model->metrics, label, p, n, C, &e), e);
    r.label = mem_calloc(C, sizeof *r.label);
    r.name = mem_calloc(C, sizeof *r.name);
    r.train_rows = mem_calloc(C, sizeof *r.train_rows);
    for (size_t k = 0; k < C; k++)
        r.label[k] = k ? "<script>alert('&')</script>" : "first";
    free(label);
    free(p);
    return r;
}

static void release_report(struct model_report *r)
{
    metrics_release(&r->model->metrics);
    free(r->label);
    free(r->name);
    free(r->train_rows);
}

static void nothing_of_a_label_reaches_the_page_raw(void **state)
{
    struct report_model model = { 0 };
    struct model_report r = made_report(3, &model, NULL);
    struct str s = { 0 };
    (void)state;
    r.name[1] = "\"><b onmouseover='x'>";
    r.description = "dense <3>\n  next & last";
    model_report_html(&r, &s);
    const char *page = str_text(&s);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<b onmouseover"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"));
    assert_non_null(strstr(page, "&quot;&gt;&lt;b onmouseover=&#39;x&#39;&gt;"));
    assert_non_null(strstr(page, "dense &lt;3&gt;\n  next &amp; last"));
    str_release(&s);
    release_report(&r);
}

static void the_page_asks_for_nothing_from_outside(void **state)
{
    struct epoch epoch = { .loss = 1,
                           .accuracy = .5,
                           .val_loss = (double)NAN,
                           .val_accuracy = (double)NAN,
                           .learning_rate = .001 };
    struct history history = { .epoch = &epoch, .n = 1, .kept = 1 };
    struct report_model model = { 0 };
    struct model_report r = made_report(2, &model, &history);
    struct str s = { 0 };
    (void)state;
    model_report_html(&r, &s);
    const char *page = str_text(&s);
    static const char *const outside[] = { "http:", "https:",  "src=",    "href=",
                                           "url(",  "@import", "<script", "<link" };
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (strstr(page, outside[i]))
            fail_msg("the page has %s", outside[i]);
    assert_null(strstr(page, "nan"));
    assert_int_equal(occurrences(page, "<section>"), occurrences(page, "</section>"));
    assert_int_equal(occurrences(page, "<div"), occurrences(page, "</div>"));
    assert_int_equal(occurrences(page, "<span"), occurrences(page, "</span>"));
    assert_int_equal(occurrences(page, "<td"), occurrences(page, "</td>"));
    assert_int_equal(occurrences(page, "<th"), occurrences(page, "</th"));
    str_release(&s);
    release_report(&r);
}

static void the_worst_confusion_stands_in_the_list_and_in_the_matrix(void **state)
{
    struct report_model model = { 0 };
    struct model_report r = made_report(2, &model, NULL);
    struct str s = { 0 };
    (void)state;
    r.label[1] = "second";
    model_report_html(&r, &s);
    assert_non_null(strstr(str_text(&s), "title=\"true first, predicted second: 2 of 2\">2</td>"));
    assert_non_null(strstr(str_text(&s), "first</th><td>second</td><td class=\"n\">2</td>"));
    assert_non_null(strstr(str_text(&s), "50.0&nbsp;%"));
    str_release(&s);
    release_report(&r);
}

static void many_classes_share_a_row_of_the_matrix(void **state)
{
    enum { MANY = MATRIX_MOST + 5 };
    struct report_model model = { 0 };
    struct model_report r = made_report(MANY, &model, NULL);
    struct str s = { 0 };
    (void)state;
    model_report_html(&r, &s);
    const char *matrix = strstr(str_text(&s), "Confusion matrix"),
               *end = strstr(matrix, "</tbody>");
    size_t rows = 0;
    for (const char *p = matrix; (p = strstr(p, "scope=\"row\"")) && p < end; p++)
        rows++;
    assert_int_equal(rows, MATRIX_MOST + 1);
    assert_non_null(strstr(matrix, "5 others"));
    /* first and last are wrong and keep places of their own; the five others are the last right
     * ones */
    assert_non_null(
        strstr(matrix, "true other classes, predicted other classes: 10 of 10\">10</td>"));
    assert_non_null(strstr(matrix, "true first, predicted &lt;script"));
    str_release(&s);
    release_report(&r);
}

static void the_figures_are_the_ones_of_the_contract(void **state)
{
    struct report_model model[2] = { { 0 } };
    struct model_report r = made_report(2, &model[0], NULL),
                        other = made_report(2, &model[1], NULL);
    (void)state;
    r.name[0] = "The first";
    r.unknown_rows = 3;
    r.n_model = 2;
    model[1].kind = "late_fusion";
    r.blend[0] = "text";
    r.blend[1] = "image";
    r.blend_weight = .25;
    json_t *root = model_report_json(&r);
    assert_near(json_real_value(json_object_get(root, "accuracy")), .5, 0, 0);
    assert_string_equal(json_string_value(json_object_get(root, "rows")), "test");
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 4);
    assert_int_equal(json_integer_value(json_object_get(root, "unknown_rows")), 3);
    json_t *models = json_object_get(root, "models");
    assert_near(json_real_value(json_object_get(json_object_get(models, "fusion"), "accuracy")), .5,
                0, 0);
    assert_null(json_object_get(json_object_get(models, "fusion"), "weight"));
    assert_near(json_real_value(json_object_get(json_object_get(models, "late_fusion"), "weight")),
                .25, 0, 0);
    json_t *first = json_array_get(json_object_get(root, "per_class"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "The first");
    assert_int_equal(json_integer_value(json_object_get(first, "support")), 2);
    json_t *counts = json_object_get(json_object_get(root, "confusion"), "counts");
    assert_int_equal(json_integer_value(json_array_get(json_array_get(counts, 0), 1)), 2);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(counts, 1), 1)), 2);
    json_decref(root);
    release_report(&r);
    release_report(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_html_would_read_is_escaped),
        cmocka_unit_test(a_figure_that_is_none_is_a_dash),
        cmocka_unit_test(a_bar_stays_within_its_frame),
        cmocka_unit_test(the_axis_has_round_steps_and_holds_all_values),
        cmocka_unit_test(a_point_lies_where_its_value_is),
        cmocka_unit_test(a_value_that_is_missing_leaves_a_gap),
        cmocka_unit_test(without_epochs_there_is_a_note),
        cmocka_unit_test(a_line_without_values_is_not_in_the_legend),
        cmocka_unit_test(nothing_of_a_label_reaches_the_page_raw),
        cmocka_unit_test(the_page_asks_for_nothing_from_outside),
        cmocka_unit_test(the_worst_confusion_stands_in_the_list_and_in_the_matrix),
        cmocka_unit_test(many_classes_share_a_row_of_the_matrix),
        cmocka_unit_test(the_figures_are_the_ones_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
