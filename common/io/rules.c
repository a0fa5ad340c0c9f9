#include "io/rules.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
    const char *text, *at;
    struct err *e;
};

static int wrong(const struct reader *r, const char *want)
{
    size_t column = (size_t)(r->at - r->text) + 1, n = strcspn(r->at, " \t");
    if (*r->at == '\0')
        return err_set(r->e, ERR_USAGE, "rule '%s' ends too early: want %s", r->text, want);
    return err_set(r->e, ERR_USAGE, "rule '%s' column %zu: '%.*s' is not %s", r->text, column,
                   n < 40 ? (int)n : 40, r->at, want);
}

static void blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t");
}

static bool in_part(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void name_release(struct rule_name *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->part[i]);
    *n = (struct rule_name){ 0 };
}

static int read_part(struct reader *r, struct rule_name *out)
{
    const char *from = r->at;
    size_t n = 0;
    if (out->n == RULE_MAX_PART)
        return wrong(r, "allowed: a name has at most 16 parts");
    if (*from == '"') {
        n = strcspn(++from, "\"");
        r->at = from + n;
        if (*r->at != '"')
            return wrong(r, "a closing quote");
        r->at++;
    } else {
        while (in_part(from[n]))
            n++;
        r->at = from + n;
    }
    if (n == 0)
        return wrong(r, "a name");
    out->part[out->n++] = mem_strndup(from, n);
    return 0;
}

static int read_name(struct reader *r, struct rule_name *out)
{
    int rc = read_part(r, out);
    while (rc == 0 && *r->at == '.') {
        r->at++;
        rc = read_part(r, out);
    }
    if (rc)
        return rc;
    if (out->part[0] && strcmp(out->part[0], "current") == 0) {
        if (out->n == 1)
            return wrong(r, "a dot and a metric after 'current'");
        out->current = true;
        free(out->part[0]);
        memmove(out->part, out->part + 1, --out->n * sizeof *out->part);
    }
    return 0;
}

static int read_op(struct reader *r, char op[3])
{
    static const char *const ops[] = { ">=", "<=", "==", ">", "<" }; /* the longer ones first */
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        size_t n = strlen(ops[i]);
        if (strncmp(r->at, ops[i], n) == 0 && r->at[n] != '=') {
            memcpy(op, ops[i], n + 1);
            r->at += n;
            return 0;
        }
    }
    return wrong(r, "one of >= > <= < ==");
}

/* A sign belongs to a number at its start and after the e of an exponent; elsewhere it begins the
 * sum. */
static bool in_number(const char *text, size_t i)
{
    if (text[i] == '+' || text[i] == '-')
        return i == 0 || text[i - 1] == 'e' || text[i - 1] == 'E';
    return isalnum((unsigned char)text[i]) || text[i] == '.';
}

static int read_number(struct reader *r, double *out)
{
    size_t n = 0;
    while (in_number(r->at, n))
        n++;
    char *text = mem_strndup(r->at, n);
    bool good = str_to_real(text, out);
    free(text);
    if (!good)
        return wrong(r, "a number");
    r->at += n;
    return 0;
}

static int read_term(struct reader *r, struct rule *out)
{
    if (*r->at == '"' || isalpha((unsigned char)*r->at) || *r->at == '_')
        return read_name(r, &out->right);
    return read_number(r, &out->number);
}

static int read_sum(struct reader *r, struct rule *out)
{
    double sign = *r->at == '-' ? -1 : 1, number;
    int rc;
    if (*r->at != '+' && *r->at != '-')
        return wrong(r, "+, - or the end of the rule");
    r->at++;
    blanks(r);
    if ((rc = read_number(r, &number)))
        return rc;
    out->number += sign * number;
    blanks(r);
    return *r->at ? wrong(r, "the end of the rule") : 0;
}

static int read_rule(struct reader *r, struct rule *out)
{
    int rc;
    blanks(r);
    if (*r->at != '"' && !isalpha((unsigned char)*r->at) && *r->at != '_')
        return wrong(r, "a metric's name");
    if ((rc = read_name(r, &out->left)))
        return rc;
    if (out->left.current)
        return err_set(
            r->e, ERR_USAGE,
            "rule '%s': the new model's metric stands on the left, 'current.' on the right",
            r->text);
    blanks(r);
    if ((rc = read_op(r, out->op)))
        return rc;
    blanks(r);
    if ((rc = read_term(r, out)))
        return rc;
    blanks(r);
    return *r->at ? read_sum(r, out) : 0;
}

int rule_parse(struct rule *r, const char *text, struct err *e)
{
    struct rule made = { 0 };
    struct reader reader = { .text = text, .at = text, .e = e };
    int rc = read_rule(&reader, &made);
    *r = (struct rule){ 0 };
    if (rc) {
        rule_release(&made);
        return rc;
    }
    made.text = mem_strdup(text);
    *r = made;
    return 0;
}

void rule_release(struct rule *r)
{
    name_release(&r->left);
    name_release(&r->right);
    free(r->text);
    *r = (struct rule){ 0 };
}

bool rule_needs_current(const struct rule *r)
{
    return r->right.current;
}

/* ---- judging -------------------------------------------------------------------------------- */

static const json_t *step(const json_t *at, const char *part)
{
    long long i;
    if (json_is_array(at) && str_to_int(part, &i) && i >= 0)
        return json_array_get(at, (size_t)i);
    return json_object_get(at, part);
}

/* A figure of the champion, and nobody has told of one? */
static bool lacks_comparison(const struct rule_name *name, const json_t *metrics)
{
    return !name->current && strcmp(name->part[0], "champion") == 0 &&
           !json_object_get(metrics, "champion");
}

/* The number that a name stands for; false with `why` if there is none. */
static bool look_up(const struct rule_name *name, const json_t *root, double *out, char *why,
                    size_t why_size)
{
    struct str path = { 0 };
    const json_t *at = root;
    const char *whose = name->current ? "the current model" : "the new model";
    for (size_t i = 0; i < name->n; i++) {
        str_addf(&path, "%s%s", i ? "." : "", name->part[i]);
        at = step(at, name->part[i]);
    }
    bool found = json_is_number(at) && isfinite(json_number_value(at));
    if (found)
        *out = json_number_value(at);
    else if (!at)
        snprintf(why, why_size, "%s has no metric '%s'%s", whose, path.text,
                 lacks_comparison(name, root) ? "; --comparison would have it" : "");
    else
        snprintf(why, why_size, "metric '%s' of %s is no number", path.text, whose);
    str_release(&path);
    return found;
}

static bool compare(double a, const char *op, double b)
{
    bool equal = fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
    if (strcmp(op, ">=") == 0)
        return a > b || equal;
    if (strcmp(op, "<=") == 0)
        return a < b || equal;
    if (strcmp(op, "==") == 0)
        return equal;
    return !equal && (*op == '>' ? a > b : a < b);
}

/* A figure of the champion, where it is known that there is none? */
static bool lacks_champion(const struct rule_name *name, const json_t *metrics)
{
    return name->n && !name->current && strcmp(name->part[0], "champion") == 0 &&
           json_is_null(json_object_get(metrics, "champion"));
}

bool rule_holds(const struct rule *r, const json_t *metrics, const json_t *current, char *why,
                size_t why_size)
{
    double left, right = 0;
    if (lacks_champion(&r->left, metrics) || lacks_champion(&r->right, metrics)) {
        snprintf(why, why_size, "there is no champion to compare with");
        return true;
    }
    if (!look_up(&r->left, metrics, &left, why, why_size))
        return false;
    if (r->right.current && !current) {
        snprintf(why, why_size, "%.6g; there is no current model to compare with", left);
        return true;
    }
    if (r->right.n &&
        !look_up(&r->right, r->right.current ? current : metrics, &right, why, why_size))
        return false;
    right += r->number;
    snprintf(why, why_size, "%.6g, want %s %.6g", left, r->op, right);
    return compare(left, r->op, right);
}
