#include "near.h"

#include "io/rules.h"

static json_t *doc(const char *text)
{
    json_t *j = json_loads(text, 0, NULL);
    if (!j)
        fail_msg("test document is not JSON: %s", text);
    return j;
}

static bool holds(const char *text, const char *metrics, const char *current, char why[200])
{
    struct err e = { 0 };
    struct rule r;
    json_t *m = doc(metrics), *c = current ? doc(current) : NULL;
    assert_ok(rule_parse(&r, text, &e), e);
    bool found = rule_holds(&r, m, c, why, 200);
    rule_release(&r);
    json_decref(m);
    json_decref(c);
    return found;
}

static void check(const char *text, bool want)
{
    static const char metrics[] =
        "{\"accuracy\":0.9,\"n\":1200,\"loss\":1e-7,\"low\":-0.5,\"current\":1,"
        "\"models\":{\"text\":{\"f1\":0.7}},\"per_class\":[{\"f1\":0.25},{\"f1\":0.5}],"
        "\"by\":{\"red dress\":{\"f1\":0.1}},\"sum\":0.3}";
    char why[200];
    if (holds(text, metrics, "{\"accuracy\":0.905,\"models\":{\"text\":{\"f1\":0.8}}}", why) !=
        want)
        fail_msg("'%s' %s: %s", text, want ? "does not hold" : "holds", why);
}

static void without_a_champion_its_rules_hold(void **state)
{
    char why[200];
    (void)state;
    assert_true(holds("champion.p_worse > 0.05", "{\"champion\":null}", NULL, why));
    assert_string_equal(why, "there is no champion to compare with");
    assert_true(holds("r2 > champion.r2", "{\"r2\":1,\"champion\":null}", NULL, why));
    assert_false(holds("champion.p_worse > 0.05", "{}", NULL, why));
    assert_false(holds("champion.p_worse > 0.05", "{\"champion\":{\"p_worse\":0.01}}", NULL, why));
    assert_true(holds("champion.p_worse > 0.05", "{\"champion\":{\"p_worse\":0.3}}", NULL, why));
}

static void every_operator_compares(void **state)
{
    (void)state;
    check("accuracy >= 0.9", true);
    check("accuracy > 0.9", false);
    check("accuracy > 0.89", true);
    check("accuracy <= 0.9", true);
    check("accuracy < 0.9", false);
    check("accuracy < 0.91", true);
    check("accuracy == 0.9", true);
    check("accuracy == 0.91", false);
    check("n == 1200", true);
    check("loss < 1e-6", true);
    check("loss<1E-08", false);
    check("low > -1", true);
    check("low < -.25", true);
}

static void names_are_paths(void **state)
{
    (void)state;
    check("models.text.f1 == 0.7", true);
    check("per_class.1.f1 == 0.5", true);
    check("per_class.0.f1 == 0.5", false);
    check("by.\"red dress\".f1 == 0.1", true);
    check("accuracy > models.text.f1", true);
}

static void a_number_may_be_added_or_taken_away(void **state)
{
    (void)state;
    check("accuracy >= models.text.f1 + 0.2", true);
    check("accuracy >= models.text.f1+0.21", false);
    check("accuracy >= 1 - 0.1", true);
    check("sum == 0.1 + 0.2", true); /* 0.30000000000000004 in binary */
    check("accuracy >= current.accuracy - 0.005", true);
    check("accuracy >= current.accuracy-0.004", false);
    check("models.text.f1 >= current.models.text.f1", false);
}

static void what_is_missing_or_no_number_fails_and_says_so(void **state)
{
    char why[200];
    (void)state;
    assert_false(holds("f1 > 0", "{}", NULL, why));
    assert_non_null(strstr(why, "the new model has no metric 'f1'"));
    assert_false(holds("f1 > 0", "{\"f1\":null}", NULL, why)); /* how JSON writes NaN */
    assert_non_null(strstr(why, "'f1' of the new model is no number"));
    assert_false(holds("f1 > 0", "{\"f1\":\"high\"}", NULL, why));
    assert_false(holds("f1 < 1", "{\"f1\":{\"a\":0}}", NULL, why));
    assert_false(holds("f1.0 < 1", "{\"f1\":0}", NULL, why));
    assert_false(holds("f1.7 < 1", "{\"f1\":[0]}", NULL, why));
    assert_false(holds("f1 >= current.f1", "{\"f1\":0}", "{\"other\":0}", why));
    assert_non_null(strstr(why, "the current model has no metric 'f1'"));
    assert_false(holds("f1 >= other", "{\"f1\":0}", NULL, why));
    assert_non_null(strstr(why, "no metric 'other'"));
}

static void without_a_current_model_its_rules_pass_with_a_note(void **state)
{
    char why[200];
    (void)state;
    assert_true(holds("f1 >= current.f1", "{\"f1\":0}", NULL, why));
    assert_non_null(strstr(why, "there is no current model"));
    assert_false(holds("nothing >= current.f1", "{\"f1\":0}", NULL,
                       why)); /* but the new model must have its figure */
}

static void a_malformed_rule_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *rule, *says;
    } bad[] = {
        { "", "ends too early: want a metric's name" },
        { "accuracy", "ends too early: want one of >=" },
        { "accuracy >=", "ends too early: want a number" },
        { "accuracy => 1", "column 10: '=>' is not one of >=" },
        { "accuracy >== 1", "column 10" },
        { "accuracy = 1", "column 10" },
        { "accuracy != 1", "column 10" },
        { "0.5 < accuracy", "column 1: '0.5' is not a metric's name" },
        { "a < 1 1", "column 7: '1' is not +, - or the end" },
        { "a < 1 - b", "column 9: 'b' is not a number" },
        { "a < 1 - 1 - 1", "column 11: '-' is not the end" },
        { "a < 1.2.3", "'1.2.3' is not a number" },
        { "a < 1e999", "'1e999' is not a number" },
        { "a < 0x10z", "is not a number" },
        { "a..b < 1", "column 3" },
        { "a. < 1", "column 3" },
        { "\"a < 1", "want a closing quote" },
        { "\"\" < 1", "is not a name" },
        { "current.a < 1", "stands on the left" },
        { "a < current", "after 'current'" },
        { "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q < 1", "at most 16 parts" },
        { "a < 1;", "is not" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = { 0 };
        struct rule r;
        assert_error(rule_parse(&r, bad[i].rule, &e), ERR_USAGE, e, bad[i].says);
        assert_null(r.text);
    }
}

static void a_rule_knows_if_it_looks_at_the_current_model(void **state)
{
    struct err e = { 0 };
    struct rule r;
    (void)state;
    assert_ok(rule_parse(&r, " a>=current.b.c ", &e), e);
    assert_true(rule_needs_current(&r));
    assert_int_equal(r.right.n, 2);
    assert_string_equal(r.right.part[0], "b");
    rule_release(&r);
    assert_ok(rule_parse(&r, "a >= currently", &e), e);
    assert_false(rule_needs_current(&r));
    rule_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_champion_its_rules_hold),
        cmocka_unit_test(every_operator_compares),
        cmocka_unit_test(names_are_paths),
        cmocka_unit_test(a_number_may_be_added_or_taken_away),
        cmocka_unit_test(what_is_missing_or_no_number_fails_and_says_so),
        cmocka_unit_test(without_a_current_model_its_rules_pass_with_a_note),
        cmocka_unit_test(a_malformed_rule_is_refused_with_its_place),
        cmocka_unit_test(a_rule_knows_if_it_looks_at_the_current_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
