#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

/** A growing string. All zeros is the empty string; `text` is then NULL, str_text gives "". */
struct str {
    char *text; /* owned, NUL-terminated once anything was added */
    size_t n;   /* bytes without the NUL */
    size_t room;
};

void str_add(struct str *s, const char *bytes, size_t n);
void str_addz(struct str *s, const char *text);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *str_text(const struct str *s);

/** Make room for `more` bytes at once. */
void str_reserve(struct str *s, size_t more);

/** Forget all but the first n bytes. */
void str_cut(struct str *s, size_t n);

/** Forget the content, keep the storage. */
void str_clear(struct str *s);

/** Hand the text over to the caller, who frees it; s is empty afterwards. */
char *str_take(struct str *s);
void str_release(struct str *s);

/** printf into a new string, owned by the caller. */
char *str_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** The directory of a path, as dirname(1) has it for a path without slashes at its end; owned by
 * the caller. */
char *str_parent(const char *path);

/** Place of a word in a list like "none|balanced"; -1: it is none of them. */
int str_choice(const char *choices, const char *word);

/** Sort texts in byte order. */
void str_sort(char **text, size_t n);

/** A variable of the environment; NULL if it is not set, or empty. Borrowed. */
const char *str_getenv(const char *name);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/**
 * The candidate closest to `word` by Damerau-Levenshtein distance (optimal string
 * alignment), for a did-you-mean: NULL unless the distance is at most a third of
 * the longer one's length (at least 1). Words over 64 bytes are not compared.
 */
const char *str_nearest(const char *word, const char *const *candidate, size_t n);

/**
 * Text to number, the whole text and nothing else: decimal integer; decimal
 * floating point, finite, with '.' as the point in every locale; true/false/yes/no/on/off
 * or 1/0. False if it is not one, or out of range.
 */
bool str_to_int(const char *text, long long *out);
bool str_to_real(const char *text, double *out);
bool str_to_bool(const char *text, bool *out);

/** The shortest decimal text (at most 17 digits) that reads back as the same double. */
void str_add_real(struct str *s, double value);

#endif
