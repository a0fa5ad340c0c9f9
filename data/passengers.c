/* passengers: make a list of a ship's passengers from a seed alone, in the shape of the Titanic
 * data of 1,309 rows: what pipelines/titanic.yaml runs on without other data.
 *
 *   out   CSV; `?` is no value
 *
 * People and ship are our own. As in the real list, women, children and the first class are saved
 * more often; ages, cabins and a fare are missing; names hold commas, quotes and titles. The
 * arithmetic is exact on every IEEE machine (add, multiply; no library function): the same
 * arguments give the same bytes. */
#include <stdio.h>

#include "base/err.h"
#include "base/opt.h"
#include "io/outfile.h"
#include "num/rng.h"

struct params {
    const char *out;
    int64_t rows, seed;
};

static const struct opt options[] = {
    { OPT_OUT(struct params, out), .help = "CSV file to make" },
    { OPT_INT(struct params, rows), .def = 700, .min = 20, .max = 10000000, .unit = "passengers",
      .help = "how many" },
    { OPT_INT(struct params, seed), .def = 1, .min = 0, .max = 1e15,
      .help = "another seed, other passengers" },
    { 0 },
};

static const char *const surname[] = { "Abbing",  "Brandt", "Castell", "Dorn",    "Elvey",
                                       "Fenwick", "Garrow", "Hallam",  "Ibsley",  "Jorgen",
                                       "Kettle",  "Lund",   "Marrow",  "Nyland",  "O'Farr",
                                       "Penhale", "Quill",  "Rosell",  "Sandmar", "Tolle",
                                       "Umber",   "Vance",  "Wexley",  "Ystad",   "Zander" };
static const char *const he[] = { "Albin", "Bertil", "Conrad", "Edgar", "Felix",
                                  "Gus",   "Henrik", "Ivor",   "Jonas", "Karl" };
static const char *const she[] = { "Agnes", "Berta", "Clara", "Dagny", "Elsa",
                                   "Freda", "Greta", "Hilda", "Ida",   "Johanna" };
static const char *const town[] = { "Northhaven", "Lake Ridge, OH", "St Mary's, Isle",
                                    "Port Vale / Eastmoor", "Birkland" };
static const char port[] = { 'S', 'S', 'S', 'S', 'S', 'S', 'S', 'C', 'C', 'Q' };

#define PICK(r, list) (list)[rng_below(r, sizeof(list) / sizeof *(list))]

struct passenger {
    int class, age_months; /* age < 0: not known */
    bool woman, family;
    int siblings, parents;
    const char *title;
};

static bool chance(struct rng *r, double p)
{
    return rng_uniform(r) < p;
}

static struct passenger draw(struct rng *r)
{
    struct passenger p = { 0 };
    double u = rng_uniform(r);
    p.class = u < 0.25 ? 1 : u < 0.46 ? 2 : 3;
    p.woman = chance(r, p.class == 3 ? 0.31 : 0.42);
    bool child = chance(r, p.class == 1 ? 0.03 : 0.11);
    /* the sum of three uniform numbers is bell-shaped */
    double bell = rng_uniform(r);
    bell += rng_uniform(r);
    bell = (bell + rng_uniform(r)) / 3;
    int months = child ? 4 + (int)rng_below(r, 150)
                       : (int)(12 * (15 + (p.class == 1 ? 52 : 34) * bell));
    p.family = child || chance(r, 0.35);
    if (p.family) {
        p.siblings = (int)rng_below(r, child ? 5 : 2);
        p.parents = child ? 1 + (int)rng_below(r, 2) : (int)rng_below(r, 3);
    }
    bool married = months > 12 * 20 && chance(r, 0.55);
    p.title = p.woman          ? (married ? "Mrs" : "Miss")
              : months < 150   ? "Master"
              : chance(r, .03) ? (chance(r, .5) ? "Dr" : "Rev")
                               : "Mr";
    p.age_months = chance(r, p.class == 3 ? 0.28 : 0.12) ? -1 : months;
    return p;
}

/* Who was let into a boat: nobody knows why this one and not that one. */
static bool is_saved(struct rng *r, const struct passenger *p)
{
    static const double woman[] = { 0, 0.97, 0.92, 0.56 }, man[] = { 0, 0.27, 0.10, 0.11 };
    double share = p->woman ? woman[p->class] : man[p->class];
    if (!p->woman && p->title[0] == 'M' && p->title[1] == 'a')
        share = p->class == 3 ? 0.40 : 0.95;
    if (p->siblings > 2)
        share *= 0.4;
    return chance(r, share);
}

static void print_age(FILE *fp, int months)
{
    if (months < 0)
        fprintf(fp, "?");
    else if (months < 12) /* hundredths of a year, as the real list has them */
        fprintf(fp, "0.%02d", months * 100 / 12);
    else
        fprintf(fp, "%d", months / 12);
}

static void print_cabin(FILE *fp, struct rng *r, int class)
{
    static const char deck[] = "AABBBCCCCDDEEFG";
    if (!chance(r, class == 1 ? 0.78 : class == 2 ? 0.09 : 0.02)) {
        fprintf(fp, "?");
        return;
    }
    char letter = class == 1 ? deck[rng_below(r, 11)] : deck[11 + rng_below(r, 4)];
    int number = 1 + (int)rng_below(r, 120);
    if (chance(r, 0.1))
        fprintf(fp, "%c%d %c%d", letter, number, letter, number + 2);
    else
        fprintf(fp, "%c%d", letter, number);
}

static void print_row(FILE *fp, struct rng *r)
{
    struct passenger p = draw(r);
    bool saved = is_saved(r, &p);
    const char *name = p.woman ? PICK(r, she) : PICK(r, he), *family = PICK(r, surname);
    bool wife = p.title[1] == 'r' && p.title[2] == 's';
    fprintf(fp, "%d,%d,\"%s, %s. ", p.class, saved, family, p.title);
    if (wife) {
        const char *husband = PICK(r, he), *second = PICK(r, she), *maiden = PICK(r, surname);
        fprintf(fp, "%s (%s \"\"%s\"\" %s)\",", husband, name, second, maiden);
    } else {
        fprintf(fp, "%s %s\",", name, p.woman ? PICK(r, she) : PICK(r, he));
    }
    fprintf(fp, "%s,", p.woman ? "female" : "male");
    print_age(fp, p.age_months);
    fprintf(fp, ",%d,%d,%d,", p.siblings, p.parents, 10000 + (int)rng_below(r, 340000));
    int pence = p.class == 1   ? 2500 + (int)rng_below(r, 9000) + (int)rng_below(r, 9000)
                : p.class == 2 ? 1050 + (int)rng_below(r, 2500)
                               : 650 + (int)rng_below(r, 900);
    pence *= 1 + p.siblings + p.parents;
    if (chance(r, 0.004))
        fprintf(fp, "?,");
    else
        fprintf(fp, "%d.%04d,", pence / 100, pence % 100 * 100);
    print_cabin(fp, r, p.class);
    if (chance(r, 0.004))
        fprintf(fp, ",?,");
    else
        fprintf(fp, ",%c,", PICK(r, port));
    if (saved)
        fprintf(fp, "%d,?,", 1 + (int)rng_below(r, 16));
    else if (chance(r, 0.15))
        fprintf(fp, "?,%d,", 1 + (int)rng_below(r, 320));
    else
        fprintf(fp, "?,?,");
    if (chance(r, 0.4))
        fprintf(fp, "?\n");
    else
        fprintf(fp, "\"%s\"\n", PICK(r, town));
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct outfile f = { 0 };
    struct rng r;
    int rc = outfile_open(&f, p->out, e);
    if (rc)
        return rc;
    rng_init(&r, (uint64_t)p->seed, 0);
    fprintf(f.fp, "\"pclass\",\"survived\",\"name\",\"sex\",\"age\",\"sibsp\",\"parch\",\"ticket\","
                  "\"fare\",\"cabin\",\"embarked\",\"boat\",\"body\",\"home.dest\"\n");
    for (int64_t i = 0; i < p->rows; i++)
        print_row(f.fp, &r);
    if ((rc = outfile_commit(&f, e)))
        outfile_abort(&f);
    return rc;
}

static const struct stage stage = {
    .name = "passengers",
    .purpose = "make a list of a ship's passengers from a seed",
    .more = "data/titanic.csv is what these defaults make.",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
