"""A slow, obvious twin of the core's training, the oracle of its tests.

`dtype=float64` follows mathematics with matrix products. `dtype=float32` follows the core's canonical arithmetic: every
sum is one chain in ascending order, every operation rounded by itself, so the bits must agree. exp and log are the
core's own there, handed in; everything else is plus, minus, times and divided by.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from covey.core import Activation, LayerKind, Loss, Model, TrainingArguments, random_u64, seed

Array = NDArray[np.floating]


def chain_matmul(a: Array, b: Array, start: Array) -> Array:
    """start + a @ b with each element one chain of a[i, k] * b[k, j] in ascending k."""
    total = np.broadcast_to(start, (a.shape[0], b.shape[1])).astype(a.dtype).copy()
    if a.dtype == np.float64:
        return total + a @ b
    for k in range(a.shape[1]):
        total += a[:, k : k + 1] * b[k : k + 1, :]
    return total


@dataclass
class Twin:
    """A model, its parameters and the two functions that are not arithmetic (exp and log on arrays)."""

    model: Model
    parameters: Array
    exp: Callable[[Array], Array] = np.exp
    log: Callable[[Array], Array] = np.log
    tanh: Callable[[Array], Array] = np.tanh
    values: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dtype = self.parameters.dtype
        self.spans: list[tuple[slice, slice, tuple[int, int]] | None] = []
        at = 0
        for kind, _, inputs, outputs, knots, _, kernel, _ in self.model.layers:
            rows = {LayerKind.DENSE: inputs, LayerKind.SPLINE: knots, LayerKind.CONV1D: kernel * inputs}.get(kind, 0)
            weight = slice(at, at + rows * outputs)
            bias = slice(weight.stop, weight.stop + outputs)
            self.spans.append((weight, bias, (rows, outputs)) if rows else None)
            at = bias.stop if rows else at

    def rounded(self) -> Array:
        """The parameters whose weights an int8 model can hold: units of largest / 127, halves away from zero."""
        result = self.parameters.copy()
        for span in filter(None, self.spans):
            weight = self.parameters[span[0]].reshape(span[2])
            largest = np.abs(weight).max(axis=0)
            scaled = weight * (self.dtype.type(127) / largest)
            result[span[0]] = (np.trunc(scaled + np.copysign(self.dtype.type(0.5), scaled)) * (largest / 127)).ravel()
        return result.astype(self.dtype)

    def windows(self, layer: tuple[int, ...], x: Array) -> Array:
        """(samples, steps, kernel * channels) windows of sequences (samples, length * channels)."""
        _, _, channels, _, _, length, kernel, stride = layer
        steps = (length - kernel) // stride + 1
        sequence = x.reshape(len(x), length, channels)
        return np.stack(
            [sequence[:, p * stride : p * stride + kernel].reshape(len(x), -1) for p in range(steps)], axis=1
        )

    def hats(self, layer: tuple[int, ...], x: Array) -> tuple[NDArray[np.intp], Array]:
        """Lower knot and share of the upper one for positions (samples, features)."""
        knots = layer[4]
        t = np.clip(x, 0, knots - 1)
        low = np.minimum(t.astype(np.intp), knots - 2)
        return low, (t - low.astype(self.dtype)).astype(self.dtype)

    def forward(self, x: Array, parameters: Array) -> Array:
        """Outputs (samples, outputs); keeps every layer's values."""
        self.values = [x]
        for layer, span in zip(self.model.layers, self.spans, strict=True):
            kind, activation, _, outputs = layer[:4]
            if span is None:
                windows = self.windows(layer, x).reshape(len(x), -1, layer[6], outputs)
                y = windows.max(axis=2) if kind == LayerKind.MAXPOOL1D else windows.mean(axis=2)
                y = y.reshape(len(x), -1)
            else:
                weight, bias = parameters[span[0]].reshape(span[2]), parameters[span[1]]
                if kind == LayerKind.DENSE:
                    y = chain_matmul(x, weight, bias)
                elif kind == LayerKind.SPLINE:
                    low, share = self.hats(layer, x)
                    y = np.broadcast_to(bias, (len(x), outputs)).astype(self.dtype).copy()
                    for f in range(x.shape[1]):
                        y += (1 - share[:, f : f + 1]) * weight[low[:, f]]
                        y += share[:, f : f + 1] * weight[low[:, f] + 1]
                else:
                    windows = self.windows(layer, x)
                    y = chain_matmul(windows.reshape(-1, span[2][0]), weight, bias).reshape(len(x), -1)
            if activation == Activation.RELU:
                y = np.where(y > 0, y, 0)
            elif activation == Activation.TANH:
                y = self.tanh(y)
            x = y.astype(self.dtype)
            self.values.append(x)
        return x

    def losses(self, y: Array, labels: NDArray[np.int32], targets: Array, smoothing: float) -> tuple[Array, Array]:
        """Each row's loss, and its gradient by the outputs before weights and mean. Huber's delta is 1."""
        one = self.dtype.type(1)
        n = y.shape[1]
        if self.model.loss == Loss.SOFTMAX_CE:
            rest = self.dtype.type(smoothing) / self.dtype.type(n)
            own = one - self.dtype.type(smoothing)
            largest = y.max(axis=1, keepdims=True)
            e = self.exp(y - largest)
            total = e.cumsum(axis=1, dtype=self.dtype)[:, -1:]  # cumsum adds in order
            logit = y[np.arange(len(y)), labels]
            if smoothing:
                logit = own * logit + rest * y.cumsum(axis=1, dtype=self.dtype)[:, -1]
            gradient = e / total
            if smoothing:
                gradient = gradient - rest
            gradient[np.arange(len(y)), labels] -= own
            return (largest[:, 0] - logit) + self.log(total[:, 0]), gradient
        if self.model.loss == Loss.BCE:
            label = labels[:, None] * (1 - smoothing) + smoothing / 2
            p = 1 / (1 + np.exp(-y))
            return (-label * np.log(p) - (1 - label) * np.log(1 - p))[:, 0], p - label
        e = y - targets
        if self.model.loss == Loss.MSE:
            return (e * e).mean(axis=1), 2 * e / n
        small = np.abs(e) <= 1
        return np.where(small, 0.5 * e * e, np.abs(e) - 0.5).mean(axis=1), np.clip(e, -1, 1) / n

    def gradient(self, d: Array, parameters: Array, trainable: list[bool]) -> Array:
        """The gradient by all parameters; d is that by the outputs, shares included."""
        result = np.zeros_like(parameters)
        for index in reversed(range(len(self.spans))):
            layer, span, x, y = self.model.layers[index], self.spans[index], self.values[index], self.values[index + 1]
            kind, activation, _, outputs = layer[:4]
            if activation == Activation.RELU:
                d = np.where(y > 0, d, 0)
            elif activation == Activation.TANH:
                d = d * (1 - y * y)
            d = d.astype(self.dtype)
            if span is None:
                d = self.pool_back(layer, x, d)
                continue
            weight = parameters[span[0]].reshape(span[2])
            zero = np.zeros(1, self.dtype)
            back = np.zeros_like(x)
            if kind == LayerKind.DENSE:
                grad, back = chain_matmul(x.T, d, zero), chain_matmul(d, weight.T, zero)
                columns = d
            elif kind == LayerKind.SPLINE:
                low, share = self.hats(layer, x)
                grad, columns = np.zeros(span[2], self.dtype), d
                for r in range(len(x)):
                    for f in range(x.shape[1]):
                        grad[low[r, f]] += (1 - share[r, f]) * d[r]
                        grad[low[r, f] + 1] += share[r, f] * d[r]
            else:
                windows = self.windows(layer, x)
                columns = d.reshape(-1, outputs)
                grad = chain_matmul(windows.reshape(-1, span[2][0]).T, columns, zero)
                back = self.windows_back(layer, x, (columns @ weight.T).reshape(windows.shape))
            if trainable[index]:
                result[span[0]] = grad.ravel()
                result[span[1]] = chain_matmul(np.ones((1, len(columns)), self.dtype), columns, zero)[0]
            d = back
        return result

    def windows_back(self, layer: tuple[int, ...], x: Array, d: Array) -> Array:
        """Sum the gradients of overlapping windows (samples, steps, kernel * channels) into those of the sequence."""
        _, _, channels, _, _, length, kernel, stride = layer
        back = np.zeros((len(x), length, channels), self.dtype)
        for p in range(d.shape[1]):
            back[:, p * stride : p * stride + kernel] += d[:, p].reshape(len(x), kernel, channels)
        return back.reshape(len(x), -1)

    def pool_back(self, layer: tuple[int, ...], x: Array, d: Array) -> Array:
        """To the first of the largest values of a window, or a share to each."""
        kernel, channels = layer[6], layer[2]
        windows = self.windows(layer, x).reshape(len(x), -1, kernel, channels)
        d = d.reshape(len(x), -1, 1, channels)
        if layer[0] == LayerKind.MAXPOOL1D:
            share = np.arange(kernel)[None, None, :, None] == windows.argmax(axis=2)[:, :, None, :]
            spread = np.where(share, d, 0)
        else:
            spread = np.broadcast_to(d / kernel, windows.shape)
        return self.windows_back(layer, x, spread.reshape(len(x), windows.shape[1], -1))

    def order(self, arguments: TrainingArguments, pass_number: int, n: int) -> list[int]:
        """The rows of a pass: Fisher and Yates, from the pass' own stream."""
        rows = list(range(n))
        if arguments.shuffle:
            stream = seed(arguments.seed, pass_number)
            for i in range(n - 1, 0, -1):
                j = (random_u64(stream, i) >> 32) * (i + 1) >> 32
                rows[i], rows[j] = rows[j], rows[i]
        return rows

    def train(  # noqa: C901 (the order of a step is easier to check in one piece)
        self,
        arguments: TrainingArguments,
        x: Array,
        labels: NDArray[np.int32],
        targets: Array,
        weights: Array | None = None,
    ) -> list[float]:
        """Train the parameters; the mean loss of each pass."""
        real = self.dtype.type
        w = self.parameters
        start = w.copy() if arguments.anchor is None else np.asarray(arguments.anchor, self.dtype)
        velocity = np.zeros_like(w)
        frozen = np.zeros(len(w), bool)
        trainable = [arguments.trainable is None or bool(arguments.trainable[i]) for i in range(len(self.spans))]
        for span, free in zip(self.spans, trainable, strict=True):
            if span is not None and not free:
                frozen[span[0].start : span[1].stop] = True
        means: list[float] = []
        steps = pass_number = 0
        while (arguments.epochs == 0 or pass_number < arguments.epochs) and (
            arguments.max_steps == 0 or steps < arguments.max_steps
        ):
            order = self.order(arguments, pass_number, len(x))
            seen: list[float] = []
            for first in range(0, len(x), arguments.batch):
                if arguments.max_steps and steps == arguments.max_steps:
                    break
                rows = order[first : first + arguments.batch]
                used = self.rounded() if arguments.fake_quantise else w
                y = self.forward(x[rows], used)
                losses, d = self.losses(y, labels[rows], targets[rows], arguments.label_smoothing)
                share = real(1) / real(len(rows))
                scale = (weights[rows] if weights is not None else np.ones(len(rows), self.dtype)) * share
                seen.extend(losses * (weights[rows] if weights is not None else 1))
                g = self.gradient((d * scale[:, None]).astype(self.dtype), used, trainable)
                if arguments.gradient_clip:
                    norm = np.sqrt((g * g).sum())
                    g = g * min(1, arguments.gradient_clip / norm)
                if arguments.weight_decay:
                    g = g + real(arguments.weight_decay) * w
                if arguments.proximal:
                    g = g + real(arguments.proximal) * (w - start)
                if arguments.correction is not None:
                    g = g + np.asarray(arguments.correction, self.dtype)
                if arguments.momentum:
                    g = velocity = real(arguments.momentum) * velocity + g
                rate = real(arguments.learning_rate)
                if arguments.step_scale is not None:
                    rate = rate * np.asarray(arguments.step_scale, self.dtype)
                w[:] = np.where(frozen, w, w - rate * g)
                steps += 1
            means.append(float(np.mean(np.asarray(seen, np.float64))))
            pass_number += 1
        return means
