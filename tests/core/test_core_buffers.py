"""Views of memory for C: an exception about what is in them must not crash the interpreter when it is collected."""

import ast
import subprocess
import sys
from pathlib import Path

from covey import core

# Python 3.11 crashes on a cycle of an exception, its frames, and in them a memoryview and the view that C has of it.
SCRIPT = """
import gc, sys
from array import array
from covey import core
from covey.errors import CoreError

INFINITY = float("inf")
model = core.Model(((1, 0, 2, 2, 0, 0, 0, 0),), 3)
unsorted = core.EncodingArguments(core.EncodingKind.KNOTS, 1, knot=array("f", [2, 1]), offset=array("H", [0, 2]))
sound = core.EncodingArguments(core.EncodingKind.KNOTS, 1, knot=array("f", [1, 2]), offset=array("H", [0, 2]))
reader = core.CaptureReader()

def floats(*values):
    return memoryview(array("f", values))

def raw(size):
    return memoryview(bytearray(b"\\xff" * size))

parameters = [0.0] * model.n_parameters
calls = {
    "encode": lambda: core.encode(unsorted, floats(1), floats(0), 1),
    "bins of no encoding": lambda: core.Bins(unsorted),
    "bins": lambda: core.Bins(sound).add(floats(1), 1, 0),
    "histogram": lambda: core.histogram(floats(1), 5, 1, 1, raw(4 << 10)),
    "quantise": lambda: core.quantise(model, floats(INFINITY, *parameters[1:]), raw(model.int8_size)),
    "dequantise": lambda: core.dequantise(model, raw(model.int8_size), floats(*parameters)),
    "int8_predict": lambda: core.int8_predict(model, raw(model.int8_size), floats(1, 2), 1, floats(0, 0)),
    "predict": lambda: core.predict(model, floats(*parameters), floats(INFINITY, 0), 1, floats(0, 0)),
    "gradient": lambda: core.gradient(model, core.Rows(floats(INFINITY, 2), 1), raw(24), raw(24)),
    "scores": lambda: core.scores(model, floats(INFINITY, 0), floats(1, 2), 1, floats(0)),
    "tail": lambda: core.Tail().add(floats(INFINITY)),
    "watch": lambda: core.Watch(core.WatchSettings(), 0).update(raw(72), None, floats(INFINITY), 1, 0.0),
    "rows of a watch": lambda: core.Watch(core.WatchSettings(), 2).update(raw(72), floats(1), floats(1), 1, 0.0),
    "streams": lambda: core.Streams(4).update(raw(72), 2, floats(0)),
    "rows of streams": lambda: core.Streams(4).update(raw(72), 1, floats(0)),
    "capture": lambda: reader.feed(raw(100), raw(72)),
    "updates": lambda: core.read_updates(raw(8), raw(8), raw(4), 1, raw(44)),
}

def keep(call):
    try:
        call()
    except CoreError as error:
        kept = error  # a local of a frame that its own traceback holds
        return
    sys.exit("nothing was raised")

for name, call in calls.items():
    print(name, flush=True)
    gc.collect()
    keep(call)
    gc.collect()
"""


def test_a_kept_exception_about_a_memoryview_can_be_collected() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"it ended with status {done.returncode} in the last of:\n{done.stdout}{done.stderr}"
    assert len(done.stdout.splitlines()) == 17


HANDED_ON = {"encoding_struct", "training_struct", "rows_struct", "_read_block"}  # their callers' frames hold the views


def calls_of(function: ast.FunctionDef) -> set[str]:
    return {
        node.func.id for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_every_function_of_the_core_that_makes_views_releases_them() -> None:
    makers = HANDED_ON | {"readable", "writable", "optional"}
    found = 0
    for path in sorted(Path(core.__file__).parent.glob("[a-z]*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if path.name == "buffers.py" or not isinstance(node, ast.FunctionDef) or node.name in HANDED_ON:
                continue
            if calls_of(node) & makers:
                found += 1
                decorators = {name.id for name in node.decorator_list if isinstance(name, ast.Name)}
                assert "releasing_views" in decorators, f"{path.name}: {node.name} needs @releasing_views"
    assert found >= 20
