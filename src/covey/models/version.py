"""One version of a model and its file, `model.covey`.

Versions only ever grow: a rollback is a new version with old parameters. A version names its parent by digest, so the
history of a model is a chain.

The file is one deterministic CBOR map with integer keys (docs/SPEC.md), numbers in little-endian byte strings: 1 format
version, 2 sequence, 3 digest of the parent (empty for none), 4 layers (8 uint16 each, in the order of `covey_layer`), 5
loss, 6 parameters (float32), 7 encoding (1 kind, 2 features, 3 centres and 4 scales float32, 5 limit float32, 6 knots,
the upper halves of float32, 7 number of knots by feature, a byte each), 8 feature names, 9 class names, 10 thresholds
(float64), 11 names and 12 figures (float64) of the report, 13 the digest: SHA-256 over the map without it. A reader
takes no other bytes.
"""

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from covey.core import Activation, EncodingKind, LayerKind, Loss
from covey.errors import Code, CoveyError, ModelError
from covey.models.encoding import Encoding, Floats
from covey.models.fields import Fields
from covey.models.spec import Layer, ModelSpec
from covey.wire import Limits, Value, Verdict, decode, encode

FORMAT = 1
DIGEST_BYTES = 32
LARGEST_SEQUENCE = (1 << 63) - 1
LIMITS = Limits(size_bytes=16 << 20, depth=4, items=20_000)
FLOAT32, FLOAT64, UINT16 = np.dtype("<f4"), np.dtype("<f8"), np.dtype("<u2")
FIELDS_OF_LAYER = 8


@dataclass(frozen=True, eq=False)
class ModelVersion:
    """A model that can be published; made by `of`, which computes the digest over all else."""

    sequence: int
    parent: bytes  # digest of the version it came from; empty for the first
    spec: ModelSpec
    parameters: Floats
    encoding: Encoding
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...]
    report: tuple[tuple[str, float], ...]  # what validation said of it
    digest: bytes

    @classmethod
    def of(
        cls,
        *,
        sequence: int,
        parent: bytes,
        spec: ModelSpec,
        parameters: Floats,
        encoding: Encoding,
        feature_names: tuple[str, ...],
        class_names: tuple[str, ...],
        thresholds: tuple[float, ...] = (),
        report: tuple[tuple[str, float], ...] = (),
    ) -> Self:
        """A version with its digest; ModelError where the parts do not fit together."""
        version = cls(
            sequence, parent, spec, parameters, encoding, feature_names, class_names, thresholds, report, digest=b""
        )
        version._check()
        return replace(version, digest=hashlib.sha256(encode(version._content())).digest())

    def successor(self, parameters: Floats, report: tuple[tuple[str, float], ...] = ()) -> Self:
        """The next version, which differs in its parameters."""
        return self.of(
            sequence=self.sequence + 1,
            parent=self.digest,
            spec=self.spec,
            parameters=parameters,
            encoding=self.encoding,
            feature_names=self.feature_names,
            class_names=self.class_names,
            thresholds=self.thresholds,
            report=report,
        )

    @property
    def int8_bytes(self) -> int:
        """All that a device stores to detect, encoding included."""
        return self.spec.int8_bytes(self.encoding)

    def encode(self) -> bytes:
        """The content of `model.covey`."""
        return encode({**self._content(), 13: self.digest})

    @classmethod
    def decode(cls, data: bytes) -> "ModelVersion":
        """The version in a file; ModelError for anything that `encode` did not write."""
        value = decode(data, LIMITS)
        if isinstance(value, Verdict):
            raise ModelError(Code.MODEL_FILE, f"the file is no model of Covey: {value.name.lower().replace('_', ' ')}")
        fields = Fields.of(value, range(1, 14))
        if fields.number(1) != FORMAT:
            raise ModelError(Code.MODEL_FILE, f"the file has the format {fields.number(1)}; this Covey reads {FORMAT}")
        try:
            version = _read(fields)
        except ModelError:
            raise
        except (CoveyError, ValueError, OverflowError) as error:
            raise ModelError(Code.MODEL_FILE, f"the file's parts do not fit together: {error}") from error
        if version.digest != fields.data(13):
            raise ModelError(Code.MODEL_DIGEST, "the file's digest is not that of its content")
        return version

    def _check(self) -> None:
        """ModelError where the parts do not fit together."""
        faults = (
            (not 1 <= self.sequence <= LARGEST_SEQUENCE, f"the sequence {self.sequence} is out of range"),
            (len(self.parent) not in (0, DIGEST_BYTES), f"a parent's digest has {DIGEST_BYTES} bytes or none"),
            (self.parameters.shape != (self.spec.n_parameters,), f"there are {self.parameters.size} parameters"),
            (self.parameters.dtype != np.float32, "the parameters are not float32"),
            (self.spec.n_inputs != self.encoding.n_features, "the encoding has another number of features"),
            (len(self.feature_names) != self.encoding.n_features, f"there are {len(self.feature_names)} feature names"),
            (len(set(self.feature_names)) != len(self.feature_names), "a feature name stands twice"),
            (
                len(set(self.class_names)) != len(self.class_names) or not self.class_names,
                "the class names are not unique",
            ),
        )
        for is_fault, text in faults:
            if is_fault:
                raise ModelError(Code.MODEL_SHAPE, text)
        figures = (*self.thresholds, *(figure for _, figure in self.report))
        if not np.isfinite(self.parameters).all() or not np.isfinite(figures).all():
            raise ModelError(Code.MODEL_SHAPE, "a parameter, threshold or figure of the model is not finite")

    def _content(self) -> dict[int, Value]:
        return {
            1: FORMAT,
            2: self.sequence,
            3: self.parent,
            4: np.array(self.spec.layers, UINT16).tobytes(),
            5: int(self.spec.loss),
            6: self.parameters.astype(FLOAT32).tobytes(),
            7: {
                1: int(self.encoding.kind),
                2: self.encoding.n_features,
                3: self.encoding.center.astype(FLOAT32).tobytes(),
                4: self.encoding.scale.astype(FLOAT32).tobytes(),
                5: struct.pack("<f", self.encoding.limit),
                6: (self.encoding.knots.view(np.uint32) >> 16).astype(UINT16).tobytes(),
                7: np.diff(self.encoding.offsets).astype(np.uint8).tobytes(),
            },
            8: list(self.feature_names),
            9: list(self.class_names),
            10: np.array(self.thresholds, FLOAT64).tobytes(),
            11: [name for name, _ in self.report],
            12: np.array([figure for _, figure in self.report], FLOAT64).tobytes(),
        }


def _read(fields: Fields) -> ModelVersion:
    return ModelVersion.of(
        sequence=fields.number(2),
        parent=fields.data(3),
        spec=ModelSpec.of(_read_layers(fields.array(4, UINT16).tolist()), Loss(fields.number(5))),
        parameters=fields.array(6, FLOAT32).astype(np.float32),
        encoding=_read_encoding(fields.map(7, range(1, 8))),
        feature_names=fields.texts(8),
        class_names=fields.texts(9),
        thresholds=tuple(fields.array(10, FLOAT64).tolist()),
        report=tuple(zip(fields.texts(11), fields.array(12, FLOAT64).tolist(), strict=True)),
    )


def _read_layers(values: list[int]) -> list[Layer]:
    rows = [values[first : first + FIELDS_OF_LAYER] for first in range(0, len(values), FIELDS_OF_LAYER)]
    return [Layer(LayerKind(kind), Activation(activation), *sizes) for kind, activation, *sizes in rows]


def _read_encoding(fields: Fields) -> Encoding:
    kind = EncodingKind(fields.number(1))
    counts = fields.array(7, np.dtype(np.uint8)).astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum(counts))) if counts.size else np.zeros(0)
    (limit,) = struct.unpack("<f", fields.data(5))
    return Encoding(
        kind,
        fields.number(2),
        center=fields.array(3, FLOAT32).astype(np.float32),
        scale=fields.array(4, FLOAT32).astype(np.float32),
        limit=limit,
        knots=(fields.array(6, UINT16).astype(np.uint32) << 16).view(np.float32),
        offsets=offsets.astype(np.uint16),
    )
