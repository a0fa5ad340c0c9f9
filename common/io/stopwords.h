#ifndef IO_STOPWORDS_H
#define IO_STOPWORDS_H

#include <stdbool.h>
#include <stddef.h>

/** The stop words of a language, sorted by bytes, lower case, as the tokens of io/text.h are; NULL
 * and 0 where we have no list; there is one for danish, dutch, english, french, german, italian,
 * norwegian, portuguese, spanish, swedish. */
const char *const *stopwords(const char *language, size_t *out_n);

/** Is the word in such a list? */
bool stopwords_have(const char *const *list, size_t n, const char *word);

#endif
