"""The scripts of a release: they agree with each other, say what is wrong, and give the same bytes twice."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import sys
import tarfile
import tempfile
import unittest

import yaml
from bench import RELEASE, ROOT, TIME, binary, done, run, tool

sys.path.insert(0, str(RELEASE))


def script(name):
    """A script of release/ as a module."""
    loader = importlib.machinery.SourceFileLoader(f"release_{name}", str(RELEASE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Versions(unittest.TestCase):
    FILES = ("Cargo.toml", "Cargo.lock", "CHANGELOG.md", "charts/gantry/Chart.yaml")

    def copy(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        root = pathlib.Path(scratch.name)
        for name in self.FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        return root

    def test_they_agree(self):
        done(RELEASE / "check")

    def test_each_that_differs_is_named(self):
        check = script("check")
        self.assertEqual(check.faults(None, self.copy()), [])
        number = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        for name, old, new, said in [
            ("charts/gantry/Chart.yaml", f"\nversion: {number}", "\nversion: 9.9.9", "version is 9.9.9"),
            ("charts/gantry/Chart.yaml", f'appVersion: "{number}"', 'appVersion: "9.9.9"', "appVersion is 9.9.9"),
            ("charts/gantry/Chart.yaml", f":{number}-git", ":9.9.9-git", "artifacthub.io/images has 9.9.9-git"),
            ("Cargo.toml", f'version = "{number}"', 'version = "9.9.9"', "Cargo.lock: gantry is"),
            ("Cargo.toml", f'version = "{number}"', 'version = "one"', "no semantic version"),
            ("CHANGELOG.md", "## Unreleased", "## 8.0.0 - 2020-01-01", "the newest section is '8.0.0 - 2020-01-01'"),
        ]:
            root = self.copy()
            text = (root / name).read_text()
            self.assertIn(old, text)
            (root / name).write_text(text.replace(old, new, 1))
            self.assertTrue(any(said in fault for fault in check.faults(None, root)), said)

    def test_a_tag_needs_its_section_in_the_changelog(self):
        check, root = script("check"), self.copy()
        number = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        log = root / "CHANGELOG.md"
        log.write_text("# Changelog\n\n## Unreleased\n\n- x\n")
        self.assertIn("there is no section", check.faults(f"v{number}", root)[0])
        log.write_text(f"# Changelog\n\n## {number} - 2026-11-29\n\n")
        self.assertIn("is empty", check.faults(f"v{number}", root)[0])
        log.write_text(f"# Changelog\n\n## {number} - 2026-11-29\n\n- x\n")
        self.assertEqual(check.faults(f"v{number}", root), [])
        self.assertIn("the tag is v9.9.9", check.faults("v9.9.9", root)[0])


@unittest.skipUnless(tool("cargo"), "there is no cargo")
class Materials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bill = done(RELEASE / "sbom")

    def test_the_bill_is_taken_by_its_schema_and_the_same_twice(self):
        first = self.bill
        self.assertEqual(first, done(RELEASE / "sbom"))
        bom = json.loads(first)
        names = {component["name"] for component in bom["components"]}
        self.assertLessEqual({"tokio", "axum", "gix", "sqlx", "rustls", "gantry-core", "gantry-edit"}, names)
        # Neither what tests it nor what builds it.
        self.assertFalse({"insta", "proptest", "serde_derive"} & names)
        refs = {component["bom-ref"] for component in [bom["metadata"]["component"], *bom["components"]]}
        for each in bom["dependencies"]:
            self.assertLessEqual({each["ref"], *each["dependsOn"]}, refs)
        try:
            from cyclonedx.schema import SchemaVersion
            from cyclonedx.validation.json import JsonStrictValidator
        except ImportError:
            self.skipTest("there is no cyclonedx-python-lib; tests/setup installs it")
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_5).validate_str(first))

    def test_every_crate_has_its_licence(self):
        text = done(RELEASE / "licences")
        for component in json.loads(self.bill)["components"]:
            if not component["name"].startswith("gantry"):
                self.assertIn(f"  {component['name']} {component['version']}: ", text)
        self.assertIn("Permission is hereby granted, free of charge", text)
        self.assertNotIn(str(pathlib.Path.home()), text)


class Make(unittest.TestCase):
    def test_all_files_of_a_release_are_made_and_their_checksums_hold(self):
        if binary() is None or not tool("cargo"):
            self.skipTest("there is no binary of Gantry, or no cargo")
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            small = folder / "gantry"
            shutil.copy(binary(), small)
            if tool("strip"):
                run("strip", small)
            out = folder / "out"
            path = f"{os.environ['PATH']}:{pathlib.Path(tool('helm') or '/x').parent}"
            done(RELEASE / "make", "--binary", small, "--out", out, "--libraries", env={**TIME, "PATH": path})
            done("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=out)
            number = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
            wanted = {f"gantry-{number}-x86_64-linux.tar.gz", f"gantry-{number}.cdx.json", f"gantry-{number}-licences.txt"}
            wanted |= {"image", "image-digests.txt", "SHA256SUMS"} | ({f"gantry-{number}.tgz"} if tool("helm") else set())
            self.assertEqual({each.name for each in out.iterdir()}, wanted)
            top = f"gantry-{number}-x86_64-linux"
            with tarfile.open(out / f"{top}.tar.gz") as archive:
                archive.extractall(folder, filter="data")
                self.assertTrue(all(entry.uid == 0 and entry.mtime == 1700000000 for entry in archive))
            self.assertEqual(done(folder / top / "gantry", "--version"), f"gantry {number}\n")
            for name in ("LICENSE", "SECURITY.md", "systemd/gantry.service", "completions/gantry.bash", "docs/settings.md"):
                self.assertTrue((folder / top / name).exists(), name)
            # The other parts are built twice in tests of their own.
            os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
            self.addCleanup(os.environ.pop, "SOURCE_DATE_EPOCH")
            licences = (out / f"gantry-{number}-licences.txt").read_bytes()
            again = script("make").tarball(small, licences)[1]
            self.assertEqual(again, (out / f"{top}.tar.gz").read_bytes())


class Workflow(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / ".github" / "workflows" / "release.yaml").read_text()
        self.held = yaml.safe_load(self.text)

    def test_it_calls_scripts_that_there_are(self):
        called = set(re.findall(r"(?<![\w/-])(?:release|tests)/[a-z]+", self.text))
        self.assertLessEqual({"release/check", "release/binary", "release/packages", "release/make", "tests/setup"}, called)
        for name in called:
            self.assertTrue(os.access(ROOT / name, os.X_OK), name)

    def test_it_may_do_no_more_than_it_needs_and_uses_the_actions_of_the_forge_alone(self):
        self.assertEqual(self.held["permissions"], {})
        for job in self.held["jobs"].values():
            self.assertIn("permissions", job)
            self.assertIn("timeout-minutes", job)
            for step in job["steps"]:
                if "uses" in step:
                    self.assertTrue(step["uses"].startswith("actions/"), step["uses"])
                # What others choose must not become part of a command.
                self.assertNotIn("${{ github.event", step.get("run", ""))
                self.assertNotIn("${{ github.ref", step.get("run", ""))


if __name__ == "__main__":
    unittest.main()
