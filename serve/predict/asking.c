#define _GNU_SOURCE /* O_TMPFILE */
#include "asking.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "io/csv.h"

void asking_init(struct asking *a, struct model *model, struct rowprep *prep,
                 struct answers *answers, size_t max_field)
{
    size_t n_field, n_out = model_n_output(model);
    rowprep_fields(prep, &n_field);
    *a = (struct asking){ .model = model,
                          .prep = prep,
                          .answers = answers,
                          .tally = { .model = model },
                          .max_field = max_field };
    a->source = mem_calloc(n_field, sizeof *a->source);
    a->field = mem_calloc(n_field, sizeof *a->field);
    a->there = mem_calloc(n_field, sizeof *a->there);
    a->line = mem_calloc(ROWPREP_MAX_ROWS, sizeof *a->line);
    a->p = mem_calloc(ROWPREP_MAX_ROWS, n_out * sizeof *a->p);
    a->row = mem_calloc(ROWPREP_MAX_ROWS, sizeof *a->row);
    a->best = mem_calloc(answers->top + 1, sizeof *a->best);
}

void asking_release(struct asking *a)
{
    tally_release(&a->tally);
    free(a->source);
    free(a->field);
    free(a->there);
    free(a->line);
    free(a->p);
    free(a->row);
    free(a->best);
    str_release(&a->id);
    str_release(&a->first_error);
    str_release(&a->first_note);
    *a = (struct asking){ 0 };
}

/* ---- a batch ---- */

/* The `top` largest of n, the first of equals first. */
static void find_best(const float *p, size_t n, size_t top, size_t *best)
{
    size_t n_best = 0;
    for (size_t k = 0; k < n; k++) {
        if (n_best == top && !(p[k] > p[best[top - 1]]))
            continue;
        size_t at = n_best < top ? n_best++ : top - 1;
        for (; at > 0 && p[best[at - 1]] < p[k]; at--)
            best[at] = best[at - 1];
        best[at] = k;
    }
}

/* On standard error, for those who do not look for them in the output. */
static void tell(struct asking *a, int64_t line, const char *what, const char *text)
{
    enum { MOST = 10 };
    if (a->path && a->n_told < MOST)
        log_info("%s line %" PRId64 ": %s: %s", a->path, line, what, text);
    if (a->path && a->n_told == MOST)
        log_info("... further ones stand with their rows");
    a->n_told++;
}

static int answer_row(struct asking *a, size_t i, const float *p, struct err *e)
{
    const struct table *t = rowprep_table(a->prep);
    const struct column *id = t->roles.id ? table_column(t, t->roles.id) : NULL;
    struct answer answer = { .row = ++a->n_row,
                             .error = rowprep_error(a->prep, i),
                             .note = rowprep_note(a->prep, i) };
    str_clear(&a->id);
    if (id) {
        column_text(id, i, &a->id);
        answer.id = a->id.n ? str_text(&a->id) : NULL;
    }
    if (!answer.error)
        answer.p = p;
    if (answer.p && a->answers->top) {
        find_best(p, model_n_class(a->model), a->answers->top, a->best);
        answer.best = a->best;
    }
    if (answer.error) {
        tell(a, a->line[i], "error", answer.error);
        if (a->first_error.n == 0)
            str_addz(&a->first_error, answer.error);
    }
    if (answer.note && a->first_note.n == 0)
        str_addz(&a->first_note, answer.note);
    tally_add(&a->tally, &answer);
    return answers_add(a->answers, &answer, e);
}

static int flush_batch(struct asking *a, struct err *e)
{
    size_t n = rowprep_n(a->prep), n_good = 0, n_out = model_n_output(a->model);
    struct model_data data;
    int rc = rowprep_make(a->prep, &data, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!rowprep_error(a->prep, i))
            a->row[n_good++] = i;
    if (rc == 0 && n_good)
        rc = model_predict(a->model, &data, a->row, n_good, a->p, e);
    for (size_t i = 0, good = 0; rc == 0 && i < n; i++) {
        rc = answer_row(a, i, a->p + good * n_out, e);
        good += !rowprep_error(a->prep, i);
    }
    rowprep_clear(a->prep);
    return rc;
}

static int flush_full(struct asking *a, struct err *e)
{
    return rowprep_full(a->prep) ? flush_batch(a, e) : 0;
}

/* ---- rows of files ---- */

static size_t find_field(const struct record *header, const struct jsonrows_field *want)
{
    for (size_t k = 0; k < want->n_name; k++)
        for (size_t i = 0; i < header->n; i++)
            if (strcmp(header->field[i].text, want->name[k]) == 0)
                return i;
    return SIZE_MAX;
}

static int on_header(void *ctx, const struct record *header, struct err *e)
{
    struct asking *a = ctx;
    size_t n;
    const struct jsonrows_field *want = rowprep_fields(a->prep, &n);
    for (size_t j = 0; j < n; j++) {
        a->source[j] = find_field(header, &want[j]);
        if (a->source[j] == SIZE_MAX && !rowprep_optional(a->prep, j))
            return record_no_field(header, a->path, want[j].name[0], ", which the model reads", e);
        a->there[j] = a->source[j] != SIZE_MAX;
    }
    rowprep_set_there(a->prep, a->there);
    return 0;
}

static int take_row(struct asking *a, const struct record *row, const struct record_field *field,
                    struct err *e)
{
    a->line[rowprep_n(a->prep)] = row->line;
    rowprep_add(a->prep, field);
    event_progress(a->done + row->at, a->total, "bytes");
    return flush_full(a, e);
}

static int on_csv_row(void *ctx, const struct record *row, struct err *e)
{
    struct asking *a = ctx;
    size_t n;
    rowprep_fields(a->prep, &n);
    memset(a->field, 0, n * sizeof *a->field);
    for (size_t j = 0; j < n; j++)
        if (a->source[j] != SIZE_MAX)
            a->field[j] = row->field[a->source[j]];
    return take_row(a, row, a->field, e);
}

static int on_json_row(void *ctx, const struct record *row, struct err *e)
{
    return take_row(ctx, row, row->field, e);
}

static int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                  struct err *e)
{
    struct asking *a = ctx;
    char *text = str_format("%s: '%s'", record_fault_name(fault), detail);
    a->line[rowprep_n(a->prep)] = line;
    rowprep_add_bad(a->prep, text);
    free(text);
    return flush_full(a, e);
}

/* Which fields the records of a file have. A model that minds that reads it twice. */
static int look_for_fields(struct asking *a, const char *path, struct err *e)
{
    struct intern names = { 0 };
    size_t n;
    const struct jsonrows_field *field = rowprep_fields(a->prep, &n);
    bool minds = rowprep_minds_absent(a->prep);
    int rc = minds ? jsonrows_names(path, 200, &names, e) : 0;
    for (size_t j = 0; j < n && rc == 0; j++) {
        a->there[j] = !minds;
        for (size_t k = 0; k < field[j].n_name && !a->there[j]; k++)
            a->there[j] = intern_find(&names, field[j].name[k], strlen(field[j].name[k])) >= 0;
        if (!a->there[j] && rowprep_refuses_absent(a->prep, j))
            rc = err_set(e, ERR_DATA, "no record of '%s' has '%s', which must not be absent", path,
                         field[j].name[0]);
    }
    rowprep_set_there(a->prep, a->there);
    intern_release(&names);
    return rc;
}

/* What every row should have and none had: a misspelt key looks like a gap. */
static void tell_unseen(const struct asking *a, const bool *seen)
{
    struct str all = { 0 };
    size_t n;
    const struct jsonrows_field *field = rowprep_fields(a->prep, &n);
    for (size_t j = 0; j < n; j++)
        if (!seen[j] && !rowprep_optional(a->prep, j))
            str_addf(&all, "%s'%s'", all.n ? ", " : "", field[j].name[0]);
    if (all.n)
        log_warn("no record of '%s' has %s", a->path, str_text(&all));
    str_release(&all);
}

static int read_json(struct asking *a, const char *path, struct err *e)
{
    const struct record_sink sink = { NULL, on_json_row, on_bad };
    size_t n;
    const struct jsonrows_field *field = rowprep_fields(a->prep, &n);
    bool *seen = mem_calloc(n, sizeof *seen);
    int64_t first = a->n_row;
    int rc = look_for_fields(a, path, e);
    if (rc == 0)
        rc = jsonrows_read(path, field, n, a->max_field, 200, NULL, &sink, a, seen, NULL, e);
    if (rc == 0 && a->n_row + (int64_t)rowprep_n(a->prep) > first)
        tell_unseen(a, seen);
    free(seen);
    return rc;
}

/* By its name, else by its first character that is no blank. */
static bool is_json(const char *path)
{
    char start[256];
    if (jsonrows_named(path))
        return true;
    if (str_ends(path, ".csv") || str_ends(path, ".csv.gz") || str_ends(path, ".tsv"))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? 0 : read(fd, start, sizeof start - 1);
    if (fd >= 0)
        close(fd);
    start[n > 0 ? n : 0] = '\0';
    const char *first = start + strspn(start, " \t\r\n");
    return *first == '{' || *first == '[';
}

static int read_file(struct asking *a, const char *path, struct err *e)
{
    const struct record_sink sink = { on_header, on_csv_row, on_bad };
    const struct csv_dialect *dialect = rowprep_dialect(a->prep);
    bool json = is_json(path);
    rowprep_set_decimal(a->prep, json ? 0 : dialect->decimal);
    int rc = json ? read_json(a, path, e)
                  : csv_read(path, dialect, a->max_field, NULL, NULL, &sink, a, e);
    return rc == 0 && rowprep_n(a->prep) ? flush_batch(a, e) : rc;
}

/* Readers look at a file twice and want its size: standard input goes to one without a name. */
static int spool_input(int *out_fd, struct err *e)
{
    const char *dir = str_getenv("TMPDIR");
    char buffer[1 << 16];
    ssize_t got = 0;
    int rc = 0, fd = open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "cannot make a temporary file for standard input in '%s'",
                       dir ? dir : "/tmp");
    while (rc == 0 &&
           ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR)))
        for (ssize_t at = 0, put; rc == 0 && at < got; at += put)
            if ((put = write(fd, buffer + at, (size_t)(got - at))) < 0)
                rc = err_sys(e, "cannot keep standard input in a temporary file");
    if (rc == 0 && got < 0)
        rc = err_sys(e, "cannot read standard input");
    if (rc)
        close(fd);
    else
        *out_fd = fd;
    return rc;
}

static int read_input(struct asking *a, struct err *e)
{
    int fd, rc = spool_input(&fd, e);
    if (rc)
        return rc;
    char *path = str_format("/proc/self/fd/%d", fd);
    a->path = "standard input";
    rc = read_file(a, path, e);
    if (rc)
        err_replace(e, path, a->path);
    free(path);
    close(fd);
    return rc;
}

int asking_files(struct asking *a, const struct opt_list *path, struct err *e)
{
    struct stat st;
    int rc = 0;
    for (size_t i = 0; i < path->n; i++)
        if (stat(path->item[i], &st) == 0)
            a->total += st.st_size;
    for (size_t i = 0; i < path->n && rc == 0; i++) {
        a->path = path->item[i];
        rc = strcmp(a->path, "-") == 0 ? read_input(a, e) : read_file(a, a->path, e);
        if (stat(path->item[i], &st) == 0)
            a->done += st.st_size;
    }
    event_progress(a->total, a->total, "bytes");
    return rc;
}

/* ---- one row ---- */

static int unknown_name(const struct asking *a, const char *text, size_t n_text, struct err *e)
{
    size_t n;
    const struct jsonrows_field *field = rowprep_fields(a->prep, &n);
    const char **name = mem_calloc(n, sizeof *name);
    struct str all = { 0 };
    char *given = mem_strndup(text, n_text);
    for (size_t j = 0; j < n; j++) {
        name[j] = field[j].name[0];
        str_addf(&all, "%s%s", j ? ", " : "", name[j]);
    }
    const char *near = str_nearest(given, name, n);
    err_set(e, ERR_USAGE, "the model reads no '%.100s'%s%s%s; it reads: %.600s", given,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", str_text(&all));
    str_release(&all);
    free(given);
    free(name);
    return e->code;
}

/* It is a table of one row. */
static void add_one_row(struct asking *a, size_t n)
{
    const char *name = NULL;
    for (size_t j = 0; j < n; j++) {
        a->there[j] = a->field[j].text != NULL;
        if (!a->there[j] && !name && rowprep_refuses_absent(a->prep, j))
            name = rowprep_fields(a->prep, &n)[j].name[0];
    }
    rowprep_set_there(a->prep, a->there);
    if (!name) {
        rowprep_add(a->prep, a->field);
        return;
    }
    char *text = str_format("'%s' is not given, which must not be absent", name);
    rowprep_add_bad(a->prep, text);
    free(text);
}

int asking_row(struct asking *a, const struct opt_list *value, struct err *e)
{
    size_t n;
    const struct jsonrows_field *field = rowprep_fields(a->prep, &n);
    memset(a->field, 0, n * sizeof *a->field);
    for (size_t i = 0; i < value->n; i++) {
        const char *text = value->item[i], *equals = strchr(text, '=');
        size_t length = equals ? (size_t)(equals - text) : strlen(text), j = n;
        for (size_t f = 0; equals && f < n && j == n; f++)
            for (size_t k = 0; k < field[f].n_name && j == n; k++)
                if (strlen(field[f].name[k]) == length &&
                    memcmp(field[f].name[k], text, length) == 0)
                    j = f;
        if (!equals)
            return err_set(e, ERR_USAGE, "'%s': want NAME=VALUE", text);
        if (!utf8_valid(text, strlen(text)))
            return err_set(e, ERR_USAGE, "'%.*s' is no UTF-8", (int)length, text);
        if (j == n)
            return unknown_name(a, text, length, e);
        if (a->field[j].text)
            return err_set(e, ERR_USAGE, "'%.*s' is given twice", (int)length, text);
        a->field[j] = (struct record_field){ equals + 1, strlen(equals + 1) };
    }
    add_one_row(a, n);
    return flush_batch(a, e);
}
