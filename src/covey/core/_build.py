"""How cffi builds `covey.core._core` from libcovey: declarations come from the headers, not from a second list."""

import re
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[3]
LIBCOVEY = ROOT / "libcovey"
CFLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-psabi"]


def declarations(header: str) -> str:
    """A header's C declarations without comments, preprocessor lines and C++ guard, as cffi's parser needs them."""
    constants = dict(re.findall(r"^#define (COVEY_\w+) +(\d+)u?\b", header, flags=re.MULTILINE))
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    return "".join(f"#define {name} {value}\n" for name, value in constants.items()) + text


ffibuilder = FFI()
for header in ("covey.h", "covey_watch.h"):
    ffibuilder.cdef(declarations((LIBCOVEY / "include" / header).read_text()))
ffibuilder.set_source(
    "covey.core._core",
    '#include "covey_watch.h"',
    sources=sorted(str(path.relative_to(ROOT)) for path in (LIBCOVEY / "src").glob("*.c")),
    include_dirs=[str((LIBCOVEY / "include").relative_to(ROOT)), str((LIBCOVEY / "src").relative_to(ROOT))],
    depends=sorted(str(path.relative_to(ROOT)) for path in LIBCOVEY.glob("*/*.[ch]")),
    extra_compile_args=[*CFLAGS, "-pthread"],
    extra_link_args=["-pthread"],
    py_limited_api=True,
)
