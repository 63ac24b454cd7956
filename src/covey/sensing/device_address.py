"""The packets of one device out of all that a gateway sees: those from or to its MAC or IP address."""

import ipaddress
from collections import Counter
from typing import Self

from covey.core import PACKET_BYTES
from covey.errors import Code, SourceError

_SOURCE, _DESTINATION = slice(16, 32), slice(32, 48)  # places in a packet (covey_packet)
_SOURCE_MAC, _DESTINATION_MAC = slice(48, 54), slice(54, 60)
_KIND = 67
_IPV6 = 3
MOST_REMEMBERED = 4096  # packets whose addresses are kept, to name them where the device never appears


class DeviceFilter:
    """Keeps the packets of a device, in place; counts both sides, and remembers who else was there."""

    def __init__(self, text: str, address: bytes, *, is_mac: bool, is_ipv6: bool = False) -> None:
        """Made by `of`."""
        self.text = text
        self.kept = 0
        self.dropped = 0
        self._is_mac, self._is_ipv6 = is_mac, is_ipv6
        self._address = address
        self._places = (_SOURCE_MAC, _DESTINATION_MAC) if is_mac else (_SOURCE, _DESTINATION)
        self._others: Counter[bytes] = Counter()

    @classmethod
    def of(cls, text: str) -> Self:
        """A filter by MAC (six bytes in hexadecimal, with : or -) or IP address; SourceError for another text."""
        digits = text.replace("-", ":").split(":")
        if len(digits) == 6 and all(len(pair) == 2 for pair in digits):
            try:
                return cls(text, bytes.fromhex("".join(digits)), is_mac=True)
            except ValueError:
                pass  # an IPv6 address may look like that; if it is none, the next line says so
        try:
            address = ipaddress.ip_address(text)
        except ValueError as error:
            raise SourceError(
                Code.SOURCE_ADDRESS,
                f"{text!r} is neither a MAC nor an IP address",
                "a device is chosen by an address such as 28:6d:97:00:12:fe, 192.168.1.20 or fe80::1",
            ) from error
        return cls(text, address.packed.ljust(16, b"\0"), is_mac=False, is_ipv6=address.version == 6)

    def keep(self, packets: bytearray, n: int) -> int:
        """Move the device's packets of n to the front, in order; how many there are."""
        data, wanted = bytes(packets[: n * PACKET_BYTES]), self._address
        first, second = (place.start for place in self._places)
        size = len(wanted)
        places = [
            at
            for at in range(0, len(data), PACKET_BYTES)
            if data[at + first : at + first + size] == wanted or data[at + second : at + second + size] == wanted
        ]
        if not self._is_mac:
            places = [at for at in places if (data[at + _KIND] == _IPV6) == self._is_ipv6]
        if len(places) < n:
            packets[: len(places) * PACKET_BYTES] = b"".join([data[at : at + PACKET_BYTES] for at in places])
        self.kept += len(places)
        self.dropped += n - len(places)
        if not self.kept and self.dropped <= MOST_REMEMBERED:
            self._remember(data)
        return len(places)

    def absent(self, name: str) -> SourceError:
        """The error to raise where the data has ended and the device never appeared."""
        most = [self._text(address) for address, _ in self._others.most_common(4)]
        return SourceError(
            Code.SOURCE_NO_DEVICE,
            f"{name}: none of {self.dropped:,} packets is from or to {self.text}",
            f"addresses seen most: {', '.join(most)}" if most else None,
            where=name,
        )

    def _remember(self, data: bytes) -> None:
        for at in range(0, len(data), PACKET_BYTES):
            for place in self._places:
                address = data[at + place.start : at + place.stop]
                is_of_kind = self._is_mac or (data[at + _KIND] == _IPV6) == self._is_ipv6
                if any(address) and is_of_kind:
                    self._others[address] += 1

    def _text(self, address: bytes) -> str:
        if self._is_mac:
            return address.hex(":")
        return str(ipaddress.ip_address(address if self._is_ipv6 else address[:4]))
