"""One version of a model: its file (`covey.wire.ModelFile`, all that is stored of it) and what is computed with.

Versions only ever grow: a rollback is a new version with old parameters. A version names its parent by digest, so the
history of a model is a chain.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from covey.core import Activation, EncodingKind, LayerKind, Loss
from covey.errors import Code, CoveyError, ModelError
from covey.models.encoding import Encoding, Floats
from covey.models.spec import Layer, ModelSpec
from covey.wire import (
    DEFAULT_DETECTION,
    DEFAULT_SCHEMA,
    DetectionSettings,
    EncodingFields,
    FeatureSchema,
    ModelDesign,
    ModelFile,
)

FLOAT32, UINT16 = np.dtype("<f4"), np.dtype("<u2")


@dataclass(frozen=True, eq=False)
class ModelVersion:
    """A model that can be published; made by `of`, which computes the digest over all of its file."""

    file: ModelFile
    spec: ModelSpec
    parameters: Floats
    encoding: Encoding

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
        schema: FeatureSchema = DEFAULT_SCHEMA,
        detection: DetectionSettings = DEFAULT_DETECTION,
    ) -> Self:
        """A version with its digest; ModelError where the parts do not fit together."""
        design = ModelDesign(
            layers=tuple(tuple(int(number) for number in layer) for layer in spec.layers),
            loss=int(spec.loss),
            encoding=_fields_of(encoding),
            feature_names=feature_names,
            class_names=class_names,
            thresholds=thresholds,
            schema=schema,
            detection=detection,
        )
        data = _bytes_of(parameters, spec, encoding)
        file = ModelFile.of(sequence=sequence, parent=parent, design=design, parameters=data, report=report)
        return cls(file, spec, parameters, encoding)

    def successor(self, parameters: Floats, report: tuple[tuple[str, float], ...] = ()) -> Self:
        """The next version, which differs in its parameters."""
        data = _bytes_of(parameters, self.spec, self.encoding)
        file = ModelFile.of(
            sequence=self.sequence + 1, parent=self.digest, design=self.file.design, parameters=data, report=report
        )
        return replace(self, file=file, parameters=parameters)

    def with_thresholds(self, thresholds: tuple[float, ...]) -> Self:
        """The next version, which differs in its thresholds."""
        file = ModelFile.of(
            sequence=self.sequence + 1,
            parent=self.digest,
            design=replace(self.file.design, thresholds=thresholds),
            parameters=self.file.parameters,
            report=self.report,
        )
        return replace(self, file=file)

    @classmethod
    def of_file(cls, file: ModelFile) -> Self:
        """The version of a file; ModelError where its layers, encoding and parameters do not fit together."""
        design = file.design
        try:
            layers = [
                Layer(LayerKind(kind), Activation(activation), *sizes) for kind, activation, *sizes in design.layers
            ]
            spec, encoding = ModelSpec.of(layers, Loss(design.loss)), _encoding_of(design.encoding)
        except ModelError:
            raise
        except (CoveyError, ValueError, OverflowError) as error:
            raise ModelError(Code.MODEL_FILE, f"the file's parts do not fit together: {error}") from error
        parameters = np.frombuffer(file.parameters, FLOAT32).astype(np.float32)
        if parameters.size != spec.n_parameters or spec.n_inputs != encoding.n_features:
            raise ModelError(
                Code.MODEL_SHAPE, f"the file's {parameters.size} parameters or its features do not fit its layers"
            )
        return cls(file, spec, parameters, encoding)

    @property
    def sequence(self) -> int:
        """It only ever grows."""
        return self.file.sequence

    @property
    def parent(self) -> bytes:
        """Digest of the version this one came from; empty for the first."""
        return self.file.parent

    @property
    def feature_names(self) -> tuple[str, ...]:
        """In the order of the inputs."""
        return self.file.design.feature_names

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the outputs."""
        return self.file.design.class_names

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The first, where there is one, is of a window's score."""
        return self.file.design.thresholds

    @property
    def schema(self) -> FeatureSchema:
        """Where the model's rows come from."""
        return self.file.design.schema

    @property
    def detection(self) -> DetectionSettings:
        """How scores become windows and alarms."""
        return self.file.design.detection

    @property
    def report(self) -> tuple[tuple[str, float], ...]:
        """What validation said of it."""
        return self.file.report

    @property
    def digest(self) -> bytes:
        """SHA-256 over all else."""
        return self.file.digest

    @property
    def int8_bytes(self) -> int:
        """All that a device stores to detect, encoding included."""
        return self.spec.int8_bytes(self.encoding)

    def encode(self) -> bytes:
        """The content of `model.covey`."""
        return self.file.encode()

    @classmethod
    def decode(cls, data: bytes) -> "ModelVersion":
        """The version in a file; ModelError for anything that `encode` did not write."""
        return cls.of_file(ModelFile.decode(data))


def _bytes_of(parameters: Floats, spec: ModelSpec, encoding: Encoding) -> bytes:
    """The parameters as in the file; ModelError where they or the encoding do not fit the layers."""
    if parameters.shape != (spec.n_parameters,) or parameters.dtype != np.float32:
        raise ModelError(
            Code.MODEL_SHAPE,
            f"there are {parameters.size} parameters of {parameters.dtype}, not {spec.n_parameters} of float32",
        )
    if spec.n_inputs != encoding.n_features:
        raise ModelError(Code.MODEL_SHAPE, "the encoding has another number of features")
    return parameters.astype(FLOAT32, copy=False).tobytes()


def _fields_of(encoding: Encoding) -> EncodingFields:
    return EncodingFields(
        kind=int(encoding.kind),
        n_features=encoding.n_features,
        center=encoding.center.astype(FLOAT32).tobytes(),
        scale=encoding.scale.astype(FLOAT32).tobytes(),
        limit=encoding.limit,
        knots=(encoding.knots.view(np.uint32) >> 16).astype(UINT16).tobytes(),
        counts=np.diff(encoding.offsets).astype(np.uint8).tobytes(),
    )


def _encoding_of(fields: EncodingFields) -> Encoding:
    return Encoding(
        EncodingKind(fields.kind),
        fields.n_features,
        center=np.frombuffer(fields.center, FLOAT32).astype(np.float32),
        scale=np.frombuffer(fields.scale, FLOAT32).astype(np.float32),
        limit=fields.limit,
        knots=np.array(fields.knot_values(), np.float32),
        offsets=np.array(fields.offsets(), np.uint16),
    )
