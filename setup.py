"""Compiles libcovey into the extension module `covey.core._core` (stable ABI, one wheel for all Pythons).

With COVEY_CORE_IN_PLACE=1 it is left out: the Makefile has compiled it where an editable install looks for it, and pip
would compile it once more for nothing.
"""

import os

from setuptools import setup

IS_IN_PLACE = os.environ.get("COVEY_CORE_IN_PLACE") == "1"

setup(
    cffi_modules=[] if IS_IN_PLACE else ["src/covey/core/_build.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
