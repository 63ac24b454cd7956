"""The file `model.covey`, read and written without numpy: what a device needs to detect.

The file is one deterministic CBOR map with integer keys (docs/SPEC.md, "Model files"), numbers in little-endian byte
strings: 1 format version, 2 sequence, 3 digest of the parent (empty for none), 4 layers (8 uint16 each, in the order of
`covey_layer`), 5 loss, 6 parameters (float32), 7 encoding (1 kind, 2 features, 3 centres and 4 scales float32, 5 limit
float32, 6 knots, the upper halves of float32, 7 number of knots by feature, a byte each), 8 feature names, 9 class
names, 10 thresholds (float64), 11 names and 12 figures (float64) of the report, 13 the digest: SHA-256 over the map
without it, 14 the schema of the features, 15 settings of detection. A reader takes no other bytes.

Whether the layers fit together, and how many parameters they have, only the core knows: whoever runs the model asks it.
"""

import hashlib
import math
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from covey.errors import Code, CoveyError, ModelError
from covey.wire.cbor import Limits, Value, decode, encode
from covey.wire.fields import Fields, doubles, floats, packed, uint16s
from covey.wire.model_schema import (
    DEFAULT_DETECTION,
    DEFAULT_SCHEMA,
    DETECTION_KEYS,
    SCHEMA_KEYS,
    DetectionSettings,
    FeatureSchema,
)
from covey.wire.verdict import Verdict

FORMAT = 2
DIGEST_BYTES = 32
LARGEST_SEQUENCE = (1 << 63) - 1
LIMITS = Limits(size_bytes=16 << 20, depth=4, items=20_000)
FIELDS_OF_LAYER = 8
LAST_KEY = 15
_DIGEST_KEY = 13
_SCALED, _KNOTS = (1, 2), 3  # STANDARD and SIGNED_LOG, KNOTS of covey_encoding_kind
MOST_KNOTS = 255  # of a feature, whose number is stored in one byte


@dataclass(frozen=True, slots=True)
class EncodingFields:
    """Field 7, the encoding of features: numbers as in the file. `models.Encoding` explains them; so does covey.h."""

    kind: int
    n_features: int
    center: bytes = b""  # float32, (n_features) where the kind scales, else empty; so is scale
    scale: bytes = b""
    limit: float = 0.0
    knots: bytes = b""  # uint16: the upper halves of float32
    counts: bytes = b""  # a byte a feature

    def knot_values(self) -> "array[float]":
        """All features' knots, float32."""
        wide = bytearray(2 * len(self.knots))
        wide[2::4], wide[3::4] = self.knots[0::2], self.knots[1::2]
        return floats(bytes(wide))

    def offsets(self) -> "array[int]":
        """(n_features + 1) uint16, where each feature's knots start; empty without knots."""
        return array("H", accumulate(self.counts, initial=0)) if self.counts else array("H")

    def check(self) -> None:
        """ModelError for columns that do not fit the kind."""
        n = 4 * self.n_features if self.kind in _SCALED else 0
        _require(0 <= self.kind <= _KNOTS, f"there is no encoding of kind {self.kind}")
        _require(self.n_features >= 1, f"the encoding has {self.n_features} features")
        _require(len(self.center) == len(self.scale) == n, "the encoding's scales do not fit its features")
        finite = _all_finite(self.center) and _all_finite(self.scale) and 0 <= self.limit < math.inf
        _require(finite, "the encoding's scales are not finite")
        if self.kind == _KNOTS:
            self._check_knots()
        else:
            _require(not (self.knots or self.counts), "an encoding of this kind has no knots")

    def _check_knots(self) -> None:
        fits = len(self.counts) == self.n_features and 2 * sum(self.counts) == len(self.knots) <= 2 * 0xFFFF
        _require(fits, "the encoding's knots do not fit its features")
        _require(min(self.counts) >= 2, f"a feature has fewer than 2 or more than {MOST_KNOTS} knots")
        values = self.knot_values()
        ascending = all(
            low < high for first, end in pairwise(self.offsets()) for low, high in pairwise(values[first:end])
        )
        _require(ascending and _all_finite(packed(values)), "the knots of a feature are not finite and ascending")

    def value(self) -> dict[int, Value]:
        """Field 7 of a model file."""
        return {
            1: self.kind,
            2: self.n_features,
            3: self.center,
            4: self.scale,
            5: struct.pack("<f", self.limit),
            6: self.knots,
            7: self.counts,
        }

    @classmethod
    def read(cls, fields: Fields) -> "EncodingFields":
        """The encoding of a field 7; ModelError or struct.error for one that `value` did not make."""
        (limit,) = struct.unpack("<f", fields.data(5))
        return cls(
            fields.number(1),
            fields.number(2),
            fields.data(3, 4),
            fields.data(4, 4),
            limit,
            fields.data(6, 2),
            fields.data(7),
        )


@dataclass(frozen=True)
class ModelDesign:
    """All of a model but its numbers: what versions of one training share. Checked when made (ModelError)."""

    layers: tuple[tuple[int, ...], ...]  # 8 numbers each, in the order of covey_layer
    loss: int
    encoding: EncodingFields
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...] = ()  # [0], where there is one: of a window's score
    schema: FeatureSchema = DEFAULT_SCHEMA
    detection: DetectionSettings = DEFAULT_DETECTION

    def __post_init__(self) -> None:
        """ModelError where the parts do not fit together."""
        _require(bool(self.layers), "the model has no layers")
        whole = all(len(layer) == FIELDS_OF_LAYER and max(layer) <= 0xFFFF for layer in self.layers)
        _require(whole and min(map(min, self.layers)) >= 0, f"a layer is {FIELDS_OF_LAYER} numbers below 2^16")
        _require(0 <= self.loss <= 0xFF, f"there is no loss {self.loss}")
        self.encoding.check()
        n, names = self.encoding.n_features, self.feature_names
        _require(len(names) == n, f"there are {len(names)} feature names for {n} features")
        _require(len(set(names)) == len(names), "a feature name stands twice")
        unique = len(set(self.class_names)) == len(self.class_names)
        _require(unique and bool(self.class_names), "the class names are not unique")
        _require(all(map(math.isfinite, self.thresholds)), "a threshold of the model is not finite")

    def reads_rows_of(self, other: "ModelDesign") -> bool:
        """Whether rows made for `other` are rows for this: the same features, from the same source in the same way."""
        return self.feature_names == other.feature_names and self.schema == other.schema

    @cached_property
    def pieces(self) -> tuple[bytes, bytes, bytes]:
        """The encoded fields 4 and 5, 7 to 10, 14 and 15, with their keys: a version costs its own numbers only."""
        layers = array("H", [number for layer in self.layers for number in layer])
        values: dict[int, Value] = {
            4: packed(layers),
            5: self.loss,
            7: self.encoding.value(),
            8: list(self.feature_names),
            9: list(self.class_names),
            10: struct.pack(f"<{len(self.thresholds)}d", *self.thresholds),
            14: self.schema.value(),
            15: self.detection.value(),
        }
        return _pairs(values, (4, 5)), _pairs(values, (7, 8, 9, 10)), _pairs(values, (14, 15))

    @classmethod
    def read(cls, fields: Fields) -> "ModelDesign":
        """The design of a file's map."""
        layers = uint16s(fields.data(4, 2 * FIELDS_OF_LAYER))
        return cls(
            layers=tuple(
                tuple(layers[first : first + FIELDS_OF_LAYER]) for first in range(0, len(layers), FIELDS_OF_LAYER)
            ),
            loss=fields.number(5),
            encoding=EncodingFields.read(fields.map(7, range(1, 8))),
            feature_names=fields.texts(8),
            class_names=fields.texts(9),
            thresholds=tuple(doubles(fields.data(10, 8))),
            schema=FeatureSchema.read(fields.map(14, SCHEMA_KEYS)),
            detection=DetectionSettings.read(fields.map(15, DETECTION_KEYS)),
        )


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One version of a model; made by `of`, which computes the digest, or read by `decode`."""

    sequence: int
    parent: bytes  # digest of the version it came from; empty for the first
    design: ModelDesign
    parameters: bytes  # float32
    report: tuple[tuple[str, float], ...]  # what validation said of it
    digest: bytes

    @classmethod
    def of(
        cls,
        *,
        sequence: int,
        parent: bytes,
        design: ModelDesign,
        parameters: bytes,
        report: Sequence[tuple[str, float]] = (),
    ) -> "ModelFile":
        """A version with its digest; ModelError where the parts do not fit together."""
        _require(1 <= sequence <= LARGEST_SEQUENCE, f"the sequence {sequence} is out of range")
        _require(len(parent) in (0, DIGEST_BYTES), f"a parent's digest has {DIGEST_BYTES} bytes or none")
        _require(len(parameters) % 4 == 0, "the parameters are not float32")
        finite = _all_finite(parameters) and all(math.isfinite(figure) for _, figure in report)
        _require(finite, "a parameter or figure of the model is not finite")
        draft = cls(sequence, parent, design, parameters, tuple(report), b"")
        before, after = draft._pieces()
        digest = hashlib.sha256(b"".join((_map_head(LAST_KEY - 1), before, after))).digest()
        return cls(sequence, parent, design, parameters, draft.report, digest)

    def encode(self) -> bytes:
        """The content of `model.covey`."""
        before, after = self._pieces()
        return b"".join((_map_head(LAST_KEY), before, encode(_DIGEST_KEY), encode(self.digest), after))

    @classmethod
    def decode(cls, data: bytes) -> "ModelFile":
        """The version in a file; ModelError for anything that `encode` did not write."""
        value = decode(data, LIMITS)
        if isinstance(value, Verdict):
            raise ModelError(Code.MODEL_FILE, f"the file is no model of Covey: {value.name.lower().replace('_', ' ')}")
        version = value.get(1) if isinstance(value, dict) else None
        if isinstance(version, int) and version != FORMAT:
            raise ModelError(
                Code.MODEL_FILE,
                f"the file has the format {version}; this Covey reads {FORMAT}",
                "make the model again with this version of Covey, or read it with the one that made it",
            )
        fields = Fields.of(value, range(1, LAST_KEY + 1))
        fields.number(1)  # a format of another type, such as 2.0, is none
        try:
            file = cls.of(
                sequence=fields.number(2),
                parent=fields.data(3),
                design=ModelDesign.read(fields),
                parameters=fields.data(6, 4),
                report=tuple(zip(fields.texts(11), doubles(fields.data(12, 8)), strict=True)),
            )
        except ModelError:
            raise
        except (CoveyError, ValueError, OverflowError, struct.error) as error:
            raise ModelError(Code.MODEL_FILE, f"the file's parts do not fit together: {error}") from error
        if file.digest != fields.data(_DIGEST_KEY):
            raise ModelError(Code.MODEL_DIGEST, "the file's digest is not that of its content")
        return file

    def _pieces(self) -> tuple[bytes, bytes]:
        """The encoded fields before and behind the digest."""
        own: dict[int, Value] = {
            1: FORMAT,
            2: self.sequence,
            3: self.parent,
            6: self.parameters,
            11: [name for name, _ in self.report],
            12: struct.pack(f"<{len(self.report)}d", *(figure for _, figure in self.report)),
        }
        layers, middle, end = self.design.pieces
        before = (_pairs(own, (1, 2, 3)), layers, _pairs(own, (6,)), middle, _pairs(own, (11, 12)))
        return b"".join(before), end


def _pairs(values: dict[int, Value], keys: Sequence[int]) -> bytes:
    """Pairs of a map, without its head."""
    return b"".join(encode(key) + encode(values[key]) for key in keys)


def _map_head(n: int) -> bytes:
    """The head of a map of n < 24 pairs."""
    return bytes([0xA0 | n])


def _all_finite(data: bytes) -> bool:
    """Whether all these float32 are finite: by the bytes of their exponents or else, for huge ones, by their sum."""
    high = data[3::4]
    if b"\x7f" not in high and b"\xff" not in high:
        return True
    return math.isfinite(sum(floats(data)))  # in float64 it cannot overflow


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise ModelError(Code.MODEL_SHAPE, text)
