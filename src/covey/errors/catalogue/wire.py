"""Explanations of codes about messages."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

WIRE: dict[Code, Explanation] = {
    Code.WIRE_TRUNCATED: Explanation(
        "A message ends early",
        "Fewer bytes arrived than the message announces.",
        "Send it again; if it persists, check the transport's size limit.",
    ),
    Code.WIRE_FORMAT: Explanation(
        "A message is malformed",
        "It is not deterministic CBOR of the expected shape: wrong type, unknown or duplicate key, trailing bytes.",
        "Check the sender against docs/SPEC.md and its test vectors.",
    ),
    Code.WIRE_LIMIT: Explanation(
        "A message exceeds a limit",
        "It is larger or more deeply nested than docs/SPEC.md allows.",
        "Check the sender against docs/SPEC.md.",
    ),
    Code.WIRE_VERSION: Explanation(
        "A message has an unknown version or codec",
        "Sender and receiver do not speak the same version of the protocol.",
        "Update the older of the two.",
    ),
    Code.WIRE_LENGTH: Explanation(
        "An update is made for another model",
        "Its number of parameters is not that of the model of this round.",
        "Check that the sender trained the model that its task named.",
    ),
    Code.WIRE_NONFINITE: Explanation(
        "A message holds numbers that are not finite",
        "NaN and infinity are refused at the door.",
        "Check the sender's data and training.",
    ),
}
