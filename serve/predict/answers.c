#include "answers.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/jsonfile.h"

bool answers_format_of(const char *path, enum answers_format *out)
{
    static const struct {
        const char *ending;
        enum answers_format format;
    } known[] = { { ".csv", ANSWERS_CSV },   { ".jsonl", ANSWERS_JSON },
                  { ".json", ANSWERS_JSON }, { ".ndjson", ANSWERS_JSON },
                  { ".h5", ANSWERS_TABLE },  { ".hdf5", ANSWERS_TABLE } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_ends(path, known[i].ending)) {
            *out = known[i].format;
            return true;
        }
    }
    return false;
}

/* ---- columns ---- */

static void add_name(struct answers *a, char *name)
{
    a->name = mem_grow(a->name, a->n_name, sizeof *a->name);
    a->name[a->n_name++] = name;
}

static bool has_names(const struct answers *a)
{
    return model_n_class(a->model) && model_class_name(a->model, 0);
}

/* class, name, probability; then class_2 ... */
static void add_class_names(struct answers *a)
{
    for (size_t k = 1; k <= a->top; k++) {
        char *end = k == 1 ? mem_strdup("") : str_format("_%zu", k);
        add_name(a, str_format("class%s", end));
        if (has_names(a))
            add_name(a, str_format("name%s", end));
        add_name(a, str_format("probability%s", end));
        free(end);
    }
}

/* The rows' own id, which comes second, may be called as something of ours. */
static void name_id(struct answers *a)
{
    static const char *const json[] = { "top", "probabilities" };
    bool taken = false;
    for (size_t i = 0; i < a->n_name; i++)
        taken |= i != 1 && strcmp(a->name[i], a->name[1]) == 0;
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        taken |= strcmp(json[i], a->name[1]) == 0;
    if (!taken)
        return;
    free(a->name[1]);
    a->name[1] = mem_strdup("id");
}

static void list_names(struct answers *a)
{
    add_name(a, mem_strdup("row"));
    if (a->id)
        add_name(a, mem_strdup(a->id));
    if (a->top == 0)
        add_name(a, mem_strdup("prediction"));
    add_class_names(a);
    for (size_t k = 0; a->every && k < model_n_class(a->model); k++)
        add_name(a, str_format("p_%s", model_class(a->model, k)));
    add_name(a, mem_strdup("error"));
    add_name(a, mem_strdup("note"));
    if (a->id)
        name_id(a);
}

/* ---- CSV ---- */

static void add_field(struct str *out, const char *text)
{
    if (out->n)
        str_addc(out, ',');
    if (!text)
        return;
    if (!text[strcspn(text, ",\"\r\n")] && *text != ' ') {
        str_addz(out, text);
        return;
    }
    str_addc(out, '"');
    for (; *text; text++)
        str_addf(out, *text == '"' ? "\"%c" : "%c", *text);
    str_addc(out, '"');
}

static void add_number(struct str *out, const float *p, size_t k)
{
    if (out->n)
        str_addc(out, ',');
    if (p)
        str_addf(out, "%.9g", (double)p[k]);
}

static void csv_line(struct answers *a, const struct answer *answer)
{
    const float *p = answer->p;
    str_addf(&a->line, "%" PRId64, answer->row);
    if (a->id)
        add_field(&a->line, answer->id);
    if (a->top == 0)
        add_number(&a->line, p, 0);
    for (size_t k = 0; k < a->top; k++) {
        size_t class = p ? answer->best[k] : 0;
        add_field(&a->line, p ? model_class(a->model, class) : NULL);
        if (has_names(a))
            add_field(&a->line, p ? model_class_name(a->model, class) : NULL);
        add_number(&a->line, p, class);
    }
    for (size_t k = 0; a->every && k < model_n_class(a->model); k++)
        add_number(&a->line, p, k);
    add_field(&a->line, answer->error);
    add_field(&a->line, answer->note);
}

/* ---- JSON ---- */

static void add_text(struct str *out, const char *text)
{
    json_t *value = jsonfile_string(text);
    char *dump = json_dumps(value, JSON_ENCODE_ANY);
    str_addz(out, dump);
    free(dump);
    json_decref(value);
}

static void add_member(struct str *out, const char *key, const char *text)
{
    if (!text)
        return;
    str_addz(out, ", ");
    add_text(out, key);
    str_addz(out, ": ");
    add_text(out, text);
}

static void json_class(struct answers *a, const struct answer *answer, size_t k)
{
    size_t class = answer->best[k];
    str_addz(&a->line, "\"class\": ");
    add_text(&a->line, model_class(a->model, class));
    add_member(&a->line, "name", has_names(a) ? model_class_name(a->model, class) : NULL);
    str_addf(&a->line, ", \"probability\": %.9g", (double)answer->p[class]);
}

static void json_line(struct answers *a, const struct answer *answer)
{
    str_addf(&a->line, "{\"row\": %" PRId64, answer->row);
    if (a->id)
        add_member(&a->line, a->name[1], answer->id);
    if (answer->p && a->top == 0)
        str_addf(&a->line, ", \"prediction\": %.9g", (double)*answer->p);
    if (answer->p && a->top) {
        str_addz(&a->line, ", ");
        json_class(a, answer, 0);
    }
    for (size_t k = 0; answer->p && a->top > 1 && k < a->top; k++) {
        str_addz(&a->line, k ? ", {" : ", \"top\": [{");
        json_class(a, answer, k);
        str_addz(&a->line, k + 1 == a->top ? "}]" : "}");
    }
    for (size_t k = 0; answer->p && a->every && k < model_n_class(a->model); k++) {
        str_addz(&a->line, k ? ", " : ", \"probabilities\": {");
        add_text(&a->line, model_class(a->model, k));
        str_addf(&a->line, ": %.9g%s", (double)answer->p[k],
                 k + 1 == model_n_class(a->model) ? "}" : "");
    }
    add_member(&a->line, "error", answer->error);
    add_member(&a->line, "note", answer->note);
    str_addc(&a->line, '}');
}

/* ---- one row for people ---- */

static void plain_lines(struct answers *a, const struct answer *answer)
{
    if (!answer->p)
        return;
    if (a->top == 0)
        str_addf(&a->line, "%.9g", (double)*answer->p);
    for (size_t k = 0; k < a->top; k++) {
        size_t class = answer->best[k];
        str_addf(&a->line, "%s%s\t", k ? "\n" : "", model_class(a->model, class));
        if (has_names(a))
            str_addf(&a->line, "%s\t", model_class_name(a->model, class));
        str_addf(&a->line, "%.9g", (double)answer->p[class]);
    }
}

/* ---- all ---- */

static int write_line(struct answers *a, struct err *e)
{
    if (a->line.n == 0)
        return 0;
    str_addc(&a->line, '\n');
    size_t n = a->line.n;
    bool good = fwrite(a->line.text, 1, n, a->fp) == n;
    str_clear(&a->line);
    return good ? 0
                : err_sys(e, a->path ? "cannot write '%s'" : "cannot write the answers%s",
                          a->path ? a->path : "");
}

int answers_open(struct answers *a, struct err *e)
{
    int rc;
    list_names(a);
    if (a->format == ANSWERS_TABLE)
        return answers_table_open(a, e);
    a->fp = stdout;
    if (a->path) {
        if ((rc = outfile_open(&a->out, a->path, e)))
            return rc;
        a->fp = a->out.fp;
    }
    return 0;
}

/* Once it is sure that there will be answers. */
static int write_header(struct answers *a, struct err *e)
{
    for (size_t i = 0; a->format == ANSWERS_CSV && i < a->n_name; i++)
        add_field(&a->line, a->name[i]);
    a->begun = true;
    return write_line(a, e);
}

int answers_add(struct answers *a, const struct answer *answer, struct err *e)
{
    int rc;
    if (!a->begun && (rc = write_header(a, e)))
        return rc;
    switch (a->format) {
    case ANSWERS_TABLE:
        return answers_table_add(a, answer, e);
    case ANSWERS_JSON:
        json_line(a, answer);
        break;
    case ANSWERS_PLAIN:
        plain_lines(a, answer);
        break;
    case ANSWERS_CSV:
        csv_line(a, answer);
        break;
    }
    return write_line(a, e);
}

int answers_close(struct answers *a, struct err *e)
{
    int rc;
    if (a->format == ANSWERS_TABLE)
        return answers_table_close(a, e);
    if (!a->begun && (rc = write_header(a, e)))
        return rc;
    if (a->path)
        return outfile_commit(&a->out, e);
    return err_stdout(e);
}

void answers_release(struct answers *a)
{
    outfile_abort(&a->out);
    str_release(&a->line);
    for (size_t j = 0; a->grown && j < a->n_name; j++)
        grown_release(&a->grown[j]);
    free(a->grown);
    free(a->column);
    mem_free_texts(a->name, a->n_name);
    *a = (struct answers){ 0 };
}
