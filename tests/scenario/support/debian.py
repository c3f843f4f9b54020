"""A minimal Debian of this machine's own release, made once."""
import os
import pathlib
import re
import subprocess
import tempfile

CACHE = pathlib.Path(os.environ.get("PENSTOCK_TEST_CACHE", pathlib.Path.home() / ".cache/penstock-test"))


def run(*command, check=True, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def minimal_debian():
    """An archive of its root, with the package sources that debootstrap writes. Needs root."""
    codename = re.search(r"VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text()).group(1)
    archive = CACHE / f"{codename}-minbase.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        site = run("apt-get", "indextargets", "--format", "$(SITE)", f"Codename: {codename}").stdout.split()[0]
        with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
            made = pathlib.Path(folder) / "root.tar"
            run("debootstrap", "--variant=minbase", codename, f"{folder}/root", site)
            run("tar", "-C", f"{folder}/root", "-cf", made, ".")
            made.rename(archive)
    return archive
