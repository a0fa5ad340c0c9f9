#include "io/s3_wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/event.h"

enum {
    MAX_ERROR = 1 << 16,
    SLOW_BYTES = 1000,
    PATIENCE_S = 600,
    SEND_BUFFER = 1 << 16,
    FILE_BUFFER = 1 << 19, /* the most that libcurl takes */
    TEXT_BUFFER = 1 << 14,
    WORTH_ASKING = 1 << 20
};

/* One exchange on its way. */
struct talk {
    CURL *curl;
    struct s3_lane *lane;
    const struct s3_exchange *x;
    struct s3_answer *a;
    uint64_t sent, received;
    struct hash hash; /* of what was sent */
    int64_t told;     /* bytes of this exchange that progress counts */
};

/* ---- what goes out -------------------------------------------------------------------------- */

/* The last bytes are held back unless all are those that were signed: a server that does not look
 * at x-amz-content-sha256 never gets the whole of something else. */
static bool is_what_was_signed(struct talk *t, const char *bytes, size_t n)
{
    char hex[HASH_HEX];
    if (t->x->body->trusted)
        return true;
    hash_add(&t->hash, bytes, n);
    if (t->sent + n < t->x->body->n)
        return true;
    hash_hex(&t->hash, hex);
    t->a->changed = strcmp(hex, t->x->body->sha256) != 0;
    return !t->a->changed;
}

static size_t give(char *to, size_t size, size_t count, void *self)
{
    struct talk *t = self;
    const struct s3_body *b = t->x->body;
    uint64_t left = b->n - t->sent;
    size_t n = size * count < left ? size * count : (size_t)left;
    ssize_t got = (ssize_t)n;
    if (n == 0)
        return 0;
    if (b->bytes)
        memcpy(to, b->bytes + t->sent, n);
    else
        while ((got = pread(b->fd, to, n, (off_t)(b->offset + t->sent))) < 0 && errno == EINTR)
            ;
    if (got <= 0) /* cannot be read, or is shorter than it was */
        t->a->changed = true;
    if (got <= 0 || !is_what_was_signed(t, to, (size_t)got))
        return CURL_READFUNC_ABORT;
    t->sent += (uint64_t)got;
    return (size_t)got;
}

/* A connection that was kept turned out to be dead: from the beginning. */
static int rewind_body(void *self, curl_off_t offset, int origin)
{
    struct talk *t = self;
    if (origin != SEEK_SET || offset != 0)
        return CURL_SEEKFUNC_FAIL;
    t->sent = 0;
    hash_init(&t->hash);
    return CURL_SEEKFUNC_OK;
}

/* ---- what comes back ------------------------------------------------------------------------ */

void s3_sink_restart(struct s3_sink *s)
{
    s->n_block = 0;
    if (s->fd >= 0 && (ftruncate(s->fd, 0) < 0 || lseek(s->fd, 0, SEEK_SET) < 0))
        s->file_errno = errno;
    hash_init(s->hash);
    s->got = 0;
    s->tag[0] = '\0';
}

static bool write_block(struct s3_sink *s)
{
    const char *at = s->block;
    while (s->n_block && s->file_errno == 0) {
        ssize_t done = write(s->fd, at, s->n_block);
        if (done < 0 && errno != EINTR)
            s->file_errno = errno;
        if (done < 0)
            continue;
        at += done;
        s->n_block -= (size_t)done;
    }
    return s->file_errno == 0;
}

static bool write_file(struct s3_sink *s, const char *bytes, size_t n)
{
    hash_add(s->hash, bytes, n);
    s->got += n;
    for (size_t part; s->fd >= 0 && n; bytes += part, n -= part) {
        if (s->n_block == S3_BLOCK && !write_block(s))
            return false;
        part = n < S3_BLOCK - s->n_block ? n : S3_BLOCK - s->n_block;
        memcpy(s->block + s->n_block, bytes, part);
        s->n_block += part;
    }
    return true;
}

static size_t take(char *bytes, size_t size, size_t count, void *self)
{
    struct talk *t = self;
    struct s3_sink *s = t->x->sink;
    size_t n = size * count;
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    bool good = status >= 200 && status < 300;
    if (good && s->to_file) {
        if (t->received == 0 && s->got &&
            status != 206) /* the whole, though a part was asked for */
            s3_sink_restart(s);
        if (t->received == 0 && s->got == 0)
            memcpy(s->tag, t->a->tag, sizeof s->tag);
        t->received += n;
        return write_file(s, bytes, n) ? n : 0;
    }
    size_t max = good ? s->max : MAX_ERROR;
    if (t->a->text.n + n > max) {
        t->a->too_long = true;
        return 0;
    }
    str_add(&t->a->text, bytes, n);
    return n;
}

/* The value of a header if it is `name`; what does not fit is left out. */
static bool keep(const char *line, size_t n, const char *name, char *out, size_t room)
{
    size_t n_name = strlen(name);
    if (n <= n_name || line[n_name] != ':' || strncasecmp(line, name, n_name) != 0)
        return false;
    const char *value = line + n_name + 1, *end = line + n;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    if ((size_t)(end - value) < room) {
        memcpy(out, value, (size_t)(end - value));
        out[end - value] = '\0';
    }
    return true;
}

static size_t hear(char *line, size_t size, size_t count, void *self)
{
    struct talk *t = self;
    struct s3_answer *a = t->a;
    size_t n = size * count;
    char text[80] = "";
    long long total;
    const char *slash;
    if (n > 5 && strncmp(line, "HTTP/", 5) == 0) { /* "100 Continue" had headers of its own */
        a->tag[0] = a->version[0] = a->mark[0] = a->region[0] = a->date[0] = '\0';
        a->size = 0;
    } else if (keep(line, n, "Content-Range", text, sizeof text)) {
        if ((slash = strchr(text, '/')) && str_to_int(slash + 1, &total) && total >= 0)
            a->size = (uint64_t)total;
    } else if (keep(line, n, "Content-Length", text, sizeof text)) {
        if (a->size == 0 && str_to_int(text, &total) && total >= 0)
            a->size = (uint64_t)total;
    } else if (keep(line, n, "Last-Modified", text, sizeof text)) {
        a->modified_s = curl_getdate(text, NULL);
    } else {
        (void)(keep(line, n, "ETag", a->tag, sizeof a->tag) ||
               keep(line, n, "x-amz-version-id", a->version, sizeof a->version) ||
               keep(line, n, "x-amz-meta-put", a->mark, sizeof a->mark) ||
               keep(line, n, "x-amz-bucket-region", a->region, sizeof a->region) ||
               keep(line, n, "Location", a->location, sizeof a->location) ||
               keep(line, n, "Date", a->date, sizeof a->date));
    }
    return n;
}

/* ---- how far it is -------------------------------------------------------------------------- */

static void tell(struct talk *t, int64_t done)
{
    struct s3_progress *p = t->lane->progress;
    int64_t all = atomic_fetch_add(&p->done, done - t->told) + done - t->told;
    t->told = done;
    if (t->lane->speaks)
        event_progress(all, p->total ? p->total : (int64_t)t->a->size, "bytes");
}

static int on_progress(void *self, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct talk *t = self;
    (void)down_total, (void)up_total;
    if (t->lane->progress)
        tell(t, t->x->body->n ? up : down);
    return 0;
}

/* ---- settings ------------------------------------------------------------------------------- */

/* Debian's libcurl has OpenSSL for TLS, and GnuTLS besides: librtmp wants it. That one asks this
 * function (its GNUTLS_SKIP_GLOBAL_INIT) whether to get ready as it is loaded, which takes 0.7 MB.
 * Who does use it makes it ready by a call. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
    return 1;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* libcurl itself reads the variables of proxies, and none of certificates. */
static void set_trust(CURL *curl)
{
    static const char *const name[] = { "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE" };
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        if (!str_getenv(name[i]))
            continue;
        curl_easy_setopt(curl, CURLOPT_CAINFO, str_getenv(name[i]));
        break;
    }
    if (str_getenv("SSL_CERT_DIR"))
        curl_easy_setopt(curl, CURLOPT_CAPATH, str_getenv("SSL_CERT_DIR"));
}

static void set_limits(CURL *curl, const struct s3_place *p, bool patient)
{
    uint64_t slow = p->max_rate && p->max_rate < 2 * SLOW_BYTES ? p->max_rate / 2 + 1 : SLOW_BYTES;
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)p->connect_timeout_s);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, patient ? 0L : (long)slow);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, patient ? 0L : (long)p->stall_timeout_s);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, patient ? (long)PATIENCE_S : 0L);
    curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)p->max_rate);
    curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)p->max_rate);
}

static void set_callbacks(struct talk *t)
{
    CURL *curl = t->curl;
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, t);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hear);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->a->why);
}

static void set_method(CURL *curl, const struct s3_exchange *x)
{
    uint64_t n = x->body->n;
    if (strcmp(x->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (strcmp(x->method, "PUT") == 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)n);
    } else if (strcmp(x->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
    } else if (strcmp(x->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, x->method);
    }
}

static struct curl_slist *make_headers(const struct s3_exchange *x)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < x->n_header; i++) {
        char *line = str_format("%s: %s", x->header[i].name, x->header[i].value);
        list = curl_slist_append(list, line);
        free(line);
    }
    if (x->body->n < WORTH_ASKING) /* else libcurl asks and waits for "100 Continue" */
        list = curl_slist_append(list, "Expect:");
    return list;
}

static void read_answer(CURL *curl, struct s3_answer *a)
{
    long status = 0;
    curl_off_t after = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    a->status = (int)status;
    a->retry_after_s = (long)after;
}

void s3_wire(struct s3_lane *l, const struct s3_place *p, const struct s3_exchange *x,
             struct s3_answer *a)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct talk t = { .lane = l, .x = x, .a = a };
    struct curl_slist *list = make_headers(x);

    pthread_once(&once, start_curl);
    if (!l->curl && !(l->curl = curl_easy_init())) {
        a->failed = CURLE_FAILED_INIT;
        goto out;
    }
    t.curl = l->curl;
    hash_init(&t.hash);
    curl_easy_reset(t.curl); /* keeps the connection */
    set_callbacks(&t);
    set_limits(t.curl, p, x->patient);
    set_trust(t.curl);
    set_method(t.curl, x);
    curl_easy_setopt(t.curl, CURLOPT_URL, x->url);
    curl_easy_setopt(t.curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(t.curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(t.curl, CURLOPT_PROTOCOLS_STR, p->tls ? "https" : "http");
    curl_easy_setopt(t.curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t.curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(t.curl, CURLOPT_USERAGENT, "refit/" REFIT_VERSION);
    curl_easy_setopt(t.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t.curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(t.curl, CURLOPT_BUFFERSIZE,
                     x->sink->to_file ? (long)FILE_BUFFER : (long)TEXT_BUFFER);
    curl_easy_setopt(t.curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER);
    a->failed = curl_easy_perform(t.curl);
    if (!write_block(x->sink) && a->failed == CURLE_OK)
        a->failed = CURLE_WRITE_ERROR;
    read_answer(t.curl, a);
    if (t.told && x->body->n && (a->failed != CURLE_OK || a->status >= 300))
        tell(&t, 0); /* it is sent again */
    curl_easy_setopt(t.curl, CURLOPT_ERRORBUFFER, NULL);
out:
    curl_slist_free_all(list);
}

void s3_lane_release(struct s3_lane *l)
{
    curl_easy_cleanup(l->curl);
    *l = (struct s3_lane){ 0 };
}

void s3_answer_release(struct s3_answer *a)
{
    str_release(&a->text);
    *a = (struct s3_answer){ 0 };
}
