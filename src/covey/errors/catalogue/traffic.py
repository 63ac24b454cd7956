"""Explanations of codes about captures, interfaces and other sources."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

TRAFFIC: dict[Code, Explanation] = {}
