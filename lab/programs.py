"""Programs that several devices run, and what people do with them."""

from __future__ import annotations

import random

from behaviour import Job, Service, World, always

CURL = "curl -s -o /dev/null --max-time 30"
Behaviour = tuple[list[Service], list[Job]]


def httpd(world: World, host: str, port: int = 80) -> Service:
    """Return a device's small web server (pages and basic authentication under /admin)."""
    command = f"exec busybox httpd -f -p {port} -h {world.file('www')} -c {world.file('httpd.conf')}"
    return Service(host, f"httpd-{port}", command)


def telnetd(world: World, host: str) -> Service:
    """Return a device's telnet daemon with a login that knows one account."""
    daemon = f"/usr/sbin/telnetd -h -E {world.file('login.sh')}"
    return Service(host, "telnetd", f"exec socat TCP-LISTEN:23,fork,reuseaddr,max-children=20 EXEC:'{daemon}',nofork")


def clock(host: str, every_s: float) -> Job:
    """Return a device's occasional look at the time server."""
    query = f"exec chronyd -x -Q -t 12 -u root -U 'server time.example.test iburst maxsamples {2 + len(host) % 3}'"
    return Job(host, "clock", always(query), every_s)


def telnet_admin(world: World, host: str, every_s: float) -> Job:
    """Return a person who logs in by telnet and looks at the status."""

    def command(rng: random.Random) -> str:
        pauses = [rng.uniform(0.6, 2.5) for _ in range(5)]
        words = ["admin", "covey-admin", "status", rng.choice(["uptime", "status", "network"]), "exit"]
        talk = "; ".join(f"sleep {pause:.1f}; echo {word}" for pause, word in zip(pauses, words, strict=True))
        return f"({talk}; sleep 1) | telnet {world.at(host)}"

    return Job("laptop", f"telnet-{host}", command, every_s, "user")


def mqtt(client: str, rest: str) -> str:
    """Return the start of a mosquitto client's command line."""
    return f"exec {client} -h hub.lan -u home -P covey-home {rest}"


def mdns(world: World, host: str) -> Service:
    """Return an mDNS responder that publishes a web page under the host's name."""
    folders = "mount -t tmpfs tmpfs /run; mkdir -p /run/avahi-daemon"
    bind = f"mount --bind {world.file('avahi')} /etc/avahi/services"
    daemon = f"avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {world.file(f'avahi-{host}.conf')}"
    return Service(host, "mdns", f"{folders}; {bind}; exec {daemon}")
