#ifndef NUM_PSI_H
#define NUM_PSI_H

#include <stddef.h>

/**
 * Population stability index between two samples that were counted in the same n bins (Siddiqi,
 * Credit Risk Scorecards, 2006): sum of (q - p) ln(q / p) over the shares p of the one and q of the
 * other. Half a count is added to every bin, so that an empty one gives a finite figure. Below 0.1
 * is commonly called stable, above 0.25 a shift.
 *
 *   before, now  (n) counts, >= 0
 */
double psi(const double *before, const double *now, size_t n);

/** What the index is expected to be by chance alone: (n - 1) (1 / N + 1 / M) for N and M rows
 * (Yurdakul, Western Michigan University, 2018: the index is then nearly chi-squared). */
double psi_chance(const double *before, const double *now, size_t n);

#endif
