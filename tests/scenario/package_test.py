"""The Debian package in a system of its own: installs, runs as its user, survives an upgrade with its journal, and leaves nothing.

Takes minutes and needs root, debootstrap and the packages of scripts/install package:
    PENSTOCK_PACKAGE=1 python3 tests/scenario/package_test.py -v        packs the program that the other tests use
    PENSTOCK_PACKAGE=build python3 tests/scenario/package_test.py -v    builds the package as it is shipped, twice, from nothing
                                                                        and in different places, and compares the bytes
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from support.daemon import BINARY, ROOT, eventually, free_ports
from support.debian import minimal_debian, run
from oracle.mqtt import Client

WANTED = os.environ.get("PENSTOCK_PACKAGE", "")
SHIPPED = WANTED == "build"
VERSION = re.search(r"project\(penstock VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
NEXT = VERSION + "+next"
# What package managers themselves remember of a package that was purged.
MEMORY = re.compile(r"^(var/log/|var/cache/apt/|var/lib/apt/|var/lib/dpkg/|var/lib/systemd/deb-systemd-helper|root/)")


def package(output, *options, **environment):
    if not SHIPPED:
        options += ("--binary", BINARY)
    run(ROOT / "scripts/package", *options, "--work", output.parent / f"{output.name}-work", output,
        env={**os.environ, **environment})
    return sorted(output.glob("penstock_*.deb"))[0]


class System:
    """A minimal Debian of the machine's own release, with its package sources."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "root"
        self.root.mkdir()
        run("tar", "-C", self.root, "-xf", minimal_debian())
        shutil.rmtree(self.root / "etc/apt")
        shutil.copytree("/etc/apt", self.root / "etc/apt", symlinks=True)
        for file in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{file}", self.root / "etc" / file)
        run("mount", "-t", "proc", "proc", self.root / "proc")
        self.apt("update")

    def close(self):
        run("umount", self.root / "proc", check=False)

    def command(self, *words, user=None):
        as_user = [f"--userspec={user}:{user}"] if user else []
        return ["chroot", *as_user, str(self.root), *map(str, words)]

    def run(self, *words, user=None, **options):
        return run(*self.command(*words, user=user), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                                           "DEBIAN_FRONTEND": "noninteractive"}, **options)

    def apt(self, *words):
        return self.run("apt-get", "-qq", "-y", "-o", "Dpkg::Options::=--force-confold", "--no-install-recommends", *words)

    def install(self, deb):
        shutil.copy(deb, self.root / "root/penstock.deb")
        self.apt("install", "/root/penstock.deb")

    def names(self):
        """Every path below the root that speaks of the program, but for what package managers remember."""
        found = run("find", self.root, "-xdev", "-name", "*penstock*", "-printf", "%P\n").stdout.split("\n")
        return [path for path in found if path and not MEMORY.match(path)]


class Service:
    """What the unit starts, by hand: its ExecStart, its user, its socket."""

    def __init__(self, system):
        self.system = system
        unit = (system.root / "lib/systemd/system/penstock.service").read_text()
        value = {key: re.search(rf"^{key}=(.*)$", unit, re.M).group(1) for key in ("User", "ExecStart", "ExecStartPre")}
        system.run(*value["ExecStartPre"].split(), user=value["User"])
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = system.root / "run/notify"
        path.unlink(missing_ok=True)
        self.socket.bind(str(path))
        path.chmod(0o777)
        self.socket.settimeout(60)
        environment = {"PATH": "/usr/sbin:/usr/bin", "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "2000000"}
        self.process = subprocess.Popen(system.command(*value["ExecStart"].split(), user=value["User"]), env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def hears(self, word):
        while word not in (message := self.socket.recv(4096).decode()):
            pass
        return message

    def owner(self):
        return pathlib.Path(f"/proc/{self.process.pid}").stat().st_uid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        self.socket.close()
        return self.process.returncode


@unittest.skipUnless(WANTED and os.geteuid() == 0, "PENSTOCK_PACKAGE is not set, or this is not root")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.deb = package(cls.folder / "this")
        cls.symbols = cls.deb.with_name(cls.deb.name.replace("penstock_", "penstock-dbgsym_"))
        cls.next = package(cls.folder / "next", "--version", NEXT)
        cls.unpacked = cls.folder / "unpacked"
        run("dpkg-deb", "-x", cls.deb, cls.unpacked)

    def test_lintian_finds_no_error(self):
        done = run("lintian", "--allow-root", "--fail-on", "error", self.deb, check=False)
        print(done.stdout, file=sys.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_program_is_stripped_and_its_symbols_are_apart(self):
        binary = self.unpacked / "usr/bin/penstock"
        self.assertNotIn(".debug_info", run("readelf", "-SW", binary).stdout)
        build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", binary).stdout).group(1)
        self.assertIn(f"{build_id[:2]}/{build_id[2:]}.debug", run("dpkg-deb", "-c", self.symbols).stdout)

    @unittest.skipUnless(SHIPPED, "another program is packed")
    def test_the_program_is_hardened(self):
        binary = self.unpacked / "usr/bin/penstock"
        dynamic = run("readelf", "-dW", binary).stdout
        self.assertRegex(dynamic, r"FLAGS.*BIND_NOW")
        self.assertIn("PIE", dynamic)
        self.assertIn("GNU_RELRO", run("readelf", "-lW", binary).stdout)
        self.assertIn("_chk@GLIBC", run("readelf", "--dyn-syms", "-W", binary).stdout)

    @unittest.skipUnless(SHIPPED, "another program is packed")
    def test_nothing_of_the_build_machine_is_in_it(self):
        text = run("strings", "-a", self.unpacked / "usr/bin/penstock").stdout
        self.assertEqual([line for line in text.splitlines() if str(ROOT) in line or str(self.folder) in line], [])

    def test_manual_completion_and_bill_of_materials_are_there(self):
        page = self.unpacked / "usr/share/man/man1/penstock.1.gz"
        done = run("man", "--warnings=w", "-l", page, env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.stderr, "")
        for word in ("penstock journal repair", "penstock config explain", "--accept-loss"):
            self.assertIn(word, done.stdout)
        sbom = json.loads((self.unpacked / "usr/share/doc/penstock/sbom.cdx.json").read_text())
        names = {part["name"] for part in sbom["components"]}
        self.assertTrue({"libssl3", "librdkafka1", "libsimdjson14"} <= names or "libssl3t64" in names, names)
        digest = run("sha256sum", self.unpacked / "usr/bin/penstock").stdout.split()[0]
        self.assertEqual(sbom["metadata"]["component"]["hashes"][0]["content"], digest)

    def test_the_same_commit_gives_the_same_bytes(self):
        # Another folder, another time zone, and no compiler cache.
        again = package(self.folder / "again", CCACHE_DISABLE="1", TZ="Asia/Tokyo")
        for deb in (self.deb, self.symbols):
            other = again.parent / deb.name
            self.assertEqual(run("sha256sum", deb).stdout.split()[0], run("sha256sum", other).stdout.split()[0], deb.name)

    def test_it_installs_runs_upgrades_and_leaves_nothing(self):
        system = System(self.folder)
        self.addCleanup(system.close)
        before = system.names()
        system.install(self.deb)
        settings = system.root / "etc/penstock/penstock.yaml"
        self.assertIn("/etc/penstock/penstock.yaml", (system.root / "var/lib/dpkg/info/penstock.conffiles").read_text())
        addresses = re.findall(r'^[^#\n]*listen: "([\d.]+):', settings.read_text(), re.M)
        self.assertEqual(set(addresses), {"127.0.0.1"})
        ports = free_ports(3)
        text = settings.read_text()
        for port, old in zip(ports, ("1883", "8080", "9850")):
            text = text.replace(f'"127.0.0.1:{old}"', f'"127.0.0.1:{port}"')
        settings.write_text(text)
        user = system.run("id", "-u", "penstock").stdout.strip()

        with contextlib.closing(self.start(system, user)) as service:
            client = Client(ports[0], "d-1")
            client.publish_and_wait("telemetry/d-1", b'{"value": 41}')
            client.close()
            service.hears("WATCHDOG=1")
        system.install(self.next)
        self.assertIn(NEXT, system.run("dpkg-query", "-W", "penstock").stdout)
        self.assertEqual(settings.read_text(), text)
        self.assertEqual(system.run("id", "-u", "penstock").stdout.strip(), user)
        with contextlib.closing(self.start(system, user)):
            self.assertEqual(eventually(lambda: self.latest(ports[2], "d-1"), 30)["value"], 41)

        system.apt("purge", "penstock")
        self.assertEqual(system.names(), before)
        for file in ("passwd", "group", "shadow"):
            self.assertNotIn("penstock", (system.root / "etc" / file).read_text())

    def start(self, system, user):
        service = Service(system)
        self.addCleanup(service.process.kill)
        service.hears("READY=1")
        self.assertEqual(service.owner(), int(user))
        service.close = lambda: self.assertEqual(service.stop(), 0)
        return service

    @staticmethod
    def latest(port, device):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", f"/v1/devices/{device}/latest")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return json.loads(body) if answer.status == 200 else None


if __name__ == "__main__":
    unittest.main()
