"""Reading captures from memory: what part `watch` says about the step from bytes to packets."""

import random
import statistics
import struct
import time

from covey import core

FEED_BYTES = 1 << 20  # as a program would read a file
REPEATS = 7


def ethernet(draw: random.Random) -> bytes:
    """One frame of a home's traffic: mostly TCP over IPv4, some UDP, IPv6 and ARP."""
    kind = draw.random()
    macs = bytes([2, 0, 0, 0, 0, draw.randrange(9)]) + bytes([2, 0, 0, 0, 1, draw.randrange(9)])
    ends = [bytes([10, 0, 0, draw.randrange(9)]), bytes([192, 0, 2, draw.randrange(200)])]
    ports = struct.pack(">HH", draw.choice((443, 8883, 53)), draw.randrange(1024, 65536))
    data = bytes(draw.choice((0, 0, 20, 60, 1400)))
    if kind < 0.05:
        return macs + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + macs[6:] + ends[0] + bytes(6) + ends[1]
    is_tcp = kind < 0.75
    body = ports + (struct.pack(">IIBBHHH", 1, 1, 0x50, 0x10, 1024, 0, 0) if is_tcp else bytes(4)) + data
    if not is_tcp:
        body = ports + struct.pack(">HH", 8 + len(data), 0) + data
    if kind > 0.85:
        addresses = bytes.fromhex("fd00") + bytes(13) + b"\5" + bytes.fromhex("20010db8") + bytes(12)
        return macs + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), 17, 64) + addresses + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0x4000, 64, 6 if is_tcp else 17, 0)
    return macs + b"\x08\x00" + head + ends[0] + ends[1] + body


def make_capture(n: int, seed: int = 1) -> bytes:
    """A pcap file of n packets, about 370 bytes each."""
    draw = random.Random(seed)
    frames = [ethernet(draw) for _ in range(1000)]
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for i in range(n):
        frame = frames[i % len(frames)]
        parts.append(struct.pack("<IIII", 1_700_000_000 + i // 1000, i % 1000 * 1000, len(frame), len(frame)) + frame)
    return b"".join(parts)


def read_capture(data: bytes) -> int:
    """Packets read, in pieces and with a block of 4,096 packets, as sources do."""
    reader, block, n_packets = core.CaptureReader(), bytearray(4096 * core.PACKET_BYTES), 0
    memory, begin, end = memoryview(data), 0, 0
    while end < len(memory):
        end = min(end + FEED_BYTES, len(memory))
        n = 1
        while n:
            consumed, n = reader.feed(memory[begin:end], block)
            begin += consumed
            n_packets += n
    return n_packets


def packets_a_second(n: int = 400_000, repeats: int = REPEATS) -> float:
    """Median rate at which a capture of n packets is read from memory."""
    data = make_capture(n)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        if read_capture(data) != n:
            raise RuntimeError("the capture was not read to its end")
        rates.append(n / (time.perf_counter() - start))
    return statistics.median(rates)


if __name__ == "__main__":
    print(f"{packets_a_second() / 1e6:.1f} million packets a second, {len(make_capture(1000)) / 1000:.0f} bytes each")
