"""`covey detect`: a device, or whoever watches for it, makes alerts of its traffic.

Runs without numpy, pydantic, click and rich, and imports nothing heavy before it runs: `python -m covey.apps.detect` is
the same command on a machine that has only the core. Packages are imported by the modules that need them.
"""
