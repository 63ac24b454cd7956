"""Compiles libcovey into the extension module `covey.core._core` (stable ABI, one wheel for all Pythons)."""

from setuptools import setup

setup(
    cffi_modules=["src/covey/core/_build.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
