"""The core's training against torch's on the same rows in the same order: the same mathematics by other hands."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from training_cases import CONV, DENSE, MAX, MODELS, Case, case

from covey.core import Activation, Loss, Rows, TrainingArguments, gradient, predict, train

torch.set_num_threads(1)  # threads cost more than they bring on models this small
ARGUMENTS = TrainingArguments(epochs=3, batch=10, learning_rate=0.05, shuffle=False)


class Sequences(nn.Module):
    """(samples, length * channels) as the core has it, to torch's (samples, channels, length) or back."""

    def __init__(self, channels: int, *, back: bool) -> None:
        super().__init__()
        self.channels, self.back = channels, back

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.back:
            return x.transpose(1, 2).reshape(len(x), -1)
        return x.reshape(len(x), -1, self.channels).transpose(1, 2)


def network(c: Case) -> nn.Sequential:
    """The same model in torch, with the same parameters."""
    modules: list[nn.Module] = []
    at = 0
    for kind, activation, inputs, outputs, _, _, kernel, stride in c.model.layers:
        rows = {DENSE: inputs, CONV: kernel * inputs}.get(kind, 0)
        weight = torch.tensor(c.parameters[at : at + rows * outputs].reshape(rows, outputs))
        bias = torch.tensor(c.parameters[at + rows * outputs : at + (rows + 1) * outputs])
        layer: nn.Module
        if kind == DENSE:
            layer = nn.Linear(inputs, outputs)
            layer.weight.data = weight.T.clone()
        elif kind == CONV:
            layer = nn.Conv1d(inputs, outputs, kernel, stride)
            layer.weight.data = weight.reshape(kernel, inputs, outputs).permute(2, 1, 0).clone()
        else:
            layer = nn.MaxPool1d(kernel, stride) if kind == MAX else nn.AvgPool1d(kernel, stride)
        if rows:
            layer.bias.data = bias.clone()
            at += (rows + 1) * outputs
        modules += [layer] if kind == DENSE else [Sequences(inputs, back=False), layer, Sequences(outputs, back=True)]
        modules += {Activation.LINEAR: [], Activation.RELU: [nn.ReLU()], Activation.TANH: [nn.Tanh()]}[activation]
    return nn.Sequential(*modules)


def flat(net: nn.Sequential, *, gradients: bool = False) -> np.ndarray:
    parts = []
    for layer in net:
        if isinstance(layer, nn.Linear | nn.Conv1d):
            weight, bias = (p.grad if gradients else p.detach() for p in (layer.weight, layer.bias))
            order = (1, 0) if isinstance(layer, nn.Linear) else (2, 1, 0)
            parts += [weight.permute(order).reshape(-1).numpy(), bias.numpy()]
    return np.concatenate(parts)


def loss_of(c: Case, net: nn.Sequential, rows: slice, smoothing: float = 0.0) -> torch.Tensor:
    y, weights = net(torch.tensor(c.x[rows])), torch.tensor(c.weights[rows])
    if c.model.loss == Loss.SOFTMAX_CE:
        labels = torch.tensor(c.labels[rows], dtype=torch.long)
        each = nn.functional.cross_entropy(y, labels, reduction="none", label_smoothing=smoothing)
    elif c.model.loss == Loss.MSE:
        each = nn.functional.mse_loss(y, torch.tensor(c.targets[rows]), reduction="none").mean(dim=1)
    else:
        each = nn.functional.huber_loss(y, torch.tensor(c.targets[rows]), reduction="none").mean(dim=1)
    return (each * weights).mean()


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"spline", "binary"}))
@pytest.mark.parametrize(
    "change",
    [{}, {"momentum": 0.9}, {"weight_decay": 0.1}, {"momentum": 0.5, "weight_decay": 0.05, "gradient_clip": 0.2}],
    ids=str,
)
def test_training_goes_where_torch_goes(name: str, change: dict) -> None:
    c = case(name)
    arguments = replace(ARGUMENTS, **change)
    net = network(c)
    optimiser = torch.optim.SGD(
        net.parameters(), lr=0.05, momentum=arguments.momentum, weight_decay=arguments.weight_decay
    )
    for _ in range(arguments.epochs):
        for first in range(0, len(c.x), arguments.batch):
            optimiser.zero_grad()
            loss_of(c, net, slice(first, first + arguments.batch)).backward()
            if arguments.gradient_clip:
                nn.utils.clip_grad_norm_(net.parameters(), arguments.gradient_clip)
            optimiser.step()
    parameters = c.parameters.copy()
    train(c.model, arguments, c.rows(weighted=True), parameters)
    np.testing.assert_allclose(parameters, flat(net), atol=3e-5)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"spline", "binary"}))
def test_gradients_and_outputs_are_torchs(name: str) -> None:
    c = case(name)
    net = network(c)
    loss = loss_of(c, net, slice(None))
    loss.backward()
    found, outputs = np.empty_like(c.parameters), np.empty((len(c.x), c.model.n_outputs), np.float32)
    assert gradient(c.model, c.rows(weighted=True), c.parameters, found) == pytest.approx(loss.item(), rel=1e-5)
    np.testing.assert_allclose(found, flat(net, gradients=True), atol=1e-5)
    predict(c.model, c.parameters, c.x, len(c.x), outputs)
    np.testing.assert_allclose(outputs, net(torch.tensor(c.x)).detach().numpy(), atol=1e-5)


def test_label_smoothing_is_torchs() -> None:
    c = case("mlp")
    net = network(c)
    loss_of(c, net, slice(None), smoothing=0.2).backward()
    parameters = c.parameters.copy()
    arguments = TrainingArguments(batch=64, learning_rate=1.0, shuffle=False, label_smoothing=0.2)
    train(c.model, arguments, c.rows(weighted=True), parameters)
    np.testing.assert_allclose(c.parameters - parameters, flat(net, gradients=True), atol=1e-5)


def test_binary_cross_entropy_is_torchs() -> None:
    x = np.linspace(-40, 40, 81, dtype=np.float32)[:, None]
    labels = (np.arange(81) % 2).astype(np.int32)
    parameters = np.array([1, 0], np.float32)
    model = MODELS["binary"].__class__([(DENSE, Activation.LINEAR, 1, 1, 0, 0, 0, 0)], Loss.BCE)
    logits = torch.tensor(x[:, 0], requires_grad=True)
    expected = nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(labels, dtype=torch.float32))
    expected.backward()
    found = np.empty(2, np.float32)
    loss = gradient(model, Rows(x, 81, labels=labels), parameters, found)
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    assert found[1] == pytest.approx(float(logits.grad.sum()), abs=1e-6)
