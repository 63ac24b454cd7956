"""Explanations of codes about detection, alerts, the local store and the spool on a device."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

DEVICE: dict[Code, Explanation] = {}
