"""Classes of devices and the largest model each can hold."""

from dataclasses import dataclass
from enum import StrEnum

from covey.errors import Code, ModelError
from covey.models.encoding import Encoding
from covey.models.spec import ModelSpec


class DeviceClass(StrEnum):
    """What a device is, by what it can hold."""

    MCU_SMALL = "mcu-small"  # Cortex-M0+ to M4, 256 KB flash, 64 KB RAM
    MCU_LARGE = "mcu-large"  # Cortex-M7 or M33, 2 MB flash, 512 KB RAM
    LINUX_SMALL = "linux-small"  # a camera, router or gateway with 64 MB RAM
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest model of a class."""

    int8_bytes: int  # flash: weights, scales, biases and encoding
    float32_bytes: int  # RAM: the parameters while they are trained


KIB, MIB = 1 << 10, 1 << 20
#: A quarter of the RAM stays free for activations, the update and the network stack.
LIMITS: dict[DeviceClass, Limits] = {
    DeviceClass.MCU_SMALL: Limits(10 * KIB, 48 * KIB),
    DeviceClass.MCU_LARGE: Limits(256 * KIB, 384 * KIB),
    DeviceClass.LINUX_SMALL: Limits(2 * MIB, 4 * MIB),
    DeviceClass.SERVER: Limits(2 * MIB, 4 * MIB),  # the core's own limit of 1,048,576 parameters
}


def check_fits(device_class: DeviceClass, spec: ModelSpec, encoding: Encoding) -> None:
    """ModelError where a model is too large for a class of devices."""
    limits = LIMITS[device_class]
    for size, limit, form in (
        (spec.int8_bytes(encoding), limits.int8_bytes, "at int8, its encoding included"),
        (spec.float32_bytes, limits.float32_bytes, "at float32, as it is trained"),
    ):
        if size > limit:
            raise ModelError(
                Code.MODEL_TOO_LARGE,
                f"the model has {size:,} bytes {form}; a device of class {device_class.value} holds {limit:,}",
                "use fewer hidden units or knots, exclude features, or choose a larger fleet.device_class",
            )
