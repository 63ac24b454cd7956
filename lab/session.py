"""One recording: network up, captures on, hosts at work, attacks by the schedule, everything away again."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import background
import topology
from attacks import Site
from behaviour import Job, Service, World
from capture import tcpdump_command
from devices import DEVICES
from processes import Process, run, start
from schedule import Schedule, Slot, plan


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What is asked of a session; `scale` shortens warm-up and distances in trials."""

    name: str
    split: str
    number: int
    seed: int
    duration_s: float
    scale: float = 1.0
    roles_only: tuple[str, ...] = ()


@dataclass(slots=True)
class Recording:
    """A session that runs: its world and what is known of its programs."""

    asked: SessionPlan
    world: World
    schedule: Schedule
    raw: Path
    down_roles: set[str] = field(default_factory=set)
    services: dict[str, list[Process]] = field(default_factory=dict)

    @property
    def network(self) -> topology.Network:
        """Return the session's network."""
        return self.world.network

    def namespace(self, host: str) -> str:
        """Return the namespace of a host."""
        return self.network.hosts[host].namespace

    def log(self, name: str) -> Path:
        """Return where a program's output goes."""
        return self.raw / "logs" / f"{name}.log"


def prepare(asked: SessionPlan, raw: Path) -> Recording:
    """Lay out a session without touching the machine: addresses and schedule."""
    network = topology.lay_out(asked.name, asked.number, asked.seed)
    world = World(network, Path("/tmp") / f"covey-lab-{asked.name}")
    site = Site(world, "test" if asked.split == "test" else "train", random.Random(f"{asked.seed}/attacks"))
    schedule = plan(site, asked.number, asked.duration_s, asked.seed, asked.scale)
    return Recording(asked, world, schedule, raw)


def record(asked: SessionPlan, raw: Path) -> None:
    """Record a session; whatever happens, nothing of it is left running or lying about."""
    recording = prepare(asked, raw)
    shutil.rmtree(raw, ignore_errors=True)
    (raw / "logs").mkdir(parents=True)
    shutil.rmtree(recording.world.work, ignore_errors=True)
    recording.world.work.mkdir(parents=True)
    topology.down(recording.network.prefix)
    try:
        background.write_files(recording.world, asked.seed)
        topology.up(recording.network)
        asyncio.run(_run(recording))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the impatient wait until all is away
        topology.down(recording.network.prefix)
        shutil.rmtree(recording.world.work, ignore_errors=True)


async def _run(recording: Recording) -> None:
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)
    dumps = await _start_captures(recording)
    began_ns = time.time_ns()
    try:
        async with asyncio.timeout(recording.asked.duration_s):
            await _live(recording)
    except TimeoutError:
        pass
    finally:
        for dump in dumps:
            await dump.stop(signal.SIGINT)
    facts = {"session": recording.asked.name, "start_ns": began_ns, "end_ns": time.time_ns()}
    (recording.raw / "session.json").write_text(json.dumps(facts))


async def _start_captures(recording: Recording) -> list[Process]:
    dumps = []
    for host in recording.network.roles:
        topology.bring_up(host)
        command = tcpdump_command(recording.raw / f"{host.name}.pcap")
        dumps.append(await start(host.namespace, "tcpdump", command, recording.log(f"tcpdump-{host.name}")))
    await asyncio.sleep(1)
    return dumps


async def _live(recording: Recording) -> None:
    rng = random.Random(f"{recording.asked.seed}/life")
    services, jobs = background.services(recording.world), []
    for behave in DEVICES:
        more_services, more_jobs = behave(recording.world)
        services += more_services
        jobs += more_jobs
    began = time.monotonic()
    work: list[Awaitable[None]] = []
    for host in recording.network.hosts:
        delay_s = rng.uniform(4, 12) if host in topology.ROLES else 0.0
        delay_s = 0.5 if host == "hub" else delay_s  # the broker of the others
        mine = [service for service in services if service.host == host]
        if host in topology.ROLES:
            recording.down_roles.add(host)
        work.append(_boot(recording, host, mine, delay_s, random.Random(rng.random())))
    work += [_repeat(recording, job, random.Random(rng.random())) for job in jobs]
    work += [_attack(recording, slot, began) for slot in recording.schedule.slots]
    work += [
        _reboot(recording, role, at, began, random.Random(rng.random())) for at, role in recording.schedule.reboots
    ]
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)  # type: ignore[arg-type]


async def _boot(recording: Recording, host: str, services: list[Service], delay_s: float, rng: random.Random) -> None:
    await asyncio.sleep(delay_s)
    if host in topology.ROLES:
        dhcp = f"exec busybox udhcpc -f -i eth0 -t 5 -T 2 -A 5 -x hostname:{host} -s {recording.world.file('dhcp.sh')}"
        services = [Service(host, "dhcp", dhcp), *services]
    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(_keep(recording, service, random.Random(rng.random())))
        await asyncio.sleep(2)
        recording.down_roles.discard(host)


async def _keep(recording: Recording, service: Service, rng: random.Random) -> None:
    """Run a service for the whole session, again and again if it ends, not while its host is down."""
    if service.host in topology.ROLES and service.name != "dhcp":
        await asyncio.sleep(rng.uniform(1.5, 3))
    while True:
        log = recording.log(f"{service.host}-{service.name}")
        process = await start(
            recording.namespace(service.host), service.name, service.command, log, feed=service.feed is not None
        )
        recording.services.setdefault(service.host, []).append(process)
        try:
            while process.alive:
                if service.feed is None:
                    await process.wait(10**9)
                    continue
                await asyncio.sleep(
                    service.feed.every_s * rng.uniform(1 - service.feed.spread, 1 + service.feed.spread)
                )
                process.say(service.feed.text(rng))
        finally:
            await process.stop()
            recording.services[service.host].remove(process)
        await asyncio.sleep(rng.uniform(2, 6))
        while service.host in recording.down_roles and service.name != "dhcp":
            await asyncio.sleep(0.5)


async def _repeat(recording: Recording, job: Job, rng: random.Random) -> None:
    await asyncio.sleep(rng.uniform(6, 12) + rng.uniform(0, 1) * min(job.every_s, 120))
    while True:
        if job.host not in recording.down_roles:
            log = recording.log(f"{job.host}-job-{job.name}")
            await run(recording.namespace(job.host), job.name, job.command(rng), log, job.timeout_s)
        await asyncio.sleep(job.gap_s(rng))


async def _attack(recording: Recording, slot: Slot, began: float) -> None:
    attack = slot.attack
    await asyncio.sleep(max(0.0, began + slot.start_s - time.monotonic()))
    first_ns = time.time_ns()
    log = recording.log(f"attack-{attack.role}-{attack.kind}")
    status = await run(recording.namespace(attack.host), attack.kind, attack.command, log, attack.limit_s)
    fact = {
        name: getattr(attack, name)
        for name in ("kind", "family", "program", "direction", "role", "peer", "protocol", "port", "other")
    }
    fact |= {"from_ns": first_ns, "to_ns": time.time_ns(), "status": status}
    with (recording.raw / "attacks.jsonl").open("a") as file:
        file.write(json.dumps(fact) + "\n")


async def _reboot(recording: Recording, role: str, at_s: float, began: float, rng: random.Random) -> None:
    """Pull the cable, end what runs, forget addresses, wait, plug in; services come back by themselves."""
    host = recording.network.hosts[role]
    await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
    recording.down_roles.add(role)
    topology.carrier(recording.network, host, on=False)
    for process in list(recording.services.get(role, [])):
        await process.stop()
    topology.forget(host)
    await asyncio.sleep(rng.uniform(2, 6))
    topology.carrier(recording.network, host, on=True)
    await asyncio.sleep(rng.uniform(3, 8))
    recording.down_roles.discard(role)
