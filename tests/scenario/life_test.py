"""Starting, stopping, reloading and misusing the daemon."""
import os
import signal
import stat
import subprocess
import unittest

from support.daemon import BINARY, Daemon, eventually
from oracle.mqtt import Client
from oracle.payload import payload


class Life(unittest.TestCase):
    def test_d21_a_second_process_is_refused_and_the_first_unharmed(self):
        with Daemon() as first, Daemon() as other:
            first.start()
            other.config.write_text(other.config.read_text().replace(f"{other.dir}/data", f"{first.dir}/data"))
            second = subprocess.run([str(BINARY), "run", "--config", str(other.config)], capture_output=True, text=True,
                                    timeout=30, check=False)
            self.assertNotEqual(second.returncode, 0)
            self.assertIn("another process", second.stderr.lower())
            Client(first.mqtt, "c").publish_and_wait("iot/wearable/data", payload("d", 1))
            first.kill()
            first.start()  # the lock is gone with the process

    def test_d23_files_are_private_whatever_the_umask(self):
        old = os.umask(0)
        try:
            with Daemon() as daemon:
                daemon.start()
                daemon.post("/v1/ingest/wearables", payload("d", 1))
                for root, folders, files in os.walk(daemon.dir / "data"):
                    for name in folders:
                        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode), 0o700, name)
                    for name in files:
                        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode), 0o600, name)
        finally:
            os.umask(old)

    def test_sigterm_commits_acknowledges_and_says_goodbye(self):
        with Daemon() as daemon:
            daemon.start()
            client = Client(daemon.mqtt, "v5", version=5)
            ids = {client.publish("iot/wearable/data", payload("d", n)) for n in range(1, 51)}
            client.ping()  # everything before it has been read
            daemon.process.send_signal(signal.SIGTERM)
            got = set()
            reason = None
            while reason is None:
                kind, body = client.read_packet()
                if kind >> 4 == 4:
                    got.add(int.from_bytes(body[:2], "big"))
                elif kind >> 4 == 14:
                    reason = body[0]
            self.assertEqual(reason, 0x8B)
            self.assertEqual(got | (ids - got), ids)
            self.assertEqual(daemon.process.wait(15), 0)
            daemon.start()
            status, history = daemon.get_json("/v1/devices/d/history?limit=100")
            self.assertEqual(status, 200)
            self.assertGreaterEqual(len(history["records"]), len(got))

    def test_a_wrong_configuration_is_named_with_line_and_column_and_all_at_once(self):
        with Daemon(extra="journal: { segment_sise: 64MiB }\nshard: 2\n") as daemon:
            done = subprocess.run([str(BINARY), "check", "--config", str(daemon.config)], capture_output=True, text=True,
                                  timeout=30, check=False)
            self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
            text = done.stdout + done.stderr
            self.assertRegex(text, r"penstock\.yaml:\d+:\d+: .*segment_sise.*did you mean 'segment_size'")
            self.assertRegex(text, r"penstock\.yaml:\d+:\d+: .*'shard'.*did you mean 'shards'")

    def test_a_check_reads_what_a_start_would_read(self):
        for wrong, says in (('auth: { bearer: { fleet: "env:SHORT" } }', "token 'fleet' must have 16 to 4096 bytes"),
                            ('auth: { passwords: "/nowhere/passwords" }', "/nowhere/passwords")):
            with Daemon(extra=wrong + "\n") as daemon:
                daemon.write_config()
                done = subprocess.run([str(BINARY), "check", "--config", str(daemon.config)], capture_output=True, text=True,
                                      timeout=30, check=False, env={**os.environ, "SHORT": "short"})
                self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
                self.assertIn(says, done.stderr)

    def test_sighup_keeps_the_old_configuration_when_the_new_one_is_wrong(self):
        with Daemon() as daemon:
            daemon.start()
            good = daemon.config.read_text()
            daemon.config.write_text(good.replace("HIGH_HEART_RATE", "VERY_HIGH"))
            daemon.reload()

            def status_is(word):
                daemon.post("/v1/ingest/wearables", payload("r", 1, heart_rate=150))
                return daemon.get_json("/v1/devices/r/latest")[1]["status"] == word
            eventually(lambda: status_is("VERY_HIGH"), 15, what="the new status word")
            daemon.config.write_text("nonsense: true\n")
            daemon.reload()
            eventually(lambda: daemon.metrics().get("penstock_config_last_reload_success") == 0, 15, what="reload refused")
            self.assertTrue(status_is("VERY_HIGH"))
            self.assertEqual(daemon.get("/live")[0], 200)

    def test_the_score_survives_a_restart(self):
        for how in ("stop", "kill"):
            with self.subTest(how), Daemon() as daemon:
                daemon.start()
                client = Client(daemon.mqtt, "w")
                for n in range(1, 201):
                    client.publish_and_wait("iot/wearable/data", payload("w", n, heart_rate=80 + n % 3))
                client.close()
                getattr(daemon, how)()
                daemon.start()
                daemon.post("/v1/ingest/wearables", payload("w", 201, heart_rate=200))
                latest = daemon.get_json("/v1/devices/w/latest")[1]
                self.assertGreater(latest["score"], 0.9, latest)


if __name__ == "__main__":
    unittest.main()
