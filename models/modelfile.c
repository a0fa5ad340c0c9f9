#include "models/modelfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/jsonfile.h"
#include "models/classes.h"
#include "models/vocab.h"

enum { KIND_VERSION = 1, MAX_LABEL_BYTES = 1 << 28, MAX_WORD_BYTES = 1 << 30 };

static int read_classes(struct modelfile *m, struct h5 *h, struct err *e)
{
    size_t n_name = 0;
    if (!h5_has(h, "classes")) /* a regression */
        return 0;
    int rc = h5_read_strings(h, "classes/label", &m->label, &m->n_class, MAX_LABEL_BYTES, e);
    if (rc)
        return rc;
    if (m->n_class < 2 || m->n_class > CLASSES_MAX)
        return err_set(e, ERR_DATA, "%zu classes, want 2 to %d", m->n_class, CLASSES_MAX);
    if (h5_has(h, "classes/name") &&
        (rc = h5_read_strings(h, "classes/name", &m->name, &n_name, MAX_LABEL_BYTES, e)))
        return rc;
    if (m->name && n_name != m->n_class) {
        mem_free_texts(m->name, n_name);
        m->name = NULL;
        return err_set(e, ERR_DATA, "%zu class names for %zu classes", n_name, m->n_class);
    }
    return 0;
}

static int read_words(struct modelfile *m, struct h5 *h, struct err *e)
{
    struct vocab v = { 0 };
    int rc;
    if (!h5_has(h, "text"))
        return 0;
    if ((rc = h5_read_strings(h, "text/vocabulary", &m->word, &m->n_word, MAX_WORD_BYTES, e)))
        return rc;
    rc = vocab_set(&v, (const char *const *)m->word, m->n_word, e); /* checks them */
    vocab_release(&v);
    return rc;
}

static int read_recipes(struct modelfile *m, struct h5 *h, struct err *e)
{
    int rc = 0;
    if (h5_has(h, "text"))
        rc = h5_get_text(h, "text", "recipe", &m->text, e);
    if (rc == 0 && h5_has(h, "pixels"))
        rc = h5_get_text(h, "pixels", "recipe", &m->pixels, e);
    if (rc == 0 && h5_has(h, "features"))
        rc = h5_get_text(h, "features", "state", &m->features, e);
    return rc;
}

int modelfile_read(struct modelfile *m, const char *path, struct err *e)
{
    struct modelfile made = { 0 };
    struct h5 h = { 0 };
    int rc = h5_open(&h, path, "refit.model", KIND_VERSION, e);
    if (rc)
        return rc;
    if ((rc = h5_get_text(&h, "/", "family", &made.family, e)) ||
        (rc = h5_get_text(&h, "/", "model", &made.kind, e)) || (rc = read_classes(&made, &h, e)) ||
        (rc = read_words(&made, &h, e)) || (rc = read_recipes(&made, &h, e))) {
        if (!strstr(e->text, path)) /* h5 names the file itself */
            err_wrap(e, "'%s'", path);
    }
    h5_close(&h);
    if (rc)
        modelfile_release(&made);
    else
        *m = made;
    return rc;
}

void modelfile_release(struct modelfile *m)
{
    free(m->family);
    free(m->kind);
    free(m->text);
    free(m->pixels);
    free(m->features);
    mem_free_texts(m->label, m->n_class);
    mem_free_texts(m->name, m->name ? m->n_class : 0);
    mem_free_texts(m->word, m->n_word);
    *m = (struct modelfile){ 0 };
}

/* A JSON document as text inside another one, as Keras nests them. */
static json_t *nested(json_t *inner)
{
    char *text = json_dumps(inner, JSON_COMPACT);
    json_t *outer = json_string(text);
    free(text);
    json_decref(inner);
    return outer;
}

json_t *modelfile_tokenizer(const struct modelfile *m)
{
    json_t *word_index = json_object(), *index_word = json_object();
    if (!m->n_word) {
        json_decref(word_index);
        json_decref(index_word);
        return NULL;
    }
    for (size_t i = VOCAB_UNKNOWN; i < m->n_word; i++) {
        char *index = str_format("%zu", i);
        json_object_set_new(word_index, m->word[i], json_integer((json_int_t)i));
        json_object_set_new(index_word, index, json_string(m->word[i]));
        free(index);
    }
    json_t *config = json_pack(
        "{s:I, s:s, s:b, s:s, s:b, s:s, s:i, s:s, s:s, s:s}", "num_words", (json_int_t)m->n_word,
        "filters", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", "lower", 1, "split", " ", "char_level",
        0, "oov_token", m->word[VOCAB_UNKNOWN], "document_count", 0, "word_counts", "{}",
        "word_docs", "{}", "index_docs", "{}");
    json_object_set_new(config, "index_word", nested(index_word));
    json_object_set_new(config, "word_index", nested(word_index));
    return json_pack("{s:s, s:o}", "class_name", "Tokenizer", "config", config);
}

json_t *modelfile_mapper(const struct modelfile *m)
{
    json_t *map = json_object();
    for (size_t i = 0; i < m->n_class; i++) {
        char *index = str_format("%zu", i);
        json_object_set_new(map, index, json_string(m->label[i]));
        free(index);
    }
    return map;
}

int modelfile_preprocessing(const struct modelfile *m, json_t **out, struct err *e)
{
    const struct {
        const char *name, *text;
    } part[] = { { "text", m->text }, { "pixels", m->pixels }, { "features", m->features } };
    json_t *doc = json_object();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof part / sizeof *part; i++) {
        json_t *inner = NULL;
        if (part[i].text &&
            (rc = jsonfile_parse(part[i].name, part[i].text, strlen(part[i].text), &inner, e)) == 0)
            json_object_set_new(doc, part[i].name, inner);
    }
    if (rc || json_object_size(doc) == 0) {
        json_decref(doc);
        doc = NULL;
    }
    *out = doc;
    return rc;
}
