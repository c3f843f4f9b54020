"""`penstock doctor` finds what is planted, says how to mend it, and is quiet about a machine that is well."""
import contextlib
import ctypes
import email.utils
import http.server
import json
import os
import resource
import socket
import struct
import subprocess
import threading
import time
import unittest

from support.daemon import BINARY, Daemon, free_ports
from support.power import LoopMount, why_not

# seccomp(2) and bpf(2): the numbers are those of the kernel's interface.
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ERRNO_EPERM, ALLOW = 0x00050001, 0x7FFF0000
IO_URING_SETUP = 425
NOBODY = 65534


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def forbid_io_uring():
    """As a container's default profile does. Runs in the child, before the program."""
    code = b"".join(struct.pack("HBBI", *step) for step in (
        (LOAD_NUMBER, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, ERRNO_EPERM), (RETURN, 0, 0, ALLOW)))
    buffer = ctypes.create_string_buffer(code)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = Program(4, ctypes.cast(buffer, ctypes.c_void_p).value)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def certificate(folder, *days):
    """A server's certificate and key; `days` is (not_before, not_after) from now."""
    key, file = folder / "server.key", folder / "server.pem"
    stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + day * 86400)) for day in days]
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={folder}\ndatabase={folder}/index\nserial={folder}/serial\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    for command in (
            ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
             "-keyout", key, "-out", folder / "request"],
            ["ca", "-batch", "-selfsign", "-config", folder / "ca.conf", "-keyfile", key, "-in", folder / "request",
             "-startdate", stamp[0], "-enddate", stamp[1], "-notext", "-out", file]):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    key.chmod(0o600)
    return f'tls: {{ certificate: "{file}", key: "{key}" }}'


@contextlib.contextmanager
def far_side(clock_ahead=0):
    """A line-protocol store that takes everything, and whose clock is off by so many seconds."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(204)
            self.end_headers()

        do_GET = do_POST = do_HEAD = answer

        def date_time_string(self, timestamp=None):
            return email.utils.formatdate(time.time() + clock_ahead, usegmt=True)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'metrics: {{ type: line_protocol, endpoint: "http://127.0.0.1:{server.server_address[1]}/write" }}'
    finally:
        server.shutdown()
        server.server_close()


class Examination:
    """What doctor said of a node's settings."""

    def __init__(self, node, before=None, **options):
        command = [str(BINARY), "doctor", "--config", str(node.config), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=before, **options)
        self.code, self.errors = done.returncode, done.stderr
        self.report = json.loads(done.stdout)
        self.findings = self.report["findings"]

    def of(self, check, *grades):
        return [finding for finding in self.findings
                if finding["check"] == check and finding["grade"] in (grades or ("warning", "bad", "unknown"))]


class Doctor(unittest.TestCase):
    def node(self, **parts):
        node = Daemon(**parts)
        self.addCleanup(node.close)
        node.data.mkdir()
        return node

    def found(self, examination, check, grade, what, remedy):
        """There is such a finding; the exit code says whether it is bad."""
        matching = [f for f in examination.of(check, grade) if what in f["what"]]
        self.assertTrue(matching, examination.findings)
        self.assertIn(remedy, matching[0]["remedy"])
        bad = any(finding["grade"] == "bad" for finding in examination.findings)
        self.assertEqual((examination.code, examination.report["well"]), (1, False) if bad else (0, True))
        return matching[0]

    def test_a_machine_that_is_well(self):
        with far_side() as sink:
            node = self.node(sinks="sinks:\n  " + sink)
            seen = Examination(node)
        self.assertEqual(seen.of("settings") + seen.of("directory", "bad") + seen.of("secrets") + seen.of("certificates") +
                         seen.of("listeners") + seen.of("sinks"), [], seen.findings)
        self.assertEqual({finding["check"] for finding in seen.findings} - {"secrets", "certificates"},
                         {"settings", "directory", "writes", "descriptors", "memory", "clock", "listeners", "sinks"})
        self.assertTrue(any("a durable write of 4 KiB takes" in f["what"] for f in seen.of("writes", "good", "warning")))
        self.assertEqual(list(node.data.iterdir()), [])

    def test_a_node_that_runs_is_not_in_its_own_way(self):
        node = self.node()
        node.start()
        seen = Examination(node)
        self.assertEqual(seen.of("listeners"), [], seen.findings)
        self.assertTrue(any("held by the node that runs" in f["what"] for f in seen.of("listeners", "good")))
        self.assertEqual(node.get("/ready")[0], 200)

    def test_text_for_people(self):
        node = self.node()
        node.config.write_text("shrads: 1\n")
        done = subprocess.run([str(BINARY), "doctor", "--config", str(node.config)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"^bad +settings +.*:1:1: unknown key 'shrads'; did you mean 'shards'\?\n +-> Mend that line")

    # The planted problems.

    def test_1_a_read_only_data_directory(self):
        node = self.node()
        node.data.chmod(0o555)
        node.dir.chmod(0o755)
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        seen = Examination(node, **options)
        self.found(seen, "directory", "bad", f"cannot make a file in {node.data}", "Give")
        node.data.chmod(0o755)

    @unittest.skipIf(why_not("ext4"), why_not("ext4"))
    def test_2_a_full_disk(self):
        node = self.node(extra="journal: { disk_enough: 0 }\n")
        with LoopMount(size=32 << 20) as disk:
            node.config.write_text(node.config.read_text().replace(str(node.data), str(disk.mount)))
            with contextlib.suppress(OSError), open(disk.mount / "filler", "wb", buffering=0) as filler:
                while filler.write(bytes(1 << 20)) == 1 << 20:
                    pass
            seen = Examination(node)
        self.found(seen, "directory", "bad", "the disk is full", "Make room")

    def test_3_a_low_limit_of_descriptors(self):
        node = self.node()
        seen = Examination(node, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
        self.found(seen, "descriptors", "bad", "256 file descriptors", "LimitNOFILE=")

    def test_4_an_expired_certificate(self):
        node = self.node()
        for days, grade, what in (((-30, -2), "bad", "has expired 2 days ago"), ((-30, 5), "warning", "expires in 5 days"),
                                  ((-1, 90), "good", "is good for 90 days")):
            tls = certificate(node.dir, *days)
            port = free_ports(1)[0]
            node.listeners = f'  https: {{ listen: "127.0.0.1:{port}", {tls} }}'
            node.write_config()
            remedy = "" if grade == "good" else "reload"
            self.found(Examination(node), "certificates", grade, what, remedy)

    def test_5_a_sink_whose_clock_disagrees(self):
        for ahead, grade, what in ((3600, "bad", "s ahead of ours"), (-3600, "bad", "s behind ours"), (60, "warning", "ahead")):
            with far_side(ahead) as sink:
                node = self.node(sinks="sinks:\n  " + sink)
                seen = Examination(node)
            self.assertTrue(seen.of("sinks", "good"), seen.findings)
            self.found(seen, "sinks", grade, what, "chrony")

    def test_6_a_sink_that_cannot_be_reached(self):
        port = free_ports(1)[0]
        node = self.node(sinks=f'sinks: {{ metrics: {{ type: line_protocol, endpoint: "http://127.0.0.1:{port}/write" }} }}')
        self.found(Examination(node), "sinks", "bad", "metrics (line_protocol):", "Start the far side")

    def test_7_a_password_file_that_everybody_can_read(self):
        node = self.node()
        passwords = node.dir / "passwords"
        subprocess.run([str(BINARY), "passwd", str(passwords), "fleet"], input="long enough\n", text=True, check=True,
                       capture_output=True)
        node.extra = f"auth: {{ passwords: {passwords} }}\n"
        node.write_config()
        self.assertEqual(Examination(node).of("secrets"), [])
        passwords.chmod(0o644)
        self.found(Examination(node), "secrets", "bad", "can be read by everybody (mode 0644)", f"chmod o= {passwords}")

    def test_8_a_port_that_is_taken(self):
        node = self.node()
        with socket.socket() as other:
            other.bind(("127.0.0.1", node.mqtt))
            other.listen()
            seen = Examination(node)
        self.found(seen, "listeners", "bad", f"cannot listen on 127.0.0.1:{node.mqtt}", "listeners.mqtt.listen")

    @unittest.skipUnless(os.uname().machine == "x86_64", "the number of the system call is that of x86-64")
    @unittest.skipIf(os.environ.get("PENSTOCK_SANITIZED"), "sanitizers call what the filter's mode forbids")
    def test_9_io_uring_that_is_not_to_be_had(self):
        node = self.node()
        seen = Examination(node, before=forbid_io_uring)
        self.found(seen, "writes", "warning", "io_uring cannot be used", "kernel.io_uring_disabled")
        node.extra = "journal: { io: uring }\n"
        node.write_config()
        self.found(Examination(node, before=forbid_io_uring), "writes", "bad", "journal.io is uring", "journal.io: auto")
        node.data.rmdir()
        self.found(Examination(node), "writes", "unknown", "there is no data_dir", "Make data_dir")

    def test_10_settings_of_a_newer_version(self):
        node = self.node()
        node.config.write_text('for_version: "99.1.0"\nquantum: { entangled: true }\n')
        seen = Examination(node)
        self.found(seen, "settings", "bad", "the settings are for Penstock 99.1.0, this is", "Install Penstock 99.1.0")
        # What an older program does not know is not reported key by key.
        self.assertEqual([f["grade"] for f in seen.findings], ["bad", "unknown"])
        check = subprocess.run([str(BINARY), "check", "--config", str(node.config)], capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 78)
        self.assertIn("'for_version' must be a version, and none that is newer", check.stderr)

    def test_settings_that_are_wrong(self):
        node = self.node()
        node.config.write_text("journal:\n  comit_window: 2ms\n")
        seen = Examination(node)
        self.found(seen, "settings", "bad", ":2:3: unknown key 'journal.comit_window'", "penstock config explain")

    def test_listeners_that_meet_a_network(self):
        node = self.node(extra="auth: { anonymous: true }\n")
        node.config.write_text(node.config.read_text().replace(f"127.0.0.1:{node.mqtt}", f"0.0.0.0:{node.mqtt}"))
        self.found(Examination(node), "listeners", "warning", "is not encrypted", "8883")


if __name__ == "__main__":
    unittest.main()
