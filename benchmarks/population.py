"""Speed and memory against the size of the population: a thousand of a thousand devices, and a thousand of a million.

Each population runs in a process of its own (`population.py CLIENTS`), which tells its peak of resident memory. The
rows of a thousand devices are shared by the million: what grows is what a device is to the coordinator and the clock.
"""

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from pipeline import dataset, round_seconds
from table import report
from work import MLP

POPULATIONS = (1_000, 1_000_000)
TURNS = 3


def measure(clients: int) -> dict[str, float]:
    """Runs one population here."""
    overrides = [f"data.partition.clients={clients}", 'selection.kind="uniform"', f"selection.cohort={MLP.n_clients}"]
    seconds = statistics.median(round_seconds(dataset(MLP), overrides)[0])
    return {"seconds": seconds, "peak_bytes": 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def measure_apart(clients: int) -> dict[str, float]:
    command = [sys.executable, Path(__file__), str(clients)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    runs = [[measure_apart(clients) for clients in POPULATIONS] for _ in range(TURNS)]
    table = []
    for i, clients in enumerate(POPULATIONS):
        seconds = statistics.median(turn[i]["seconds"] for turn in runs)
        first = statistics.median(turn[0]["seconds"] for turn in runs)
        table.append(
            {
                "population": f"{clients:,}",
                "ms a round": 1e3 * seconds,
                "device-rounds/s": MLP.n_clients / seconds,
                "ratio": first / seconds,
                "peak resident MB": max(turn[i]["peak_bytes"] for turn in runs) / 1e6,
            }
        )
    report("population", f"{MLP.n_clients:,} devices sampled a round, MLP 115-32-16-10, {MLP.n_rows} rows", table)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()
