/* generate: make a product data set of any size, in the shape of the Rakuten France challenge, from
 * a seed alone.
 *
 *   out/X_train_update.csv     row number, designation, description, productid, imageid, price,
 * brand, condition out/Y_train_CVw08PX.csv    row number, prdtypecode out/images/
 * image_<imageid>_product_<productid>.jpg: JPEG, and now and then PNG under that name
 *
 * Twelve categories. Words tell eight groups of them apart, pictures seven, price + brand +
 * condition about eight, and only the three together tell all twelve: see the table `category` and
 * data/README.md. The nastiness of real data is in it too, each case at least once in any set of 40
 * rows or more (drawing.h, describe()).
 *
 * The arithmetic is exact on every IEEE machine (add, multiply, divide; no library function), so
 * the same arguments give the same bytes wherever libjpeg-turbo and zlib are the same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "data/generate/drawing.h"
#include "io/outfile.h"
#include "num/rng.h"

struct params {
    const char *out;
    int64_t rows, seed, side, drawings;
};

/* ---- what tells the categories apart
 * ------------------------------------------------------------------------------ */

enum { MAX_WORD = 12, N_CATEGORY = 12, N_BRAND = 8, N_CONDITION = 4, COPIES = 90 };
enum vocabulary { BOOK, PRESS, GAME, GEAR, TOY, FURNITURE, LINEN, POOL, FILLER };

static const char *const word[][MAX_WORD] = {
    [BOOK] = { "roman", "livre", "récit", "chapitre", "auteur", "poche", "broché", "littérature",
               "tome", "policier" },
    [PRESS] = { "magazine", "revue", "journal", "hebdomadaire", "mensuel", "presse", "reportage",
                "abonnement" },
    [GAME] = { "jeu", "vidéo", "console", "joueur", "niveaux", "aventure", "pixel", "multijoueur",
               "course" },
    [GEAR] = { "chargeur", "câble", "casque", "manette", "adaptateur", "batterie", "usb", "micro",
               "bluetooth" },
    [TOY] = { "figurine", "jouet", "personnage", "héros", "peluche", "articulé", "dinosaure",
              "robot", "chevalier" },
    [FURNITURE] = { "table", "chaise", "fauteuil", "banc", "meuble", "tabouret", "assise", "bois",
                    "étagère" },
    [LINEN] = { "drap", "coton", "taie", "oreiller", "couette", "rideau", "nappe", "coussin",
                "plaid" },
    [POOL] = { "piscine", "filtre", "pompe", "chlore", "bâche", "bassin", "liner", "skimmer",
               "échelle" },
    [FILLER] = { "lot", "modèle", "grand", "petit", "bleu", "rouge", "noir", "série", "pack",
                 "qualité", "cadeau", "n°3" },
};

static const char *const brand[N_BRAND] = { "Boréal",           "Lumière",     "Véga",
                                            "Kotobi",           "Petibois",    "Nord & Fils",
                                            "Maison \"Verte\"", "L'Eau Claire" };
static const char *const condition[N_CONDITION] = { "neuf", "comme neuf", "bon état", "occasion" };

/** One category. A row's words come from `words`, now and then with one of `hint`; its brand is
 * mostly `brand`; its price is uniform; its condition is drawn by `condition` (percent, summing to
 * 100). */
static const struct category {
    int code;
    int weight; /* of COPIES */
    enum vocabulary words;
    const char *hint[2];
    enum drawing drawing;
    int brand, price_min, price_max, condition[N_CONDITION];
} category[N_CATEGORY] = {
    /* used and new books: only the table tells */
    { 10, 9, BOOK, { "ancien", "relié" }, DRAW_BOOK, 0, 2, 9, { 2, 6, 40, 52 } },
    { 2705, 9, BOOK, { "inédit", "parution" }, DRAW_BOOK, 1, 14, 32, { 96, 3, 1, 0 } },
    { 2280, 7, PRESS, { NULL }, DRAW_BOOK, 1, 3, 10, { 40, 10, 20, 30 } },
    /* games and consoles share their words, consoles and their gear their picture */
    { 40, 8, GAME, { "disque", "boîtier" }, DRAW_CASE, 2, 15, 60, { 45, 15, 20, 20 } },
    { 60, 7, GAME, { "portable", "écran" }, DRAW_CONSOLE, 2, 15, 60, { 35, 20, 25, 20 } },
    { 50, 7, GEAR, { NULL }, DRAW_CONSOLE, 2, 10, 40, { 80, 10, 5, 5 } },
    /* figures for collectors and toys: only the table tells */
    { 1140, 8, TOY, { "résine", "vitrine" }, DRAW_FIGURE, 3, 38, 75, { 2, 48, 36, 14 } },
    { 1280, 8, TOY, { "éveil", "crèche" }, DRAW_FIGURE, 4, 5, 22, { 95, 3, 2, 0 } },
    /* furniture for the house and for the garden: the picture tells */
    { 1560, 7, FURNITURE, { "salon", "bureau" }, DRAW_TABLE, 5, 40, 120, { 75, 10, 10, 5 } },
    { 2582, 7, FURNITURE, { "jardin", "terrasse" }, DRAW_GARDEN, 5, 40, 120, { 80, 10, 5, 5 } },
    /* linen and pools look alike: the words tell */
    { 1920, 6, LINEN, { NULL }, DRAW_WAVES, 6, 12, 45, { 85, 5, 5, 5 } },
    { 2583, 7, POOL, { NULL }, DRAW_WAVES, 7, 20, 90, { 85, 5, 5, 5 } },
};

/* Percent of rows. */
enum {
    HINTED = 30,
    WORDLESS = 1,
    OWN_BRAND = 80,
    NO_PRICE = 8,
    NO_BRAND = 18,
    NO_CONDITION = 10,
    NO_DESCRIPTION = 30
};

/* Per thousand rows. Every kind of odd picture is there at least once. */
enum { MISLABELLED = 6 };
static const int odd_pictures[ORDINARY] = {
    [MISSING] = 4, [TRUNCATED] = 2, [GREY] = 5,        [CMYK] = 4,         [PALETTE_PNG] = 6,
    [ROTATED] = 8, [TWIN] = 2,      [COLOUR_PNG] = 15, [PROGRESSIVE] = 15,
};

static const char *any_word(struct rng *r, enum vocabulary v)
{
    uint64_t n = 0;
    while (n < MAX_WORD && word[v][n])
        n++;
    return word[v][rng_below(r, n)];
}

/* ---- text ------------------------------------------------------------------------------------ */

/** Upper case of ASCII and of the accented letters of Latin-1. */
static void add_upper(struct str *s, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p, before = p > text ? (unsigned char)p[-1] : 0;
        bool accented = before == 0xc3 && c >= 0xa0 && c <= 0xbe && c != 0xb7;
        str_addc(s, (char)((c >= 'a' && c <= 'z') || accented ? c - 0x20 : c));
    }
}

/** Three to eight words, two or three of the category's own among the first five. */
static void entitle(struct rng *r, const struct category *c, struct str *out)
{
    struct str plain = { 0 };
    const char *last = NULL;
    enum vocabulary own = chance(r, WORDLESS) ? FILLER : c->words;
    int n_own = between(r, 2, 3), n_more = between(r, 0, 4);

    for (int i = 0; i < n_own; i++) {
        const char *before = last;
        while ((last = any_word(r, own)) == before)
            ;
        str_addf(&plain, "%s%s", i == 0 ? "" : chance(r, 30) ? " de " : " ", last);
    }
    if (c->hint[0] && chance(r, HINTED))
        str_addf(&plain, " %s", c->hint[rng_below(r, 2)]);
    for (int i = 0; i < n_more; i++)
        str_addf(&plain, "%s%s",
                 chance(r, 15)   ? ", "
                 : chance(r, 15) ? " - "
                                 : " ",
                 any_word(r, FILLER));
    if (chance(r, 8))
        str_addf(&plain, " \"%s\"", any_word(r, own));
    if (chance(r, 10))
        add_upper(out, str_text(&plain));
    else
        str_addz(out, str_text(&plain));
    str_release(&plain);
}

/** A sentence: '*' becomes a word of the category, '+' one that every category has. */
static void add_sentence(struct rng *r, enum vocabulary own, struct str *out)
{
    static const char *const pattern[] = {
        "Ce * de + est livré rapidement, avec son emballage d'origine.",
        "Découvrez notre * + : l'idéal pour toute la famille !",
        "Très beau *, couleur +, dimensions 24 x 12 cm.",
        "Idée + pour Noël : un * que l'on n'oublie pas.",
        "Expédié sous 48 h ; le * arrive bien protégé.",
        "Caractéristiques du * : + et +.",
        "Où trouver mieux ? Ce * « + » a déjà conquis ses acheteurs.",
        "Garantie 2 ans, retour gratuit ; +, + ou + au choix.",
    };
    for (const char *p = pattern[rng_below(r, sizeof pattern / sizeof *pattern)]; *p; p++)
        if (*p == '*')
            str_addz(out, any_word(r, own));
        else if (*p == '+')
            str_addz(out, any_word(r, FILLER));
        else
            str_addc(out, *p);
}

/** HTML's names instead of accents and signs. */
static void add_entities(struct str *out, const char *text)
{
    static const char *const name[][2] = { { "é", "&eacute;" }, { "è", "&egrave;" },
                                           { "ê", "&#234;" },   { "à", "&agrave;" },
                                           { "â", "&acirc;" },  { "'", "&#39;" },
                                           { "«", "&laquo;" },  { "»", "&raquo;" },
                                           { "\"", "&quot;" } };
    while (*text) {
        size_t k = 0, n = sizeof name / sizeof *name;
        while (k < n && !str_starts(text, name[k][0]))
            k++;
        str_addz(out, k < n ? name[k][1] : (char[]){ *text, 0 });
        text += k < n ? strlen(name[k][0]) : 1;
    }
}

/** Empty, plain, with newlines and quotes, or with tags and entities. */
static void describe(struct rng *r, const struct category *c, struct str *out)
{
    struct str one = { 0 };
    enum vocabulary own = chance(r, WORDLESS) ? FILLER : c->words;
    int n = between(r, 1, 5), style = between(r, 0, 9); /* 0-4 plain, 5-6 lines, 7-9 HTML */
    bool list = style == 9;

    if (chance(r, NO_DESCRIPTION))
        return;
    if (style >= 7)
        str_addz(out, list ? "<ul class=\"points\">" : "<p>");
    for (int i = 0; i < n; i++) {
        str_clear(&one);
        if (style == 6)
            str_addc(&one, '"');
        add_sentence(r, own, &one);
        if (style == 6)
            str_addc(&one, '"');
        if (list)
            str_addz(out, "<li>");
        if (style >= 8)
            add_entities(out, str_text(&one));
        else
            str_addz(out, str_text(&one));
        if (list)
            str_addz(out, "</li>");
        else if (i + 1 < n)
            str_addz(out, style == 5   ? "\n"
                          : style == 6 ? "\r\n"
                          : style == 7 ? "<br />"
                          : style == 8 ? "&nbsp;<b>&bull;</b> "
                                       : " ");
    }
    if (style >= 7)
        str_addz(out, list ? "</ul>" : "</p>\n");
    str_release(&one);
}

/** A field of RFC 4180: in quotes where it must be. */
static void add_field(struct str *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        str_addz(out, text);
        return;
    }
    str_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            str_addc(out, '"');
        str_addc(out, *text);
    }
    str_addc(out, '"');
}

/* ---- rows ------------------------------------------------------------------------------------ */

/** One product before it is written. */
struct product {
    size_t row, category;
    enum picture_case how;
    size_t
        drawn_as; /* the row whose picture it has: another one for the second of a pair of twins */
    long long product_id, image_id;
};

/* Every row draws from streams of its own, so that a change to one part moves nothing else. */
enum stream { STREAM_TEXT, STREAM_TABLE, STREAM_PICTURE, STREAM_LABEL, N_STREAM };

static struct rng row_rng(const struct params *p, size_t row, enum stream s)
{
    struct rng r;
    rng_init(&r, (uint64_t)p->seed, 1 + (uint64_t)row * N_STREAM + (uint64_t)s);
    return r;
}

/** Categories by their weights, numbers, and which pictures are odd, all in random order. */
static struct product *products_plan(const struct params *p)
{
    size_t n = (size_t)p->rows, next = 0, *order = mem_calloc(n, sizeof *order);
    struct product *item = mem_calloc(n, sizeof *item);
    struct rng r;
    long long product_id = 101000000, image_id = 872000000;

    rng_init(&r, (uint64_t)p->seed, 0);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    rng_shuffle(&r, order, n);
    for (size_t i = 0; i < n; i++) {
        int place = (int)(i * 37 % COPIES); /* 37 has no factor in common with 90: the first rows
                                               see all categories */
        size_t c = 0;
        while (place >= category[c].weight)
            place -= category[c++].weight;
        item[order[i]] = (struct product){
            .row = order[i], .category = c, .how = ORDINARY, .drawn_as = order[i]
        };
    }
    for (size_t i = 0; i < n; i++) {
        item[i].product_id = product_id += between(&r, 1, 4000000 / (int)(1 + n / 500));
        item[i].image_id = image_id += between(&r, 1, 3000000 / (int)(1 + n / 500));
    }
    rng_shuffle(&r, order, n);
    for (int k = 0; k < ORDINARY; k++) {
        size_t some = n * (size_t)odd_pictures[k] / 1000;
        for (some = some ? some : 1; some; some--)
            item[order[next++]].how = (enum picture_case)k;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; item[i].how == TWIN && item[i].drawn_as == i && j < n; j++)
            if (item[j].how == ORDINARY && item[j].category == item[i].category)
                item[i].drawn_as = j;
    free(order);
    return item;
}

static void add_row(const struct params *p, const struct product *it, struct str *x, struct str *y)
{
    struct rng text = row_rng(p, it->row, STREAM_TEXT), table = row_rng(p, it->row, STREAM_TABLE);
    struct rng label = row_rng(p, it->row, STREAM_LABEL);
    const struct category *c = &category[it->category], *said = c;
    struct str title = { 0 }, description = { 0 };
    size_t state = 0;

    entitle(&text, c, &title);
    describe(&text, c, &description);
    str_addf(x, "%zu,", it->row);
    add_field(x, str_text(&title));
    str_addc(x, ',');
    add_field(x, str_text(&description));
    str_addf(x, ",%lld,%lld,", it->product_id, it->image_id);

    int cents = between(&table, c->price_min * 100, c->price_max * 100);
    if (!chance(&table, NO_PRICE))
        str_addf(x, "%d.%02d", cents / 100, cents % 100);
    str_addc(x, ',');
    const char
        *maker = brand[chance(&table, OWN_BRAND) ? (size_t)c->brand : rng_below(&table, N_BRAND)];
    if (!chance(&table, NO_BRAND))
        add_field(x, maker);
    str_addc(x, ',');
    for (int left = between(&table, 0, 99) - c->condition[0]; left >= 0;
         left -= c->condition[state])
        state++;
    if (!chance(&table, NO_CONDITION))
        add_field(x, condition[state]);
    str_addc(x, '\n');

    if (rng_below(&label, 1000) < MISLABELLED)
        said = &category[rng_below(&label, N_CATEGORY)];
    str_addf(y, "%zu,%d\n", it->row, said->code);
    str_release(&title);
    str_release(&description);
}

/** Pictures that are used again: `drawings` of each drawing and case. */
struct album {
    const struct params *p;
    struct str *bytes; /* (ORDINARY + 1, N_DRAWING, drawings) owned; empty: not drawn yet */
};

enum { N_DRAWING = DRAW_WAVES + 1 };

static void album_release(struct album *a)
{
    for (int64_t i = 0; a->bytes && i < (ORDINARY + 1) * N_DRAWING * a->p->drawings; i++)
        str_release(&a->bytes[i]);
    free(a->bytes);
}

/** The row's picture file. From an album it ends in the row number, behind the picture's own end,
 * so that no two files are the same but those of twins. */
static void make_picture(struct album *a, const struct product *it, enum drawing drawing,
                         struct str *out)
{
    const struct params *p = a->p;
    if (!p->drawings) {
        struct rng r = row_rng(p, it->drawn_as, STREAM_PICTURE);
        drawing_make(&r, drawing, it->how, (int)p->side, out);
        return;
    }
    if (!a->bytes)
        a->bytes = mem_calloc((ORDINARY + 1) * N_DRAWING * (size_t)p->drawings, sizeof *a->bytes);
    size_t which = it->drawn_as % (size_t)p->drawings;
    struct str
        *page = &a->bytes[((size_t)it->how * N_DRAWING + drawing) * (size_t)p->drawings + which];
    if (!page->n && it->how != MISSING) {
        struct rng r = row_rng(p, which, STREAM_PICTURE);
        drawing_make(&r, drawing, it->how == TWIN ? ORDINARY : it->how, (int)p->side, page);
    }
    str_add(out, str_text(page), page->n);
    if (it->how != TRUNCATED)
        str_addf(out, "%08zu", it->drawn_as);
}

static int put_picture(struct album *a, const struct product *it, const struct product *all,
                       struct err *e)
{
    struct str bytes = { 0 };
    char *path = str_format("%s/images/image_%lld_product_%lld.jpg", a->p->out, it->image_id,
                            it->product_id);
    int rc = 0;

    make_picture(a, it, category[all[it->drawn_as].category].drawing, &bytes);
    if (it->how != MISSING) {
        FILE *fp = fopen(path, "wb"); /* not synced one by one: they can be made again */
        if (!fp) {
            rc = err_sys(e, "cannot create '%s'", path);
        } else {
            bool whole = fwrite(bytes.text, 1, bytes.n, fp) == bytes.n;
            if (fclose(fp) != 0 || !whole)
                rc = err_sys(e, "cannot write '%s'", path);
        }
    }
    free(path);
    str_release(&bytes);
    return rc;
}

static int put_table(const char *dir, const char *name, const struct str *text, struct err *e)
{
    char *path = str_format("%s/%s", dir, name);
    int rc = outfile_put(path, str_text(text), text->n, e);
    free(path);
    return rc;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct product *item = NULL;
    struct album album = { .p = p };
    struct str x = { 0 }, y = { 0 };
    char *images = str_format("%s/images", p->out);
    int rc;

    if ((rc = outfile_make_parent(images, e)))
        goto out;
    if (mkdir(images, 0777)) {
        rc = errno == EEXIST
                 ? err_set(e, ERR_USAGE, "'%s' exists already; give a new directory", images)
                 : err_sys(e, "cannot make '%s'", images);
        goto out;
    }
    item = products_plan(p);
    str_addz(&x, ",designation,description,productid,imageid,price,brand,condition\n");
    str_addz(&y, ",prdtypecode\n");
    for (int64_t i = 0; i < p->rows; i++) {
        add_row(p, &item[i], &x, &y);
        if ((rc = put_picture(&album, &item[i], item, e)))
            goto out;
        event_progress(i + 1, p->rows, "products");
    }
    if ((rc = put_table(p->out, "X_train_update.csv", &x, e)) == 0)
        rc = put_table(p->out, "Y_train_CVw08PX.csv", &y, e);
out:
    album_release(&album);
    str_release(&x);
    str_release(&y);
    free(item);
    free(images);
    return rc;
}

static const struct opt options[] = {
    { OPT_OUT(struct params, out), .format = "directory",
      .help = "directory to make, with two CSV files and images/" },
    { OPT_INT(struct params, rows), .def = 900, .min = 40, .max = 1000000, .unit = "products",
      .help = "how many" },
    { OPT_INT(struct params, side), .def = 0, .min = 0, .max = 4000, .unit = "pixels",
      .help = "width and height of the pictures; 0: 64 to 88" },
    { OPT_INT(struct params, drawings), .def = 0, .min = 0, .max = 10000, .unit = "pictures",
      .help = "draw so many of each kind and use them again, for large sets: a hundred times as "
              "fast; 0: draw each" },
    { OPT_INT(struct params, seed), .def = 1, .min = 0, .max = 1e15,
      .help = "another seed, other products" },
    { 0 },
};

static const struct stage stage = {
    .name = "generate",
    .purpose = "make a product data set (texts, pictures, table, labels) from a seed",
    .more = "data/sample is what these defaults make. Example: generate --out /tmp/products --rows "
            "3000 --seed 7\n"
            "85,000 products with pictures of 500 x 500: generate --out /tmp/large --rows 85000 "
            "--side 500 --drawings 20\n",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
