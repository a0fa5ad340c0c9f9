#include "io/colour.h"

#include <lcms2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "num/hash.h"

enum { N_KEPT = 16, KEY = HASH_HEX + 8, SAME = 2 };

struct colour {
    char key[KEY];           /* hash of the profile, layout */
    cmsHTRANSFORM transform; /* owned; NULL: there is nothing to do */
    int users;               /* that have not given it back */
    uint64_t used;           /* when last, by `clock` */
};

/* What was used last. An entry is freed when its place is needed and nobody uses it. */
static struct {
    pthread_mutex_t lock;
    struct colour *item[N_KEPT];
    uint64_t clock;
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static cmsUInt32Number type_of(const struct colour_layout *l, bool out)
{
    static const cmsUInt32Number space[] = { [1] = PT_GRAY, [3] = PT_RGB, [4] = PT_CMYK };
    int n = out ? 3 : l->n_ink;
    return COLORSPACE_SH(space[n]) | CHANNELS_SH((unsigned)n) | EXTRA_SH((unsigned)l->alpha) |
           BYTES_SH(!out && l->wide ? 2u : 1u) | FLAVOR_SH(!out && l->inverted ? 1u : 0u);
}

/* Does an RGB transform leave every colour nearly as it is? Seen on a grid and on the greys. */
static bool is_same(cmsHPROFILE from, cmsHPROFILE to)
{
    enum { STEP = 6, GREYS = 52, N = STEP * STEP * STEP + GREYS };
    uint8_t in[3 * N], out[3 * N], *p = in;
    cmsHTRANSFORM t = cmsCreateTransform(from, TYPE_RGB_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL,
                                         cmsFLAGS_NOCACHE);
    if (!t)
        return false;
    for (int i = 0; i < STEP * STEP * STEP; i++, p += 3)
        p[0] = (uint8_t)(i % STEP * 51), p[1] = (uint8_t)(i / STEP % STEP * 51),
        p[2] = (uint8_t)(i / STEP / STEP * 51);
    for (int i = 0; i < GREYS; i++, p += 3)
        p[0] = p[1] = p[2] = (uint8_t)(i * 5);
    cmsDoTransform(t, in, out, N);
    cmsDeleteTransform(t);
    for (int i = 0; i < 3 * N; i++)
        if (abs(in[i] - out[i]) > SAME)
            return false;
    return true;
}

static cmsHTRANSFORM open_transform(cmsHPROFILE from, const struct colour_layout *l)
{
    static const cmsColorSpaceSignature want[] = {
        [1] = cmsSigGrayData, [3] = cmsSigRgbData, [4] = cmsSigCmykData
    };
    cmsHPROFILE to = from ? cmsCreate_sRGBProfile() : NULL;
    cmsHTRANSFORM t = NULL;
    if (to && cmsGetColorSpace(from) == want[l->n_ink] && !(l->n_ink == 3 && is_same(from, to)))
        t = cmsCreateTransform(from, type_of(l, false), to, type_of(l, true), INTENT_PERCEPTUAL,
                               cmsFLAGS_NOCACHE | (l->alpha ? cmsFLAGS_COPY_ALPHA : 0));
    if (to)
        cmsCloseProfile(to);
    if (from)
        cmsCloseProfile(from);
    return t;
}

static void make_key(char key[KEY], const void *bytes, size_t n, const struct colour_layout *l)
{
    hash_bytes(bytes, n, key);
    char *end = key + HASH_HEX - 1;
    *end++ = (char)('0' + l->n_ink);
    *end++ = (char)('0' + l->alpha);
    *end++ = (char)('0' + l->wide);
    *end++ = (char)('0' + l->inverted);
    *end = '\0';
}

static void colour_free(struct colour *c)
{
    if (c->transform)
        cmsDeleteTransform(c->transform);
    free(c);
}

/* The entry of a key, taken; NULL if there is none. Under the lock. */
static struct colour *take(const char *key)
{
    for (int i = 0; i < N_KEPT; i++) {
        struct colour *c = kept.item[i];
        if (c && strcmp(c->key, key) == 0) {
            c->users++;
            c->used = ++kept.clock;
            return c;
        }
    }
    return NULL;
}

/* Under the lock: where all places are in use, c stays its user's own. */
static void keep(struct colour *c)
{
    int place = -1;
    for (int i = 0; i < N_KEPT; i++) {
        struct colour *at = kept.item[i];
        if (!at) {
            place = i;
            break;
        }
        if (at->users == 0 && (place < 0 || at->used < kept.item[place]->used))
            place = i;
    }
    if (place < 0)
        return;
    if (kept.item[place])
        colour_free(kept.item[place]);
    kept.item[place] = c;
    c->used = ++kept.clock;
}

/* Two threads that meet the same new profile at once both make it, and keep both: harmless. */
static struct colour *add(const char *key, cmsHTRANSFORM t)
{
    struct colour *c = mem_calloc(1, sizeof *c);
    memcpy(c->key, key, sizeof c->key);
    c->transform = t;
    c->users = 1;
    pthread_mutex_lock(&kept.lock);
    keep(c);
    pthread_mutex_unlock(&kept.lock);
    return c;
}

static struct colour *find(const char *key)
{
    pthread_mutex_lock(&kept.lock);
    struct colour *c = take(key);
    pthread_mutex_unlock(&kept.lock);
    return c;
}

/* Callers see no transform that does nothing. */
static struct colour *useful(struct colour *c)
{
    if (c->transform)
        return c;
    colour_put(c);
    return NULL;
}

struct colour *colour_icc(const uint8_t *icc, size_t n, const struct colour_layout *l)
{
    char key[KEY];
    make_key(key, icc, n, l);
    struct colour *c = find(key);
    if (!c && n <= UINT32_MAX)
        c = add(key, open_transform(cmsOpenProfileFromMem(icc, (cmsUInt32Number)n), l));
    return c ? useful(c) : NULL;
}

static cmsHPROFILE gamma_profile(double gamma, const double *xy, int n_ink)
{
    /* IEC 61966-2-1: white D65, the primaries of ITU-R BT.709, the curve as a parametric of type 4
     */
    static const double srgb[] = { .3127, .3290, .64, .33, .30, .60, .15, .06 };
    static const double curve[] = { 2.4, 1 / 1.055, .055 / 1.055, 1 / 12.92, .04045 };
    const double *p = xy ? xy : srgb;
    cmsCIExyY white = { p[0], p[1], 1 };
    cmsCIExyYTRIPLE primaries = { { p[2], p[3], 1 }, { p[4], p[5], 1 }, { p[6], p[7], 1 } };
    cmsToneCurve *tone = gamma > 0 ? cmsBuildGamma(NULL, gamma)
                                   : cmsBuildParametricToneCurve(NULL, 4, curve);
    cmsToneCurve *tones[] = { tone, tone, tone };
    cmsHPROFILE profile = NULL;
    if (tone)
        profile = n_ink == 1 ? cmsCreateGrayProfile(cmsD50_xyY(), tone)
                             : cmsCreateRGBProfile(&white, &primaries, tones);
    cmsFreeToneCurve(tone);
    return profile;
}

struct colour *colour_gamma(double gamma, const double *primaries, const struct colour_layout *l)
{
    char key[KEY];
    double said[9] = { gamma };
    if (primaries)
        memcpy(said + 1, primaries, 8 * sizeof *primaries);
    make_key(key, said, sizeof said, l);
    struct colour *c = find(key);
    if (!c)
        c = add(key, open_transform(gamma_profile(gamma, primaries, l->n_ink), l));
    return useful(c);
}

void colour_row(const struct colour *c, const void *in, uint8_t *out, size_t n)
{
    cmsDoTransform(c->transform, in, out, (cmsUInt32Number)n);
}

void colour_put(struct colour *c)
{
    if (!c)
        return;
    bool alone = true;
    pthread_mutex_lock(&kept.lock);
    c->users--;
    for (int i = 0; i < N_KEPT && alone; i++)
        alone = kept.item[i] != c;
    alone = alone && c->users == 0;
    pthread_mutex_unlock(&kept.lock);
    if (alone)
        colour_free(c);
}
