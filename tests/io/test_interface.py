"""Packets of real interfaces: the loopback, a pair of virtual Ethernet, a tunnel of bare packets; and every refusal."""

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from covey.core import Packet, PacketKind
from covey.errors import DetectionError
from covey.io.interface import InterfaceSource, interfaces
from covey.sensing import PacketRows

CAP_NET_RAW, CAP_SYS_ADMIN = 13, 21


def has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


needs_raw = pytest.mark.skipif(not has_capability(CAP_NET_RAW), reason="reading packets needs CAP_NET_RAW")


def packets_of(name: str, act: Callable[[], None], seconds: float = 5.0, wanted: int = 1) -> list[Packet]:
    """What an interface gives while `act` is done, until there are `wanted` packets or the time is over."""
    end = time.monotonic() + seconds
    found: list[Packet] = []
    source = InterfaceSource(name, PacketRows(("MI_dir_L1_weight",)), lambda: time.monotonic() > end)
    act()
    for block in source.blocks():
        found += [Packet.unpack(bytes(block.packets), i) for i in range(block.n)]
        if len(found) >= wanted:
            break
    return found


@needs_raw
def test_a_datagram_over_the_loopback_is_seen_once_with_its_size_time_and_ports() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET, 2) as sender:
        receiver.bind(("127.0.0.1", 0))
        sender.bind(("127.0.0.1", 0))
        ports = (sender.getsockname()[1], receiver.getsockname()[1])
        before = time.time_ns()

        def act() -> None:
            for size in (10, 1000):
                sender.sendto(bytes(size), receiver.getsockname())

        mine = [p for p in packets_of("lo", act, 1.5, wanted=10_000) if (p.source_port, p.destination_port) == ports]
    after = time.time_ns()
    assert [packet.size_bytes for packet in mine] == [14 + 20 + 8 + 10, 14 + 20 + 8 + 1000]
    assert [packet.captured_bytes for packet in mine] == [52, 256]
    assert {packet.source for packet in mine} == {"127.0.0.1"}
    assert {packet.protocol for packet in mine} == {17}
    assert all(before <= packet.time_ns <= after for packet in mine)


@needs_raw
def test_a_silent_interface_gives_empty_blocks_so_that_windows_end() -> None:
    end = time.monotonic() + 1.8
    source = InterfaceSource("lo", PacketRows(), lambda: time.monotonic() > end)
    began = time.monotonic()
    n_blocks = sum(1 for _ in source.blocks())
    assert n_blocks >= 3
    assert time.monotonic() - began < 3


@needs_raw
def test_what_the_kernel_drops_is_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        end = time.monotonic() + 10
        source = InterfaceSource("lo", PacketRows(("MI_dir_L1_weight",)), lambda: time.monotonic() > end)
        source._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(2000):
            sender.sendto(bytes(100), ("127.0.0.1", 9))
        read = 0
        for block in source.blocks():
            read += block.n
            if not block.n:
                break
        notes = {note.text for note in source.notes()}
    assert source.drops > 0
    assert read + source.drops >= 2000
    assert any("dropped by the kernel" in text for text in notes)


def test_an_unknown_interface_is_refused_with_those_there_are() -> None:
    with pytest.raises(DetectionError) as caught:
        InterfaceSource("lo0", PacketRows(), lambda: True)
    assert caught.value.code == "A101"
    assert "did you mean lo?" in str(caught.value.hint)
    assert all(name in str(caught.value.hint) for name in interfaces())


WITHOUT_THE_RIGHT = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
head = (ctypes.c_uint32 * 2)(0x20080522, 0)
libc.capset(head, (ctypes.c_uint32 * 6)())
from covey.errors import CoveyError
from covey.io.interface import InterfaceSource
from covey.sensing import PacketRows
try:
    InterfaceSource("lo", PacketRows(), lambda: True)
except CoveyError as error:
    print(error.code, error.cause, error.hint, sep="|")
"""


def test_without_the_right_the_error_says_how_to_give_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_THE_RIGHT], capture_output=True, text=True, check=True)
    code, cause, hint = done.stdout.strip().split("|")
    assert code == "A102"
    assert "CAP_NET_RAW" in cause
    assert "AmbientCapabilities=CAP_NET_RAW" in hint
    assert "setcap" in hint


# ---------------------------------------------------------------- in a network namespace of its own

CLONE_NEWNET = 0x40000000


def in_own_network(test: Callable[[], None]) -> None:
    """Run in a child with a network namespace of its own; the child's failure is the test's."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                os._exit(77)
            test()
            status = 0
        except BaseException:  # noqa: BLE001 (the child says what it was, and ends)
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(ended)
    if code == 77:
        pytest.skip("this machine allows no network namespaces")
    assert code == 0


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        os._exit(77)  # no such kind of interface on this machine


@pytest.fixture
def needs_namespaces() -> None:
    if not (has_capability(CAP_NET_RAW) and has_capability(CAP_SYS_ADMIN)):
        pytest.skip("network namespaces need CAP_SYS_ADMIN")


def send_frame(name: str, data: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((name, 0))
        raw.send(data)


@pytest.mark.usefixtures("needs_namespaces")
def test_frames_of_an_ethernet_come_with_their_macs() -> None:
    def test() -> None:
        ip("link", "add", "a0", "type", "veth", "peer", "name", "b0", "address", "02:00:00:00:00:0b")
        for name in ("a0", "b0"):
            ip("link", "set", name, "up")
        inner = struct.pack(">BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + bytes([10, 0, 0, 1]) + bytes([10, 0, 0, 2])
        sent = bytes.fromhex("02000000000b02000000000a0800") + inner + struct.pack(">HHHH", 5, 53, 8, 0)
        found = packets_of("b0", lambda: send_frame("a0", sent), wanted=10_000, seconds=2)
        (mine,) = [packet for packet in found if packet.destination_port == 53]
        assert (mine.source_mac, mine.destination_mac) == ("02:00:00:00:00:0a", "02:00:00:00:00:0b")
        assert (mine.source, mine.destination, mine.size_bytes) == ("10.0.0.1", "10.0.0.2", 42)

    in_own_network(test)


@pytest.mark.usefixtures("needs_namespaces")
def test_frames_for_other_stations_are_left_out_and_counted_unless_a_device_is_named() -> None:
    def test() -> None:
        ip("link", "add", "a0", "type", "veth", "peer", "name", "b0", "address", "02:00:00:00:00:0b")
        for name in ("a0", "b0"):
            ip("link", "set", name, "up")
        inner = struct.pack(">BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + bytes([10, 0, 0, 1]) + bytes([10, 0, 0, 2])
        rest = bytes.fromhex("02000000000a0800") + inner + struct.pack(">HHHH", 5, 53, 8, 0)
        ends = ("02000000000b", "02000000000c", "ffffffffffff")  # its own, another's, everybody's
        for device, expected in ((None, [0, 2]), ("10.0.0.2", [0, 1, 2])):
            end = time.monotonic() + 2
            rows = PacketRows(("MI_dir_L1_weight",), device)
            source = InterfaceSource("b0", rows, lambda end=end: time.monotonic() > end)
            for mac in ends:
                send_frame("a0", bytes.fromhex(mac) + rest)
            packets = [Packet.unpack(bytes(b.packets), i) for b in source.blocks() for i in range(b.n)]
            found = [p.destination_mac.replace(":", "") for p in packets if p.destination_port == 53]
            assert found == [ends[place] for place in expected]
            assert source.foreign == 3 - len(expected)
            texts = [note.text for note in source.notes()]
            assert ("1 packets were for other stations" in texts) == (device is None)

    in_own_network(test)


@pytest.mark.usefixtures("needs_namespaces")
def test_bare_packets_of_a_tunnel_are_read_as_ip() -> None:
    def test() -> None:
        import fcntl

        tun = os.open("/dev/net/tun", os.O_RDWR) if Path("/dev/net/tun").exists() else os._exit(77)
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"t0", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
        ip("link", "set", "t0", "up")
        inner = struct.pack(">BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + bytes([10, 0, 0, 1]) + bytes([10, 0, 0, 2])
        sent = inner + struct.pack(">HHHH", 5, 53, 8, 0)
        found = packets_of("t0", lambda: os.write(tun, sent) and None, wanted=10_000, seconds=2)
        (mine,) = [packet for packet in found if packet.destination_port == 53]
        assert (mine.kind, mine.source, mine.source_mac, mine.size_bytes) == (PacketKind.IPV4, "10.0.0.1", "", 28)

    in_own_network(test)


@pytest.mark.usefixtures("needs_namespaces")
def test_an_interface_that_goes_down_is_an_error_that_says_so() -> None:
    def test() -> None:
        ip("link", "add", "a0", "type", "veth", "peer", "name", "b0")
        for name in ("a0", "b0"):
            ip("link", "set", name, "up")
        with pytest.raises(DetectionError) as caught:
            packets_of("a0", lambda: ip("link", "del", "a0"), wanted=10_000)
        assert caught.value.code == "A104"
        assert "ip link set a0 up" in str(caught.value.hint)

    in_own_network(test)


@pytest.mark.usefixtures("needs_namespaces")
def test_a_link_that_is_not_known_is_refused() -> None:
    def test() -> None:
        ip("link", "add", "m0", "type", "nlmon")
        ip("link", "set", "m0", "up")
        with pytest.raises(DetectionError) as caught:
            InterfaceSource("m0", PacketRows(), lambda: True)
        assert caught.value.code == "A103"

    in_own_network(test)
