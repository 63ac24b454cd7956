"""One session's network: a LAN and a WAN bridge in a namespace of their own, a namespace per host, a router between.

Every name starts with the session's prefix, so that sessions run side by side and `down` finds all that is left of one.
Offloads are off: a captured frame has the size that it would have on a wire (without the padding to 60 bytes).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from errors import LabError

ROLES = (
    "mqtt-sensor",
    "thermostat",
    "camera",
    "doorbell",
    "speaker",
    "coap-sensor",
    "modbus-controller",
    "hub",
    "gateway",
    "smart-plug",
    "printer",
)
LAN_HOSTS = ("laptop", "phone", "nvr", "scada")
WAN_HOSTS = ("cloud", "outsider", "c2", "sink", "target")
CLOUD_NET = "198.51.100"
HOSTILE_NET = "203.0.113"
NOWHERE_NET = "192.0.2.0/24"  # nobody lives here: sources of spoofed floods, targets of sweeps; the router drops it
CLOUD_NAMES = {"api": 10, "ota": 11, "time": 12, "log": 13, "backup": 14}
CDN_SIZE = 8  # addresses media.example.test turns to, so that new peers are not a mark of attacks


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace on the LAN or the WAN; `ipv4` is without a prefix length."""

    name: str
    namespace: str
    ipv4: str
    mac: str
    bridge: str


@dataclass(frozen=True, slots=True)
class Network:
    """All hosts of a session by name, `router` and the hostile ones among them."""

    session: str
    prefix: str
    lan: str
    hosts: dict[str, Host]

    def address(self, name: str) -> str:
        """Return the IPv4 address of a host."""
        return self.hosts[name].ipv4

    @property
    def roles(self) -> list[Host]:
        """Return the devices that are captured."""
        return [self.hosts[name] for name in ROLES]


def lay_out(session: str, number: int, seed: int) -> Network:
    """Give every host of a session its address; hostile ones differ by seed."""
    rng = random.Random(f"{seed}/layout")
    prefix = f"covey-{session}-"
    lan = f"10.{20 + number}.0"
    lan_tails = dict.fromkeys(("router",), 1)
    lan_tails |= {name: 2 + index for index, name in enumerate(LAN_HOSTS)}
    lan_tails |= {name: 10 + index for index, name in enumerate(ROLES)}
    lan_tails["attacker"] = rng.randrange(40, 250)
    tails = rng.sample(range(20, 250), len(WAN_HOSTS))
    hosts = {}
    for index, (name, tail) in enumerate(lan_tails.items()):
        mac = f"02:c0:{number:02x}:00:{index:02x}:{tail:02x}"
        hosts[name] = Host(name, prefix + name, f"{lan}.{tail}", mac, "lan")
    for index, (name, tail) in enumerate(zip(WAN_HOSTS, tails, strict=True)):
        ipv4 = f"{CLOUD_NET}.10" if name == "cloud" else f"{HOSTILE_NET}.{tail}"
        hosts[name] = Host(name, prefix + name, ipv4, f"02:c1:{number:02x}:00:{index:02x}:01", "wan")
    return Network(session, prefix, lan, hosts)


def run_ip(*arguments: str, check: bool = True) -> str:
    """Run `ip` and return what it printed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    if check and done.returncode:
        raise LabError(
            f"ip {' '.join(arguments)}: {done.stderr.strip()}", "recording needs root and network namespaces"
        )
    return done.stdout


def inside(namespace: str, *command: str) -> list[str]:
    """Return the command line that runs a command in a namespace."""
    return ["ip", "netns", "exec", namespace, *command]


def _run_inside(namespace: str, *command: str) -> None:
    subprocess.run(inside(namespace, *command), capture_output=True, timeout=20, check=False)


def _plug(host: Host, core: str, port: str, interface: str = "eth0") -> None:
    run_ip("-n", core, "link", "add", port, "type", "veth", "peer", "name", interface, "netns", host.namespace)
    run_ip("-n", core, "link", "set", port, "master", host.bridge, "up")
    offloads = ("gro", "off", "gso", "off", "tso", "off", "rx", "off", "tx", "off")
    _run_inside(core, "ethtool", "-K", port, *offloads)
    _run_inside(host.namespace, "ethtool", "-K", interface, *offloads)


def _make_namespace(namespace: str, resolver: str | None) -> None:
    run_ip("netns", "add", namespace)
    run_ip("-n", namespace, "link", "set", "lo", "up")
    if resolver:
        etc = Path("/etc/netns") / namespace
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text(f"search lan\nnameserver {resolver}\noptions timeout:2 attempts:2\n")


def up(network: Network) -> None:
    """Build the network; whoever calls it calls `down` whatever happens."""
    core = network.prefix + "net"
    _make_namespace(core, None)
    for bridge in ("lan", "wan"):
        run_ip("-n", core, "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
        run_ip("-n", core, "link", "set", bridge, "up")
        _run_inside(core, "sysctl", "-qw", f"net.ipv6.conf.{bridge}.disable_ipv6=1")
    for index, host in enumerate(network.hosts.values()):
        _make_namespace(host.namespace, network.address("router"))
        port = f"p{index}"
        _plug(host, core, port)
        _run_inside(core, "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
        run_ip("-n", host.namespace, "link", "set", "eth0", "address", host.mac)
    _address_router(network)
    for host in network.hosts.values():
        if host.name != "router" and host.name not in ROLES:
            _address_host(network, host)


def bring_up(host: Host) -> None:
    """Switch a device's interface on; its DHCP client gives it an address."""
    # a small device gives up on half-open connections soon, so a flood's echoes end with the flood
    _run_inside(host.namespace, "sysctl", "-qw", "net.ipv4.tcp_synack_retries=2")
    run_ip("-n", host.namespace, "link", "set", "eth0", "up")


def carrier(network: Network, host: Host, *, on: bool) -> None:
    """Plug or pull a host's cable; the capture on its interface goes on."""
    index = list(network.hosts).index(host.name)
    run_ip("-n", network.prefix + "net", "link", "set", f"p{index}", "up" if on else "down", check=False)


def forget(host: Host) -> None:
    """Drop a device's addresses and neighbours, as a reboot does."""
    run_ip("-n", host.namespace, "-4", "addr", "flush", "dev", "eth0", check=False)
    run_ip("-n", host.namespace, "neigh", "flush", "dev", "eth0", check=False)


def _address_router(network: Network) -> None:
    router = network.hosts["router"]
    _plug(
        Host("router", router.namespace, "", "", "wan"),
        network.prefix + "net",
        "pwan",
        "eth1",
    )
    run_ip("-n", router.namespace, "addr", "add", f"{router.ipv4}/24", "dev", "eth0")
    for net in (CLOUD_NET, HOSTILE_NET):
        run_ip("-n", router.namespace, "addr", "add", f"{net}.1/24", "dev", "eth1")
    for interface in ("eth0", "eth1"):
        run_ip("-n", router.namespace, "link", "set", interface, "up")
    run_ip("-n", router.namespace, "route", "add", "blackhole", "default")
    for setting in (
        "net.ipv4.ip_forward=1",
        "net.ipv4.conf.all.send_redirects=0",
        "net.ipv4.conf.eth0.send_redirects=0",
    ):
        _run_inside(router.namespace, "sysctl", "-qw", setting)


def _address_host(network: Network, host: Host) -> None:
    run_ip("-n", host.namespace, "link", "set", "eth0", "up")
    run_ip("-n", host.namespace, "addr", "add", f"{host.ipv4}/24", "dev", "eth0")
    gateway = network.address("router") if host.bridge == "lan" else host.ipv4.rsplit(".", 1)[0] + ".1"
    run_ip("-n", host.namespace, "route", "add", "default", "via", gateway)
    if host.name == "cloud":
        tails = [*CLOUD_NAMES.values(), *range(20, 20 + CDN_SIZE)]
        for tail in tails[1:]:
            run_ip("-n", host.namespace, "addr", "add", f"{CLOUD_NET}.{tail}/24", "dev", "eth0")
    if host.name == "attacker":  # knows its neighbours: fewer of its ARP broadcasts reach all other captures
        for role in network.roles:
            run_ip("-n", host.namespace, "neigh", "add", role.ipv4, "lladdr", role.mac, "dev", "eth0")


def _namespaces(prefix: str) -> list[str]:
    names = [line.split()[0] for line in run_ip("netns", "list", check=False).splitlines() if line.strip()]
    return [name for name in names if name.startswith(prefix)]


def stop_processes(namespace: str, deadline_s: float = 4.0) -> None:
    """End by id every process that runs in one of the session's namespaces."""
    end = time.monotonic() + deadline_s
    for number in (signal.SIGTERM, signal.SIGKILL):
        while True:
            pids = [int(pid) for pid in run_ip("netns", "pids", namespace, check=False).split()]
            pids = [pid for pid in pids if pid != os.getpid()]
            if not pids:
                return
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if time.monotonic() > end:
                break
            time.sleep(0.1)
        end = time.monotonic() + deadline_s


def down(prefix: str) -> None:
    """Take everything away whose name starts with the session's prefix; safe to call twice."""
    for namespace in _namespaces(prefix):
        stop_processes(namespace)
    for namespace in _namespaces(prefix):
        run_ip("netns", "del", namespace, check=False)
        etc = Path("/etc/netns") / namespace
        if etc.is_dir():
            (etc / "resolv.conf").unlink(missing_ok=True)
            etc.rmdir()
