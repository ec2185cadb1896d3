"""Links between the documents lead somewhere, and commands of Gantry that they show exist."""

import re
import unittest

from bench import ROOT, binary, run

FOLDERS = ("", "docs", "docs/runbooks", "deploy", "charts/gantry", "release", "bot", "benches")


def documents():
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.md"))]


def anchors(text):
    """As forges make them of headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


class Docs(unittest.TestCase):
    def test_every_link_to_a_file_or_heading_leads_there(self):
        checked = 0
        for path in documents():
            text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                there = (path.parent / name).resolve() if name else path
                with self.subTest(document=str(path.relative_to(ROOT)), link=target):
                    self.assertTrue(there.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(there.read_text()))
                checked += 1
        self.assertGreater(checked, 40)

    def test_the_scripts_that_are_named_exist(self):
        for path in documents():
            for name in re.findall(r"(?<![\w/.-])((?:release|tests|\.ci|charts)/[a-z-]+)(?=[\s`)]|$)", path.read_text(), re.M):
                with self.subTest(document=str(path.relative_to(ROOT)), name=name):
                    self.assertTrue((ROOT / name).exists())

    def test_the_commands_of_gantry_that_are_shown_exist(self):
        if binary() is None:
            self.skipTest("there is no binary of Gantry; build one, or set GANTRY_BINARY")
        known = set(re.findall(r"^  ([a-z]+) ", run(binary(), "--help").stdout, re.M))
        for path in documents():
            if path.name == "CHANGELOG.md":
                continue
            for name in re.findall(r"`gantry ([a-z]+)", path.read_text()):
                with self.subTest(document=str(path.relative_to(ROOT)), command=name):
                    self.assertIn(name, known)


if __name__ == "__main__":
    unittest.main()
