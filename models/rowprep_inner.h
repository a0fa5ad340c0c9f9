#ifndef MODELS_ROWPREP_INNER_H
#define MODELS_ROWPREP_INNER_H

#include "io/grown.h"
#include "io/image.h"
#include "io/picture.h"
#include "io/rowtext.h"
#include "io/schema.h"
#include "models/rowprep.h"
#include "models/tabular.h"

/* What the files of models/rowprep.h share. */

/** Of a word that a thread has met. */
struct rowprep_word {
    size_t batch;   /* in which it was met last, from 1 */
    int32_t number; /* in the dictionary of that batch */
};

/** What one thread works with. All owned. */
struct rowprep_hand {
    struct text cleaner;
    struct text_ids ids;
    struct rowtext_parts parts;
    int32_t *id; /* (n_id) words of its rows of the batch, numbered by the cleaner */
    size_t n_id, room_id;
    struct rowprep_word *word; /* (room_word) by number in the cleaner */
    size_t room_word;
    struct picture_hand picture;
    struct str name;
    struct err e; /* the machine failed */
};

/** What is known of a row of the batch. */
struct rowprep_row {
    char *error, *note, *picture; /* owned, or NULL */
    int hand;                     /* whose words it has */
    size_t first, n_word;         /* where they are */
};

struct rowprep {
    struct model_wants wants; /* borrowed from the model */
    struct rowprep_options options;
    struct schema schema;
    struct schema_column **own; /* (n_own) owned: of columns that no schema has */
    size_t n_own;
    const struct schema_column **column; /* (n_col) owned: those that are read */
    bool *beside;                        /* (n_col) owned: only names the row */
    enum tabular_absent *absent; /* (n_col) owned: what a feature is that the rows do not have */
    bool *there;                 /* (n_col) owned: the rows that come now have it */
    size_t n_col;
    struct jsonrows_field *field; /* (n_field) owned: those, and perhaps the picture */
    size_t n_field;
    char decimal; /* of the rows that come now; 0: a point */

    size_t n, max_rows, bytes, batch;
    struct grown *grown;     /* (n_col) owned */
    struct rowprep_row *row; /* (max_rows) owned */
    struct table table;      /* of a batch that was made; its roles are the model's */

    bool has_text, has_pixels, has_features;
    struct rowprep_hand *hand; /* (options.threads) owned */
    struct image_options image;
    struct picture_pattern pattern;
    struct tabular state;
    struct rowtext text;
    struct tokens tokens;
    size_t room_id, room_word;
    struct pixels pixels;
    uint8_t *pixel; /* (room_pixel, height, width, 3) owned */
    size_t room_pixel;
    struct featmat features;
    size_t room_features;
};

/** Say something about a row: an error, unless it has one; a note behind others. `text` is owned by
 * the row afterwards. */
void rowprep_set_error(struct rowprep *p, size_t i, char *text);
void rowprep_add_note(struct rowprep *p, size_t i, char *text);

/** As the options want it: an error behind others, or a note and a gap. */
void rowprep_fault(struct rowprep *p, size_t i, char *text);

/** Read the schema and choose the columns, the fields and what becomes of absent ones. As
 * rowprep_new. */
int rowprep_columns_init(struct rowprep *p, struct err *e);
void rowprep_columns_release(struct rowprep *p);

/** Parse the recipes and the state of the model. ERR_DATA. */
int rowprep_inputs_init(struct rowprep *p, struct err *e);
void rowprep_inputs_release(struct rowprep *p);

/** Words, pixels and features of the rows of p->table. ERR_IO. */
int rowprep_inputs_make(struct rowprep *p, struct model_data *out, struct err *e);

#endif
