/* The truth table of run_if, cell by cell, against the code and against docs/pipeline.md. */
#define _POSIX_C_SOURCE 200809L
#include "near.h"

#include <stdio.h>
#include <string.h>

#include "runner/plan/condition.h"

enum { N_RULE = RUN_IF_ALWAYS + 1 };

static const struct {
    enum upstream worst;
    const char *word; /* the row of docs/pipeline.md */
    const char *cell[N_RULE];
} rows[] = {
    { UPSTREAM_DONE, "done", { "runs", "runs", "runs" } },
    { UPSTREAM_SKIPPED, "skipped", { "skipped", "runs", "runs" } },
    { UPSTREAM_BLOCKED, "blocked", { "blocked", "blocked", "runs" } },
    { UPSTREAM_NOT_STARTED, "not started", { "pending", "pending", "runs" } },
    { UPSTREAM_FAILED, "failed", { "upstream_failed", "upstream_failed", "runs" } },
};
enum { N_ROW = sizeof rows / sizeof *rows };

static const char *const word_of[] = {
    [CONDITION_RUN] = "runs",        [CONDITION_SKIPPED] = "skipped",
    [CONDITION_BLOCKED] = "blocked", [CONDITION_NOT_STARTED] = "pending",
    [CONDITION_WAIT] = "waits",      [CONDITION_FAILED] = "upstream_failed",
};

static const char *answer(size_t rule, const struct condition *c)
{
    return word_of[condition_answer((enum run_if)rule, c, NULL)];
}

static void every_cell_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROW; i++) {
        for (size_t rule = 0; rule < N_RULE; rule++) {
            struct condition c = { 0 };
            c.n[rows[i].worst] = 2;
            assert_string_equal(answer(rule, &c), rows[i].cell[rule]);
        }
    }
}

static void the_worst_one_above_decides(void **state)
{
    (void)state;
    for (size_t mask = 0; mask < 1u << N_ROW; mask++) {
        struct condition c = { 0 };
        size_t worst = 0;
        for (size_t i = 0; i < N_ROW; i++) {
            if (mask & 1u << i) {
                c.n[rows[i].worst] = 1 + i;
                worst = i;
            }
        }
        for (size_t rule = 0; rule < N_RULE; rule++) {
            enum upstream because;
            condition_answer((enum run_if)rule, &c, &because);
            assert_string_equal(answer(rule, &c), rows[worst].cell[rule]);
            assert_int_equal(because, rows[worst].worst);
        }
    }
}

static void a_stage_waits_while_one_above_is_open_except_for_a_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROW; i++) {
        for (size_t rule = 0; rule < N_RULE; rule++) {
            struct condition c = { 0 };
            c.n[rows[i].worst] = 1;
            c.n[UPSTREAM_OPEN] = 1;
            bool failed = strcmp(rows[i].cell[rule], "upstream_failed") == 0;
            assert_string_equal(answer(rule, &c), failed ? "upstream_failed" : "waits");
        }
    }
}

static void a_stage_with_nothing_above_runs(void **state)
{
    (void)state;
    for (size_t rule = 0; rule < N_RULE; rule++)
        assert_string_equal(answer(rule, &(struct condition){ 0 }), "runs");
}

/* The cells of a line "| word... | `a` | `b` | `c` |"; false if it is no row of ours. */
static bool take_row(char *line, const char *word, char cell[N_RULE][32])
{
    if (strncmp(line, "| ", 2) != 0 || strncmp(line + 2, word, strlen(word)) != 0)
        return false;
    char *p = strchr(line + 2, '|');
    return p && sscanf(p, "| `%31[a-z_]` | `%31[a-z_]` | `%31[a-z_]` |", cell[0], cell[1],
                       cell[2]) == N_RULE;
}

static void the_table_in_the_docs_is_the_same(void **state)
{
    (void)state;
    char line[512], cell[N_RULE][32];
    size_t n = 0;
    FILE *f = fopen("docs/pipeline.md", "r");
    if (!f) {
        print_message("skipped: docs/pipeline.md is not below the current directory\n");
        return;
    }
    while (fgets(line, sizeof line, f)) {
        for (size_t i = 0; i < N_ROW; i++) {
            if (!take_row(line, rows[i].word, cell))
                continue;
            n++;
            for (size_t rule = 0; rule < N_RULE; rule++)
                assert_string_equal(cell[rule], rows[i].cell[rule]);
        }
    }
    fclose(f);
    assert_int_equal(n, N_ROW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_the_table),
        cmocka_unit_test(the_worst_one_above_decides),
        cmocka_unit_test(a_stage_waits_while_one_above_is_open_except_for_a_failure),
        cmocka_unit_test(a_stage_with_nothing_above_runs),
        cmocka_unit_test(the_table_in_the_docs_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
