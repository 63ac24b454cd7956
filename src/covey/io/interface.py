"""Packets of a network interface, live: Linux packet sockets (packet(7)), a row a packet.

Only the first SNAP_BYTES of a frame are copied; how long it was on the wire is known all the same. Times are the
kernel's, in nanoseconds. What the kernel had to drop is counted. The interface is not put into promiscuous mode: a
device sees its own traffic, a gateway what passes it. Frames for other stations, which a bridge floods or another
program's promiscuous mode lets in, are left out and counted, unless a device is named, as on a bridge. An empty block
comes whenever nothing did for TICK_S, so that windows end on a silent link.
"""

import errno
import os
import socket
import struct
import sys
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from select import poll
from typing import ClassVar

from covey.core import PACKET_BYTES, LinkType, read_frames
from covey.errors import Code, DetectionError, did_you_mean
from covey.sensing import Block, Note, NoteKind, PacketRows
from covey.wire import SourceKind

SNAP_BYTES = 256  # Ethernet, tags, IPv6 with extension headers and TCP with its options
BATCH = 512
TICK_S = 0.5
BUFFER_BYTES = 4 << 20  # of the socket: 0.1 s of a gigabit link of small packets
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
SO_RCVBUFFORCE = 33
#: Time stamps of 64 bits (Linux 5.1 and later) and of the machine's own `long`; options and their messages alike.
SO_TIMESTAMPNS_NEW, SO_TIMESTAMPNS_OLD = 64, 35
PACKET_OTHERHOST, PACKET_OUTGOING = 3, 4
ARPHRD_ETHERNET, ARPHRD_LOOPBACK = 1, 772
#: Links whose packets have no header of the link that could be read: PPP, tunnels, WireGuard, modems. IP is read there.
ARPHRD_BARE = frozenset({512, 519, 768, 769, 776, 778, 823, 65534})
NS = 1_000_000_000


class InterfaceSource:
    """The packets of one interface until `should_stop` says so; DetectionError where it cannot be read."""

    kind: ClassVar = SourceKind.PACKETS

    def __init__(self, name: str, rows: PacketRows, should_stop: Callable[[], bool]) -> None:
        """Open the interface: packets are kept for `blocks` from here on."""
        self.name = name
        self.feature_names = rows.feature_names
        self.packets = 0
        self.drops = 0  # by the kernel, as nobody read fast enough
        self.others = 0  # not IP, on a link of bare IP packets
        self.foreign = 0  # for other stations, where no device is named
        self._rows = rows
        self._should_stop = should_stop
        self._socket, self._is_bare, self._is_loopback = _open(name)
        self._memory = bytearray(BATCH * SNAP_BYTES)
        self._block = bytearray(BATCH * PACKET_BYTES)

    def blocks(self) -> Iterator[Block]:
        """Packets as they come, and empty blocks where none do."""
        ready = poll()
        ready.register(self._socket)
        try:
            while not self._should_stop():
                ready.poll(TICK_S * 1000)
                yield self._read()
        finally:
            self._count_drops()
            self._socket.close()

    def notes(self) -> tuple[Note, ...]:
        """What was counted."""
        self._count_drops()
        notes = (
            Note(NoteKind.DROPPED, self.drops, f"{self.drops:,} packets were dropped by the kernel: too many to read"),
            Note(NoteKind.OTHER, self.others, f"{self.others:,} packets are not IP"),
            Note(NoteKind.NOT_OF_DEVICE, self.foreign, f"{self.foreign:,} packets were for other stations"),
        )
        return (*(note for note in notes if note.count), *self._rows.notes())

    def _read(self) -> Block:
        """What is there, at most BATCH packets."""
        frames = memoryview(self._memory)
        sizes, captured, times = array("I"), array("I"), array("q")
        while len(sizes) < BATCH:
            place = len(sizes) * SNAP_BYTES
            try:
                size, about, _, (_, protocol, direction, *_) = self._socket.recvmsg_into(
                    [frames[place : place + SNAP_BYTES]], 64, socket.MSG_TRUNC
                )
            except BlockingIOError:
                break
            except OSError as error:
                raise _lost(self.name, error) from error
            if self._is_loopback and direction == PACKET_OUTGOING:
                continue  # the loopback gives each packet twice
            if direction == PACKET_OTHERHOST and self._rows.filter is None:
                self.foreign += 1
                continue
            if self._is_bare and protocol not in (ETH_P_IP, ETH_P_IPV6):
                self.others += 1
                continue
            sizes.append(size)
            captured.append(min(size, SNAP_BYTES))
            times.append(_time_ns(about))
        n = len(sizes)
        self.packets += n
        if n:
            read_frames(
                LinkType.RAW if self._is_bare else LinkType.ETHERNET,
                frames,
                offsets=array("Q", range(0, n * SNAP_BYTES, SNAP_BYTES)),
                captured=captured,
                sizes=sizes,
                times_ns=times,
                packets=memoryview(self._block)[: n * PACKET_BYTES],
            )
        return self._rows.block(self._block, n)

    def _count_drops(self) -> None:
        """The kernel counts since it was last asked."""
        try:
            counted = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        except OSError:  # closed, or gone with its interface
            return
        self.drops += struct.unpack("II", counted)[1]


def interfaces() -> list[str]:
    """Names of this machine's interfaces."""
    return [name for _, name in socket.if_nameindex()]


def _open(name: str) -> tuple[socket.socket, bool, bool]:
    """A bound socket, whether its frames have no link header, and whether it is the loopback."""
    if sys.platform != "linux":
        raise DetectionError(Code.INTERFACE_SYSTEM, "this system has no packet sockets", None, name)
    if name not in interfaces():
        near = did_you_mean(name, interfaces())
        meant = f"did you mean {near}? " if near else ""
        raise DetectionError(
            Code.INTERFACE_NOT_FOUND,
            f"there is no interface {name}",
            f"{meant}this machine has {', '.join(interfaces())}",
        )
    opened = _bound(name, socket.SOCK_RAW)
    kind = opened.getsockname()[3]
    is_bare = kind in ARPHRD_BARE
    if is_bare:
        opened.close()
        opened = _bound(name, socket.SOCK_DGRAM)
    elif kind not in (ARPHRD_ETHERNET, ARPHRD_LOOPBACK):
        opened.close()
        raise DetectionError(Code.INTERFACE_LINK, f"{name} has the link type {kind}, whose frames Covey cannot read")
    if kind == ARPHRD_LOOPBACK:
        with suppress(OSError):  # before Linux 4.20 the second copy is dropped where it is read
            opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    return opened, is_bare, kind == ARPHRD_LOOPBACK


def _bound(name: str, kind: socket.SocketKind) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_PACKET, kind, 0)  # 0: no packets before it is bound to the interface
    except PermissionError as error:
        raise DetectionError(
            Code.INTERFACE_NOT_ALLOWED,
            f"reading packets of {name} needs the right CAP_NET_RAW",
            "a systemd service with AmbientCapabilities=CAP_NET_RAW (docs/detect.md), sudo, or setcap cap_net_raw+ep on"
            f" {os.path.realpath('/proc/self/exe')}",
        ) from error
    except OSError as error:
        raise DetectionError(Code.INTERFACE_SYSTEM, f"there are no packet sockets: {error.strerror}") from error
    try:
        opened.setblocking(False)
        _set_time_stamps(opened)
        try:
            opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:  # needs CAP_NET_ADMIN; the system's limit holds then
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        opened.bind((name, ETH_P_ALL))
    except OSError as error:
        opened.close()
        raise _lost(name, error) from error
    return opened


def _set_time_stamps(opened: socket.socket) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1)


def _time_ns(about: list[tuple[int, int, bytes]]) -> int:
    """The kernel's time of a packet, from the messages beside it."""
    for level, kind, data in about:
        if level == socket.SOL_SOCKET and kind in (SO_TIMESTAMPNS_NEW, SO_TIMESTAMPNS_OLD):
            seconds, nanoseconds = struct.unpack("qq" if len(data) == 16 else "ll", data)
            return int(seconds) * NS + int(nanoseconds)
    raise DetectionError(Code.INTERFACE_SYSTEM, "the kernel gives packets no time stamps")


def _lost(name: str, error: OSError) -> DetectionError:
    is_down = error.errno in (errno.ENETDOWN, errno.ENODEV, errno.ENXIO)
    why = "it is down or was removed" if is_down else error.strerror
    return DetectionError(Code.INTERFACE_LOST, f"{name} cannot be read: {why}", f"bring it up: ip link set {name} up")
