"""What simulated devices are like: columns by device, drawn from the Plan's profiles and the seed.

Every draw is a hash of (seed, device) or (seed, device, round), so nothing is stored for a device that is not asked and
memory does not grow with the population.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.plan import Profile
from covey.protocol import child_seeds, random_words, uniforms, word
from covey.selection import DeviceStates

Devices = NDArray[np.uint32]
Milliseconds = NDArray[np.uint64]

#: A device with a duty cycle below 1 can be reached for that share of each such span.
WAKE_PERIOD_MS = 60_000
#: Charges of devices on battery spread so far around their profile's mean.
BATTERY_SPREAD = 0.25
#: Messages take this long at least, so that causes come before effects.
MIN_LATENCY_MS = 1

_PROFILE, _PHASE = range(2)
_CHARGE, _CHARGING = range(2)


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """Speed and link of n devices, one value a device."""

    rows_per_s: NDArray[np.float64]
    uplink_bytes_per_s: NDArray[np.float64]
    downlink_bytes_per_s: NDArray[np.float64]
    latency_ms: Milliseconds
    awake_ms: Milliseconds  # of each period
    phase_ms: Milliseconds  # when a period begins

    def reached_ms(self, times_ms: Milliseconds) -> Milliseconds:
        """When devices are reached that are called at `times_ms` (n): then, or when they wake up next, (n)."""
        if (self.awake_ms == WAKE_PERIOD_MS).all():
            return times_ms
        since = (times_ms + WAKE_PERIOD_MS - self.phase_ms) % np.uint64(WAKE_PERIOD_MS)
        return times_ms + np.where(since < self.awake_ms, np.uint64(0), WAKE_PERIOD_MS - since)


class FleetTraits:
    """The profiles of a fleet, dealt to its devices."""

    def __init__(self, profiles: tuple[Profile, ...], seed: int) -> None:
        self._profiles = profiles
        self._seed = word(seed)
        shares = np.array([profile.share for profile in profiles])
        self._edges = np.cumsum(shares / shares.sum())[:-1]
        self._rows = np.array([profile.rows_per_s for profile in profiles])
        self._up = np.array([profile.uplink_bytes_per_s for profile in profiles])
        self._down = np.array([profile.downlink_bytes_per_s for profile in profiles])
        latency = [max(MIN_LATENCY_MS, round(profile.latency_s * 1000)) for profile in profiles]
        self._latency = np.array(latency, np.uint64)
        awake = [max(1, round(profile.duty_cycle * WAKE_PERIOD_MS)) for profile in profiles]
        self._awake = np.array(awake, np.uint64)

    def profile_of(self, devices: Devices) -> NDArray[np.intp]:
        """Number of the profile of each device, (n)."""
        if len(self._profiles) == 1:
            return np.zeros(devices.size, np.intp)
        return np.searchsorted(self._edges, self._draw(devices, _PROFILE), side="right")

    def traits(self, devices: Devices) -> Traits:
        """Speed and link of `devices` (n)."""
        profile = self.profile_of(devices)
        awake = self._awake[profile]
        if (awake == WAKE_PERIOD_MS).all():
            phase = np.zeros(devices.size, np.uint64)
        else:
            phase = (self._draw(devices, _PHASE) * WAKE_PERIOD_MS).astype(np.uint64)
        return Traits(self._rows[profile], self._up[profile], self._down[profile], self._latency[profile], awake, phase)

    def states(self, devices: Devices, round_number: int, rows: NDArray[np.int64]) -> DeviceStates:
        """What devices (n) with so many rows (n) say of themselves when a round begins."""
        profile = self.profile_of(devices)
        seeds = child_seeds(child_seeds(self._seed, devices.astype(np.uint64)), word(round_number))
        mains = np.array([one.battery is None for one in self._profiles])[profile]
        mean = np.array([1.0 if one.battery is None else one.battery for one in self._profiles])[profile]
        spread = BATTERY_SPREAD * (2.0 * uniforms(random_words(seeds, word(_CHARGE))) - 1.0)
        chance = np.array([one.charging for one in self._profiles])[profile]
        metered = np.array([one.metered for one in self._profiles])[profile]
        return DeviceStates(
            battery=np.where(mains, 1.0, np.clip(mean + spread, 0.0, 1.0)).astype(np.float32),
            charging=mains | (uniforms(random_words(seeds, word(_CHARGING))) < chance),
            metered=metered,
            rows=rows,
        )

    def _draw(self, devices: Devices, purpose: int) -> NDArray[np.float64]:
        """A number from 0 to below 1 for each device, (n), the same in all rounds."""
        return uniforms(random_words(child_seeds(self._seed, devices.astype(np.uint64)), word(purpose)))
