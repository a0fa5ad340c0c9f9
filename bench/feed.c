/* feed: a CSV file in the shape of the Rakuten challenge's X_train, for measurements: the columns,
 * the lengths (a third of the descriptions empty, half of the others over 600 bytes, some over
 * 5,000), HTML, accents, doubled quotes and line ends inside quotes. usage: feed ROWS > X.csv */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "num/rng.h"

static const char *const word[] = {
    "piscine",     "console",
    "jeu",         "vidéo",
    "coussin",     "décoration",
    "l'intérieur", "avec",
    "pour",        "housse",
    "écran",       "protège",
    "enfants",     "modèle",
    "livre",       "ancien",
    "édition",     "française",
    "carton",      "couleur",
    "bleu",        "60x60cm",
    "n° 12",       "qualité",
    "<br />",      "&eacute;t&eacute;",
    "<b>neuf</b>", "\"\"grand\"\"",
    "garantie,",   "poids",
    "taille:",     "<p>",
};
enum { N_WORD = sizeof word / sizeof *word };

static void words(struct str *out, struct rng *rng, uint64_t n_byte)
{
    for (size_t end = out->n + n_byte; out->n < end;) {
        str_addz(out, word[rng_below(rng, N_WORD)]);
        str_addc(out, rng_below(rng, 40) ? ' ' : '\n');
    }
}

int main(int argc, char **argv)
{
    long long n = 0;
    struct rng rng;
    struct str line = { 0 };
    if (argc != 2 || !str_to_int(argv[1], &n))
        return 64;
    rng_init(&rng, 1, 0);
    fputs(",designation,description,productid,imageid,price,brand\n", stdout);
    for (long long i = 0; i < n; i++) {
        str_clear(&line);
        str_addf(&line, "%lld,\"", i);
        words(&line, &rng, 20 + rng_below(&rng, 100));
        str_addz(&line, "\",");
        if (rng_below(&rng, 3)) {
            uint64_t size = rng_below(&rng, 2) ? 50 + rng_below(&rng, 550)
                                               : 600 + rng_below(&rng, 1400);
            str_addc(&line, '"');
            words(&line, &rng, rng_below(&rng, 30) ? size : 5000 + rng_below(&rng, 5000));
            str_addc(&line, '"');
        }
        str_addf(&line, ",%lld,%lld,%lld.%02lld,brand %d\n", 3804725264 + i, 1263597046 + 7 * i,
                 i % 300, i % 100, (int)rng_below(&rng, 500));
        if (fwrite(line.text, 1, line.n, stdout) != line.n)
            return 74;
    }
    str_release(&line);
    return fflush(stdout) ? 74 : 0;
}
