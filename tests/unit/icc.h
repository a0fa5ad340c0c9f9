#ifndef TESTS_ICC_H
#define TESTS_ICC_H

/* ICC profiles made in memory, for tests. */

#include <lcms2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

static const double rec709[] = { .64, .33, .30, .60, .15, .06 };

/** A profile of RGB with these primaries (x, y of red, green, blue) and gamma, or of grey, which
 * has none; owned by the caller. */
static uint8_t *make_icc(bool grey, double gamma, const double *xy, cmsUInt32Number *n)
{
    cmsCIExyY white = { .3127, .3290, 1 };
    cmsCIExyYTRIPLE primaries = { { xy[0], xy[1], 1 }, { xy[2], xy[3], 1 }, { xy[4], xy[5], 1 } };
    cmsToneCurve *tone = cmsBuildGamma(NULL, gamma), *tones[] = { tone, tone, tone };
    cmsHPROFILE profile = grey ? cmsCreateGrayProfile(cmsD50_xyY(), tone)
                               : cmsCreateRGBProfile(&white, &primaries, tones);
    *n = 0;
    if (!cmsSaveProfileToMem(profile, NULL, n))
        abort();
    uint8_t *icc = mem_calloc(*n, 1);
    if (!cmsSaveProfileToMem(profile, icc, n))
        abort();
    cmsCloseProfile(profile);
    cmsFreeToneCurve(tone);
    return icc;
}

#endif
