"""The rest of the world: router, cloud, recorder, phone and the hostile servers, and all configuration files."""

from __future__ import annotations

import random
import subprocess
import textwrap

from behaviour import Service, World
from topology import CLOUD_NAMES, CLOUD_NET


def services(world: World) -> list[Service]:
    """Return what runs beside the devices."""
    dns = f"exec dnsmasq -d -C {world.file('dnsmasq.conf')}"
    settings = "'local stratum 8' 'allow all' 'cmdport 0' 'pidfile /run/lab-chrony.pid'"
    clock = f"mount -t tmpfs tmpfs /run; exec chronyd -x -d -u root {settings}"
    sshd = f"mount -t tmpfs tmpfs /run; mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -f {world.file('sshd_config')}"
    receive = "ffmpeg -nostdin -loglevel error -protocol_whitelist file,udp,rtp"
    recorder = f"exec {receive} -i {world.file('camera.sdp')} -c copy -f null -"
    drain = "exec socat -u UDP4-RECV:{0},reuseaddr OPEN:/dev/null"
    evil_dns = "exec dnsmasq -d -C /dev/null --no-resolv --no-hosts --address=/#/{0} --bind-interfaces --interface=eth0"
    beacon = "exec ncat -l -k -p 4444 -c 'while read line; do echo wait; done'"
    return [
        Service("router", "dnsmasq", dns),
        Service("cloud", "nginx", f"exec nginx -c {world.file('nginx-cloud.conf')} -e stderr"),
        Service("cloud", "chrony", clock),
        Service("cloud", "sshd", sshd),
        Service("cloud", "log", drain.format(514)),
        Service("nvr", "recorder", recorder),
        Service("phone", "live-camera", drain.format(6000)),
        Service("phone", "live-camera-rtcp", drain.format(6001)),
        Service("phone", "live-doorbell", drain.format(6002)),
        Service("phone", "live-doorbell-rtcp", drain.format(6003)),
        Service("c2", "nginx", f"exec nginx -c {world.file('nginx-c2.conf')} -e stderr"),
        Service("c2", "dns", evil_dns.format(world.at("c2"))),
        Service("c2", "beacon", beacon),
        Service("sink", "nginx", f"exec nginx -c {world.file('nginx-sink.conf')} -e stderr"),
        Service("sink", "dns", evil_dns.format(world.at("sink"))),
        Service("sink", "sshd", sshd),
    ]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _write(world: World, name: str, text: str, mode: int = 0o644) -> None:
    path = world.work / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip())
    path.chmod(mode)


def write_files(world: World, seed: int) -> None:
    """Write every file that the session's programs read: pages, media, keys, configuration."""
    rng = random.Random(f"{seed}/files")
    _write_pages(world, rng)
    _write_media(world, seed)
    _write_servers(world)
    _write_router(world)
    _write_ssh(world)
    _write_devices(world)


def _write_pages(world: World, rng: random.Random) -> None:
    sizes = {f"clip-{i}.bin": rng.randrange(40_000, 130_000) for i in range(3)}
    sizes |= {f"thumb-{i}.bin": rng.randrange(8_000, 40_000) for i in range(3)}
    sizes |= {f"page-{i}.bin": rng.randrange(40_000, 160_000) for i in range(3)}
    sizes |= {f"www/firmware-{i}.bin": rng.randrange(120_000, 320_000) for i in range(3)}
    sizes |= {f"www/chunk-{i}.bin": rng.randrange(25_000, 60_000) for i in range(4)}
    sizes |= {"www/snapshot.jpg": rng.randrange(14_000, 22_000), "www/app.js": rng.randrange(20_000, 40_000)}
    sizes |= {"www/index.html": rng.randrange(1_500, 4_000), "www/status.json": 300, "www/batch.json": 5_000}
    sizes |= {"www/packages.json": rng.randrange(8_000, 16_000), "www/admin/index.html": 700}
    sizes |= {f"www/manifest-{role}.json": rng.randrange(300, 900) for role in ("mqtt-sensor", "coap-sensor")}
    for name, size in sizes.items():
        path = world.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size))
    _write(world, "words.txt", "\n".join(f"pass{rng.randrange(10**5)}" for _ in range(400)) + "\n")
    _write(world, "users.txt", "root\nadmin\nuser\nsupport\n")


def _write_media(world: World, seed: int) -> None:
    encode = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -threads 1"
    for name, rate, kbit in (("camera.mp4", 5, 60), ("live.mp4", 8, 90)):
        picture = f"testsrc2=size=320x240:rate={rate}:duration=60,noise=alls={10 + seed % 5}:allf=t"
        rates = f"-g {4 * rate} -b:v {kbit}k -maxrate {kbit}k -bufsize {kbit // 2}k"
        options = [*encode.split(), *rates.split(), world.file(name)]
        _run("ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-f", "lavfi", "-i", picture, *options)
    sketch = world.work / "sketch.sdp"  # ffmpeg's own description of the stream, which the recorder needs
    source = ("-t", "0.1", "-i", world.file("camera.mp4"), "-c", "copy", "-sdp_file", str(sketch))
    _run("ffmpeg", "-nostdin", "-loglevel", "error", *source, "-f", "rtp", "rtp://127.0.0.1:9")
    sdp = sketch.read_text().replace("127.0.0.1", world.at("nvr")).replace("m=video 9 ", "m=video 5004 ")
    _write(world, "camera.sdp", sdp)


def _nginx(world: World, name: str, listen: str, root: str) -> None:
    scratch = world.work / f"nginx-{name}"
    scratch.mkdir(exist_ok=True)
    temporary = "".join(
        f"{kind}_temp_path {scratch}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = (
        f"daemon off; worker_processes 1; pid {scratch}/pid; user root;\nevents {{ worker_connections 512; }}\n"
        f"http {{ access_log off; error_log stderr; client_max_body_size 0; {temporary}\n"
        f"ssl_certificate {world.file('tls.crt')}; ssl_certificate_key {world.file('tls.key')};\n"
        f"server {{ {listen} root {root};\n"
        f"location / {{ try_files $uri @say; }}\n"
        'location @say { default_type application/json; return 200 \'{"ok": true, "wait": 30}\'; }\n'
        'location ~ ^/(state|clip|thumb|ask|log|upload|hub|in)$ { return 200 "{}"; }\n} }\n'
    )
    _write(world, f"nginx-{name}.conf", text)


def _write_servers(world: World) -> None:
    subject = ("-subj", "/CN=example.test", "-days", "3650", "-nodes")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", world.file("tls.key"))
    _run("openssl", "req", "-x509", *key, "-out", world.file("tls.crt"), *subject)
    listen = "listen 80; listen 443 ssl;"
    _nginx(world, "cloud", listen, world.file("www"))
    _nginx(world, "c2", listen + " listen 8080;", world.file("avahi"))
    _nginx(world, "sink", listen + " listen 8080;", world.file("avahi"))


def _write_router(world: World) -> None:
    network = world.network
    leases = "\n".join(f"dhcp-host={host.mac},{host.ipv4},{host.name}" for host in network.roles)
    names = "\n".join(f"address=/{name}.example.test/{CLOUD_NET}.{tail}" for name, tail in CLOUD_NAMES.items())
    lan = "\n".join(
        f"host-record={host.name}.lan,{host.ipv4}" for host in network.hosts.values() if host.bridge == "lan"
    )
    cdn = "\n".join(f"host-record=media.example.test,{address}" for address in world.cdn)
    text = (
        f"no-resolv\nno-hosts\ninterface=eth0\nbind-interfaces\nuser=root\ndomain=lan\nlocal=/lan/\nlocal=/test/\n"
        f"dhcp-leasefile={world.file('leases')}\ndhcp-range={network.lan}.10,{network.lan}.30,300\ndhcp-authoritative\n"
        f"dhcp-option=3,{network.address('router')}\ndhcp-option=6,{network.address('router')}\n"
        f"{leases}\n{names}\n{lan}\n{cdn}\nlocal-ttl=20\n"
    )
    _write(world, "dnsmasq.conf", text)
    script = """\
        #!/bin/sh
        case "$1" in
        bound|renew)
            ip addr replace "$ip/24" dev "$interface"
            ip route replace default via "$router" dev "$interface"
            ;;
        esac
        """
    _write(world, "dhcp.sh", script, 0o755)


def _write_ssh(world: World) -> None:
    for name in ("host_key", "user_key"):
        if not (world.work / name).exists():
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", world.file(name))
    server = f"""\
        HostKey {world.file("host_key")}
        AuthorizedKeysFile {world.file("user_key.pub")}
        StrictModes no
        PermitRootLogin yes
        PasswordAuthentication yes
        UsePAM no
        PidFile none
        Subsystem sftp /usr/lib/openssh/sftp-server
        """
    client = f"""\
        Host *
            IdentityFile {world.file("user_key")}
            IdentitiesOnly yes
            StrictHostKeyChecking no
            UserKnownHostsFile /dev/null
            GlobalKnownHostsFile /dev/null
            BatchMode yes
            ConnectTimeout 10
            ServerAliveInterval 15
        """
    _write(world, "sshd_config", server)
    _write(world, "ssh_config", client)


def _write_devices(world: World) -> None:
    _run("mosquitto_passwd", "-b", "-c", world.file("passwords"), "home", "covey-home")
    _write(
        world,
        "mosquitto.conf",
        f"listener 1883\nuser root\npassword_file {world.file('passwords')}\nallow_anonymous false\n",
    )
    _write(world, "httpd.conf", "/admin:admin:covey-admin\n")
    _write(world, "snmpd.conf", "rocommunity public\nsysName printer\nsysLocation hall\n")
    login = """\
        #!/bin/sh
        for try in 1 2 3; do
            printf 'login: '; read -r user || exit; printf 'Password: '; read -r word || exit; echo
            if [ "$user" = admin ] && [ "$word" = covey-admin ]; then
                printf 'BusyBox v1.35.0 built-in shell\\n# '
                while read -r line; do
                    [ "$line" = exit ] && exit
                    printf 'up 3 days, load 0.10 0.07 0.02, link ok\\n# '
                done
                exit
            fi
            sleep 1; echo 'Login incorrect'
        done
        """
    _write(world, "login.sh", login, 0o755)
    for host in ("hub", "speaker", "printer"):
        server = f"[server]\nhost-name={host}\nuse-ipv4=yes\nuse-ipv6=yes\nenable-dbus=no\nallow-interfaces=eth0\n"
        text = server + "[publish]\npublish-workstation=no\n"
        _write(world, f"avahi-{host}.conf", text)
    page = """\
        <?xml version="1.0" standalone='no'?>
        <!DOCTYPE service-group SYSTEM "avahi-service.dtd">
        <service-group><name replace-wildcards="yes">%h page</name>
        <service><type>_http._tcp</type><port>80</port></service></service-group>
        """
    _write(world, "avahi/page.service", page)
    server = '''\
        """A Modbus/TCP server with a hundred holding registers."""

        from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
        from pymodbus.server import StartTcpServer

        store = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, list(range(200))))
        StartTcpServer(context=ModbusServerContext(slaves=store, single=True), address=("0.0.0.0", 502))
        '''
    _write(world, "modbus_server.py", server)
