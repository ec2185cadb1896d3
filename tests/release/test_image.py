"""The images: the same bytes twice, taken by a registry, and run as they are meant to be."""

import json
import os
import pathlib
import re
import shutil
import stat
import tarfile
import tempfile
import unittest

from bench import RELEASE, ROOT, TOOLS, binary, config_of, done, get, infra, port, process, ready, registry, run, tool, until

USER = 65532
PACKAGES = TOOLS / "packages"


def build(binary_, out, *more):
    return done(RELEASE / "image", "--binary", binary_, "--out", out, *more).strip()


def entries(layout):
    manifest, _ = config_of(layout)
    for layer in manifest["layers"]:
        with tarfile.open(layout / "blobs" / "sha256" / layer["digest"].split(":")[1]) as archive:
            yield from archive.getmembers()


# The root is read-only, the data folder and /tmp are not; no capability, no way to gain one.
INSIDE = """
set -e
cd "$1"; shift
mount --bind . .
cd "$PWD"
mount -o remount,bind,ro .
mount --bind "$DATA" var/lib/gantry
mount -t tmpfs tmpfs tmp
mount --bind /proc proc
mount --rbind /dev dev
exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= . "$@"
"""


def sandbox(root, data, *arguments, **variables):
    """The command that runs a program of an unpacked image as an engine would, by root."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DATA": str(data), **variables}
    assigned = [f"{name}={value}" for name, value in environment.items()]
    return ["env", "-i", *assigned, "unshare", "--mount", "sh", "-c", INSIDE, "sh", str(root), *arguments]


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if binary() is None:
            raise unittest.SkipTest("there is no binary of Gantry; build one, or set GANTRY_BINARY")
        if not pathlib.Path("/usr/share/ca-certificates/mozilla").exists():
            raise unittest.SkipTest("there is no ca-certificates; tests/setup installs it")
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = pathlib.Path(cls.scratch.name)
        # Others than root must get through it.
        cls.folder.chmod(0o755)
        # Symbols are of no use here, and compressing them takes seconds.
        cls.binary = cls.folder / "gantry"
        shutil.copy(binary(), cls.binary)
        if tool("strip"):
            run("strip", cls.binary)

    def sandboxed(self):
        if os.getuid() != 0:
            self.skipTest("only root can run an unpacked image as another user")
        for name in ("unshare", "setpriv", "chroot", "umoci"):
            if not tool(name):
                self.skipTest(f"there is no {name}; tests/setup installs it")
        if run("unshare", "--mount", "true").returncode:
            self.skipTest("this machine lets nobody make a mount namespace")


class Image(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.layout = cls.folder / "layout"
        cls.digest = build(cls.binary, cls.layout, "--libraries", "--revision", "abc123", "--source", "https://x.example")

    def test_a_second_build_gives_the_same_digest(self):
        other = self.folder / "elsewhere"
        shutil.copy(self.binary, self.folder / "copy")
        again = build(self.folder / "copy", other, "--libraries", "--revision", "abc123", "--source", "https://x.example")
        self.assertEqual(again, self.digest)
        self.assertEqual((other / "index.json").read_bytes(), (self.layout / "index.json").read_bytes())

    def test_a_binary_that_needs_libraries_is_refused(self):
        if "ld-linux" not in run("ldd", self.binary).stdout:
            self.skipTest("the binary at hand is static")
        ran = run(RELEASE / "image", "--binary", self.binary, "--out", self.folder / "none")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("is linked dynamically", ran.stderr)

    def test_user_entry_point_and_labels(self):
        manifest, config = config_of(self.layout)
        told = config["config"]
        self.assertEqual(told["User"], "65532:65532")
        self.assertEqual((told["Entrypoint"], told["Cmd"]), (["/usr/bin/gantry"], ["run"]))
        self.assertIn("GANTRY_DATA=/var/lib/gantry", told["Env"])
        version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        label = lambda name: told["Labels"][f"org.opencontainers.image.{name}"]
        self.assertEqual(label("version"), version)
        self.assertEqual(label("revision"), "abc123")
        self.assertEqual(label("source"), "https://x.example")
        self.assertEqual(label("licenses"), "Apache-2.0")
        self.assertEqual(label("created"), "2023-11-14T22:13:20Z")
        self.assertEqual(manifest["annotations"], told["Labels"])

    def test_only_the_data_folder_and_tmp_can_be_written(self):
        for entry in entries(self.layout):
            with self.subTest(path=entry.name):
                if entry.name == "var/lib/gantry":
                    self.assertEqual((entry.uid, entry.mode), (USER, 0o700))
                elif entry.name == "tmp":
                    self.assertEqual((entry.uid, entry.mode), (0, 0o1777))
                else:
                    self.assertEqual((entry.uid, entry.gid), (0, 0))
                    self.assertFalse(entry.mode & 0o7022 and not entry.issym())

    def test_there_is_no_shell_and_nothing_of_this_machine(self):
        paths = {entry.name for entry in entries(self.layout)}
        programs = {path for path in paths if path.startswith(("bin/", "usr/bin/", "sbin/", "usr/sbin/"))}
        self.assertEqual(programs, {"usr/bin/gantry"})
        self.assertIn("usr/share/doc/gantry/LICENSE", paths)
        manifest, _ = config_of(self.layout)
        first = self.layout / "blobs" / "sha256" / manifest["layers"][0]["digest"].split(":")[1]
        with tarfile.open(first) as archive:
            authorities = archive.extractfile("etc/ssl/certs/ca-certificates.crt").read()
        debian = pathlib.Path("/usr/share/ca-certificates/mozilla")
        self.assertEqual(authorities.count(b"BEGIN CERT"), len(list(debian.glob("*.crt"))))

    def test_the_containerfile_says_the_same(self):
        _, config = config_of(self.layout)
        told = config["config"]
        text = (ROOT / "Containerfile").read_text()
        last = text[text.rindex("\nFROM scratch") :]
        self.assertIn(f"\nUSER {told['User']}\n", last)
        self.assertIn(f"\nENTRYPOINT {json.dumps(told['Entrypoint'])}\n", last)
        self.assertIn(f"\nCMD {json.dumps(told['Cmd'])}\n", last)
        self.assertIn(f"\nWORKDIR {told['WorkingDir']}\n", last)
        for assigned in told["Env"]:
            self.assertIn(assigned, last)
        self.assertIn("EXPOSE 8420", last)

    def test_it_is_pushed_pulled_unpacked_and_run(self):
        for name in ("docker-registry", "skopeo", "umoci"):
            if not tool(name):
                self.skipTest(f"there is no {name}; tests/setup installs it")
        with registry(self.folder) as host:
            there = f"docker://{host}/platform/gantry:1"
            version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
            skopeo = ["skopeo", "copy", "--quiet", "--insecure-policy"]
            done(*skopeo, "--dest-tls-verify=false", f"oci:{self.layout}:{version}", there)
            told = json.loads(done("skopeo", "inspect", "--tls-verify=false", there))
            self.assertEqual(told["Digest"], self.digest)
            done(*skopeo, "--src-tls-verify=false", f"docker://{host}/platform/gantry@{self.digest}", f"oci:{self.folder / 'pulled'}:x")
        self.sandboxed()
        done("umoci", "unpack", "--image", f"{self.folder / 'pulled'}:x", self.folder / "bundle")
        root, data = self.folder / "bundle" / "rootfs", self.folder / "data"
        data.mkdir()
        os.chown(data, USER, USER)
        self.assertEqual(done(*sandbox(root, data, "/usr/bin/gantry", "--version")), f"gantry {version}\n")

        def files():
            return {p.relative_to(root): p.lstat().st_mtime_ns for p in root.rglob("*") if not stat.S_ISDIR(p.lstat().st_mode)}

        settings = self.folder / "settings.yaml"
        with infra(self.folder) as url:
            settings.write_text(f"repositories:\n  - {{name: infra, url: '{url}'}}\n")
            shutil.copy(settings, root / "etc/gantry/settings.yaml")
            before = files()
            at = f"127.0.0.1:{port()}"
            _, config = config_of(self.layout)
            variables = dict(assigned.split("=", 1) for assigned in config["config"]["Env"])
            variables.update(GANTRY_LISTEN=at, PATH="/usr/sbin:/usr/bin:/sbin:/bin")
            with process(*sandbox(root, data, "/usr/bin/gantry", "run", **variables)) as started:
                ready(f"http://{at}", started)
                # unshare, sh, setpriv and chroot each became the next.
                status = pathlib.Path(f"/proc/{started.pid}/status").read_text()
                self.assertIn("\nName:\tgantry\n", f"\n{status}")
                self.assertIn("\nUid:\t65532\t65532\t65532\t65532\n", status)
                self.assertIn("\nCapEff:\t0000000000000000\n", status)
                self.assertIn("\nNoNewPrivs:\t1\n", status)
                self.assertIn("checkout", get(f"http://{at}/")[1])
            self.assertEqual(files(), before)
            self.assertTrue((data / "gantry.db").exists() and (data / "mirrors").exists())


class Variant(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not tool("dpkg-deb") or not list(PACKAGES.glob("*.deb")):
            raise unittest.SkipTest("there are no packages for the image with git; tests/setup fetches them")
        cls.layout = cls.folder / "layout"
        build(cls.binary, cls.layout, "--packages", PACKAGES)

    def test_git_ssh_and_gpg_work_and_gantry_fetches_with_them(self):
        self.sandboxed()
        version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        done("umoci", "unpack", "--image", f"{self.layout}:{version}-git", self.folder / "bundle")
        root, data = self.folder / "bundle" / "rootfs", self.folder / "data"
        data.mkdir()
        os.chown(data, USER, USER)
        shell = "; ".join(
            [
                "set -e; cd /var/lib/gantry; export HOME=/var/lib/gantry PATH=/usr/bin",
                "gantry --version; git --version; ssh -V",
                "ssh-keygen -q -t ed25519 -f key -N ''; echo text > text; ssh-keygen -q -Y sign -f key -n git text",
                "gpg --quiet --batch --passphrase '' --quick-gen-key bot@example.com ed25519 sign never",
                "git init --quiet --bare --initial-branch=main infra.git",
                "git clone --quiet infra.git work 2>/dev/null; cd work; git config user.name Bot",
                "git config user.email bot@example.com; git config user.signingkey bot@example.com",
                "git commit --quiet --allow-empty --gpg-sign -m Begin; git verify-commit HEAD; git push --quiet origin main",
            ]
        )
        ran = run(*sandbox(root, data, "/usr/bin/sh", "-c", shell))
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("Good signature", ran.stderr)
        # file:// is fetched by the git program of the image.
        (root / "etc/gantry/settings.yaml").write_text("repositories: [{name: a, url: 'file:///var/lib/gantry/infra.git'}]")
        at = f"127.0.0.1:{port()}"
        given = {"GANTRY_LISTEN": at, "GANTRY_DATA": "/var/lib/gantry/data", "HOME": "/var/lib/gantry"}
        (data / "data").mkdir()
        os.chown(data / "data", USER, USER)
        command = sandbox(root, data, "/usr/bin/gantry", "run", "--settings", "/etc/gantry/settings.yaml", **given)
        with process(*command) as started:
            ready(f"http://{at}", started)

    def test_nothing_in_it_changes_who_runs_it(self):
        for entry in entries(self.layout):
            self.assertFalse(entry.mode & 0o6000, entry.name)

    def test_scanners_find_its_packages(self):
        listed = {entry.name for entry in entries(self.layout) if entry.name.startswith("var/lib/dpkg/status.d/")}
        self.assertTrue({f"var/lib/dpkg/status.d/{name}" for name in ("git", "libc6", "gpg", "openssh-client")} <= listed)


if __name__ == "__main__":
    unittest.main()
