"""What a device is told to do: train from a model version, or sketch its features."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from covey.errors import Code, WireError
from covey.wire.cbor import Limits, Value, decode, encode
from covey.wire.reader import Reader, as_float32, require_size, require_uint
from covey.wire.verdict import Verdict

VERSION = 1
DIGEST_BYTES = 16
SEED_BYTES = 8
#: A model of 2^20 parameters: its file, the fleet's control variate and step scales, each float32.
LIMITS = Limits(size_bytes=20 << 20, depth=2, items=128)


class TaskKind(IntEnum):
    """What a Task asks for."""

    TRAIN = 1
    STATISTICS = 2


class RecipeLike(Protocol):
    """What a RecipeTerms is made of: core.Recipe, for one."""

    @property
    def codec(self) -> int: ...
    @property
    def block(self) -> int: ...
    @property
    def clip_norm(self) -> float: ...


class ArgumentsLike(Protocol):
    """What TrainingTerms are made of: core.TrainingArguments, for one."""

    @property
    def epochs(self) -> int: ...
    @property
    def max_steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def momentum(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def proximal(self) -> float: ...
    @property
    def gradient_clip(self) -> float: ...
    @property
    def huber_delta(self) -> float: ...
    @property
    def label_smoothing(self) -> float: ...
    @property
    def fake_quantise(self) -> bool: ...
    @property
    def shuffle(self) -> bool: ...


class RuleLike(Protocol):
    """What SketchTerms are made of: telemetry.SketchRule, for one."""

    @property
    def bits(self) -> int: ...
    @property
    def points(self) -> int: ...
    @property
    def max_rows(self) -> int: ...
    @property
    def limit(self) -> float: ...


@dataclass(frozen=True, slots=True)
class RecipeTerms:
    """How the update is to be packed: `covey_recipe` of covey.h."""

    codec: int
    block: int
    clip_norm: float

    def value(self) -> Value:
        """For encoding."""
        return {1: self.codec, 2: self.block, 3: self.clip_norm}

    @classmethod
    def read(cls, reader: Reader) -> "RecipeTerms":
        """From its map."""
        return cls(reader.uint(1, 8), reader.uint(2, 16), reader.float32(3))


@dataclass(frozen=True, slots=True)
class TrainingTerms:
    """How to train: the numbers of `covey_training` of covey.h; floats are float32."""

    epochs: int
    max_steps: int
    batch: int
    learning_rate: float
    momentum: float
    weight_decay: float
    proximal: float
    gradient_clip: float
    huber_delta: float
    label_smoothing: float
    fake_quantise: bool
    shuffle: bool

    def value(self) -> Value:
        """For encoding: the fields in their order."""
        fields = (self.epochs, self.max_steps, self.batch, self.learning_rate, self.momentum, self.weight_decay)
        more = (self.proximal, self.gradient_clip, self.huber_delta, self.label_smoothing)
        return dict(enumerate((*fields, *more, self.fake_quantise, self.shuffle), start=1))

    @classmethod
    def read(cls, reader: Reader) -> "TrainingTerms":
        """From its map."""
        return cls(
            epochs=reader.uint(1, 32),
            max_steps=reader.uint(2, 32),
            batch=reader.uint(3, 32),
            learning_rate=reader.float32(4),
            momentum=reader.float32(5),
            weight_decay=reader.float32(6),
            proximal=reader.float32(7),
            gradient_clip=reader.float32(8),
            huber_delta=reader.float32(9),
            label_smoothing=reader.float32(10),
            fake_quantise=reader.flag(11),
            shuffle=reader.flag(12),
        )

    @classmethod
    def of(cls, arguments: ArgumentsLike) -> "TrainingTerms":
        """The numbers of `arguments`, floats rounded to float32, as the core would."""
        return cls(
            epochs=arguments.epochs,
            max_steps=arguments.max_steps,
            batch=arguments.batch,
            learning_rate=as_float32(arguments.learning_rate),
            momentum=as_float32(arguments.momentum),
            weight_decay=as_float32(arguments.weight_decay),
            proximal=as_float32(arguments.proximal),
            gradient_clip=as_float32(arguments.gradient_clip),
            huber_delta=as_float32(arguments.huber_delta),
            label_smoothing=as_float32(arguments.label_smoothing),
            fake_quantise=bool(arguments.fake_quantise),
            shuffle=bool(arguments.shuffle),
        )


@dataclass(frozen=True, slots=True)
class SketchTerms:
    """How to sketch: bits of a bucket's mantissa, buckets a feature, rows at most, values clipped to +-limit."""

    bits: int
    points: int
    max_rows: int
    limit: float

    def value(self) -> Value:
        """For encoding."""
        return {1: self.bits, 2: self.points, 3: self.max_rows, 4: self.limit}

    @classmethod
    def read(cls, reader: Reader) -> "SketchTerms":
        """From its map."""
        return cls(reader.uint(1, 3), reader.uint(2, 32), reader.uint(3, 32), reader.float32(4))


@dataclass(frozen=True, slots=True)
class Task:
    """One task; a device takes it if its round is above that of the last one, and drops it after its lifetime.

    TRAIN has digest, seed, recipe and terms, and the model: as `model`, its file, for a device that has none, or as
    `parameters` (float32) for one that keeps what it learned from such a file. It may have the fleet's control
    `variate` (float32, one a parameter), a `step_scale` (float32, one a row of the spline layer's weight) and
    `trainable` (a byte a layer). STATISTICS has sketch. lifetime_ms: 0 for no end. All encodings that differ in
    nothing but the seed have one length.
    """

    kind: TaskKind
    round: int
    lifetime_ms: int
    digest: bytes = b""
    seed: int = 0
    recipe: RecipeTerms | None = None
    terms: TrainingTerms | None = None
    sequence: int | None = None
    parameters: bytes | None = None
    variate: bytes | None = None
    step_scale: bytes | None = None
    trainable: bytes | None = None
    sketch: SketchTerms | None = None
    model: bytes | None = None

    @classmethod
    def training(
        cls,
        *,
        round: int,  # noqa: A002 (the word for it everywhere)
        digest: bytes,
        lifetime_ms: int,
        seed: int,
        recipe: RecipeLike,
        arguments: ArgumentsLike,
        sequence: int | None = None,
    ) -> "Task":
        """A task to train from the model version of `digest` (16 bytes), which is still to be put in.

        `arguments.seed` and buffers are left out.
        """
        packed = RecipeTerms(int(recipe.codec), recipe.block, as_float32(recipe.clip_norm))
        terms = TrainingTerms.of(arguments)
        return cls(TaskKind.TRAIN, round, lifetime_ms, digest, seed, packed, terms, sequence)

    @classmethod
    def statistics(cls, *, round: int, lifetime_ms: int, rule: RuleLike) -> "Task":  # noqa: A002 (as above)
        """A task to sketch the features of the device's rows."""
        terms = SketchTerms(rule.bits, rule.points, rule.max_rows, as_float32(rule.limit))
        return cls(TaskKind.STATISTICS, round, lifetime_ms, sketch=terms)

    def encode(self) -> bytes:
        """The message; WireError if the parts do not fit the kind, or a number is out of its range."""
        require_uint("round", self.round, 32)
        require_uint("lifetime_ms", self.lifetime_ms, 32)
        fields: dict[int, Value] = {1: VERSION, 2: int(self.kind), 3: self.round, 4: self.lifetime_ms}
        if self.kind is TaskKind.TRAIN:
            fields |= self._training_fields()
        elif self.sketch is not None:
            fields[13] = self.sketch.value()
        data = encode(fields)
        if not isinstance(back := Task.decode(data), Task) or back != self:
            raise WireError(Code.WIRE_FORMAT, f"the fields of a {self.kind.name} task do not fit together: {back!r}")
        return data

    def _training_fields(self) -> dict[int, Value]:
        require_size("digest", self.digest, DIGEST_BYTES)
        require_uint("seed", self.seed, 64)
        optional: dict[int, Value] = {
            7: None if self.recipe is None else self.recipe.value(),
            8: None if self.terms is None else self.terms.value(),
            9: self.parameters,
            10: self.variate,
            11: self.step_scale,
            12: self.trainable,
            14: self.sequence,
            15: self.model,
        }
        fields: dict[int, Value] = {5: self.digest, 6: self.seed.to_bytes(SEED_BYTES, "little")}
        fields.update((key, value) for key, value in optional.items() if value is not None)
        return fields

    @classmethod
    def decode(cls, data: bytes) -> "Task | Verdict":
        """The message, or why it is none."""
        reader = Reader(decode(data, LIMITS))
        reader.version(VERSION)
        kind = reader.uint(2, 8)
        round_number, lifetime_ms = reader.uint(3, 32), reader.uint(4, 32)
        if kind == TaskKind.STATISTICS:
            inner = reader.nested(13)
            task = cls(TaskKind.STATISTICS, round_number, lifetime_ms, sketch=SketchTerms.read(inner))
            reader.close(inner)
        else:
            if kind != TaskKind.TRAIN:
                reader.refuse(Verdict.MALFORMED)
            task = cls._read_training(reader, round_number, lifetime_ms)
        fault = reader.finish()
        return task if fault is None else fault

    @classmethod
    def _read_training(cls, reader: Reader, round_number: int, lifetime_ms: int) -> "Task":
        recipe, terms = reader.nested(7), reader.nested(8)
        task = cls(
            kind=TaskKind.TRAIN,
            round=round_number,
            lifetime_ms=lifetime_ms,
            digest=reader.data(5, DIGEST_BYTES),
            seed=int.from_bytes(reader.data(6, SEED_BYTES), "little"),
            recipe=RecipeTerms.read(recipe),
            terms=TrainingTerms.read(terms),
            parameters=reader.optional_data(9),
            variate=reader.optional_data(10),
            step_scale=reader.optional_data(11),
            trainable=reader.optional_data(12),
            sequence=reader.optional_uint(14, 64),
            model=reader.optional_data(15),
        )
        if (task.parameters is None) == (task.model is None):
            reader.refuse(Verdict.MALFORMED)
        reader.close(recipe)
        reader.close(terms)
        return task
