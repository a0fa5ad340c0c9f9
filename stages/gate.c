/* gate: may this model be published? Every rule is a comparison of its metrics with limits or with
 * the metrics of the model that is published now; one that does not hold blocks (exit 98) all that
 * needs this stage.
 *
 *   in   metrics  metrics.json of evaluate; comparison: its figures of the champion
 */
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/registry.h"
#include "io/rules.h"

struct params {
    const char *metrics, *comparison;
    struct opt_list require;
    const char *registry, *name;
};

static const struct opt options[] = {
    { OPT_IN(struct params, metrics), .format = "json", .help = "figures of the new model" },
    { OPT_IN(struct params, comparison), .optional = true, .format = "json",
      .help = "figures of the champion on the same rows: rules may name them champion.NAME" },
    { OPT_TEXTS(struct params, require),
      .help = "a rule that must hold, such as 'accuracy >= 0.80'" },
    { OPT_TEXT(struct params, registry), .optional = true,
      .help = "where the current model is published: PATH, file:PATH or s3://BUCKET/PREFIX" },
    { OPT_TEXT(struct params, name), .optional = true,
      .help = "name of the model in the registry" },
    { 0 },
};

static void free_rules(struct rule *rule, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rule_release(&rule[i]);
    free(rule);
}

/* Parse all rules: (p->require.n) owned by the caller. */
static int read_rules(const struct params *p, struct rule **out, struct err *e)
{
    size_t n = p->require.n;
    struct rule *rule = mem_calloc(n, sizeof *rule);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = rule_parse(&rule[i], p->require.item[i], e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (rule_needs_current(&rule[i]) && p->registry && !p->name)
            rc = err_set(e, ERR_USAGE,
                         "rule '%s' looks at the current model of --registry: want its --name",
                         rule[i].text);
    if (rc == 0 && p->name && !registry_name_ok(p->name))
        rc = err_set(e, ERR_USAGE, "--name '%s': want letters, digits, '.', '_', '-'", p->name);
    if (rc) {
        free_rules(rule, n);
        return rc;
    }
    *out = rule;
    return 0;
}

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    struct registry r = { 0 };
    struct rule *rule = NULL;
    int rc = read_rules(p, &rule, e);
    if (rc == 0) {
        free_rules(rule, p->require.n);
        if (p->registry)
            rc = registry_open(&r, p->registry, e);
    }
    registry_release(&r);
    return rc;
}

/* Metrics of the model that is published now: NULL if there is none. */
static int read_current(const struct params *p, json_t **out, struct err *e)
{
    struct registry r = { 0 };
    struct registry_current current;
    json_t *manifest = NULL, *metrics;
    int rc;

    *out = NULL;
    if (!p->registry || !p->name)
        return 0;
    if ((rc = registry_open(&r, p->registry, e)) ||
        (rc = registry_current(&r, p->name, &current, e)) || !current.found)
        goto out;
    if ((rc = registry_manifest(&r, p->name, current.version, &manifest, e)))
        goto out;
    metrics = json_object_get(manifest, "metrics");
    if (json_is_object(metrics))
        *out = json_incref(metrics);
    else
        rc = err_set(e, ERR_DATA,
                     "manifest.json of the current model '%s' version %s has no metrics", p->name,
                     current.version);
    if (rc == 0)
        log_info("current model: %s version %s", p->name, current.version);
out:
    json_decref(manifest);
    registry_release(&r);
    return rc;
}

/* The champion of the comparison, as `champion` among the metrics: null while there is none. */
static int add_champion(const struct params *p, json_t *metrics, struct err *e)
{
    json_t *comparison = NULL;
    int rc = p->comparison ? jsonfile_read(p->comparison, &comparison, e) : 0;
    if (rc || !p->comparison)
        return rc;
    json_t *champion = json_object_get(comparison, "champion");
    if (!champion)
        rc = err_set(e, ERR_DATA, "'%s' has no 'champion': not a comparison of evaluate",
                     p->comparison);
    else if (json_object_set(metrics, "champion", champion) != 0)
        rc = err_set(e, ERR_DATA, "'%s' is no metrics.json", p->metrics);
    json_decref(comparison);
    return rc;
}

/* Print every rule with its figures; the texts of those that fail go to *out_failed. Returns their
 * number. */
static size_t judge(const struct rule *rule, size_t n, const json_t *metrics, const json_t *current,
                    struct str *out_failed)
{
    size_t width = 4, failed = 0;
    for (size_t i = 0; i < n; i++)
        if (strlen(rule[i].text) > width)
            width = strlen(rule[i].text);
    log_info("%-*s  %-4s  %s", (int)width, "rule", "", "found");
    for (size_t i = 0; i < n; i++) {
        char why[200];
        bool holds = rule_holds(&rule[i], metrics, current, why, sizeof why);
        log_info("%-*s  %-4s  %s", (int)width, rule[i].text, holds ? "ok" : "FAIL", why);
        if (!holds)
            str_addf(out_failed, "%s%s (%s)", failed++ ? "; " : "", rule[i].text, why);
    }
    return failed;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    json_t *metrics = NULL, *current = NULL;
    struct rule *rule = NULL;
    struct str failures = { 0 };
    size_t n = p->require.n, failed;
    int rc;

    if (n == 0)
        return err_set(e, ERR_USAGE,
                       "--require is missing: a gate without a rule lets everything pass");
    if ((rc = read_rules(p, &rule, e)))
        return rc;
    if ((rc = jsonfile_read(p->metrics, &metrics, e)) || (rc = add_champion(p, metrics, e)) ||
        (rc = read_current(p, &current, e)))
        goto out;
    failed = judge(rule, n, metrics, current, &failures);
    event_metric("rules_failed", (double)failed, 0);
    if (failed)
        rc = err_set(e, ERR_BLOCKED, "blocked: %zu of %zu rules failed: %s", failed, n,
                     failures.text);
out:
    str_release(&failures);
    free_rules(rule, n);
    json_decref(current);
    json_decref(metrics);
    return rc;
}

static const struct stage stage = {
    .name = "gate",
    .purpose = "let a model pass only if its figures keep every rule",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more =
        "A rule is NAME OP TERM [+ NUMBER | - NUMBER]. NAME is a path into metrics.json "
        "(accuracy,\n"
        "models.text.accuracy, per_class.0.f1, \"a key with blanks\".f1), OP is one of >= > <= "
        "< ==, TERM is a number, "
        "a\nNAME, or current.NAME: a figure of the model that the registry serves now; while "
        "it serves none, such a "
        "rule\npasses. champion.NAME is a figure of --comparison (champion.p_worse > 0.05: not "
        "worse than "
        "the champion, but by chance).\nA figure that is missing or no number fails its rule.\n\n"
        "Example: gate --metrics metrics.json --require 'accuracy >= 0.8' --require 'accuracy "
        ">= current.accuracy - "
        "0.005'\n         --registry registry --name products",
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
