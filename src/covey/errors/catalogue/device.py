"""Explanations of codes about detection, alerts, the local store and the spool on a device."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

DEVICE: dict[Code, Explanation] = {
    Code.INTERFACE_NOT_FOUND: Explanation(
        "There is no such interface",
        "Covey reads packets of a network interface of this machine by its name, such as eth0 or wlan0.",
        "`ip link` lists them; the message does too.",
    ),
    Code.INTERFACE_NOT_ALLOWED: Explanation(
        "Reading packets needs a right",
        "Linux gives packets of an interface only to those with the capability CAP_NET_RAW.",
        "Run Covey as a systemd service with AmbientCapabilities=CAP_NET_RAW (docs/detect.md has one), or with sudo, or"
        " give Python the right: sudo setcap cap_net_raw+ep $(readlink -f .venv/bin/python3). Where that is the"
        " system's Python, every program of it gets the right: prefer the service.",
    ),
    Code.INTERFACE_LINK: Explanation(
        "Frames of this interface cannot be read",
        "Its link layer is none that Covey knows: Ethernet (Wi-Fi and bridges look like it), loopback, and links of"
        " bare IP packets such as WireGuard and PPP.",
        "Choose the interface that the devices' traffic passes as Ethernet or IP, often the bridge.",
    ),
    Code.INTERFACE_LOST: Explanation(
        "The interface went away",
        "It was removed or shut down while its packets were read. Nothing is detected without it.",
        "Bring it up again (`ip link set NAME up`); under systemd, Restart=always begins anew by itself.",
    ),
    Code.INTERFACE_SYSTEM: Explanation(
        "Interfaces can be read on Linux only",
        "Covey reads packets through Linux's packet sockets; this system has none.",
        "Record a capture with another program and give its file instead.",
    ),
    Code.ALERT_SINK: Explanation(
        "Alerts cannot be delivered",
        "The file, the system's log or the server that alerts are to go to cannot be opened.",
        "Check the path or the address: --alerts FILE, --alerts -, --alerts syslog or --alerts syslog:HOST:PORT.",
    ),
    Code.DETECTION_NO_SOURCE: Explanation(
        "The model has no source on a device",
        "Its features were made elsewhere, as in a table of ready-made rows, so no capture, log or interface has them.",
        "Train a model on packets, connections or readings: a Plan with [data.source] kind = captures, for example.",
    ),
    Code.DETECTION_NO_ROWS: Explanation(
        "The source holds nothing to detect on",
        "It was read to its end without one row: it is empty, or the device that was asked for is not in it.",
        "Check the file, and the address given with --device.",
    ),
    Code.DETECTION_CALIBRATION: Explanation(
        "There is too little to calibrate with",
        "A threshold comes from the highest scores of benign windows; some dozens of windows are needed at least, and a"
        " day of ordinary traffic is better.",
        "Give longer captures, or several: --calibrate FILE may be repeated.",
    ),
    Code.DETECTION_STATE: Explanation(
        "The stored state of detection is broken",
        "The file in the store folder that holds threshold and reference is damaged, or was not written by Covey.",
        "Delete the file that the message names; the device learns its threshold again.",
    ),
    Code.DETECTION_TRUTH: Explanation(
        "The truth does not say which rows are meant",
        "A table of truth that covers several sessions or roles needs to be told which of them was recorded here.",
        "Name them with --session and --role; the message lists what there is.",
    ),
}
