"""A fleet that loses its node and comes back all at once (T14), by each means of proving itself."""
import hashlib
import pathlib
import subprocess
import threading
import time

from .daemon import BINARY, ROOT, Daemon
from .load import Load

TOKEN = "a token that every device of this fleet knows"
MEANS = ("token", "certificate", "password")
# auth::Authenticator::Options::queue
QUEUE = 256


def tls_folder():
    """Certificates of the test servers."""
    script = ROOT / "tests/servers/common.bash"
    done = subprocess.run(["bash", "-c", f'source "{script}"; make_tls; echo "$tls"'], capture_output=True, text=True,
                          check=True)
    return pathlib.Path(done.stdout.strip().splitlines()[-1])


class Fleet:
    """A daemon that wants to know who comes, and what its clients bring."""

    def __init__(self, means, clients):
        self.means = means
        self.daemon = Daemon()
        self.client = {}
        getattr(self, means)(clients)
        self.daemon.write_config()

    def token(self, _clients):
        file = self.daemon.dir / "tokens"
        file.write_text(f"fleet:{hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
        self.daemon.extra = f'auth: {{ tokens: "{file}" }}\n'
        self.client = {"password": TOKEN, "user": "fleet"}

    def certificate(self, _clients):
        tls = tls_folder()
        self.daemon.mqtt_extra = (f', tls: {{ certificate: "{tls}/server.pem", key: "{tls}/server.key", '
                                  f'client_ca: "{tls}/ca.pem", client_certificate: required }}')
        self.client = {"tls": True, "certificate": f"{tls}/client.pem", "key": f"{tls}/client.key"}

    def password(self, clients):
        """Each client is a user of its own; the hash may be the same, it is computed for each all the same."""
        file = self.daemon.dir / "passwords"
        subprocess.run([str(BINARY), "passwd", str(file), "u-0"], input="fleet-secret\n", text=True, check=True,
                       capture_output=True)
        phc = file.read_text().strip().partition(":")[2]
        file.write_text("".join(f"u-{i}:{phc}\n" for i in range(clients)))
        self.daemon.extra = f'auth: {{ passwords: "{file}" }}\n'
        self.client = {"user": "u-%", "password": "fleet-secret"}

    def close(self):
        self.daemon.close()


class Watch(threading.Thread):
    """The longest queue of password checks that was seen."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_, self.longest, self.ending = daemon, 0.0, threading.Event()

    def run(self):
        while not self.ending.wait(0.05):
            try:
                self.longest = max(self.longest, self.daemon_.metrics()["penstock_auth_waiting_checks"])
            except (OSError, KeyError):
                pass


def storm(means, clients):
    """All connect; the node is killed and started again. What is told counts from the kill."""
    fleet = Fleet(means, clients)
    try:
        fleet.daemon.start()
        with Load(fleet.daemon.mqtt, connections=clients, reconnect=True, idle=3600, connecting=clients,
                  **fleet.client) as load:
            load.line()
            fleet.daemon.kill()
            killed = time.monotonic()
            fleet.daemon.start(wait=60)
            ready = time.monotonic()
            watch = Watch(fleet.daemon)
            watch.start()
            back = load.line()
            end = time.monotonic()
            watch.ending.set()
            watch.join()
            metrics = fleet.daemon.metrics()
        allowed = metrics[f'penstock_auth_attempts_total{{means="{means}",result="allowed"}}']
        return {"clients": clients, "down": ready - killed, "seconds": end - killed,
                "per_second": clients / (end - ready), "allowed": allowed,
                "turned_away": back["turned_away"], "longest_queue": watch.longest,
                "cpu_us": fleet.daemon.cpu_seconds() * 1e6 / clients}
    finally:
        fleet.close()
