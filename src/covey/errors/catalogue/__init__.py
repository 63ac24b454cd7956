"""What `covey explain CODE` says: for every code a title, what it means and what to do about it. A file a group."""

from covey.errors.catalogue.core import CORE
from covey.errors.catalogue.data import DATA
from covey.errors.catalogue.device import DEVICE
from covey.errors.catalogue.explanation import Explanation
from covey.errors.catalogue.machine import MACHINE
from covey.errors.catalogue.model import MODEL
from covey.errors.catalogue.plan import PLAN
from covey.errors.catalogue.run import RUN
from covey.errors.catalogue.store import STORE
from covey.errors.catalogue.traffic import TRAFFIC
from covey.errors.catalogue.wire import WIRE
from covey.errors.codes import Code

CATALOGUE: dict[Code, Explanation] = {
    **CORE,
    **DATA,
    **TRAFFIC,
    **DEVICE,
    **STORE,
    **PLAN,
    **MODEL,
    **WIRE,
    **RUN,
    **MACHINE,
}

__all__ = ["CATALOGUE", "Explanation", "explain"]


def explain(code: Code) -> Explanation:
    """The explanation of one code; every code has one."""
    return CATALOGUE[code]
