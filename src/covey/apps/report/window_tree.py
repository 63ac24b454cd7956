"""The part of the result tree about captures that were judged by windows, typed (docs/RESULT.md, "Windows")."""

from typing import Annotated

from pydantic import Field

from covey.apps.report.part import Count, Part


class WindowScore(Part):
    """How well a detector judges windows at its device's threshold; None where there is nothing to compute it from."""

    threshold: float | None = None
    tpr: float | None = None
    tpr_alarm: float | None = None
    above_per_hour: float | None = None
    false_alarms_per_hour: float | None = None
    precision: float | None = None
    incidents_found: Count = 0
    delay_s: float | None = None


class WatchedDevice(Part):
    """One device's held-out captures, judged by each detector."""

    calibrated_hours: float | None = None
    benign_hours: float | None = None
    attack_windows: Count | None = None
    incidents: Count | None = None
    int8: WindowScore | None = None
    int8_fleet_threshold: WindowScore | None = None
    federated: WindowScore | None = None
    local: WindowScore | None = None
    central: WindowScore | None = None


class WorstWatched(Part):
    """The device that finds least, and the one with most false alarms."""

    device: str | None = None
    tpr: float | None = None
    loudest_device: str | None = None
    above_per_hour: float | None = None


class AttackWindows(Part):
    """Windows of one kind or family of attack, over all devices; shares by detector."""

    family: str
    in_training: bool
    windows: Count
    incidents: Count
    tpr: dict[str, float | None]
    tpr_alarm: dict[str, float | None] = Field(default_factory=dict)
    incidents_found: dict[str, Count] = Field(default_factory=dict)


class Span(Part):
    """An attack of the truth, in seconds from the timeline's begin."""

    attack: str
    start_s: float
    end_s: float


class Timeline(Part):
    """One capture, window by window."""

    session: str
    threshold: float
    start_s: list[float]
    score: list[float]
    in_alarm: list[Annotated[int, Field(ge=0, le=1)]]
    attacks: list[Span]


class Windows(Part):
    """All captures that were judged by windows."""

    window_s: float
    alarms_per_hour: float
    fleet_threshold: float | None = None
    devices: dict[str, WatchedDevice]
    pooled: dict[str, WindowScore]
    worst: dict[str, WorstWatched] = Field(default_factory=dict)
    attacks: dict[str, AttackWindows] = Field(default_factory=dict)
    families: dict[str, AttackWindows] = Field(default_factory=dict)
    timelines: dict[str, Timeline] = Field(default_factory=dict)
