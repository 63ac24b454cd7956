"""The roles between home and plant: CoAP sensor, Modbus controller, hub, gateway, printer."""

from __future__ import annotations

import random

from behaviour import Job, Service, World, always, reading
from programs import CURL, Behaviour, clock, httpd, mdns, mqtt


def coap_sensor(world: World) -> Behaviour:
    """A CoAP server that the hub reads and that reports to the hub."""
    me = "coap-sensor"

    def report(rng: random.Random) -> str:
        return f"exec coap-client-notls -B 5 -m put -e '{reading(me)(rng)}' coap://{world.at('hub')}/example_data"

    jobs = [
        Job(me, "report", report, 20),
        Job("hub", "read", always(f"exec coap-client-notls -B 5 -m get coap://{world.at(me)}/time"), 12),
        Job(
            "laptop",
            "observe",
            lambda rng: f"exec coap-client-notls -B 90 -s {rng.randrange(20, 50)} coap://{world.at(me)}/time",
            330,
            "user",
            100,
        ),
        Job(
            "laptop",
            "resources",
            always(f"exec coap-client-notls -B 5 -m get coap://{world.at(me)}/.well-known/core"),
            220,
            "user",
        ),
        Job(me, "update-check", always(f"{CURL} http://ota.example.test/manifest-{me}.json"), 330),
        Job(
            me, "log-upload", always(f"{CURL} -T {world.file('thumb-2.bin')} http://api.example.test/log"), 600, "user"
        ),
        clock(me, 600),
    ]
    return [Service(me, "coap", "exec coap-server-notls -e")], jobs


def modbus_controller(world: World) -> Behaviour:
    """A controller that a SCADA master polls, writes to, and that people look at."""
    me = "modbus-controller"
    server = f"exec /usr/bin/python3 {world.file('modbus_server.py')}"  # Debian's Python has Debian's pymodbus
    poll = f"exec mbpoll -q -m tcp -a 1 -t 4 -r 1 -c 16 -l 2000 {world.at(me)}"

    def write(rng: random.Random) -> str:
        values = " ".join(str(rng.randrange(1000)) for _ in range(rng.randrange(1, 5)))
        return f"exec mbpoll -q -m tcp -a 1 -t 4 -r {rng.randrange(1, 20)} {world.at(me)} {values}"

    jobs = [
        Job("scada", "write", write, 75, "user"),
        Job(
            "laptop",
            "hmi",
            lambda rng: f"exec mbpoll -q -m tcp -a 1 -t 4 -r 1 -c {rng.randrange(20, 100)} -1 {world.at(me)}",
            120,
            "user",
        ),
        Job("laptop", "page", always(f"{CURL} http://{world.at(me)}/index.html"), 350, "user"),
        Job(me, "log-upload", always(f"{CURL} -T {world.file('thumb-0.bin')} http://log.example.test/upload"), 500),
        clock(me, 450),
    ]
    return [Service(me, "modbus", server), Service("scada", "poll", poll), httpd(world, me)], jobs


def hub(world: World) -> Behaviour:
    """The broker of the house, which also keeps time, discovers (SSDP, mDNS, ARP) and reports to its cloud."""
    me = "hub"
    sources = "server time.example.test iburst minpoll 5 maxpoll 6' 'cmdport 0' 'pidfile /run/hub-chrony.pid"
    chrony = f"mount -t tmpfs tmpfs /run; exec chronyd -x -d -u root '{sources}'"
    ssdp = (
        "NOTIFY * HTTP/1.1\\r\\nHOST: 239.255.255.250:1900\\r\\nNT: upnp:rootdevice\\r\\nNTS: ssdp:alive\\r\\n"
        f"LOCATION: http://{world.at(me)}/index.html\\r\\nCACHE-CONTROL: max-age=600\\r\\n\\r\\n"
    )
    discover = f"exec nmap -sn -n --max-rate 20 {world.network.lan}.0/27"
    jobs = [
        Job(me, "telemetry", always(f"{CURL} -k -T {world.file('www/status.json')} https://api.example.test/hub"), 55),
        Job(me, "search", always("exec upnpc -m eth0 -s"), 200),
        Job(
            me,
            "announce",
            always(f"printf '{ssdp}' | socat - UDP4-DATAGRAM:239.255.255.250:1900,ip-multicast-ttl=2"),
            260,
        ),
        Job(me, "browse", always("exec dig +tries=1 +time=1 @224.0.0.251 -p 5353 _http._tcp.local PTR"), 110),
        Job(me, "discover", always(discover), 700),
        Job(
            "phone",
            "browse",
            always("exec dig +tries=1 +time=1 @224.0.0.251 -p 5353 _services._dns-sd._udp.local PTR"),
            300,
            "user",
        ),
        Job(
            "laptop",
            "hub-page",
            always(f"{CURL} http://{world.at(me)}/index.html http://{world.at(me)}/app.js"),
            150,
            "user",
        ),
    ]
    services = [
        Service(me, "broker", f"exec mosquitto -c {world.file('mosquitto.conf')}"),
        Service(me, "chrony", chrony),
        Service(me, "coap", "exec coap-server-notls -e"),
        Service("phone", "app", mqtt("mosquitto_sub", "-i phone-app -k 50 -q 0 -t 'home/#'")),
        httpd(world, me),
        mdns(world, me),
    ]
    return services, jobs


def gateway(world: World) -> Behaviour:
    """A Linux box under SSH: admin sessions, copies out, log lines to a collector, pings."""
    me = "gateway"
    ssh = f"-F {world.file('ssh_config')}"

    def admin(rng: random.Random) -> str:
        steps = "; ".join(
            f"{rng.choice(['uptime', 'df', 'ps ax', 'ip addr'])}; sleep {rng.uniform(1, 6):.1f}"
            for _ in range(rng.randrange(2, 7))
        )
        return f"exec ssh {ssh} root@{world.at(me)} '{steps}'"

    def backup(rng: random.Random) -> str:
        rate, name = rng.choice([800, 1600]), f"clip-{rng.randrange(3)}.bin"
        return (
            f"exec scp {ssh} -q -l {rate} {world.file(name)} root@backup.example.test:{world.file('received-backup')}"
        )

    def log(rng: random.Random) -> str:
        return f"exec logger -n log.example.test -P 514 -d -t gateway 'link state ok {'y' * rng.randrange(5, 80)}'"

    source, target = f"root@{world.at(me)}:{world.file('www/app.js')}", world.file("copied.js")
    jobs = [
        Job("laptop", "admin", admin, 200, "user", 90),
        Job(me, "backup", backup, 450, "user", 90),
        Job(
            "laptop",
            "rsync",
            always(f"exec rsync -e 'ssh {ssh}' --bwlimit=120 {source} {target}"),
            400,
            "user",
        ),
        Job(me, "log", log, 9),
        Job(me, "ping", always(f"ping -q -c 3 {world.at('router')}; ping -q -c 2 198.51.100.10"), 40),
        Job(me, "packages", always(f"{CURL} http://ota.example.test/packages.json"), 300),
        clock(me, 500),
    ]
    sshd = f"mount -t tmpfs tmpfs /run; mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -f {world.file('sshd_config')}"
    return [Service(me, "sshd", sshd)], jobs


def printer(world: World) -> Behaviour:
    """A printer: raw jobs on port 9100, SNMP, a web page, mDNS."""
    me = "printer"

    def document(rng: random.Random) -> str:
        return f"exec ncat --send-only {world.at(me)} 9100 < {world.file(f'page-{rng.randrange(3)}.bin')}"

    folders = "mount -t tmpfs tmpfs /run; export SNMP_PERSISTENT_DIR=/run"
    snmpd = f"{folders}; exec snmpd -f -Lo -C -c {world.file('snmpd.conf')} udp:161"
    services = [
        Service(me, "jetdirect", "exec socat -u TCP-LISTEN:9100,fork,reuseaddr,max-children=8 OPEN:/dev/null"),
        Service(
            me,
            "snmpd",
            snmpd,
        ),
        httpd(world, me),
        mdns(world, me),
    ]
    snmp = f"-v2c -c public -On {world.at(me)}"
    jobs = [
        Job("laptop", "print", document, 200, "user"),
        Job("laptop", "ink", always(f"exec snmpget {snmp} 1.3.6.1.2.1.1.3.0 1.3.6.1.2.1.1.5.0"), 25),
        Job("laptop", "inventory", always(f"exec snmpwalk {snmp} 1.3.6.1.2.1.1"), 300, "user"),
        Job("phone", "printer-page", always(f"{CURL} http://{world.at(me)}/index.html"), 200, "user"),
        Job(me, "supplies", always(f"{CURL} -k https://api.example.test/supplies"), 150),
        clock(me, 600),
    ]
    return services, jobs
