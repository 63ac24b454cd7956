"""The eleven roles: what each device runs and what its people and servers do with it."""

from __future__ import annotations

from home import camera, doorbell, mqtt_sensor, smart_plug, speaker, thermostat
from machines import coap_sensor, gateway, hub, modbus_controller, printer

DEVICES = (
    mqtt_sensor,
    thermostat,
    camera,
    doorbell,
    speaker,
    coap_sensor,
    modbus_controller,
    hub,
    gateway,
    smart_plug,
    printer,
)
