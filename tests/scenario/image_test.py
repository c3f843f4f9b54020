"""The container image: who it runs as, what is in it, that it is well by its own check, drains, and keeps its journal.

Takes minutes and needs root and the packages of scripts/install image. No container engine: buildah builds on a base image
that debootstrap made, with the package sources of this machine, and runs the image's own command.
    PENSTOCK_IMAGE=1 python3 tests/scenario/image_test.py -v        the last stage of deploy/Dockerfile, with the program that
                                                                    the other tests use
    PENSTOCK_IMAGE=build python3 tests/scenario/image_test.py -v    all of it, compiler and libraries installed and the program
                                                                    built in the image
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import yaml_file
from support.daemon import BINARY, ROOT, Daemon, eventually
from support.debian import minimal_debian, run
from oracle.mqtt import Client
from oracle.payload import payload

WANTED = os.environ.get("PENSTOCK_IMAGE", "")
SERVICE = yaml_file.load(ROOT / "deploy/docker-compose.yml")["services"]["penstock"]
USER = 10001
ADDED_MAX = 96 << 20  # bytes beyond the base
IMAGE = "localhost/penstock:test"


class Buildah:
    """With a storage of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.head = ["buildah", "--storage-driver", "vfs", "--root", folder / "storage", "--runroot", folder / "run"]

    def __call__(self, *words, **options):
        return run(*self.head, *words, **options).stdout.strip()

    def build(self):
        base = self("from", "scratch")
        self("add", "--quiet", base, minimal_debian(), "/")
        self("commit", "--quiet", base, "localhost/base:test")
        dockerfile, context, cache = ROOT / "deploy/Dockerfile", ROOT, []
        if WANTED == "build":
            folder = run("ccache", "--get-config", "cache_dir").stdout.strip()
            cache = ["--volume", f"{folder}:/root/.cache/ccache"]
        else:
            dockerfile, context = self.with_a_program_that_is_there(dockerfile)
        self("bud", "--quiet", "--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/base:test",
             "--volume", "/etc/apt:/etc/apt:ro", *cache, "--file", dockerfile, "--tag", IMAGE, context)

    def with_a_program_that_is_there(self, dockerfile):
        text = dockerfile.read_text()
        first, last = re.split(r"^(?=FROM \$\{BASE\}$)", text, flags=re.M)
        first = first.partition("FROM")[0]
        context = self.folder / "context"
        context.mkdir()
        shutil.copy(ROOT / "LICENSE", context)
        run("strip", "-o", context / "penstock", BINARY)
        (context / "Dockerfile").write_text(first + last.replace("--from=build /src/build/release/penstock", "penstock"))
        return context / "Dockerfile", context

    def config(self):
        return json.loads(self("inspect", "--type", "image", IMAGE))["Docker"]["config"]

    def close(self):
        self("rm", "--all", check=False)


class Container:
    """A container of the image that runs its command."""

    def __init__(self, buildah, daemon):
        self.buildah, self.daemon = buildah, daemon
        self.name = buildah("from", IMAGE)
        self.root = pathlib.Path(buildah("mount", self.name))
        self.process = None

    def command(self, *words):
        return [*map(str, self.buildah.head), "run", "--isolation", "chroot", "--volume", f"{self.daemon.data}:/var/lib/penstock",
                "--volume", f"{self.daemon.config}:/etc/penstock/penstock.yaml:ro", self.name, "--", *words]

    def start(self):
        config = self.buildah.config()
        log = open(self.daemon.log_path, "ab")
        self.process = subprocess.Popen(self.command(*config["Entrypoint"], *config["Cmd"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def healthy(self):
        check = self.buildah.config()["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        return run(*self.command(*check[1:], "--admin", f"127.0.0.1:{self.daemon.admin}"), check=False).returncode == 0

    def main_pid(self):
        """The program, below the processes that buildah keeps."""
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "penstock":
                return pid
            waiting += [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                        for child in (task / "children").read_text().split()]
        raise AssertionError("the program is not there: " + self.daemon.log()[-2000:])

    def stop(self):
        """As `docker stop` does, within its bound for this service."""
        os.kill(self.main_pid(), signal.SIGTERM)
        return self.process.wait(int(SERVICE["stop_grace_period"].rstrip("s")))

    def close(self):
        if self.process and self.process.poll() is None:
            os.kill(self.main_pid(), signal.SIGKILL)
            self.process.wait(60)
        self.buildah("umount", self.name)


def files(root):
    """Path to size and time of change of every file below."""
    found = run("find", root, "-xdev", "-type", "f", "-printf", "%P\t%s\t%C@\n").stdout.splitlines()
    return {path: (int(size), at) for path, size, at in (line.split("\t") for line in found)}


@unittest.skipUnless(WANTED and os.geteuid() == 0, "PENSTOCK_IMAGE is not set, or this is not root")
class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-image-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.buildah = Buildah(cls.folder)
        cls.addClassCleanup(cls.buildah.close)
        cls.buildah.build()

    def container(self):
        """With settings whose ports are free: containers share the machine's network here."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        text = daemon.config.read_text().replace(str(daemon.data), "/var/lib/penstock")
        daemon.config.write_text(text)
        daemon.dir.chmod(0o755)
        daemon.data.mkdir(mode=0o700)
        os.chown(daemon.data, USER, USER)
        container = Container(self.buildah, daemon)
        self.addCleanup(container.close)
        return container

    def test_user_volume_ports_and_signal_are_those_of_the_compose_file(self):
        config = self.buildah.config()
        self.assertEqual(config["User"], SERVICE["user"])
        self.assertEqual(list(config["Volumes"]), ["/var/lib/penstock"])
        self.assertEqual(sorted(config["ExposedPorts"]), ["1883/tcp", "8080/tcp"])
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Healthcheck"]["Test"], SERVICE["healthcheck"]["test"])

    def test_it_adds_little_to_its_base_and_nothing_that_builds(self):
        container = self.container()
        base = pathlib.Path(self.buildah("mount", self.buildah("from", "localhost/base:test")))
        seen = {path: size for path, (size, _) in files(base).items()}
        added = sum(size for path, (size, _) in files(container.root).items() if seen.get(path) != size)
        print(f"beyond the base: {added / 1e6:.0f} MB")
        self.assertLess(added, ADDED_MAX)
        for tool in ("g++", "cmake", "ninja", "ccache"):
            self.assertFalse((container.root / "usr/bin" / tool).exists(), tool)
        self.assertFalse((container.root / "src").exists())
        data = (container.root / "var/lib/penstock").stat()
        self.assertEqual((data.st_uid, data.st_gid, data.st_mode & 0o777), (USER, USER, 0o700))

    def test_it_is_healthy_drains_and_keeps_its_journal(self):
        container = self.container()
        daemon = container.daemon
        self.assertFalse(container.healthy())
        before = files(container.root)
        container.start()
        eventually(container.healthy, 120, 0.5, "its own health check")
        status = pathlib.Path(f"/proc/{container.main_pid()}/status").read_text()
        self.assertRegex(status, rf"Uid:\s+{USER}\s+{USER}\s+{USER}\s+{USER}\n")
        client = Client(daemon.mqtt, "m")
        for number in range(100):
            client.publish_and_wait("iot/wearable/data", payload("w-1", number))
        self.assertEqual(container.stop(), 0)
        client.close(polite=False)
        self.assertIn("penstock has stopped", daemon.log())
        # Its root may be read-only: what it wrote is in the volume.
        self.assertEqual({path for path, seen in files(container.root).items() if before.get(path) != seen}, set())
        self.assertFalse(container.healthy())

        container.start()
        eventually(container.healthy, 120, 0.5, "its own health check, again")
        status, body = daemon.get("/v1/devices/w-1/history?limit=1000")
        self.assertEqual((status, len(json.loads(body)["records"])), (200, 100))
        self.assertEqual(container.stop(), 0)

    def test_wrong_settings_end_it_with_their_own_code(self):
        container = self.container()
        container.daemon.config.write_text("no_such_key: 1\n")
        container.start()
        self.assertEqual(container.process.wait(60), 78)
        self.assertIn("no_such_key", container.daemon.log())


if __name__ == "__main__":
    unittest.main()
