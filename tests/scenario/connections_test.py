"""T12 many quiet connections and T14 a fleet that comes back at once, at a small size.

bench/connections.py and bench/reconnect.py are the long runs.
PENSTOCK_CONNECTIONS: plain ones (default 2000; of TLS half as many). PENSTOCK_STORM: clients that come back (default 200).
"""
import os
import unittest

from support.cost import memory
from support.daemon import Daemon, eventually
from support.load import Load
from support.storm import QUEUE, storm, tls_folder

PLAIN = int(os.environ.get("PENSTOCK_CONNECTIONS", "2000"))
STORM = int(os.environ.get("PENSTOCK_STORM", "200"))


def connections(daemon):
    return sum(v for k, v in daemon.metrics().items() if k.startswith("penstock_connections{"))


class Connections(unittest.TestCase):
    def hold(self, count, limit, tls):
        daemon = Daemon()
        if tls:
            folder = tls_folder()
            daemon.mqtt_extra = f', tls: {{ certificate: "{folder}/server.pem", key: "{folder}/server.key" }}'
            daemon.write_config()
        with daemon:
            daemon.start()
            # As many as connect at a time, so that what a handshake needs for a while is there already.
            few = 256
            with Load(daemon.mqtt, connections=few, idle=600, tls=tls, client="first") as first:
                first.line()
                before = memory(daemon.process.pid)
                with Load(daemon.mqtt, connections=count, idle=600, tls=tls, client="more") as more:
                    more.line()
                    eventually(lambda: connections(daemon) >= count + few, 60, what="all connected")
                    each = (memory(daemon.process.pid) - before) / count
                eventually(lambda: connections(daemon) <= few, 60, what="all gone")
            print(f"{count} connections{' over TLS' if tls else ''}: {each:.0f} bytes each")
            if not os.environ.get("PENSTOCK_SANITIZED"):
                self.assertLess(each, limit)
            self.assertEqual(daemon.stop(), 0)

    def test_t12_a_quiet_plain_connection_takes_little_more_than_a_kibibyte(self):
        self.hold(PLAIN, 1536, tls=False)

    def test_t12_a_quiet_tls_connection_gives_its_buffers_back(self):
        self.hold(PLAIN // 2, 20 * 1024, tls=True)


class Storm(unittest.TestCase):
    def returns(self, means, clients):
        told = storm(means, clients)
        print(means, told)
        self.assertEqual(told["allowed"], clients)
        self.assertLessEqual(told["longest_queue"], QUEUE)
        return told

    def test_t14_tokens_bring_a_fleet_back(self):
        self.assertEqual(self.returns("token", STORM)["turned_away"], 0)

    def test_t14_certificates_bring_a_fleet_back(self):
        self.assertEqual(self.returns("certificate", STORM // 2)["turned_away"], 0)

    def test_t14_passwords_wait_their_turn(self):
        self.assertEqual(self.returns("password", STORM // 10)["turned_away"], 0)


if __name__ == "__main__":
    unittest.main()
