"""How a device that detects treats its model and its threshold."""

from enum import StrEnum


class Mode(StrEnum):
    """What changes while a device detects."""

    INFERENCE = "inference"  # nothing: the model and the threshold it was given or calibrated to
    ADAPT = "adapt"  # the threshold, and the scaling of features, follow the device's own benign traffic, within bounds
    FEDERATED = "federated"  # as inference, and the device takes part in rounds that bring it new models
