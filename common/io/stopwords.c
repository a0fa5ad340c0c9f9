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

static const char *const danish[] = {
    "af",    "alle",   "alt",   "anden", "at",    "blev",  "blive", "bliver", "da",     "de",
    "dem",   "den",    "denne", "der",   "deres", "det",   "dette", "dig",    "din",    "disse",
    "dit",   "dog",    "du",    "efter", "eller", "en",    "end",   "er",     "et",     "for",
    "fra",   "ham",    "han",   "hans",  "har",   "havde", "have",  "hende",  "hendes", "her",
    "hos",   "hun",    "hvad",  "hvem",  "hvis",  "hvor",  "i",     "ikke",   "ind",    "ingen",
    "jeg",   "jer",    "jo",    "kan",   "kunne", "lige",  "man",   "mange",  "med",    "meget",
    "men",   "mens",   "mig",   "min",   "mine",  "mit",   "mod",   "må",     "ned",    "nogen",
    "nogle", "nok",    "nu",    "når",   "og",    "også",  "om",    "op",     "os",     "over",
    "på",    "sammen", "selv",  "siden", "sig",   "sin",   "sine",  "sit",    "skal",   "skulle",
    "som",   "så",     "sådan", "thi",   "til",   "ud",    "uden",  "under",  "var",    "ved",
    "vi",    "vil",    "ville", "vor",   "være",  "været",
};

static const char *const dutch[] = {
    "aan",    "al",   "alle",   "alles", "als",   "altijd", "andere", "ben",    "bij",     "daar",
    "dan",    "dat",  "de",     "der",   "des",   "deze",   "die",    "dit",    "doch",    "doen",
    "door",   "dus",  "een",    "eens",  "en",    "er",     "ge",     "geen",   "geweest", "haar",
    "had",    "heb",  "hebben", "heeft", "hem",   "het",    "hier",   "hij",    "hoe",     "hun",
    "iemand", "iets", "ik",     "in",    "is",    "ja",     "je",     "jou",    "jouw",    "jullie",
    "kan",    "kon",  "kunnen", "maar",  "me",    "meer",   "men",    "met",    "mij",     "mijn",
    "moet",   "na",   "naar",   "niet",  "niets", "nog",    "nu",     "of",     "om",      "omdat",
    "ons",    "onze", "ook",    "op",    "over",  "reeds",  "te",     "tegen",  "toch",    "toen",
    "tot",    "u",    "uit",    "uw",    "van",   "veel",   "voor",   "want",   "waren",   "was",
    "wat",    "we",   "wel",    "werd",  "wezen", "wie",    "wij",    "wil",    "worden",  "wordt",
    "zal",    "ze",   "zelf",   "zich",  "zij",   "zijn",   "zo",     "zonder", "zou",     "zullen",
};

static const char *const german[] = {
    "aber",     "alle",      "allem",     "allen",   "aller",   "alles",    "als",     "also",
    "am",       "an",        "ander",     "andere",  "anderem", "anderen",  "anderer", "anderes",
    "auch",     "auf",       "aus",       "bei",     "beim",    "bin",      "bis",     "bist",
    "da",       "damit",     "dann",      "das",     "dass",    "dasselbe", "dazu",    "dein",
    "deine",    "deinem",    "deinen",    "deiner",  "dem",     "den",      "denn",    "der",
    "deren",    "des",       "desselben", "dessen",  "dich",    "die",      "dies",    "diese",
    "dieselbe", "dieselben", "diesem",    "diesen",  "dieser",  "dieses",   "dir",     "doch",
    "dort",     "du",        "durch",     "ein",     "eine",    "einem",    "einen",   "einer",
    "eines",    "einige",    "einigem",   "einigen", "einiger", "einiges",  "er",      "es",
    "etwas",    "euch",      "euer",      "eure",    "eurem",   "euren",    "eurer",   "für",
    "gegen",    "gewesen",   "hab",       "habe",    "haben",   "hat",      "hatte",   "hatten",
    "hier",     "hin",       "hinter",    "ich",     "ihm",     "ihn",      "ihnen",   "ihr",
    "ihre",     "ihrem",     "ihren",     "ihrer",   "im",      "in",       "indem",   "ins",
    "ist",      "ja",        "jede",      "jedem",   "jeden",   "jeder",    "jedes",   "jene",
    "jenem",    "jenen",     "jener",     "jenes",   "jetzt",   "kann",     "kein",    "keine",
    "keinem",   "keinen",    "keiner",    "können",  "könnte",  "machen",   "man",     "manche",
    "manchem",  "manchen",   "mancher",   "manches", "mein",    "meine",    "meinem",  "meinen",
    "meiner",   "mich",      "mir",       "mit",     "muss",    "musste",   "nach",    "nicht",
    "nichts",   "noch",      "nun",       "nur",     "ob",      "oder",     "ohne",    "sehr",
    "sein",     "seine",     "seinem",    "seinen",  "seiner",  "selbst",   "sich",    "sie",
    "sind",     "so",        "solche",    "solchem", "solchen", "solcher",  "solches", "soll",
    "sollte",   "sondern",   "sonst",     "um",      "und",     "uns",      "unser",   "unsere",
    "unserem",  "unseren",   "unter",     "viel",    "vom",     "von",      "vor",     "wann",
    "war",      "waren",     "warst",     "was",     "weg",     "weil",     "weiter",  "welche",
    "welchem",  "welchen",   "welcher",   "welches", "wenn",    "wer",      "werde",   "werden",
    "wie",      "wieder",    "will",      "wir",     "wird",    "wirst",    "wo",      "wollen",
    "wollte",   "während",   "würde",     "würden",  "zu",      "zum",      "zur",     "zwar",
    "zwischen", "über",
};

static const char *const italian[] = {
    "a",      "abbia",  "abbiamo", "ad",     "agli",    "ai",     "al",     "alcuni", "all",
    "alla",   "alle",   "allo",    "allora", "altra",   "altre",  "altri",  "altro",  "anche",
    "ancora", "avere",  "avete",   "aveva",  "avevano", "avuto",  "c",      "che",    "chi",
    "ci",     "coi",    "col",     "come",   "con",     "contro", "cosa",   "così",   "cui",
    "d",      "da",     "dagli",   "dai",    "dal",     "dall",   "dalla",  "dalle",  "dallo",
    "degli",  "dei",    "del",     "dell",   "della",   "delle",  "dello",  "dentro", "di",
    "dove",   "due",    "e",       "ed",     "era",     "erano",  "essere", "faccio", "fai",
    "fare",   "fatto",  "fino",    "fra",    "gli",     "ha",     "hai",    "hanno",  "ho",
    "i",      "il",     "in",      "io",     "l",       "la",     "le",     "lei",    "li",
    "lo",     "loro",   "lui",     "ma",     "me",      "mentre", "mi",     "mia",    "mie",
    "miei",   "mio",    "molto",   "ne",     "negli",   "nei",    "nel",    "nell",   "nella",
    "nelle",  "nello",  "no",      "noi",    "non",     "nostra", "nostre", "nostri", "nostro",
    "o",      "ogni",   "oppure",  "per",    "perché",  "però",   "più",    "poco",   "poi",
    "prima",  "quale",  "quali",   "quando", "quanta",  "quante", "quanti", "quanto", "quella",
    "quelle", "quelli", "quello",  "questa", "queste",  "questi", "questo", "qui",    "s",
    "sarà",   "se",     "sei",     "sempre", "senza",   "si",     "sia",    "siamo",  "sian",
    "siano",  "siete",  "solo",    "sono",   "sopra",   "sotto",  "sta",    "stata",  "stati",
    "stato",  "su",     "sua",     "sue",    "sugli",   "sui",    "sul",    "sull",   "sulla",
    "sulle",  "sullo",  "suo",     "suoi",   "t",       "tra",    "tu",     "tua",    "tue",
    "tuo",    "tuoi",   "tutta",   "tutte",  "tutti",   "tutto",  "un",     "una",    "uno",
    "v",      "vi",     "voi",     "vostra", "vostre",  "vostri", "vostro", "è",
};

static const char *const norwegian[] = {
    "alle",  "alt",    "andre",   "at",      "av",    "bare",    "begge", "ble",    "blei",
    "bli",   "blir",   "blitt",   "både",    "da",    "de",      "deg",   "dei",    "deim",
    "deira", "deres",  "det",     "dette",   "di",    "din",     "disse", "ditt",   "du",
    "då",    "eg",     "ein",     "eit",     "eitt",  "eller",   "elles", "en",     "er",
    "et",    "ett",    "etter",   "for",     "fordi", "fra",     "før",   "ha",     "hadde",
    "han",   "hans",   "har",     "hennar",  "henne", "hennes",  "her",   "hjå",    "ho",
    "hoe",   "honom",  "hoss",    "hun",     "hva",   "hvem",    "hver",  "hvilke", "hvilken",
    "hvis",  "hvor",   "hvordan", "hvorfor", "i",     "ikke",    "ikkje", "ingen",  "inn",
    "inni",  "ja",     "jeg",     "kan",     "kom",   "korleis", "kun",   "kunne",  "kva",
    "kvar",  "kven",   "kvifor",  "man",     "mange", "me",      "med",   "medan",  "meg",
    "meget", "mellom", "men",     "mi",      "min",   "mine",    "mitt",  "mot",    "mykje",
    "må",    "ned",    "no",      "noe",     "noen",  "noka",    "noko",  "nokon",  "nå",
    "når",   "og",     "også",    "om",      "opp",   "oss",     "over",  "på",     "samme",
    "seg",   "selv",   "si",      "sia",     "sidan", "siden",   "sin",   "sine",   "sitt",
    "sjøl",  "skal",   "skulle",  "slik",    "som",   "somme",   "somt",  "så",     "sånn",
    "til",   "um",     "upp",     "ut",      "uten",  "var",     "vart",  "varte",  "ved",
    "vere",  "verte",  "vi",      "vil",     "ville", "vore",    "vors",  "vort",   "vår",
    "være",  "vært",
};

static const char *const portuguese[] = {
    "a",     "ainda", "ao",      "aos",    "aquela", "aquelas", "aquele", "aqueles", "aquilo",
    "as",    "até",   "cada",    "com",    "como",   "da",      "das",    "de",      "dela",
    "delas", "dele",  "deles",   "depois", "do",     "dos",     "e",      "ela",     "elas",
    "ele",   "eles",  "em",      "entre",  "era",    "eram",    "essa",   "essas",   "esse",
    "esses", "esta",  "estamos", "estas",  "estava", "estavam", "este",   "esteja",  "estes",
    "estou", "está",  "estão",   "eu",     "foi",    "fomos",   "for",    "foram",   "fosse",
    "há",    "isso",  "isto",    "já",     "lhe",    "lhes",    "mais",   "mas",     "me",
    "mesmo", "meu",   "meus",    "minha",  "minhas", "muito",   "na",     "nas",     "nem",
    "no",    "nos",   "nossa",   "nossas", "nosso",  "nossos",  "num",    "numa",    "não",
    "nós",   "o",     "os",      "ou",     "para",   "pela",    "pelas",  "pelo",    "pelos",
    "pode",  "por",   "porque",  "qual",   "quando", "que",     "quem",   "se",      "seja",
    "sem",   "ser",   "será",    "seu",    "seus",   "sobre",   "somos",  "sou",     "sua",
    "suas",  "são",   "só",      "também", "te",     "tem",     "temos",  "tenho",   "ter",
    "teu",   "teus",  "teve",    "tinha",  "tu",     "tua",     "tuas",   "tudo",    "têm",
    "um",    "uma",   "umas",    "uns",    "você",   "vocês",   "vos",    "vosso",   "à",
    "às",    "é",     "és",
};

static const char *const spanish[] = {
    "a",        "al",       "algo",     "algunas",  "algunos",  "ante",     "antes",    "aquel",
    "aquella",  "aquellas", "aquellos", "aquí",     "así",      "aunque",   "aún",      "cada",
    "como",     "con",      "contra",   "cual",     "cuales",   "cuando",   "cuanto",   "de",
    "del",      "desde",    "donde",    "dos",      "durante",  "e",        "el",       "ella",
    "ellas",    "ellos",    "en",       "entre",    "era",      "eran",     "eres",     "es",
    "esa",      "esas",     "ese",      "eso",      "esos",     "esta",     "estaba",   "estado",
    "estamos",  "estar",    "estas",    "este",     "esto",     "estos",    "estoy",    "está",
    "están",    "fin",      "fue",      "fueron",   "fui",      "ha",       "haber",    "había",
    "habían",   "han",      "has",      "hasta",    "hay",      "he",       "la",       "las",
    "le",       "les",      "lo",       "los",      "me",       "mi",       "mientras", "mis",
    "mucho",    "muchos",   "muy",      "más",      "mí",       "mía",      "mías",     "mío",
    "míos",     "nada",     "ni",       "no",       "nos",      "nosotras", "nosotros", "nuestra",
    "nuestras", "nuestro",  "nuestros", "o",        "os",       "otra",     "otras",    "otro",
    "otros",    "para",     "pero",     "poco",     "por",      "porque",   "pues",     "que",
    "quien",    "quienes",  "quién",    "qué",      "se",       "sea",      "sean",     "según",
    "ser",      "será",     "si",       "sido",     "siempre",  "sin",      "sino",     "so",
    "sobre",    "sois",     "somos",    "son",      "soy",      "su",       "sus",      "suya",
    "suyas",    "suyo",     "suyos",    "sí",       "también",  "tanto",    "te",       "tenemos",
    "tener",    "tengo",    "ti",       "tiene",    "tienen",   "todo",     "todos",    "tu",
    "tus",      "tuya",     "tuyas",    "tuyo",     "tuyos",    "tú",       "un",       "una",
    "unas",     "uno",      "unos",     "vosotras", "vosotros", "vuestra",  "vuestras", "vuestro",
    "vuestros", "y",        "ya",       "yo",       "él",
};

static const char *const swedish[] = {
    "alla",  "allt",   "att",    "av",     "bara",  "blev",  "bli",    "blir",   "blivit", "de",
    "dem",   "den",    "denna",  "deras",  "dess",  "dessa", "det",    "detta",  "dig",    "din",
    "dina",  "ditt",   "du",     "där",    "då",    "efter", "ej",     "eller",  "en",     "er",
    "era",   "ert",    "ett",    "från",   "för",   "genom", "ha",     "hade",   "han",    "hans",
    "har",   "hela",   "henne",  "hennes", "hon",   "honom", "hos",    "hur",    "här",    "i",
    "icke",  "in",     "inga",   "ingen",  "inom",  "inte",  "jag",    "ju",     "kan",    "kunde",
    "man",   "med",    "mellan", "men",    "mera",  "mest",  "mig",    "min",    "mina",   "mitt",
    "mot",   "mycket", "ni",     "nu",     "när",   "någon", "något",  "några",  "och",    "också",
    "om",    "oss",    "på",     "redan",  "samma", "sedan", "sig",    "sin",    "sina",   "sitt",
    "själv", "ska",    "skall",  "skulle", "som",   "så",    "sådan",  "sådana", "sådant", "till",
    "under", "upp",    "ut",     "utan",   "vad",   "var",   "vara",   "varför", "varit",  "varje",
    "vars",  "vart",   "vem",    "vi",     "vid",   "vilka", "vilkas", "vilken", "vilket", "vår",
    "våra",  "vårt",   "än",     "är",     "åt",    "över",
};

#define LIST(language)                                               \
    {                                                                \
#language, (language), sizeof(language) / sizeof *(language) \
    }

const char *const *stopwords(const char *language, size_t *out_n)
{
    static const struct {
        const char *language;
        const char *const *word;
        size_t n;
    } list[] = { LIST(danish),  LIST(dutch),     LIST(english),    LIST(french),  LIST(german),
                 LIST(italian), LIST(norwegian), LIST(portuguese), LIST(spanish), LIST(swedish) };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (strcmp(language, list[i].language) == 0) {
            *out_n = list[i].n;
            return list[i].word;
        }
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
