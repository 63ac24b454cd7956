/* watch.c - rows of scores become windows, windows become alarms (docs/SPEC.md, "Scores, windows, alarms, thresholds").
 *
 * The state is one block: what follows, then the highest row of the window at hand. It holds no pointer, so it may be
 * stored and gone on with; nothing in it but the settings and the width can lead an update beyond its memory. */
#include "canonical.h"

#include "covey_watch.h"

#include <string.h>

#include "bytes.h"

#define MAGIC 0x31574f43u /* "COW1" */
#define COVEY_SECOND_NS 1000000000u

typedef struct {
    covey_watch_settings settings;
    uint32_t magic, n_columns;
    int64_t start_ns, end_ns;         /* of the window at hand */
    int64_t told_ns;                  /* start of the window that raised the last alarm that was told */
    uint32_t rows, rows_above;        /* of the window at hand; 0 rows: there is none */
    uint32_t above, near;             /* a bit a window, the last one lowest: above the threshold, and less hysteresis */
    uint8_t in_alarm, has_told;
    uint8_t reserved[6];
    covey_packet top;
    float highest[COVEY_MAX_ORDER];   /* descending; the first min(rows, order) count */
} state;                              /* then n_columns floats: the row of `top` */

static float *top_row_of(state *s)
{
    return (float *)(void *)(s + 1);
}

size_t covey_watch_size(uint32_t n_columns)
{
    return n_columns > COVEY_MAX_WIDTH ? 0 : sizeof(state) + ((size_t)n_columns + 1) / 2 * 8;
}

static int are_sound(const covey_watch_settings *s)
{
    return s->window_ns >= 0 && s->quiet_ns >= 0 && s->hysteresis >= 0 && covey_is_finite(s->hysteresis) && s->order >= 1 &&
           s->order <= COVEY_MAX_ORDER && s->of >= 1 && s->of <= COVEY_MAX_VOTES && s->votes >= 1 && s->votes <= s->of;
}

int covey_watch_init(void *watch, size_t size, const covey_watch_settings *settings, uint32_t n_columns)
{
    state *s = watch;
    if (!watch || (uintptr_t)watch % 8 != 0 || !settings || covey_watch_size(n_columns) == 0 || !are_sound(settings))
        return COVEY_E_ARGUMENT;
    if (size < covey_watch_size(n_columns))
        return COVEY_E_ARENA;
    memset(watch, 0, covey_watch_size(n_columns));
    s->settings = *settings;
    memset(s->settings.reserved, 0, sizeof s->settings.reserved);
    s->magic = MAGIC;
    s->n_columns = n_columns;
    return COVEY_OK;
}

/* Block and threshold can be worked with. A block from storage may be anything but wider than its memory. */
static int check(const state *s, float threshold)
{
    if (!s || (uintptr_t)s % 8 != 0 || s->magic != MAGIC || s->n_columns > COVEY_MAX_WIDTH || !are_sound(&s->settings))
        return COVEY_E_ARGUMENT;
    return covey_is_finite(threshold) && covey_all_finite(s->highest, COVEY_MAX_ORDER) ? COVEY_OK : COVEY_E_NONFINITE;
}

/* The window of the grid that a time falls into, held within the times there are. */
static void open_window(state *s, int64_t time_ns)
{
    int64_t width = s->settings.window_ns, into = width > 0 ? time_ns % width : 0;
    into += into < 0 ? width : 0;
    s->start_ns = time_ns < INT64_MIN + into ? INT64_MIN : time_ns - into;
    s->end_ns = time_ns > INT64_MAX - (width - into) ? INT64_MAX : time_ns + (width - into);
}

/* A row of a later window, or of so much earlier that the clock must have been set back: not merely a packet overtaken. */
static int ends_window(const state *s, int64_t time_ns)
{
    if (time_ns < s->start_ns)
        return (uint64_t)s->start_ns - (uint64_t)time_ns > (uint64_t)s->settings.window_ns + COVEY_SECOND_NS;
    return time_ns >= s->end_ns && s->end_ns != INT64_MAX;
}

/* Its place among the highest scores of the window; of equals the first stays first. */
static void take_score(state *s, float score)
{
    uint32_t n = s->rows < s->settings.order ? s->rows : s->settings.order, at = n;
    if (n == s->settings.order && !(score > s->highest[n - 1]))
        return;
    at -= n == s->settings.order;
    for (; at > 0 && score > s->highest[at - 1]; at--)
        s->highest[at] = s->highest[at - 1];
    s->highest[at] = score;
}

static void take_row(state *s, const covey_packet *packet, const float *row, float score, float threshold)
{
    if (s->rows == 0 || score > s->highest[0]) {
        s->top = *packet;
        if (s->n_columns > 0)
            memcpy(top_row_of(s), row, s->n_columns * sizeof(float));
    }
    take_score(s, score);
    s->rows_above += score > threshold && s->rows_above < UINT32_MAX;
    s->rows += s->rows < UINT32_MAX;
}

static uint32_t count_of(uint32_t bits)
{
    uint32_t n = 0;
    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

/* Either way round: a clock that was put back by more than the quiet time does not silence the device until then. */
static int is_quiet(const state *s)
{
    uint64_t later = (uint64_t)s->start_ns - (uint64_t)s->told_ns, earlier = (uint64_t)s->told_ns - (uint64_t)s->start_ns;
    return s->has_told && (s->start_ns >= s->told_ns ? later : earlier) < (uint64_t)s->settings.quiet_ns;
}

/* The one transition of the alarm: the window at hand ends with these two votes. */
static covey_alarm vote(state *s, int is_above, int is_near)
{
    uint32_t last = 0xffffffffu >> (32 - s->settings.of);
    s->above = (s->above << 1 | (uint32_t)is_above) & last;
    s->near = (s->near << 1 | (uint32_t)is_near) & last;
    if (s->in_alarm && s->near == 0) {
        s->in_alarm = 0;
        return COVEY_ALARM_ENDED;
    }
    if (s->in_alarm)
        return COVEY_ALARM_GOES_ON;
    if (count_of(s->above) < s->settings.votes)
        return COVEY_ALARM_NONE;
    s->in_alarm = 1;
    if (is_quiet(s))
        return COVEY_ALARM_SUPPRESSED;
    s->told_ns = s->start_ns;
    s->has_told = 1;
    return COVEY_ALARM_RAISED;
}

static void end_window(state *s, float threshold, covey_window *window, float *top_row)
{
    uint32_t n = s->rows < s->settings.order ? s->rows : s->settings.order;
    memset(window, 0, sizeof *window);
    window->start_ns = s->start_ns;
    window->end_ns = s->end_ns;
    window->rows = s->rows;
    window->rows_above = s->rows_above;
    window->score = s->highest[n - 1];
    window->threshold = threshold;
    window->top_score = s->highest[0];
    window->is_above = window->score > threshold;
    window->alarm = (uint8_t)vote(s, window->is_above, window->score > threshold - s->settings.hysteresis);
    window->top = s->top;
    if (top_row && s->n_columns > 0)
        memcpy(top_row, top_row_of(s), s->n_columns * sizeof(float));
    s->rows = s->rows_above = 0;
}

int32_t covey_watch_update(void *watch, const covey_packet *packets, const float *rows, const float *scores, size_t n,
                           float threshold, covey_window *windows, float *top_rows, size_t most_windows, size_t *taken)
{
    state *s = watch;
    int status = check(s, threshold);
    if (status != COVEY_OK)
        return status;
    if (!taken || (n > 0 && (!packets || !scores || (!rows && s->n_columns > 0))) || (most_windows > 0 && !windows))
        return COVEY_E_ARGUMENT;
    if (!covey_all_finite(scores, n))
        return COVEY_E_NONFINITE;
    const size_t width = s->n_columns;
    size_t written = 0, i = 0;
    most_windows = most_windows < INT32_MAX ? most_windows : INT32_MAX;
    for (; i < n; i++) {
        int is_alone = s->settings.window_ns == 0, ends = s->rows > 0 && ends_window(s, packets[i].time_ns);
        if ((ends || is_alone) && written == most_windows)
            break;
        if (ends) {
            end_window(s, threshold, windows + written, top_rows ? top_rows + written * width : 0);
            written++;
        }
        if (s->rows == 0)
            open_window(s, packets[i].time_ns);
        take_row(s, packets + i, width > 0 ? rows + i * width : 0, scores[i], threshold);
        if (is_alone) {
            end_window(s, threshold, windows + written, top_rows ? top_rows + written * width : 0);
            written++;
        }
    }
    *taken = i;
    return (int32_t)written;
}

int32_t covey_watch_flush(void *watch, int64_t now_ns, float threshold, covey_window *window, float *top_row)
{
    state *s = watch;
    int status = check(s, threshold);
    if (status != COVEY_OK)
        return status;
    if (!window)
        return COVEY_E_ARGUMENT;
    if (s->rows == 0 || (now_ns < s->end_ns && now_ns != INT64_MAX))
        return 0;
    end_window(s, threshold, window, top_row);
    return 1;
}
