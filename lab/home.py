"""The roles of a home: sensor, thermostat, camera, doorbell, speaker, plug."""

from __future__ import annotations

import random

from behaviour import Feed, Job, Service, World, always, reading
from programs import CURL, Behaviour, clock, httpd, mdns, mqtt, telnet_admin, telnetd


def mqtt_sensor(world: World) -> Behaviour:
    """A sensor that keeps a connection to the broker and publishes."""
    me = "mqtt-sensor"
    services = [
        Service(
            me, "publish", mqtt("mosquitto_pub", "-i sensor-1 -k 45 -q 1 -t home/sensor/1 -l"), Feed(reading(me), 8)
        ),
        Service(me, "subscribe", mqtt("mosquitto_sub", "-i sensor-1-cfg -k 60 -q 1 -t home/sensor/cfg")),
        httpd(world, me),
    ]
    batch = mqtt("mosquitto_pub", f"-q 1 -t home/sensor/batch -f {world.file('www/batch.json')}")
    jobs = [
        Job(me, "batch", always(batch), 420),
        Job(me, "update-check", always(f"{CURL} http://ota.example.test/manifest-{me}.json"), 300),
        Job(
            "phone",
            "configure",
            always(mqtt("mosquitto_pub", "-q 1 -t home/sensor/cfg -m '{\"every\": 8}'")),
            260,
            "user",
        ),
        Job("laptop", "sensor-page", always(f"{CURL} http://{world.at(me)}/index.html"), 280, "user"),
        clock(me, 700),
    ]
    return services, jobs


def thermostat(world: World) -> Behaviour:
    """A thermostat that polls its cloud, is polled by the hub and fetches firmware now and then."""
    me = "thermostat"

    def firmware(rng: random.Random) -> str:
        return (
            f"{CURL} --limit-rate {rng.choice([60, 90, 140])}k http://ota.example.test/firmware-{rng.randrange(3)}.bin"
        )

    def state(rng: random.Random) -> str:
        return f"{CURL} -d '{reading(me)(rng)}' http://api.example.test/state"

    jobs = [
        Job(me, "poll", always(f"{CURL} http://api.example.test/setpoint"), 15),
        Job(me, "state", state, 50),
        Job(me, "firmware", firmware, 800, "user"),
        Job("hub", "poll-thermostat", always(f"{CURL} http://{world.at(me)}/status.json"), 30),
        Job(
            "phone",
            "thermostat-page",
            always(f"{CURL} http://{world.at(me)}/index.html http://{world.at(me)}/app.js"),
            200,
            "user",
        ),
        clock(me, 600),
    ]
    return [httpd(world, me)], jobs


def camera(world: World) -> Behaviour:
    """A camera that streams RTP to the recorder, shows live pictures and uploads clips when something moves."""
    me = "camera"
    stream = (
        f"exec ffmpeg -nostdin -loglevel error -re -stream_loop -1 -i {world.file('camera.mp4')} "
        f"-c copy -f rtp 'rtp://{world.at('nvr')}:5004?pkt_size=1200'"
    )

    def live(rng: random.Random) -> str:
        return (
            f"exec ffmpeg -nostdin -loglevel error -re -t {rng.randrange(8, 20)} -i {world.file('live.mp4')} "
            f"-c copy -f rtp 'rtp://{world.at('phone')}:6000?pkt_size=1200'"
        )

    def clip(rng: random.Random) -> str:
        rate, name = rng.choice([60, 120]), f"clip-{rng.randrange(3)}.bin"
        return f"{CURL} --limit-rate {rate}k -T {world.file(name)} http://api.example.test/clip"

    jobs = [
        Job(me, "live", live, 300, "user"),
        Job(me, "clip", clip, 320, "user"),
        Job("nvr", "snapshot", always(f"{CURL} http://{world.at(me)}/snapshot.jpg"), 60),
        Job(
            "phone",
            "camera-page",
            always(f"{CURL} http://{world.at(me)}/index.html http://{world.at(me)}/snapshot.jpg"),
            300,
            "user",
        ),
        telnet_admin(world, me, 700),
        clock(me, 500),
    ]
    return [Service(me, "stream", stream), httpd(world, me), telnetd(world, me)], jobs


def doorbell(world: World) -> Behaviour:
    """A doorbell: heartbeats over MQTT and HTTPS; a ring is an event, a picture and a few seconds of video."""
    me = "doorbell"

    def ring(rng: random.Random) -> str:
        publish = "mosquitto_pub -h hub.lan -u home -P covey-home -q 1 -t home/doorbell/ring -m '{\"ring\": 1}'"
        picture = f"{CURL} -k -T {world.file(f'thumb-{rng.randrange(3)}.bin')} https://api.example.test/thumb"
        video = (
            f"ffmpeg -nostdin -loglevel error -re -t {rng.randrange(5, 13)} -i {world.file('live.mp4')} "
            f"-c copy -f rtp 'rtp://{world.at('phone')}:6002?pkt_size=1200'"
        )
        return f"{publish}; {picture}; {video}"

    services = [
        Service(
            me,
            "heartbeat",
            mqtt("mosquitto_pub", "-i doorbell-1 -k 30 -q 0 -t home/doorbell/alive -l"),
            Feed(reading(me), 20),
        ),
        httpd(world, me),
        telnetd(world, me),
    ]
    jobs = [
        Job(me, "ring", ring, 180, "user"),
        Job(me, "heartbeat-https", always(f"{CURL} -k https://api.example.test/alive"), 40),
        Job(
            "phone",
            "doorbell-page",
            always(f"{CURL} http://{world.at(me)}/status.json http://{world.at(me)}/snapshot.jpg"),
            240,
            "user",
        ),
        telnet_admin(world, me, 800),
        clock(me, 650),
    ]
    return services, jobs


def speaker(world: World) -> Behaviour:
    """A speaker: name look-ups, HTTPS heartbeats, music fetched in chunks, discovery."""
    me = "speaker"

    def music(rng: random.Random) -> str:
        chunks = rng.randrange(6, 16)
        fetch = f"{CURL} -k https://media.example.test/chunk-{rng.randrange(4)}.bin; sleep {rng.uniform(5, 9):.1f}"
        return f"for i in $(seq {chunks}); do {fetch}; done"

    jobs = [
        Job(me, "heartbeat", always(f"{CURL} -k https://api.example.test/alive"), 25),
        Job(me, "music", music, 240, "user", timeout_s=180),
        Job(me, "lookup", always("exec dig +tries=1 +time=2 media.example.test api.example.test ads.example.test"), 60),
        Job(
            me,
            "question",
            always(f"{CURL} -k -T {world.file('thumb-1.bin')} https://api.example.test/ask"),
            150,
            "user",
        ),
        Job("phone", "cast", always(f"{CURL} http://{world.at(me)}:8008/status.json"), 150, "user"),
        clock(me, 550),
    ]
    return [httpd(world, me, 8008), mdns(world, me)], jobs


def smart_plug(world: World) -> Behaviour:
    """A plug that reports power, takes commands over MQTT and HTTP and still has telnet."""
    me = "smart-plug"

    def toggle(rng: random.Random) -> str:
        return mqtt("mosquitto_pub", f"-q 1 -t home/plug/set -m {rng.choice(['on', 'off'])}")

    services = [
        Service(
            me, "publish", mqtt("mosquitto_pub", "-i plug-1 -k 30 -q 0 -t home/plug/power -l"), Feed(reading(me), 12)
        ),
        Service(me, "subscribe", mqtt("mosquitto_sub", "-i plug-1-set -k 30 -q 1 -t home/plug/set")),
        httpd(world, me),
        telnetd(world, me),
    ]
    jobs = [
        Job("phone", "toggle", toggle, 90, "user"),
        Job("phone", "plug-page", always(f"{CURL} http://{world.at(me)}/status.json"), 120, "user"),
        Job(me, "cloud", always(f"{CURL} http://api.example.test/plug"), 60),
        telnet_admin(world, me, 500),
        clock(me, 600),
    ]
    return services, jobs
