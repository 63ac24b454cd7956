"""Writes the bytes found in vectors/ into a fuzzer's corpus: `fuzz_seeds.py VECTORS CORPUS`.

Every string of hexadecimal digits in the JSON files, good vector or bad, becomes one file named by its digest.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2}){8,}")


def hexadecimal_strings(value: object) -> Iterator[str]:
    """Every string in a JSON value that reads as at least 8 bytes in hexadecimal."""
    if isinstance(value, str) and HEXADECIMAL.fullmatch(value):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from hexadecimal_strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from hexadecimal_strings(inner)


def main(vectors: Path, corpus: Path) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for path in sorted(vectors.rglob("*.json")):
        for text in hexadecimal_strings(json.loads(path.read_text())):
            seed = bytes.fromhex(text)
            (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
