"""A file system on a disk whose power can be cut (tests/tools/power_disk.cpp), and on one that is small. Both need root."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from .daemon import ROOT, eventually

POWER_DISK = pathlib.Path(os.environ.get("PENSTOCK_POWER_DISK", ROOT / "build/dev/power_disk"))
MKFS = {"ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"], "xfs": ["mkfs.xfs", "-q", "-f"]}
DISK_BYTES = 320 << 20  # the smallest that mkfs.xfs takes


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def attempt(*command):
    with contextlib.suppress(RuntimeError):
        run(*command)
        return True
    return False


def why_not(kind, make=None):
    """Why such a file system cannot be had here (on such a disk), or None."""
    if os.geteuid() != 0:
        return "needs root"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(device):
            return f"no {device}"
    for tool in ("losetup", MKFS[kind][0]):
        if shutil.which(tool) is None:
            return f"no {tool}"
    try:
        with (make or LoopMount)(kind):
            return None
    except (RuntimeError, OSError) as e:
        return f"{kind} cannot be mounted: {e}"


class LoopMount:
    """A file system of its own in a sparse file."""

    def __init__(self, kind="ext4", size=DISK_BYTES):
        self.kind, self.size = kind, size
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="penstock-disk-"))
        self.image, self.mount = self.dir / "disk", self.dir / "mount"
        self.mount.mkdir()
        self.image.touch()
        self.loop, self.mounted = None, False

    def begin(self):
        os.truncate(self.image, self.size)
        self.attach(make=True)
        return self

    def attach(self, make=False):
        self.loop = run("losetup", "-f", "--show", self.image)
        if make:
            run(*MKFS[self.kind], self.loop)
        run("mount", "-t", self.kind, "-o", "noatime", self.loop, self.mount)
        self.mounted = True

    def detach(self):
        if self.mounted:    # not os.path.ismount(): a file system whose disk is gone answers nothing
            # A killed process lets go of its files a moment after it is gone.
            eventually(lambda: attempt("umount", self.mount), 30, 0.05, "umount")
            self.mounted = False
        if self.loop:
            run("losetup", "-d", self.loop)
            self.loop = None

    def end(self):
        with contextlib.suppress(RuntimeError, AssertionError):
            self.detach()

    def __enter__(self):
        try:
            return self.begin()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.end()
        if not self.mounted:
            shutil.rmtree(self.dir, ignore_errors=True)


class PowerDisk(LoopMount):
    """`lie`: the disk acknowledges flushes that it does not do."""

    def __init__(self, kind="ext4", lie=False):
        super().__init__(kind)
        self.lie, self.process = lie, None

    def begin(self):
        self.process = subprocess.Popen([str(POWER_DISK), str(self.image), str(self.size), *(["lie"] if self.lie else [])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer("ready")
        self.attach(make=True)
        run("sync", "-f", self.mount)
        return self

    def answer(self, expected):
        line = self.process.stdout.readline().strip()
        if not line.startswith(expected):
            raise RuntimeError(f"power_disk: {line!r} instead of {expected!r}")
        return line

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def cut(self, seed):
        """Power is gone: every write and read fails from now on. What became of what was not flushed."""
        self.tell(f"cut {seed}")
        return self.answer("cut")

    def up(self):
        """Power is back, and the file system mounted as it was left. Nobody may have files open."""
        self.detach()
        self.tell("up")
        self.answer("up")
        self.attach()

    def end(self):
        super().end()
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
