"""The report of a run: one HTML file, made from the result tree alone (docs/RESULT.md)."""

from covey.apps.report.page import render
from covey.apps.report.tree import Result

__all__ = ["Result", "render"]
