"""What the daemon tells a service manager (sd_notify): the test plays the manager's end of the socket."""
import ctypes
import os
import pathlib
import socket
import tempfile
import time
import unittest

from support.daemon import Daemon, eventually, free_ports
from oracle.mqtt import Client

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Manager:
    """The socket of a service manager, and every message that came, as {NAME: value}."""

    def __init__(self, folder):
        self.path = f"{folder}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.messages = []

    def take(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.messages
            self.messages.append(dict(line.split("=", 1) for line in text.split("\n")))

    def said(self, name):
        return [message for message in self.take() if name in message]


class Stopped:
    """One thread of another process, stopped as long as this lasts."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if libc.ptrace(request, self.thread, None, None) != 0:
                raise OSError(ctypes.get_errno(), "ptrace")
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        libc.ptrace(PTRACE_DETACH, self.thread, None, None)


def thread_of(pid, name):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise LookupError(name)


class ServiceManager(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-notify-")
        self.addCleanup(folder.cleanup)
        self.manager = Manager(folder.name)
        self.addCleanup(self.manager.socket.close)
        self.env = {"NOTIFY_SOCKET": self.manager.path}

    def test_ready_comes_when_everything_takes_part_and_stopping_before_the_end(self):
        with Daemon() as daemon:
            daemon.start(env=self.env, until="/live")
            eventually(lambda: self.manager.said("READY"), what="READY=1")
            Client(daemon.mqtt, "at-once").close()  # the listeners are there when it is said
            self.assertEqual(daemon.get("/ready")[0], 200)
            self.assertEqual(self.manager.messages[0], {"STATUS": "recovering the journal"})
            self.assertEqual(self.manager.said("STOPPING"), [])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(self.manager.take()[-1], {"STOPPING": "1", "STATUS": "draining"})
            self.assertEqual(len(self.manager.said("READY")), 1)

    def test_a_start_that_fails_at_its_last_step_is_never_ready(self):
        with socket.socket() as taken, Daemon() as daemon:
            [daemon.mqtt] = free_ports(1)
            daemon.write_config()
            taken.bind(("127.0.0.1", daemon.mqtt))
            taken.listen()
            self.assertEqual(daemon.start(env=self.env, expect_exit=True), 1)
            self.assertIn("start failed", daemon.log())
            self.assertEqual(self.manager.said("READY"), [])

    def test_a_reload_is_announced_and_ends_whether_it_was_taken_or_not(self):
        with Daemon() as daemon:
            daemon.start(env=self.env)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            daemon.reload()
            eventually(lambda: len(self.manager.said("READY")) == 2, what="the end of the reload")
            first = self.manager.said("RELOADING")[0]
            self.assertGreaterEqual(int(first["MONOTONIC_USEC"]), before)
            self.assertEqual(self.manager.said("READY")[1]["STATUS"], "running")
            daemon.config.write_text("nonsense: 1\n")
            daemon.reload()
            eventually(lambda: len(self.manager.said("READY")) == 3, what="the end of the refused reload")
            self.assertIn("refused", self.manager.said("READY")[2]["STATUS"])
            kinds = [next(iter(message)) for message in self.manager.messages]
            self.assertEqual(kinds, ["STATUS", "READY", "RELOADING", "READY", "RELOADING", "READY"])

    def test_the_watchdog_is_fed_by_the_shards_and_starves_when_one_hangs(self):
        with Daemon(extra="shards: 2\n") as daemon:
            daemon.start(env={**self.env, "WATCHDOG_USEC": "400000"})
            eventually(lambda: len(self.manager.said("WATCHDOG")) >= 3, what="signs of life")
            with Stopped(thread_of(daemon.process.pid, "shard-1")):
                before = len(self.manager.said("WATCHDOG"))
                time.sleep(2)  # twenty times what would pass between two
                fed = len(self.manager.said("WATCHDOG"))
                self.assertLessEqual(fed, before + 1)  # one, for what the shards had answered before
                self.assertEqual(daemon.get("/live")[0], 200)  # the rest of it is well
            eventually(lambda: len(self.manager.said("WATCHDOG")) > fed, what="signs of life again")

    def test_without_a_watchdog_nothing_feeds_it(self):
        with Daemon() as daemon:
            daemon.start(env={**self.env, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
            daemon.stop()
            self.assertEqual(self.manager.said("WATCHDOG"), [])


if __name__ == "__main__":
    unittest.main()
