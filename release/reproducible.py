"""Archives whose bytes depend on their contents alone. Shared by the scripts of this folder."""

import gzip
import hashlib
import io
import os
import pathlib
import subprocess
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def epoch():
    """The time of everything that is made: SOURCE_DATE_EPOCH, or that of the last commit."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    told = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(told.stdout)


def version():
    """The version of the workspace."""
    import tomllib

    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def revision():
    """The commit that is checked out; none outside of a repository."""
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return told.stdout.strip() if told.returncode == 0 else ""


class Tree:
    """Files that are to be archived: path -> entry and bytes."""

    def __init__(self):
        self.entries = {}

    def add(self, path, data=None, *, mode, kind=tarfile.REGTYPE, link="", owner=0):
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.linkname, entry.mtime = kind, mode, link, epoch()
        entry.uid = entry.gid = owner
        entry.size = len(data) if data is not None else 0
        self.entries[path] = (entry, data)

    def file(self, path, data, mode=0o644, owner=0):
        self.add(path, data, mode=mode, owner=owner)

    def folder(self, path, mode=0o755, owner=0):
        self.add(path, mode=mode, kind=tarfile.DIRTYPE, owner=owner)

    def symlink(self, path, to):
        self.add(path, mode=0o777, kind=tarfile.SYMTYPE, link=to)

    def parents(self):
        """Adds the folders above the entries where they are missing."""
        for path in list(self.entries):
            for parent in list(pathlib.PurePosixPath(path).parents)[:-1]:
                if str(parent) not in self.entries:
                    self.folder(str(parent))

    def tar(self):
        self.parents()
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            # A hard link comes behind what it names.
            for path in sorted(self.entries, key=lambda path: (self.entries[path][0].islnk(), path)):
                entry, data = self.entries[path]
                archive.addfile(entry, io.BytesIO(data) if data is not None else None)
        return out.getvalue()

    def size(self):
        return sum(entry.size for entry, _ in self.entries.values())


def packed(data):
    """Compressed by gzip, without a time and without a name."""
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()
