"""Training many clients in one call: the simulator's engine, and the core's self-test and choice of kernels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from covey.core.buffers import readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib
from covey.core.training import Model, Rows, TrainingArguments, rows_struct, training_struct
from covey.core.updates import DIGEST_BYTES, Recipe, recipe_struct
from covey.errors import Code, CoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# covey_client as a numpy dtype. `correction` and `parameters` are addresses of (n_parameters) float32, 0 for none: the
# caller keeps what they point to alive.
CLIENT_FIELDS: list[tuple[str, str]] = [
    ("first_row", "<u8"),
    ("n_rows", "<u4"),
    ("counter", "<u4"),
    ("seed", "<u8"),
    ("correction", "<u8"),
    ("parameters", "<u8"),
]
# covey_client_result as a numpy dtype.
CLIENT_RESULT_FIELDS: list[tuple[str, str]] = [
    ("status", "<i4"),
    ("steps", "<u4"),
    ("first_loss", "<f4"),
    ("last_loss", "<f4"),
    ("norm", "<f4"),
    ("message_size", "<u4"),
]

_scratch = ffi.new_allocator(should_clear_after_alloc=False)


@dataclass(frozen=True, slots=True)
class Job:
    """One round's training of many clients; `covey_job` of covey.h.

    rows: of all clients; parameters: (n_parameters) the global model; clients: (n) CLIENT_FIELDS; results: (n)
    CLIENT_RESULT_FIELDS, written. messages, with a recipe: (n, message_stride) uint8, of which row i's first
    results[i].message_size bytes are written. deltas: (n, n_parameters), as trained, before clipping and codec; zeros
    for a client that failed. The training's seed and correction are each client's own.
    """

    model: Model
    arguments: TrainingArguments
    rows: Rows
    parameters: "ReadableBuffer"
    clients: "ReadableBuffer"
    results: "WriteableBuffer"
    recipe: Recipe | None = None
    round: int = 0
    digest: bytes = bytes(DIGEST_BYTES)
    messages: "WriteableBuffer | None" = None
    message_stride: int = 0
    deltas: "WriteableBuffer | None" = None


@releasing_views
def run(job: Job, n_threads: int) -> None:
    """Train every client of the job on `n_threads` threads without the GIL; results do not depend on their number.

    A client that fails has a negative status in its result. CoreError if the job itself is wrong.
    """
    training, keep_training = training_struct(job.model, job.arguments)
    rows, keep_rows = rows_struct(job.model, job.rows)
    if len(job.digest) != DIGEST_BYTES or job.message_stride < 0 or not 0 < n_threads <= 256:
        checked(Status.ARGUMENT, "training clients")
    clients = readable("covey_client", job.clients, None, "clients")
    n = len(clients)
    struct = ffi.new("covey_job *")
    struct.model, struct.training, struct.rows = job.model.pointer, training, rows
    struct.parameters = readable("float", job.parameters, job.model.n_parameters, "parameters")
    recipe = ffi.NULL
    if job.recipe is not None:
        recipe = recipe_struct(job.recipe)
        if not recipe:
            checked(Status.ARGUMENT, f"training clients with {job.recipe}")
    struct.recipe, struct.round, struct.digest = recipe, job.round, job.digest
    struct.clients, struct.n_clients = clients, n
    struct.message_stride = job.message_stride
    if job.messages is not None:
        struct.messages = writable("uint8_t", job.messages, n * job.message_stride, "messages")
    if job.deltas is not None:
        struct.deltas = writable("float", job.deltas, n * job.model.n_parameters, "deltas")
    struct.results = writable("covey_client_result", job.results, n, "results")
    size = lib.covey_run_size(struct, n_threads)
    checked(lib.covey_run(struct, n_threads, _scratch("uint8_t[]", size or 1), size), "training clients")
    del keep_training, keep_rows


def kernel_name() -> str:
    """The kernels that run here: "avx512", "avx2", "sse2", "neon" or "portable"."""
    return str(ffi.string(lib.covey_kernel_name()).decode())


def select_kernel(name: str) -> None:
    """Use other kernels of this machine, for tests and benchmarks; CoreError if it has none of that name."""
    if lib.covey_kernel_select(name.encode()) < 0:
        raise CoreError(Code.CORE_KERNEL, f"this machine cannot run the kernel {name!r}", "see `covey doctor`")


def self_test() -> None:
    """Compute the core's known answer; CoreError if its bits differ here from those on all other machines."""
    size = lib.covey_self_test_size()
    status = lib.covey_self_test(_scratch("uint8_t[]", size), size)
    if status >= 0:
        size = lib.covey_watch_self_test_size()
        status = lib.covey_watch_self_test(_scratch("uint64_t[]", (size + 7) // 8), size)
    if status < 0:
        raise CoreError(
            Code.CORE_SELF_TEST,
            f"the core's self-test failed on the kernel {kernel_name()!r} ({Status(status).name})",
            "build it again without compiler flags of your own: `make clean`, then `make test`",
        )
