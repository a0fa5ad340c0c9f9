#include "io/stopwords.h"

#include <stdlib.h>
#include <string.h>

/* Articles, pronouns, prepositions, conjunctions, the forms of the auxiliary verbs, and what
 * elision leaves behind when "l'écran", "qu'il" or "don't" are cut at the apostrophe. Sorted by
 * bytes. Changing a list changes what a trained model expects: raise TEXT_RECIPE_VERSION in
 * io/text.h with it. */

static const char *const french[] = {
    "a",       "afin",    "ai",         "ainsi",    "alors",    "après",    "as",
    "au",      "aucun",   "aucune",     "aujourd",  "auquel",   "aussi",    "autre",
    "autres",  "aux",     "auxquelles", "auxquels", "avaient",  "avais",    "avait",
    "avant",   "avec",    "avez",       "aviez",    "avions",   "avoir",    "avons",
    "ayant",   "c",       "car",        "ce",       "ceci",     "cela",     "celle",
    "celles",  "celui",   "cependant",  "ces",      "cet",      "cette",    "ceux",
    "chaque",  "chez",    "ci",         "comme",    "comment",  "d",        "dans",
    "de",      "depuis",  "des",        "donc",     "dont",     "du",       "duquel",
    "dès",     "elle",    "elles",      "en",       "encore",   "entre",    "es",
    "est",     "et",      "eu",         "eue",      "eues",     "eurent",   "eus",
    "eut",     "furent",  "fut",        "hui",      "il",       "ils",      "j",
    "je",      "jusqu",   "jusque",     "l",        "la",       "laquelle", "le",
    "lequel",  "les",     "lesquelles", "lesquels", "leur",     "leurs",    "lorsqu",
    "lorsque", "lui",     "là",         "m",        "ma",       "mais",     "me",
    "mes",     "moi",     "moins",      "mon",      "même",     "mêmes",    "n",
    "ne",      "ni",      "nos",        "notre",    "nous",     "on",       "ont",
    "ou",      "où",      "par",        "parce",    "pas",      "pendant",  "peu",
    "peut",    "peuvent", "plus",       "pour",     "pourquoi", "puis",     "puisqu",
    "puisque", "qu",      "quand",      "que",      "quel",     "quelle",   "quelles",
    "quelqu",  "quelque", "quelques",   "quels",    "qui",      "quoi",     "s",
    "sa",      "sans",    "se",         "selon",    "sera",     "serait",   "seront",
    "ses",     "si",      "soi",        "soient",   "soit",     "sommes",   "son",
    "sont",    "sous",    "suis",       "sur",      "t",        "ta",       "tandis",
    "te",      "tes",     "toi",        "ton",      "tous",     "tout",     "toute",
    "toutes",  "très",    "tu",         "un",       "une",      "va",       "vers",
    "vos",     "votre",   "vous",       "y",        "à",        "étaient",  "étais",
    "était",   "étant",   "êtes",       "être",
};

static const char *const english[] = {
    "a",       "about",    "above",      "after",   "again",      "against", "all",    "am",
    "an",      "and",      "any",        "are",     "aren",       "as",      "at",     "be",
    "because", "been",     "before",     "being",   "below",      "between", "both",   "but",
    "by",      "can",      "cannot",     "could",   "couldn",     "d",       "did",    "didn",
    "do",      "does",     "doesn",      "doing",   "don",        "down",    "during", "each",
    "few",     "for",      "from",       "further", "had",        "hadn",    "has",    "hasn",
    "have",    "haven",    "having",     "he",      "her",        "here",    "hers",   "herself",
    "him",     "himself",  "his",        "how",     "i",          "if",      "in",     "into",
    "is",      "isn",      "it",         "its",     "itself",     "just",    "ll",     "m",
    "ma",      "me",       "mightn",     "more",    "most",       "mustn",   "my",     "myself",
    "needn",   "no",       "nor",        "not",     "now",        "o",       "of",     "off",
    "on",      "once",     "only",       "or",      "other",      "our",     "ours",   "ourselves",
    "out",     "over",     "own",        "re",      "s",          "same",    "shan",   "she",
    "should",  "shouldn",  "so",         "some",    "such",       "t",       "than",   "that",
    "the",     "their",    "theirs",     "them",    "themselves", "then",    "there",  "these",
    "they",    "this",     "those",      "through", "to",         "too",     "under",  "until",
    "up",      "ve",       "very",       "was",     "wasn",       "we",      "were",   "weren",
    "what",    "when",     "where",      "which",   "while",      "who",     "whom",   "why",
    "will",    "with",     "won",        "would",   "wouldn",     "y",       "you",    "your",
    "yours",   "yourself", "yourselves",
};

const char *const *stopwords(const char *language, size_t *out_n)
{
    if (strcmp(language, "french") == 0) {
        *out_n = sizeof french / sizeof *french;
        return french;
    }
    if (strcmp(language, "english") == 0) {
        *out_n = sizeof english / sizeof *english;
        return english;
    }
    *out_n = 0;
    return NULL;
}

static int compare(const void *word, const void *item)
{
    return strcmp(word, *(const char *const *)item);
}

bool stopwords_have(const char *const *list, size_t n, const char *word)
{
    return n && bsearch(word, list, n, sizeof *list, compare);
}
