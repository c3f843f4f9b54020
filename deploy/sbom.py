#!/usr/bin/env python3
"""Prints what the program is made of, as CycloneDX 1.5 (JSON): the libraries that it loads, and those that were compiled in.

Usage: deploy/sbom.py --binary build/release/penstock
Versions come from dpkg, so it runs where the program was built. The same binary on the same packages gives the same bytes.
"""
import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Headers that leave no trace among the libraries, and how their packages are called.
COMPILED_IN = {"boost": r"libboost1\.\d+-dev", "cli11": "libcli11-dev", "xxhash": "libxxhash-dev"}


def output(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return done.stdout


def release():
    return re.search(r"project\(penstock VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


def packages(pattern):
    """{name: (version, architecture)} of installed packages."""
    found = {}
    for line in output("dpkg-query", "-W", "-f", "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n").splitlines():
        status, name, version, architecture = line.split("\t")
        if status.startswith("ii") and re.fullmatch(pattern, name):
            found[name] = (version, architecture)
    return found


def owner(library):
    """The package of a file, which may be named as from before /usr was merged."""
    path = str(pathlib.Path(library).resolve())
    for name in (path, path.removeprefix("/usr")):
        line = output("dpkg", "-S", name)
        if line:
            return line.split(":")[0]
    return None


def loaded(binary):
    """Packages of the libraries that the program itself names."""
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", output("readelf", "-d", binary))
    paths = dict(re.findall(r"^\s*(\S+) => (/\S+)", output("ldd", binary), re.M))
    names = {owner(paths[library]) for library in needed if library in paths}
    return sorted(name for name in names if name)


def component(package, scope):
    (version, architecture), = packages(re.escape(package)).values()
    purl = f"pkg:deb/debian/{package}@{version}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": package, "version": version, "scope": scope, "purl": purl}


def document(binary):
    digest = hashlib.sha256(pathlib.Path(binary).read_bytes()).hexdigest()
    parts = [component(name, "required") for name in loaded(binary)]
    for pattern in COMPILED_IN.values():
        parts += [component(name, "required") for name in sorted(packages(pattern))]
    if not parts:
        sys.exit("sbom: dpkg knows none of the libraries")
    reference = f"penstock@{release()}"
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest + json.dumps(parts))}",
        "metadata": {"component": {"type": "application", "bom-ref": reference, "name": "penstock", "version": release(),
                                   "licenses": [{"license": {"id": "Apache-2.0"}}],
                                   "hashes": [{"alg": "SHA-256", "content": digest}]}},
        "components": parts,
        "dependencies": [{"ref": reference, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    print(json.dumps(document(parser.parse_args().binary), indent=1))


if __name__ == "__main__":
    main()
