"""All devices of a simulation, with what is on its way to and from them.

The devices' side of time: `advance` lets everything happen at the devices that can happen up to some time without the
coordinator, many devices a step. Devices do not meet each other, so only the order of one device's own events matters.
A device waits for the coordinator where an answer on its way would come before its next event.
"""

import numpy as np
from numpy.typing import NDArray

from covey.core import DIGEST_BYTES, EffectKind, EventKind
from covey.protocol import Arrays, MessageBlock, SendReceipts, SendTasks, below
from covey.simulation.calendar import (
    ARRIVAL,
    EVENT,
    NEVER,
    RANK,
    Rows,
    chain_keys,
    device_keys,
    distinct,
    earliest,
    events_of,
    first_of_each_device,
    in_order,
    join,
    looked_up,
)
from covey.simulation.cohorts import Cohorts
from covey.simulation.flights import Flight
from covey.simulation.launch import Launcher, flight_arrays
from covey.simulation.machines import Machines, is_void
from covey.simulation.mishaps import REBOOT_MS

#: Deadlines and reboots: they send again unless an answer came first.
_AGAIN = (EventKind.DEADLINE, EventKind.BOOT)


class Fleet:
    """Devices, their calendar, and the rounds in the air."""

    def __init__(self, machines: Machines, launcher: Launcher, cohorts: Cohorts) -> None:
        self.machines = machines
        self.cohorts = cohorts
        self._launcher = launcher
        self._flights: dict[int, Flight] = {}
        self._events = np.zeros(0, EVENT)
        self._arrivals = np.zeros(0, ARRIVAL)
        self._waiting = np.zeros(0, EVENT)  # tasks that came while an update was on its way: offered again after it

    # -- what the coordinator does

    def send_tasks(self, tasks: SendTasks, now_ms: int) -> None:
        """Tasks leave the coordinator now."""
        self._land()
        flight = self._launcher.launch(tasks, self.cohorts)
        self._flights[flight.round] = flight
        rows = np.flatnonzero(~flight.mishaps.silent).astype(np.uint32)
        events = np.zeros(rows.size, EVENT)
        events["time_ms"] = flight.task_arrival_ms(now_ms)[rows]
        events["soonest_ms"] = events["time_ms"] + flight.training_ms[rows] + flight.uplink_ms(rows)
        events["device"] = flight.devices[rows]
        events["round"] = flight.round
        events["row"] = rows
        events["kind"] = EventKind.TASK
        events["rank"] = RANK[EventKind.TASK]
        events["value"] = tasks.task.lifetime_ms
        self._add(events)

    def send_receipts(self, arrived: Rows, receipts: SendReceipts) -> None:
        """Receipts leave the coordinator for n messages that arrived."""
        events = events_of(EventKind.RECEIPT, arrived["receipt_ms"], NEVER, arrived, value=receipts.durable)
        events["round"] = receipts.rounds
        events["counter"] = receipts.counters
        self._add(events.compress(arrived["receipt_ms"] < NEVER))

    def block(self, arrivals: Rows) -> MessageBlock:
        """The messages (n) of one flight that arrive, in this order."""
        flight = self._flights[int(arrivals["round"][0])]
        rows = arrivals["row"]
        return MessageBlock(
            devices=arrivals["device"].copy(),
            content=flight.content,
            offsets=flight.offsets[rows],
            sizes=flight.sizes[rows],
            arrived_ms=arrivals["time_ms"].copy(),
        )

    # -- what the clock does

    def soonest_ms(self, n: int) -> np.uint64:
        """No n different updates can reach the coordinator before this: a lower bound, NEVER where there are fewer."""
        soonest = np.concatenate((self._events["soonest_ms"], self._arrivals["time_ms"], self._waiting_soonest_ms()))
        if n > soonest.size:
            return NEVER
        soonest.sort()  # quicker than a partition where many are equal
        return np.uint64(soonest[n - 1])

    def advance(self, until_ms: np.uint64) -> None:
        """Let happen at the devices what can happen up to and at `until_ms`."""
        while (ready := self._ready(until_ms)).any():
            batch = self._events.compress(ready)
            self._events = self._events.compress(~ready)
            self._happen(batch.compress(~is_void(batch, self.machines)))

    def take_arrivals(self, until_ms: np.uint64) -> Rows:
        """Remove and return, in order, messages that arrive up to `until_ms` and before any still to be sent."""
        limit = np.append(self._still_to_send_ms(until_ms), until_ms + np.uint64(1)).min()
        taken = self._arrivals["time_ms"] < limit
        arrivals = self._arrivals.compress(taken)
        self._arrivals = self._arrivals.compress(~taken)
        return arrivals.take(in_order(arrivals))

    def put_back(self, arrivals: Rows) -> None:
        """Return arrivals that were taken but not handed over."""
        self._arrivals = join(self._arrivals, arrivals)

    def is_idle(self) -> bool:
        """Nothing is on its way and no device has anything to do."""
        return self._events.size == 0 and self._arrivals.size == 0

    # -- checkpoints

    def arrays(self) -> Arrays:
        """All but the machines, for a checkpoint."""
        arrays: Arrays = {"events": self._events, "arrivals": self._arrivals, "waiting": self._waiting}
        arrays["flights"] = np.array(list(self._flights), np.int64)
        for number, flight in self._flights.items():
            arrays |= {f"flight.{number}.{name}": array for name, array in flight_arrays(flight).items()}
        return arrays | self.cohorts.arrays()

    def restore(self, arrays: Arrays) -> None:
        """Take over what `arrays` gave."""
        self._events = arrays["events"].astype(EVENT)
        self._arrivals = arrays["arrivals"].astype(ARRIVAL)
        self._waiting = arrays["waiting"].astype(EVENT)
        self.cohorts.restore(arrays)
        for number in arrays["flights"].tolist():
            self._flights[number] = self._launcher.relaunch(below(f"flight.{number}.", arrays), self.cohorts)

    # -- order

    def _ready(self, until_ms: np.uint64) -> NDArray[np.bool_]:
        """Events that are due, their device's first, and not behind an answer on its way."""
        due = self._events["time_ms"] <= until_ms
        if not due.any():
            return due
        events = self._events.compress(due)
        first = first_of_each_device(events)
        if self._arrivals.size:
            answers = earliest(device_keys(self._arrivals), self._arrivals["receipt_ms"])
            first &= looked_up(device_keys(events), *answers) > events["time_ms"]
        due[due] = first
        return due

    def _still_to_send_ms(self, until_ms: np.uint64) -> NDArray[np.uint64]:
        """For every device event up to `until_ms` that waits for an answer: when what it may send could arrive."""
        events = self._events.compress(self._events["time_ms"] <= until_ms)
        if events.size == 0:
            return self._waiting_soonest_ms()
        again = np.isin(events["kind"], _AGAIN)
        if again.any():  # an answer to the very update that they would send again makes them void
            answers = earliest(chain_keys(self._arrivals), self._arrivals["receipt_ms"])
            events = events[~again | (looked_up(chain_keys(events), *answers) > events["time_ms"])]
        return np.concatenate((events["soonest_ms"], self._waiting_soonest_ms()))

    def _waiting_soonest_ms(self) -> NDArray[np.uint64]:
        """When updates of the waiting tasks could arrive: not before the device is rid of the update it has."""
        waiting = self._waiting
        if waiting.size == 0:
            return np.zeros(0, np.uint64)
        keys = np.concatenate((device_keys(self._arrivals), device_keys(self._events)))
        times = np.concatenate((self._arrivals["receipt_ms"], self._events["time_ms"]))
        free = looked_up(device_keys(waiting), *earliest(keys, times))
        free += waiting["soonest_ms"] - waiting["time_ms"]
        return free

    # -- what happens at the devices

    def _happen(self, events: Rows) -> None:
        """One step of the machines of different devices."""
        if events.size == 0:
            return
        boots = events["kind"] == EventKind.BOOT
        if boots.any():  # the outbox survives a crash
            events["value"][boots] = self.machines.are_sending(events["device"][boots])
        effects = self.machines.handle(events, self._digests(events))
        kinds = effects["kind"]
        for kind in distinct(kinds):
            chosen = kinds == kind
            match kind:
                case EffectKind.TRAIN:
                    self._train(events.compress(chosen))
                case EffectKind.SEND:
                    self._send(events.compress(chosen), effects.compress(chosen))
                case EffectKind.CLEAR:
                    self._clear(events.compress(chosen), effects.compress(chosen))
                case EffectKind.IGNORE:
                    self._keep_tasks(events.compress(chosen))

    def _train(self, events: Rows) -> None:
        for number in distinct(events["round"]):
            flight = self._flights[number]
            mine = events.compress(events["round"] == number)
            rows = mine["row"]
            lasts = flight.training_ms[rows]
            crash = flight.mishaps.crash[rows]
            crashed = crash < np.inf
            if crashed.any():
                moments = mine["time_ms"][crashed] + np.ceil(crash[crashed] * lasts[crashed]).astype(np.uint64)
                reboot = np.where(crash[crashed] < 1.0, np.uint64(REBOOT_MS), np.uint64(0))
                uplink = flight.uplink_ms(rows[crashed])
                boots = moments + reboot
                self._add(events_of(EventKind.BOOT, boots, boots + uplink, mine[crashed]))
                mine = mine[crash >= 1.0]
                rows, lasts = mine["row"], flight.training_ms[mine["row"]]
            if rows.size == 0:
                continue
            counters = self.machines.records["counter"][mine["device"]] + np.uint32(1)
            work = self.cohorts.train if flight.assignment else self.cohorts.sketch
            worked = work(flight, rows, counters)
            done = mine["time_ms"] + lasts
            self._add(events_of(EventKind.TRAINED, done, done + flight.uplink_ms(rows), mine, worked))

    def _send(self, events: Rows, effects: Rows) -> None:
        for number in distinct(effects["round"]):
            mine = effects["round"] == number
            sends = np.zeros(int(mine.sum()), ARRIVAL)
            sends["device"] = events["device"][mine]
            sends["round"] = number
            sends["row"] = self._flights[number].rows_of(sends["device"])
            sends["attempt"] = self.machines.records["attempts"][sends["device"]]
            self._post(self._flights[number], sends, events["time_ms"][mine])

    def _post(self, flight: Flight, sends: Rows, now_ms: NDArray[np.uint64]) -> None:
        """Messages of one flight leave their devices; each device will lose patience some time."""
        rows = sends["row"]
        fate = self._launcher.mishaps.of_sends(flight.mishaps.seeds[rows], sends["attempt"])
        uplink = flight.uplink_ms(rows)
        back = flight.receipt_ms(rows)
        sends["time_ms"] = now_ms + uplink
        sends["receipt_ms"] = np.where(fate.receipt_lost, NEVER, sends["time_ms"] + back)
        self._arrivals = join(self._arrivals, sends.compress(~fate.lost))
        doubled = fate.copy_delay_ms > 0
        if doubled.any():
            copies = sends.compress(doubled)
            copies["copy"] = 1
            copies["time_ms"] += fate.copy_delay_ms[doubled]
            copies["receipt_ms"] = np.where(fate.copy_receipt_lost[doubled], NEVER, copies["time_ms"] + back[doubled])
            self._arrivals = join(self._arrivals, copies)
        deadlines = self.machines.deadlines_ms(sends["device"])
        self._add(events_of(EventKind.DEADLINE, deadlines, deadlines + uplink, sends))

    def _clear(self, events: Rows, effects: Rows) -> None:
        durable = (events["kind"] == EventKind.RECEIPT) & (events["value"] == 1)
        self._keep_variates(events.compress(durable), effects.compress(durable))
        # Deadlines of what is done with would linger, and be looked at in every step, until their time comes.
        self._events = self._events.compress(~is_void(self._events, self.machines))
        if self._waiting.size:
            free = np.isin(self._waiting["device"], events["device"])
            offered = self._waiting[free]
            self._waiting = self._waiting[~free]
            order = np.argsort(events["device"])
            place = order[np.searchsorted(events["device"], offered["device"], sorter=order)]
            offered["soonest_ms"] += events["time_ms"][place] - offered["time_ms"]
            offered["time_ms"] = events["time_ms"][place]
            self._add(offered)

    def _keep_tasks(self, events: Rows) -> None:
        """Tasks that were not taken because an update is on its way; the newest of a device waits."""
        tasks = events[events["kind"] == EventKind.TASK]
        tasks = tasks[self.machines.are_sending(tasks["device"])]
        older = np.isin(self._waiting["device"], tasks["device"])
        self._waiting = join(self._waiting.compress(~older), tasks)

    def _keep_variates(self, events: Rows, effects: Rows) -> None:
        """Devices whose update is durable move their control variate, by the bytes that they sent."""
        for number in distinct(effects["round"]):
            flight = self._flights[number]
            if flight.assignment is not None and flight.assignment.variate is not None:
                devices = events["device"][effects["round"] == number]
                self.cohorts.move_variates(flight, flight.rows_of(devices))

    def _digests(self, events: Rows) -> NDArray[np.void]:
        digests = np.zeros(events.size, "V16")
        tasks = events["kind"] == EventKind.TASK
        for number in distinct(events["round"][tasks]):
            digest = np.frombuffer(self._flights[number].tasks.task.digest.ljust(DIGEST_BYTES, b"\0"), "V16")
            digests[tasks & (events["round"] == number)] = digest
        return digests

    def _add(self, events: Rows) -> None:
        self._events = join(self._events, events)

    def _land(self) -> None:
        """Forget flights of which nothing is on its way any more."""
        rows = (self._events["round"], self._arrivals["round"], self._waiting["round"])
        flying = {number for column in rows for number in distinct(column)}
        for number in [number for number in self._flights if number not in flying]:
            self._launcher.reuse(self._flights.pop(number))
