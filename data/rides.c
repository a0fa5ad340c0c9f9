/* rides: make hourly counts of a bicycle hire from a seed alone, in the shape of the Bike Sharing
 * data of 17,379 hours: what pipelines/bike.yaml runs on without other data.
 *
 *   out   CSV; an empty field is no value
 *
 * Town and weather are our own. As in the real counts, members ride to work and back, others on
 * warm afternoons without work; rain keeps both at home; the second year has more riders. A gauge
 * fails now and then, and a few hours were not counted. The arithmetic is exact on every IEEE
 * machine (add, multiply, divide; no library function): the same arguments give the same bytes. */
#include <stdio.h>

#include "base/civil.h"
#include "base/err.h"
#include "base/opt.h"
#include "io/outfile.h"
#include "num/rng.h"

struct params {
    const char *out;
    int64_t days, step, seed;
};

static const struct opt options[] = {
    { OPT_OUT(struct params, out), .help = "CSV file to make" },
    { OPT_INT(struct params, days), .def = 61, .min = 1, .max = 1000000, .unit = "days",
      .help = "how many, of 24 hours each" },
    { OPT_INT(struct params, step), .def = 12, .min = 1, .max = 1000, .unit = "days",
      .help = "from one to the next" },
    { OPT_INT(struct params, seed), .def = 1, .min = 0, .max = 1e15,
      .help = "another seed, other riders" },
    { 0 },
};

/* Riders of an hour, in parts of the busiest one: members on a day of work, members on another day,
 * others on either. */
static const double commuters[24] = { .05, .02, .01, .01, .01, .05, .20, .60, 1.0, .50, .28, .33,
                                      .42, .41, .38, .43, .62, 1.0, .92, .63, .45, .34, .24, .13 },
                    strollers[24] = { .22, .17, .13, .06, .02, .02, .04, .09, .18, .30, .43, .53,
                                      .62, .62, .60, .60, .58, .54, .46, .38, .29, .24, .20, .14 },
                    others[24] = { .08, .06, .04, .02, .01, .01, .03, .08, .15, .28, .45, .62,
                                   .78, .90, .98, 1.0, .96, .85, .70, .52, .38, .28, .20, .13 };
/* Hundredths of the warmest day of the year, month by month; whoever rides likes it warm. */
static const double warmth[13] = { 0, .22, .28, .38, .48, .60, .70, .76, .72, .63, .50, .37, .28 };

struct hour {
    struct civil date;
    int season, hour, weekday, weather; /* weather: 1 fair .. 3 rain */
    bool second_year, holiday, works;
    double temp, felt, humidity, wind;
};

static bool chance(struct rng *r, double p)
{
    return rng_uniform(r) < p;
}

/* Near bell-shaped, between -1 and 1. */
static double around(struct rng *r)
{
    double sum = rng_uniform(r);
    sum += rng_uniform(r);
    return (sum + rng_uniform(r)) / 1.5 - 1;
}

static double within(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* What is the same all day. */
static struct hour begin_day(struct rng *r, int64_t first, int64_t day)
{
    struct hour h = { .date = civil_of_days(day), .weekday = civil_weekday(day) };
    h.second_year = day - first >= 365;
    h.season = h.date.month < 3    ? 1
               : h.date.month < 6  ? 2
               : h.date.month < 9  ? 3
               : h.date.month < 12 ? 4
                                   : 1;
    h.holiday = chance(r, 0.03);
    h.works = !h.holiday && h.weekday != 0 && h.weekday != 6;
    h.temp = warmth[h.date.month] + 0.12 * around(r);
    h.humidity = 0.62 + 0.25 * around(r);
    h.wind = 0.19 + 0.15 * around(r);
    h.weather = chance(r, 0.65) ? 1 : chance(r, 0.75) ? 2 : 3;
    return h;
}

static struct hour next_hour(struct rng *r, const struct hour *day, int hour)
{
    struct hour h = *day;
    int from_noon = hour < 15 ? 15 - hour : hour - 15;
    h.hour = hour;
    if (chance(r, 0.1))
        h.weather = h.weather == 1 ? 2 : 1;
    h.temp = within(h.temp - 0.012 * from_noon + 0.02 * around(r));
    h.humidity = within(h.humidity + 0.015 * from_noon + (h.weather == 3 ? 0.15 : 0) - 0.08);
    h.wind = within(h.wind + 0.06 * around(r));
    h.felt = within(h.temp - 0.15 * h.wind + 0.02);
    return h;
}

static void print_real(FILE *fp, double value, bool known)
{
    if (known) /* tenths of a thousandth, as a whole number and so the same everywhere */
        fprintf(fp, ",0.%04d", value >= 0.99995 ? 9999 : (int)(value * 10000 + 0.5));
    else
        fprintf(fp, ",");
}

static void print_row(FILE *fp, struct rng *r, const struct hour *h, int64_t instant)
{
    double dry = h->weather == 1   ? 1
                 : h->weather == 2 ? 0.87
                                   : 0.45,
           warm = 0.35 + 0.9 * h->temp - 0.25 * h->temp * h->temp, calm = 1 - 0.3 * h->wind,
           growth = h->second_year ? 1.65 : 1;
    double member = (h->works ? commuters : strollers)[h->hour] * 430 * warm * dry * calm * growth;
    double guest = others[h->hour] * (h->works ? 90 : 260) * h->temp * dry * calm * growth;
    int registered = (int)(member * (1 + 0.25 * around(r)) + 3 * rng_uniform(r)),
        casual = (int)(guest * (1 + 0.35 * around(r)) + 2 * rng_uniform(r));
    fprintf(fp, "%lld,%04lld-%02d-%02d,%d,%d,%d,%d,%d,%d,%d,%d", (long long)instant,
            (long long)h->date.year, h->date.month, h->date.day, h->season, h->second_year,
            h->date.month, h->hour, h->holiday, h->weekday, h->works, h->weather);
    print_real(fp, h->temp, true);
    print_real(fp, h->felt, true);
    print_real(fp, h->humidity, !chance(r, 0.02));
    print_real(fp, h->wind, !chance(r, 0.02));
    if (chance(r, 0.003))
        fprintf(fp, ",,,\n");
    else
        fprintf(fp, ",%d,%d,%d\n", casual, registered, casual + registered);
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct outfile f = { 0 };
    struct rng r;
    int64_t first = civil_to_days((struct civil){ 2021, 1, 1 }), instant = 0;
    int rc = outfile_open(&f, p->out, e);
    if (rc)
        return rc;
    rng_init(&r, (uint64_t)p->seed, 0);
    fprintf(f.fp,
            "instant,dteday,season,yr,mnth,hr,holiday,weekday,workingday,weathersit,temp,atemp,"
            "hum,windspeed,casual,registered,cnt\n");
    for (int64_t i = 0; i < p->days; i++) {
        struct hour day = begin_day(&r, first, first + i * p->step);
        for (int hour = 0; hour < 24; hour++) {
            struct hour h = next_hour(&r, &day, hour);
            print_row(f.fp, &r, &h, ++instant);
        }
    }
    if ((rc = outfile_commit(&f, e)))
        outfile_abort(&f);
    return rc;
}

static const struct stage stage = {
    .name = "rides",
    .purpose = "make hourly counts of a bicycle hire from a seed",
    .more = "data/bike.csv is what these defaults make.",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
