"""Runs the load generator of bench/load."""
import json
import os
import pathlib
import signal
import subprocess

from .daemon import ROOT

BINARY = pathlib.Path(os.environ.get("PENSTOCK_LOAD", ROOT / "build/dev/device_load"))


class Load:
    """A run of the generator in the background. Arguments as bench/load/options.h names them."""

    def __init__(self, port, arguments="", **options):
        command = [str(BINARY), "--port", str(port), *arguments.split()]
        for key, value in options.items():
            command += [f"--{key.replace('_', '-')}", str(int(value) if isinstance(value, bool) else value)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def line(self):
        """The next line that it prints (--idle: one whenever all are connected)."""
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError(f"the load generator ended: {self.process.stderr.read().strip()}")
        return json.loads(text)

    def result(self, timeout=600):
        out, errors = self.process.communicate(timeout=timeout)
        if self.process.returncode:
            raise RuntimeError(errors.strip() or f"the load generator ended with {self.process.returncode}")
        return json.loads(out.splitlines()[-1])

    def stop(self):
        """Ends it early; result() still tells how far it came."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def run(port, arguments="", timeout=600, **options):
    with Load(port, arguments, **options) as load:
        return load.result(timeout)
