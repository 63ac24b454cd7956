"""Who is asked to take part in a round."""

from covey.selection.by_state import ByState
from covey.selection.candidates import Candidates, DeviceStates, draw_devices
from covey.selection.family import Selector
from covey.selection.uniform import Uniform

#: The family's selectors by `kind`. A new one: one file, one line here.
SELECTORS: dict[str, type] = {"uniform": Uniform, "by_state": ByState}

__all__ = ["SELECTORS", "ByState", "Candidates", "DeviceStates", "Selector", "Uniform", "draw_devices"]
