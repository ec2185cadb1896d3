"""The crates that are linked into the binary, from `cargo metadata` and Cargo.lock. Nothing is compiled."""

import json
import subprocess
import tomllib

from reproducible import ROOT

TARGET = "x86_64-unknown-linux-gnu"


class Crate:
    def __init__(self, package, checksum):
        self.name, self.version = package["name"], package["version"]
        self.id, self.source = package["id"], package["source"]
        self.repository, self.authors = package["repository"], package["authors"]
        self.description = (package["description"] or "").strip()
        self.folder = package["manifest_path"].rsplit("/", 1)[0]
        # Some still write MIT/Apache-2.0.
        self.license = (package["license"] or "").replace("/", " OR ")
        self.checksum = checksum
        self.needs = []

    @property
    def purl(self):
        return f"pkg:cargo/{self.name}@{self.version}"


def linked():
    """The program itself and what is linked into it, in order of name and version."""
    told = subprocess.run(
        ["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", TARGET],
        cwd=ROOT, capture_output=True, text=True,
    )
    if told.returncode:
        raise SystemExit(f"cargo metadata failed: {told.stderr}")
    metadata = json.loads(told.stdout)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found = {}
    waiting = [metadata["resolve"]["root"]]
    while waiting:
        id_ = waiting.pop()
        if id_ in found:
            continue
        package = packages[id_]
        crate = found[id_] = Crate(package, checksums.get((package["name"], package["version"])))
        for need in nodes[id_]["deps"]:
            # Neither what builds it nor what tests it; and macros leave no code of theirs behind.
            macro = any("proc-macro" in target["kind"] for target in packages[need["pkg"]]["targets"])
            if not macro and any(kind["kind"] is None for kind in need["dep_kinds"]):
                crate.needs.append(need["pkg"])
                waiting.append(need["pkg"])
    root = found[metadata["resolve"]["root"]]
    for crate in found.values():
        crate.needs = sorted(found[need].purl for need in crate.needs)
    return root, sorted(found.values(), key=lambda crate: (crate.name, crate.version))
