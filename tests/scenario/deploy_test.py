"""What deploy/ holds agrees with itself and with the program: ports, paths, users, secrets, settings, libraries.

No container engine runs here: the compose file is read, and what it would run is run by hand.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import yaml_file
from support.daemon import BINARY, ROOT, Daemon, eventually, free_ports
from oracle.mqtt import Client
from oracle.payload import payload

DEPLOY = ROOT / "deploy"
COMPOSE = yaml_file.load(DEPLOY / "docker-compose.yml")
SERVICES = COMPOSE["services"]
NODE = SERVICES["penstock"]
SETTINGS = yaml_file.load(DEPLOY / "compose/penstock.yaml")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
DRAIN_BOUND = int(re.search(r"kDrainBound = (\d+) \* kSecond", (ROOT / "src/app/daemon.cpp").read_text()).group(1))


def port_of(listener):
    return int(SETTINGS["listeners"][listener]["listen"].rpartition(":")[2])


def published(service):
    """(address or None, host port, container port) of each."""
    for text in service.get("ports", []):
        parts = text.split(":")
        yield (parts[0] if len(parts) == 3 else None), int(parts[-2]), int(parts[-1])


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1))


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False, **options)


class Prepared:
    """A copy of deploy/ with its secrets made, and the settings with paths that exist here."""

    def __init__(self, test):
        self.folder = tempfile.TemporaryDirectory(prefix="penstock-deploy-")
        test.addCleanup(self.folder.cleanup)
        self.deploy = pathlib.Path(self.folder.name) / "deploy"
        ignored = shutil.ignore_patterns("secrets")
        shutil.copytree(DEPLOY, self.deploy, ignore=ignored)
        self.made = run(self.deploy / "secrets.sh")

    def secret(self, name):
        return (self.deploy / "secrets" / name).read_text()

    def settings(self):
        return (DEPLOY / "compose/penstock.yaml").read_text().replace("/run/secrets/", f"{self.deploy}/secrets/")


class Compose(unittest.TestCase):
    def test_every_image_is_pinned_and_every_service_is_watched(self):
        for name, service in SERVICES.items():
            with self.subTest(name):
                self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$")
                self.assertEqual(service["restart"], "unless-stopped")
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertTrue(service["healthcheck"].get("test") or name == "sim")

    def test_only_the_ports_of_devices_are_published_beyond_loopback(self):
        reachable = sorted(container for service in SERVICES.values()
                           for address, _, container in published(service) if address != "127.0.0.1")
        self.assertEqual(reachable, sorted([port_of("mqtt"), port_of("http")]))
        exposed = [int(port) for port in re.search(r"^EXPOSE (.*)$", DOCKERFILE, re.M).group(1).split()]
        self.assertEqual(exposed, [port_of("mqtt"), port_of("http")])
        self.assertIn(("127.0.0.1", port_of("admin"), port_of("admin")), published(NODE))

    def test_secrets_are_declared_made_and_given_to_who_names_them(self):
        made = {pathlib.Path(line).name for line in Prepared(self).made.stdout.splitlines()}
        for name, secret in COMPOSE["secrets"].items():
            self.assertEqual(secret["file"], f"./secrets/{name}")
            self.assertIn(name, made)
        uses = {"penstock": (DEPLOY / "compose/penstock.yaml").read_text(),
                "prometheus": (DEPLOY / "prometheus/prometheus.yml").read_text(),
                "sim": " ".join(SERVICES["sim"]["command"]), "grafana": str(SERVICES["grafana"]["environment"])}
        for name, text in uses.items():
            self.assertEqual(sorted(re.findall(r"/run/secrets/(\w+)", text)), sorted(SERVICES[name]["secrets"]), name)

    def test_secrets_are_made_once_and_their_folder_is_closed(self):
        prepared = Prepared(self)
        before = {name: prepared.secret(name) for name in COMPOSE["secrets"]}
        self.assertEqual((prepared.deploy / "secrets").stat().st_mode & 0o777, 0o700)
        self.assertTrue(all(len(text) == 64 for text in before.values()))
        again = run(prepared.deploy / "secrets.sh")
        self.assertEqual((again.returncode, again.stdout), (0, ""))
        self.assertEqual(before, {name: prepared.secret(name) for name in COMPOSE["secrets"]})
        self.assertIn(before["s3_secret_key"], prepared.secret("s3.env"))

    def test_the_node_knows_the_services_by_their_names_and_ports(self):
        sinks = SETTINGS["sinks"]
        broker = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].removeprefix("PLAINTEXT://")
        self.assertEqual(sinks["events"]["brokers"], [broker])
        self.assertIn("-httpListenAddr=:8428", SERVICES["victoriametrics"]["command"])
        self.assertEqual(sinks["metrics"]["endpoint"], "http://victoriametrics:8428/write")
        command = SERVICES["s3"]["command"]
        self.assertEqual(sinks["lake"]["s3"]["endpoint"], f"http://s3{command[command.index('--port') + 1]}")
        self.assertIn(f"objects:{command[-1]}/{sinks['lake']['s3']['bucket']}", SERVICES["s3"]["volumes"])
        scraped = yaml_file.load(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
        self.assertEqual(scraped, [f"penstock:{port_of('admin')}"])
        self.assertEqual(SERVICES["sim"]["command"][1:3],
                         [f"--mqtt=penstock:{port_of('mqtt')}", f"--http=penstock:{port_of('http')}"])

    def test_volumes_and_files_that_are_named_exist(self):
        for service in SERVICES.values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("./"):
                    self.assertTrue((DEPLOY / source).exists(), volume)
                else:
                    self.assertIn(source, COMPOSE["volumes"])
        self.assertIn(f"journal:{SETTINGS['data_dir']}", NODE["volumes"])

    def test_stopping_is_given_the_time_that_draining_takes(self):
        self.assertGreaterEqual(seconds(NODE["stop_grace_period"]), DRAIN_BOUND + 15)

    @unittest.skipUnless(shutil.which("docker-compose"), "docker-compose is not installed")
    def test_docker_compose_takes_the_file(self):
        prepared = Prepared(self)
        done = run("docker-compose", "config", "-q", cwd=prepared.deploy)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_promtool_takes_the_scrape_file(self):
        prepared = Prepared(self)
        file = prepared.deploy / "prometheus/prometheus.yml"
        file.write_text(file.read_text().replace("/run/secrets/", f"{prepared.deploy}/secrets/"))
        done = run("promtool", "check", "config", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Image(unittest.TestCase):
    def test_the_image_is_what_the_compose_file_takes_it_for(self):
        test = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.M).group(1)
        self.assertEqual(["CMD", *json.loads(test)], NODE["healthcheck"]["test"])
        self.assertIn(f"USER {NODE['user']}\n", DOCKERFILE)
        self.assertIn(f"VOLUME {SETTINGS['data_dir']}\n", DOCKERFILE)
        path = re.search(r'^CMD \["run", "--config", "(.*)"\]$', DOCKERFILE, re.M).group(1)
        self.assertIn(f"./compose/penstock.yaml:{path}:ro", NODE["volumes"])
        version = re.search(r"project\(penstock VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
        for name in ("penstock", "sim"):
            self.assertEqual(SERVICES[name]["image"], f"penstock:{version}")

    def test_what_is_copied_is_not_left_out_of_the_context(self):
        kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        copied = {source for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.M) for source in line.split()}
        self.assertEqual(copied, kept)
        for source in copied:
            self.assertTrue((ROOT / source).exists(), source)

    @unittest.skipUnless("bookworm" in platform.freedesktop_os_release().get("VERSION_CODENAME", ""),
                         "packages have other names in another release")
    def test_the_image_has_the_libraries_that_the_program_needs(self):
        installed = re.search(r"install -y --no-install-recommends \\\n(.*?)&&", DOCKERFILE, re.S).group(1)
        named = {word for word in installed.split() if word != "\\"}
        needed = set(re.findall(r"\(NEEDED\).*\[(.*?)\]", run("readelf", "-d", BINARY).stdout))
        paths = dict(re.findall(r"^\s*(\S+) => (/\S+)", run("ldd", BINARY).stdout, re.M))
        files = [str(pathlib.Path(paths[library]).resolve()) for library in needed if library in paths]
        files += [file.removeprefix("/usr") for file in files]  # as packages from before the merge name them
        packages = {line.split(":")[0] for line in run("dpkg", "-S", *files).stdout.splitlines()}
        in_every_image = {"libc6", "libgcc-s1", "libstdc++6"}
        sanitizers = {package for package in packages if re.match(r"lib(a|t|ub)san", package)}
        self.assertEqual(packages - in_every_image - sanitizers - named, set())
        if not sanitizers:
            self.assertEqual(named - packages, {"ca-certificates"})


class Unit(unittest.TestCase):
    """penstock.service. No systemd runs here: its own tools read the unit, and the daemon is traced."""

    @classmethod
    def setUpClass(cls):
        cls.text = (DEPLOY / "penstock.service").read_text()

    def value(self, key):
        return re.findall(rf"^{key}=(.*)$", self.text, re.M)

    def test_it_is_hardened(self):
        done = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15",
                   DEPLOY / "penstock.service")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_systemd_understands_every_line(self):
        with tempfile.TemporaryDirectory(prefix="penstock-unit-") as folder:
            unit = pathlib.Path(folder) / "penstock.service"
            unit.write_text(self.text.replace("/usr/bin/penstock", str(BINARY.resolve())))
            done = run("systemd-analyze", "verify", unit)
            # Units that this one names may have faults of their own on this machine.
            self.assertEqual([line for line in done.stderr.splitlines() if "penstock" in line], [])
            unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHouse=yes"))
            self.assertIn("ProtectHouse", run("systemd-analyze", "verify", unit).stderr)

    def test_its_commands_are_those_of_the_program(self):
        commands = self.value("ExecStartPre") + self.value("ExecStart") + self.value("ExecReload")
        for command in (words.split()[1] for words in commands if words.startswith("/usr/bin/penstock")):
            self.assertEqual(run(BINARY, command, "--help").returncode, 0)
        self.assertEqual([words.split()[1] for words in self.value("ExecStartPre")], ["check"])
        self.assertGreaterEqual(seconds(self.value("TimeoutStopSec")[0]), DRAIN_BOUND + 15)
        exit_codes = (ROOT / "src/app/cli.h").read_text()
        self.assertIn(f"kExitConfig = {self.value('RestartPreventExitStatus')[0]},", exit_codes)

    @unittest.skipUnless(os.geteuid() == 0, "only root makes users and folders of others")
    def test_user_and_folders_are_what_the_unit_names(self):
        with tempfile.TemporaryDirectory(prefix="penstock-root-") as root:
            (pathlib.Path(root) / "etc").mkdir()
            for tool, kind in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
                flags = ["--create"] if kind == "tmpfiles" else []
                done = run(tool, f"--root={root}", *flags, DEPLOY / f"penstock.{kind}")
                self.assertEqual(done.returncode, 0, done.stderr)
            user = re.search(rf"^{self.value('User')[0]}:x:(\d+):", (pathlib.Path(root) / "etc/passwd").read_text(), re.M)
            data = (pathlib.Path(root) / "var/lib" / self.value("StateDirectory")[0]).stat()
            self.assertEqual((data.st_uid, data.st_mode & 0o777), (int(user.group(1)), 0o700))
            secrets = pathlib.Path(root + self.value("LoadCredential")[0].partition(":")[2]).stat()
            self.assertEqual((secrets.st_uid, secrets.st_mode & 0o777), (0, 0o700))

    def allowed_calls(self):
        known = {}
        for line in run("systemd-analyze", "syscall-filter", "--no-pager").stdout.splitlines():
            if line.startswith("@"):
                members = known.setdefault(line.strip(), [])
            elif line.startswith("    ") and not line.strip().startswith("#"):
                members.append(line.strip())

        def expand(name):
            return set().union(*(expand(member) for member in known[name])) if name in known else {name}
        allowed = set()
        for line in self.value("SystemCallFilter"):
            named = set().union(*(expand(name) for name in line.removeprefix("~").split()))
            allowed = allowed - named if line.startswith("~") else allowed | named
        return allowed

    @unittest.skipIf(os.environ.get("PENSTOCK_SANITIZED"), "sanitizers do not run under a tracer")
    def test_the_daemon_calls_nothing_that_the_filter_denies(self):
        allowed = self.allowed_calls()
        self.assertIn("io_uring_setup", allowed)
        self.assertNotIn("mount", allowed)
        with Daemon() as daemon:
            daemon.sinks = f"""
sinks:
  events:  {{ type: kafka, brokers: ["127.0.0.1:9"], topic: telemetry }}
  metrics: {{ type: line_protocol, endpoint: "http://127.0.0.1:9/write" }}
  lake:    {{ type: archive, local: {{ directory: "{daemon.dir}/lake" }}, window: {{ age: 100ms }} }}
"""
            daemon.write_config()
            trace = daemon.dir / "trace"
            daemon.start(wait=120, under=["strace", "-f", "-qq", "-o", str(trace)])
            client = Client(daemon.mqtt, "traced")
            client.publish_and_wait("iot/wearable/data", payload("t", 1))
            client.close()
            self.assertEqual(daemon.post("/v1/ingest/wearables", payload("t", 2))[0], 200)
            self.assertEqual(daemon.get("/metrics")[0], 200)
            node = int(run("pgrep", "-P", daemon.process.pid).stdout)
            os.kill(node, signal.SIGHUP)
            eventually(lambda: "settings reloaded" in daemon.log(), 60, what="the reload")
            eventually(lambda: list((daemon.dir / "lake").rglob("*.zst")), 60, what="an object")
            os.kill(node, signal.SIGTERM)
            self.assertEqual(daemon.process.wait(60), 0)
            called = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
        self.assertIn("signalfd4", called)
        self.assertEqual(called - allowed, set())


class Settings(unittest.TestCase):
    """The settings of the compose file, run by hand on this machine."""

    def test_check_takes_them(self):
        prepared = Prepared(self)
        file = prepared.deploy / "settings.yaml"
        file.write_text(prepared.settings())
        done = run(BINARY, "check", "--config", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_node_runs_by_them_is_healthy_and_lets_in_who_has_the_token(self):
        prepared = Prepared(self)
        with Daemon() as daemon:
            text = prepared.settings().replace(SETTINGS["data_dir"], str(daemon.data))
            text = re.sub(r"(kafka|victoriametrics|s3):\d+", f"127.0.0.1:{free_ports(1)[0]}", text)
            for listener in ("mqtt", "http", "admin"):
                text = text.replace(SETTINGS["listeners"][listener]["listen"], f"127.0.0.1:{getattr(daemon, listener)}")
            daemon.config.write_text(text)
            admin = f"127.0.0.1:{daemon.admin}"
            self.assertEqual(run(BINARY, "health", "--admin", admin).returncode, 1)
            daemon.start()
            health = run(BINARY, "health", "--admin", admin)
            self.assertEqual(health.returncode, 0, health.stdout)
            fleet = prepared.secret("fleet_token")
            client = Client(daemon.mqtt, "w-1", user="fleet", password=fleet)
            client.publish_and_wait("iot/wearable/data", payload("w-1", 1))
            client.close()
            bearer = {"Authorization": f"Bearer {fleet}"}
            self.assertEqual(daemon.post("/v1/ingest/wearables", payload("w-1", 2), bearer)[0], 200)
            self.assertEqual(daemon.post("/v1/ingest/wearables", payload("w-1", 2))[0], 401)
            with self.assertRaises(OSError):
                Client(daemon.mqtt, "w-2", user="fleet", password="wrong")
            self.assertEqual(daemon.get("/metrics")[0], 401)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(run(BINARY, "health", "--admin", admin).returncode, 1)


if __name__ == "__main__":
    unittest.main()
