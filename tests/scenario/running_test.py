"""What an operator does with the sinks of a running daemon: look, by `penstock sinks`."""
import json
import subprocess
import unittest

from support.daemon import BINARY, Daemon, eventually

SINKS = """
sinks:
  lines: {{ type: file, path: "{dir}/lines.ndjson" }}
  hook: {{ type: http, url: "http://127.0.0.1:9/nobody", retry: {{ first: 50ms, longest: 100ms }} }}
"""


def run(*arguments):
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Sinks(unittest.TestCase):
    def test_the_table_tells_the_sink_that_is_down_from_the_one_that_is_well(self):
        with Daemon() as daemon:
            daemon.sinks = SINKS.format(dir=daemon.dir)
            daemon.write_config()
            code, _, said = run("sinks", "--config", daemon.config)
            self.assertEqual((code, "no daemon answers" in said), (1, True), said)
            daemon.start()
            body = "\n".join(json.dumps({"deviceId": f"d{n % 7}", "heartRate": 70}) for n in range(500))
            self.assertEqual(daemon.post("/v1/ingest/wearables", body, {"Content-Type": "application/x-ndjson"})[0], 200)

            def told():
                _, out, _ = run("sinks", "--admin", f"127.0.0.1:{daemon.admin}", "--json")
                sinks = {sink["id"]: sink for sink in json.loads(out)}
                well, ill = sinks["lines"], sinks["hook"]
                good = well["lagRecords"] == 0 and well["recordsPerSecond"] > 0 and ill["lagRecords"] == 500
                return sinks if good and ill.get("lagBytes") and ill["lagSeconds"] > 0 else None
            sinks = eventually(told, what="one sink well, one behind")
            self.assertEqual(sinks["hook"]["state"], "backing off")
            self.assertGreater(sinks["hook"]["runwaySeconds"], 0)
            code, table, _ = run("sinks", "--config", daemon.config)
            self.assertEqual(code, 0)
            head, hook, lines = table.splitlines()
            self.assertEqual(head.split()[:4], ["SINK", "TYPE", "STATE", "LAG"])
            self.assertIn("backing off 500", " ".join(hook.split()))
            self.assertIn("nnect", hook)  # why
            self.assertIn("running", lines)
            self.assertIn('penstock_sink_runway_seconds{sink="hook"}', daemon.get("/metrics")[1].decode())


if __name__ == "__main__":
    unittest.main()
