/* covey_watch.h - what a Covey device does with its own traffic: frames become packets, packets become features of their
 * streams, scores become windows and alarms. It goes with covey.h, whose rules hold here too: the caller owns all memory,
 * canonical float32 arithmetic, negative errors, hostile input bounded. Arenas here are aligned to 8 bytes. Every state is a
 * block of memory without pointers: it may be copied, stored and gone on with on a machine of the same byte order.
 */
#ifndef COVEY_WATCH_H
#define COVEY_WATCH_H

#include "covey.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- packets */
typedef enum {
    COVEY_LINK_NULL = 0,         /* BSD loopback: 4 bytes of address family */
    COVEY_LINK_ETHERNET = 1,
    COVEY_LINK_RAW = 101,        /* IPv4 or IPv6, told by the first four bits */
    COVEY_LINK_LINUX_SLL = 113,  /* Linux cooked, version 1 */
    COVEY_LINK_IPV4 = 228,
    COVEY_LINK_IPV6 = 229,
    COVEY_LINK_LINUX_SLL2 = 276
} covey_link;

typedef enum { COVEY_PACKET_OTHER = 0, COVEY_PACKET_ARP = 1, COVEY_PACKET_IPV4 = 2, COVEY_PACKET_IPV6 = 3 } covey_packet_kind;

typedef enum {
    COVEY_NOTE_VLAN = 1,           /* one 802.1Q or 802.1ad tag or more was read over */
    COVEY_NOTE_FRAGMENT = 2,       /* part of a fragmented datagram, the first one too */
    COVEY_NOTE_LATER_FRAGMENT = 4, /* not the first part: it has no ports */
    COVEY_NOTE_TRUNCATED = 8,      /* a header that should be there was not captured; fields behind it are zero */
    COVEY_NOTE_MALFORMED = 16      /* a header contradicts itself; fields behind it are zero */
} covey_packet_note;

/* What is kept of a frame. Rows that are no packets (connections of a log, readings of a sensor) fill in what they have. */
typedef struct {
    int64_t time_ns;               /* since 1970 UTC */
    uint32_t size_bytes;           /* of the frame on the wire, captured or not; never less than captured_bytes */
    uint32_t captured_bytes;
    uint8_t source[16];            /* IPv6 address; IPv4 and ARP addresses in the first 4 bytes, zeros behind; OTHER: zeros */
    uint8_t destination[16];
    uint8_t source_mac[6];         /* zeros where the link has none (SLL has a source only) */
    uint8_t destination_mac[6];
    uint16_t source_port;          /* TCP, UDP, UDP-Lite, SCTP, DCCP; else 0 */
    uint16_t destination_port;
    uint16_t ether_type;           /* of the payload, after tags; a raw link's is made from its IP version */
    uint8_t protocol;              /* IPv4 protocol or IPv6 next header, after extension headers; 0 where there is none */
    uint8_t kind;                  /* covey_packet_kind: which addresses are here. OTHER where they could not be read */
    uint8_t tcp_flags;             /* TCP: the byte of flags, else 0 */
    uint8_t notes;                 /* covey_packet_note, or-ed */
    uint8_t reserved[2];
} covey_packet;                    /* 72 bytes */

/* Fills in all but time_ns, size_bytes and reserved, which it leaves alone. COVEY_E_VERSION: an unknown link type. A frame
 * that is cut or wrong is no error: what could be read is there, and `notes` says the rest. */
int covey_packet_read(covey_packet *packet, uint32_t link, const uint8_t *frame, size_t captured_bytes);
/* n frames of one link in one call, as an interface gives them: frame i is memory[offsets[i] .. offsets[i] + captured[i]),
 * sizes[i] bytes on the wire, seen at times_ns[i]. Fills in all fields. COVEY_E_ARGUMENT, and nothing written, if a frame is
 * not within memory or its time is before 1970. */
int covey_packets_read(covey_packet *packets, uint32_t link, const uint8_t *memory, size_t memory_size,
                       const uint64_t *offsets, const uint32_t *captured, const uint32_t *sizes, const int64_t *times_ns,
                       size_t n);

/* A capture file (pcap or pcapng, either byte order, micro- or nanoseconds), read as its bytes come. Give bytes; packets that
 * are complete in them are written, and `consumed` says how many bytes are done with: keep the rest and give it again with
 * more behind it. At the end of the file, bytes left over mean that it was cut off. */
#define COVEY_CAPTURE_INTERFACES 64   /* of one section of a pcapng file */
#define COVEY_CAPTURE_MOST_BYTES 1048576u /* of one record or block; a longer one is damage */
typedef enum { COVEY_CAPTURE_UNKNOWN = 0, COVEY_CAPTURE_PCAP = 1, COVEY_CAPTURE_PCAPNG = 2 } covey_capture_format;
typedef struct {
    uint64_t offset;               /* bytes consumed so far: where damage is, if there is */
    uint64_t packets;              /* read so far */
    uint64_t truncated, malformed; /* of these, with that note */
    uint64_t other;                /* of these, of kind OTHER */
    uint64_t skipped;              /* packets of pcapng interfaces of unknown link types: counted, not given */
    uint32_t link;                 /* pcap: link type, the one that is refused too (COVEY_E_VERSION, format UNKNOWN) */
    uint32_t snap_bytes;           /* pcapng: of the section's first interface */
    uint8_t format;                /* covey_capture_format */
    uint8_t is_swapped;            /* the numbers are big-endian */
    uint8_t is_nanoseconds;        /* pcap */
    uint8_t n_interfaces;          /* pcapng: of the section at hand */
    uint8_t is_modified;           /* pcap: 8 bytes more before each frame (magic 0xa1b2cd34) */
    uint8_t reserved[3];
    struct {
        uint16_t link;
        uint8_t resolution;        /* as in if_tsresol: 10^-n, or 2^-n with the highest bit set */
        uint8_t reserved[5];
        int64_t offset_s;          /* if_tsoffset */
    } interfaces[COVEY_CAPTURE_INTERFACES];
} covey_capture;

void covey_capture_init(covey_capture *capture);
/* Returns packets written (0..most_packets), or COVEY_E_FORMAT (not a capture, or damaged at `offset`), COVEY_E_VERSION (a
 * version, or a pcap's link type, this core does not know), COVEY_E_LENGTH (a record longer, or more interfaces, than
 * allowed). Packets before the damage are returned first; the error comes with the next call. */
int32_t covey_capture_read(covey_capture *capture, const uint8_t *bytes, size_t size, size_t *consumed,
                           covey_packet *packets, size_t most_packets);

/* ---------------------------------------------------------------- streams and their features
 * Damped incremental statistics (Mirsky et al., Kitsune, NDSS 2018), the 115 columns of N-BaIoT in its order. Five groups:
 * MI_dir (source MAC and IP), H (source IP), HH (channel: source and destination), HH_jit (times between packets of a
 * channel), HpHp (socket: with ports). Five windows L5, L3, L1, L0.1, L0.01: weight, mean and variance decay by
 * 2^(-lambda * seconds). Deviations: docs/SPEC.md. Memory is fixed: `capacity` streams of each kind, where a channel or a
 * socket is one stream with both its directions; a new stream takes the place of the one least recently used. */
#define COVEY_FEATURES 115
#define COVEY_WINDOWS 5
#define COVEY_MAX_STREAMS 65535u

typedef struct {
    uint64_t packets;
    uint64_t backwards;            /* packets older than the latest: no time passes; by more than a second: the clock was set */
    uint64_t evictions;            /* streams that made room for others, all kinds together */
    uint32_t capacity;
    uint32_t streams[4];           /* in use: MI, H, HH, HpHp */
} covey_streams_counts;

/* Bytes of memory for `capacity` streams of each kind, about 670 for each; 0: not in 1..COVEY_MAX_STREAMS. */
size_t covey_streams_size(uint32_t capacity);
/* `seed` keys the hash of addresses: give each device its own, so that nobody can aim at one bucket. No feature depends on it. */
int covey_streams_init(void *streams, size_t size, uint32_t capacity, uint64_t seed);
/* One update a packet, in order. Row i of rows (n, n_columns) is the state after packet i; columns picks features by index
 * (1..115 of them, ascending or not; NULL: all, n_columns is then 115). Groups that no column asks for are not computed, so a table is
 * to be used with the same columns all its life. */
int covey_streams_update(void *streams, const covey_packet *packets, size_t n, const uint8_t *columns, uint32_t n_columns,
                         float *rows);
int covey_streams_count(const void *streams, covey_streams_counts *counts);

/* ---------------------------------------------------------------- scores
 * How suspicious a row is, from the model's outputs, as a natural logarithm, so that a difference of scores means the same
 * factor for all models: BCE the logit; SOFTMAX_CE the log odds of "not class 0", log of the sum of exp over the other
 * classes less the logit of class 0; MSE and HUBER the log of the mean squared error against `inputs`, of FLT_MIN at least. */
int covey_scores(const covey_model *model, const float *outputs, const float *inputs, uint32_t n_rows, float *scores);

/* ---------------------------------------------------------------- windows and alarms
 * Rows fall into windows of time on a grid of window_ns since 1970; a window ends when a row of a later one comes, or when
 * covey_watch_flush says how late it is. Its score is its `order`-th highest row score (of fewer rows: the lowest). It is
 * `above` if its score is greater than the threshold at that time. The alarm is raised when `votes` of the last `of` windows
 * that had rows are above, and ends when none of them is above threshold - hysteresis. */
#define COVEY_MAX_ORDER 16
#define COVEY_MAX_VOTES 32
typedef struct {
    int64_t window_ns;             /* 0: each row is a window */
    int64_t quiet_ns;              /* an alarm that is raised within so long of the last alert is not an alert of its own */
    float hysteresis;              /* >= 0 */
    uint16_t order;                /* 1..COVEY_MAX_ORDER; 1: the highest */
    uint16_t votes;                /* 1..of */
    uint16_t of;                   /* 1..COVEY_MAX_VOTES */
    uint8_t reserved[6];
} covey_watch_settings;            /* 32 bytes */

typedef enum {
    COVEY_ALARM_NONE = 0,          /* no alarm */
    COVEY_ALARM_RAISED = 1,        /* begins with this window: tell somebody */
    COVEY_ALARM_GOES_ON = 2,
    COVEY_ALARM_ENDED = 3,         /* the first window without it */
    COVEY_ALARM_SUPPRESSED = 4     /* begins, but within quiet_ns of the last that was told: counted */
} covey_alarm;

typedef struct {
    int64_t start_ns;              /* of the window; a row's own time where window_ns is 0 */
    int64_t end_ns;
    uint32_t rows;
    uint32_t rows_above;           /* whose score is greater than the threshold */
    float score;
    float threshold;
    float top_score;               /* of its highest row, the first of equals */
    uint8_t is_above;
    uint8_t alarm;                 /* covey_alarm */
    uint8_t reserved[2];
    covey_packet top;              /* its highest row's packet */
} covey_window;                    /* 112 bytes */

size_t covey_watch_size(uint32_t n_columns);
int covey_watch_init(void *watch, size_t size, const covey_watch_settings *settings, uint32_t n_columns);
/* Takes rows (n, n_columns) with their packets and scores, in order of time: a row older than the window at hand counts in
 * it, but one that is more than a whole window and a second older than its start says that the clock was set back, and ends
 * it. Windows that end are written, and their highest rows to top_rows (most_windows, n_columns) unless it is NULL; stops
 * before a row that would end one more than most_windows. Returns windows written; `taken` rows are done with. */
int32_t covey_watch_update(void *watch, const covey_packet *packets, const float *rows, const float *scores, size_t n,
                           float threshold, covey_window *windows, float *top_rows, size_t most_windows, size_t *taken);
/* Ends the window at hand if now_ns is behind its end (INT64_MAX: in any case). Returns 0 or 1 windows written. */
int32_t covey_watch_flush(void *watch, int64_t now_ns, float threshold, covey_window *window, float *top_row);

/* ---------------------------------------------------------------- thresholds
 * The threshold at a budget of false alarms, from the scores of windows believed benign, in fixed memory: the highest scores
 * and how many there were. Where the budget asks for a rank beyond the data, the tail above the kept scores is taken as
 * exponential (peaks over threshold: Siffer et al., KDD 2017, with shape 0). */
#define COVEY_TAIL_SCORES 64
typedef struct {
    double count;                  /* windows seen, after forgetting */
    float scores[COVEY_TAIL_SCORES]; /* the highest, descending; n_scores of them */
    uint32_t n_scores;
    uint32_t reserved;
} covey_tail;
void covey_tail_init(covey_tail *tail);
int covey_tail_add(covey_tail *tail, const float *scores, size_t n);       /* COVEY_E_NONFINITE: nothing added */
void covey_tail_forget(covey_tail *tail);                                  /* halves the weight of all so far */
/* The score that a share `rate` (0 < rate < 1) of windows lies above; COVEY_E_ARGUMENT for none seen. */
int covey_tail_threshold(const covey_tail *tail, double rate, float *threshold);

/* ---------------------------------------------------------------- drift
 * Where rows fall in the model's own encoding: KNOTS one bin for each knot interval and one outside each end; other kinds 16
 * bins of equal width over [-limit, limit] (limit 0: 8). Counts add up; comparing them is the host's (population stability). */
uint32_t covey_bins(const covey_encoding *encoding, uint32_t feature);     /* bins of a feature */
/* counts (sum of all features' bins) += the bin of each value of inputs (n_rows, inputs), encoded, every `stride`-th row. */
int covey_bins_count(const covey_encoding *encoding, const float *inputs, size_t n_rows, size_t stride, uint32_t *counts);

/* ---------------------------------------------------------------- self
 * Frames to windows of a small fixed case, compared with the digest all targets agree on; COVEY_E_VERSION if the bits
 * differ. */
int covey_watch_self_test(void *arena, size_t arena_size);
size_t covey_watch_self_test_size(void);

#ifdef __cplusplus
}
#endif
#endif
