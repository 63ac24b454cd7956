"""The comparison that a Plan may ask for: plain federated averaging of a dense network, by the same simulation."""

from typing import Any

from covey.aggregation import FedAvg as MeanChange
from covey.apps.cli.rendering import show_warning
from covey.errors import EnvironmentFault
from covey.models import Mlp
from covey.plan import Plan
from covey.simulation import RoundReport, Simulation
from covey.telemetry import Dataset
from covey.training import FedAvg, LocalSgd

Tree = dict[str, Any]


def plain_plan(plan: Plan) -> Plan:
    """The same data, rounds and local steps, but a dense network, plain local steps, the mean, and float32 updates."""
    given = plan.training
    trainer = FedAvg()
    if isinstance(given, LocalSgd):
        trainer = FedAvg(epochs=given.epochs, steps=given.steps, batch=given.batch)
    judging = plan.judging.model_copy(update={"local": False, "central": False, "plain_fedavg": False})
    fleet = plan.fleet.model_copy(update={"device_class": None})
    return plan.changed(model=Mlp(), training=trainer, server=MeanChange(), pipeline=(), judging=judging, fleet=fleet)


def with_plain_fedavg(tree: Tree, plan: Plan, dataset: Dataset) -> Tree:
    """The tree with the comparison's scores, ROC and rounds in it; as it was where the comparison comes to nothing."""
    simulation = Simulation(plain_plan(plan), dataset, None)
    try:
        rounds = [_entry(report) for report in simulation if report.round > 0]
    except EnvironmentFault as error:
        show_warning(f"there is no comparison with plain federated averaging: {error.cause}")
        return tree
    other: Tree = dict(simulation.result().as_json())
    return {
        **tree,
        "pooled": {**tree["pooled"], "plain_fedavg": other["pooled"]["federated"]},
        "roc": {**tree["roc"], "plain_fedavg": other["roc"].get("federated")},
        "plain_fedavg_rounds": rounds,
    }


def _entry(report: RoundReport) -> Tree:
    keys = ("round", "accuracy", "macro_f1", "up_bytes", "down_bytes")
    return {key: getattr(report, key) for key in keys}
