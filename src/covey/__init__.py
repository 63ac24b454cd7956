"""Covey: federated learning for IoT fleets. Rooms and floors: docs/ARCHITECTURE.md."""

__version__ = "0.1.0"
