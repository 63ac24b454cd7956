/* capture.c - capture files as their bytes come: pcap and pcapng, either byte order. One record or block at a time, whole;
 * what is not whole yet is left with the caller. Every length is checked before it is believed. What is read and what is
 * refused: docs/SPEC.md, "Packets and captures". */
#include "covey_watch.h"

#include "bytes.h"
#include "network.h"

#include <string.h>

#define SECOND 1000000000u
#define PCAP_MICROSECONDS 0xA1B2C3D4u
#define PCAP_NANOSECONDS 0xA1B23C4Du
#define PCAP_MODIFIED 0xA1B2CD34u /* microseconds, with 8 bytes more about the interface before each frame */
#define BYTE_ORDER_MAGIC 0x1A2B3C4Du

enum { PCAP_HEADER = 24, PCAP_RECORD = 16, MODIFIED_RECORD = 24, PCAPNG_SHORTEST = 12 };
enum { BLOCK_INTERFACE = 1, BLOCK_OBSOLETE_PACKET = 2, BLOCK_SIMPLE_PACKET = 3, BLOCK_PACKET = 6 };
#define BLOCK_SECTION 0x0A0D0D0Au /* the same in either byte order */
enum { OPTION_END = 0, OPTION_RESOLUTION = 9, OPTION_OFFSET = 14, MICROSECONDS = 6 };

/* What one step gave: a record or block of `size` bytes, and the frame in it if there is one. */
typedef struct {
    size_t size;           /* 0: it is not all there yet */
    const uint8_t *frame;  /* NULL: no packet */
    uint32_t captured_bytes;
    uint32_t size_bytes;
    uint32_t link;
    int64_t time_ns;
} step;

static uint32_t u16(const covey_capture *capture, const uint8_t *at)
{
    return capture->is_swapped ? covey_big_u16(at) : covey_load_u16(at);
}

static uint32_t u32(const covey_capture *capture, const uint8_t *at)
{
    return capture->is_swapped ? covey_big_u32(at) : covey_load_u32(at);
}

/* ---------------------------------------------------------------- pcap */

/* The file header. */
static int start_pcap(covey_capture *capture, const uint8_t *bytes, size_t size, step *step)
{
    if (size < PCAP_HEADER)
        return COVEY_OK;
    uint32_t magic = u32(capture, bytes);
    if (u16(capture, bytes + 4) != 2 || u16(capture, bytes + 6) != 4)
        return COVEY_E_VERSION;
    capture->link = u32(capture, bytes + 20) & 0x03FFFFFF; /* above: how long the frames' check sums are */
    if (!covey_link_is_known(capture->link))
        return COVEY_E_VERSION;
    capture->is_nanoseconds = magic == PCAP_NANOSECONDS;
    capture->is_modified = magic == PCAP_MODIFIED;
    capture->snap_bytes = u32(capture, bytes + 16);
    capture->format = COVEY_CAPTURE_PCAP;
    step->size = PCAP_HEADER;
    return COVEY_OK;
}

static int read_record(const covey_capture *capture, const uint8_t *bytes, size_t size, step *step)
{
    size_t header = capture->is_modified ? MODIFIED_RECORD : PCAP_RECORD;
    if (size < header)
        return COVEY_OK;
    uint32_t seconds = u32(capture, bytes), fraction = u32(capture, bytes + 4), captured = u32(capture, bytes + 8);
    if (captured > COVEY_CAPTURE_MOST_BYTES)
        return COVEY_E_LENGTH;
    if (fraction >= (capture->is_nanoseconds ? SECOND : SECOND / 1000))
        return COVEY_E_FORMAT;
    if (captured > size - header)
        return COVEY_OK;
    step->size = header + captured;
    step->frame = bytes + header;
    step->captured_bytes = captured;
    step->size_bytes = u32(capture, bytes + 12);
    step->link = capture->link;
    step->time_ns = (int64_t)seconds * SECOND + (int64_t)fraction * (capture->is_nanoseconds ? 1 : 1000);
    return COVEY_OK;
}

/* ---------------------------------------------------------------- times of pcapng */

/* `ticks` of 2^-power s: whole seconds, and nanoseconds rounded down. The product of the fraction has up to 94 bits. */
static void split_binary(uint64_t ticks, unsigned power, uint64_t *seconds, uint64_t *nanoseconds)
{
    *seconds = power < 64 ? ticks >> power : 0;
    uint64_t fraction = power < 64 ? ticks & (((uint64_t)1 << power) - 1) : ticks;
    uint64_t low = (fraction & UINT32_MAX) * SECOND, high = (fraction >> 32) * SECOND;
    if (power < 32)
        *nanoseconds = low >> power;
    else
        *nanoseconds = power - 32 < 64 ? (high + (low >> 32)) >> (power - 32) : 0;
}

/* `ticks` of 10^-power s, the same. */
static void split_decimal(uint64_t ticks, unsigned power, uint64_t *seconds, uint64_t *nanoseconds)
{
    uint64_t scale = 1;
    for (; power > 9; power--)
        ticks /= 10;
    for (unsigned i = power; i < 9; i++)
        scale *= 10;
    uint64_t ticks_a_second = SECOND / scale;
    *seconds = ticks / ticks_a_second;
    *nanoseconds = ticks % ticks_a_second * scale;
}

/* Nanoseconds since 1970, or -1 where they are before 1970 or do not fit. */
static int64_t time_of(uint64_t ticks, unsigned resolution, int64_t offset_s)
{
    uint64_t seconds, nanoseconds;
    const int64_t most = INT64_MAX / SECOND - 1;
    if (resolution & 0x80)
        split_binary(ticks, resolution & 0x7F, &seconds, &nanoseconds);
    else
        split_decimal(ticks, resolution, &seconds, &nanoseconds);
    /* Either may be far out of range where their sum is not: they are added without their signs. */
    uint64_t sum = seconds + (uint64_t)offset_s;
    int wrapped = offset_s >= 0 ? sum < seconds : sum > seconds;
    if (wrapped || sum > (uint64_t)most)
        return -1;
    return (int64_t)sum * SECOND + (int64_t)nanoseconds;
}

/* ---------------------------------------------------------------- pcapng */

static int read_section(covey_capture *capture, const uint8_t *body, size_t size)
{
    if (size < 16)
        return COVEY_E_FORMAT;
    uint32_t minor = u16(capture, body + 6);
    if (u16(capture, body + 4) != 1 || (minor != 0 && minor != 2)) /* 1.2 was written by some and means 1.0 */
        return COVEY_E_VERSION;
    capture->format = COVEY_CAPTURE_PCAPNG;
    capture->n_interfaces = 0;
    return COVEY_OK;
}

static int read_interface(covey_capture *capture, const uint8_t *body, size_t size)
{
    if (size < 8)
        return COVEY_E_FORMAT;
    if (capture->n_interfaces == COVEY_CAPTURE_INTERFACES)
        return COVEY_E_LENGTH;
    uint8_t resolution = MICROSECONDS;
    int64_t offset_s = 0;
    for (size_t at = 8; size - at >= 4;) {
        uint32_t option = u16(capture, body + at), length = u16(capture, body + at + 2);
        size_t padded = ((size_t)length + 3) / 4 * 4;
        at += 4;
        if (option == OPTION_END)
            break;
        if (padded > size - at)
            return COVEY_E_FORMAT;
        if (option == OPTION_RESOLUTION) {
            if (length != 1)
                return COVEY_E_FORMAT;
            resolution = body[at];
        } else if (option == OPTION_OFFSET) {
            if (length != 8)
                return COVEY_E_FORMAT;
            uint64_t first = u32(capture, body + at), second = u32(capture, body + at + 4);
            uint64_t value = capture->is_swapped ? first << 32 | second : second << 32 | first;
            memcpy(&offset_s, &value, sizeof offset_s);
        }
        at += padded;
    }
    if (capture->n_interfaces == 0)
        capture->snap_bytes = u32(capture, body + 4);
    capture->interfaces[capture->n_interfaces].link = (uint16_t)u16(capture, body);
    capture->interfaces[capture->n_interfaces].resolution = resolution;
    capture->interfaces[capture->n_interfaces].offset_s = offset_s;
    capture->n_interfaces++;
    return COVEY_OK;
}

/* An enhanced packet block, or an obsolete one, which differs in the interface's width. */
static int read_packet_block(const covey_capture *capture, int is_obsolete, const uint8_t *body, size_t size, step *step)
{
    if (size < 20)
        return COVEY_E_FORMAT;
    uint32_t interface = is_obsolete ? u16(capture, body) : u32(capture, body);
    uint32_t captured = u32(capture, body + 12);
    if (interface >= capture->n_interfaces || captured > size - 20)
        return COVEY_E_FORMAT;
    uint64_t ticks = (uint64_t)u32(capture, body + 4) << 32 | u32(capture, body + 8);
    step->time_ns = time_of(ticks, capture->interfaces[interface].resolution, capture->interfaces[interface].offset_s);
    step->frame = body + 20;
    step->captured_bytes = captured;
    step->size_bytes = u32(capture, body + 16);
    step->link = capture->interfaces[interface].link;
    return step->time_ns < 0 ? COVEY_E_FORMAT : COVEY_OK;
}

/* A simple packet block: of the first interface, without a time; cut at its snap length where it has one. */
static int read_simple_block(const covey_capture *capture, const uint8_t *body, size_t size, step *step)
{
    if (size < 4 || capture->n_interfaces == 0)
        return COVEY_E_FORMAT;
    uint32_t captured = u32(capture, body);
    step->size_bytes = captured;
    if (capture->snap_bytes != 0 && captured > capture->snap_bytes)
        captured = capture->snap_bytes;
    if (captured > size - 4)
        return COVEY_E_FORMAT;
    step->frame = body + 4;
    step->captured_bytes = captured;
    step->link = capture->interfaces[0].link;
    step->time_ns = 0;
    return COVEY_OK;
}

/* A new section's byte order, which its own length is already written in. */
static int find_byte_order(covey_capture *capture, const uint8_t *bytes)
{
    if (covey_load_u32(bytes + 8) == BYTE_ORDER_MAGIC)
        capture->is_swapped = 0;
    else if (covey_big_u32(bytes + 8) == BYTE_ORDER_MAGIC)
        capture->is_swapped = 1;
    else
        return COVEY_E_FORMAT;
    return COVEY_OK;
}

static int read_block(covey_capture *capture, const uint8_t *bytes, size_t size, step *step)
{
    if (size < PCAPNG_SHORTEST)
        return COVEY_OK;
    uint32_t type = covey_load_u32(bytes);
    if (type == BLOCK_SECTION) {
        int status = find_byte_order(capture, bytes);
        if (status < 0)
            return status;
    } else {
        type = u32(capture, bytes);
    }
    uint32_t length = u32(capture, bytes + 4);
    if (length < PCAPNG_SHORTEST || length % 4 != 0)
        return COVEY_E_FORMAT;
    if (length > COVEY_CAPTURE_MOST_BYTES)
        return COVEY_E_LENGTH;
    if (length > size)
        return COVEY_OK;
    if (u32(capture, bytes + length - 4) != length)
        return COVEY_E_FORMAT;
    step->size = length;
    const uint8_t *body = bytes + 8;
    size_t body_size = length - PCAPNG_SHORTEST;
    switch (type) {
    case BLOCK_SECTION:
        return read_section(capture, body, body_size);
    case BLOCK_INTERFACE:
        return read_interface(capture, body, body_size);
    case BLOCK_PACKET:
    case BLOCK_OBSOLETE_PACKET:
        return read_packet_block(capture, type == BLOCK_OBSOLETE_PACKET, body, body_size, step);
    case BLOCK_SIMPLE_PACKET:
        return read_simple_block(capture, body, body_size, step);
    default:
        return COVEY_OK;
    }
}

/* ---------------------------------------------------------------- files */

/* The first bytes of a file say what it is. */
static int start(covey_capture *capture, const uint8_t *bytes, size_t size, step *step)
{
    if (size < 4)
        return COVEY_OK;
    uint32_t little = covey_load_u32(bytes), big = covey_big_u32(bytes);
    if (little == BLOCK_SECTION)
        return read_block(capture, bytes, size, step);
    capture->is_swapped = big == PCAP_MICROSECONDS || big == PCAP_NANOSECONDS || big == PCAP_MODIFIED;
    if (capture->is_swapped || little == PCAP_MICROSECONDS || little == PCAP_NANOSECONDS || little == PCAP_MODIFIED)
        return start_pcap(capture, bytes, size, step);
    return COVEY_E_FORMAT;
}

static int read_step(covey_capture *capture, const uint8_t *bytes, size_t size, step *step)
{
    memset(step, 0, sizeof *step);
    if (capture->format == COVEY_CAPTURE_PCAP)
        return read_record(capture, bytes, size, step);
    if (capture->format == COVEY_CAPTURE_PCAPNG)
        return read_block(capture, bytes, size, step);
    return start(capture, bytes, size, step);
}

static void take_packet(covey_capture *capture, const step *step, covey_packet *packet)
{
    packet->time_ns = step->time_ns;
    packet->size_bytes = step->size_bytes < step->captured_bytes ? step->captured_bytes : step->size_bytes;
    memset(packet->reserved, 0, sizeof packet->reserved);
    (void)covey_packet_read(packet, step->link, step->frame, step->captured_bytes);
    capture->packets++;
    capture->truncated += (packet->notes & COVEY_NOTE_TRUNCATED) != 0;
    capture->malformed += (packet->notes & COVEY_NOTE_MALFORMED) != 0;
    capture->other += packet->kind == COVEY_PACKET_OTHER;
}

void covey_capture_init(covey_capture *capture)
{
    memset(capture, 0, sizeof *capture);
}

int32_t covey_capture_read(covey_capture *capture, const uint8_t *bytes, size_t size, size_t *consumed,
                           covey_packet *packets, size_t most_packets)
{
    if (capture == NULL || consumed == NULL || (bytes == NULL && size != 0) || (packets == NULL && most_packets != 0))
        return COVEY_E_ARGUMENT;
    if (most_packets > INT32_MAX)
        most_packets = INT32_MAX;
    size_t at = 0, written = 0;
    int status = COVEY_OK;
    while (size - at >= 4) {
        step step;
        status = read_step(capture, bytes + at, size - at, &step);
        if (status < 0 || step.size == 0)
            break;
        int is_known = covey_link_is_known(step.link);
        if (step.frame != NULL && is_known) {
            if (written == most_packets)
                break;
            take_packet(capture, &step, &packets[written++]);
        } else if (step.frame != NULL) {
            capture->skipped++;
        }
        at += step.size;
    }
    *consumed = at;
    capture->offset += at;
    return status < 0 && written == 0 ? status : (int32_t)written;
}
