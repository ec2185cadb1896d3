"""What the tests of the chart share: rendering, and the facts about a rendered object."""

import functools
import json
import os
import pathlib
import shutil
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "gantry"
CASES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))


def tool(name):
    """The program, from the path or from where tests/setup puts it; none where neither has it."""
    tools = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "tools"
    return shutil.which(name) or shutil.which(name, path=str(tools))


def run(*arguments, **options):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120, **options)


def helm(*arguments):
    return run(tool("helm"), *arguments)


def template(*arguments, chart=CHART):
    return helm("template", "gantry", chart, "--namespace", "delivery", *arguments)


def read(text):
    return [found for found in yaml.safe_load_all(text) if found]


@functools.cache
def rendered(case, *arguments):
    """The objects of a case in ci/, or of the defaults (`none`)."""
    values = [] if case == "none" else ["--values", CHART / "ci" / f"{case}-values.yaml"]
    ran = template(*values, *arguments)
    if ran.returncode:
        raise AssertionError(f"{case}: {ran.stderr}")
    return read(ran.stdout)


def one(case, kind, *arguments):
    """The only object of a kind."""
    found = [item for item in rendered(case, *arguments) if item["kind"] == kind]
    assert len(found) == 1, f"{case}: {len(found)} objects of kind {kind}"
    return found[0]


def kinds(case):
    return sorted(item["kind"] for item in rendered(case))


def container(case, *arguments):
    return one(case, "Deployment", *arguments)["spec"]["template"]["spec"]["containers"][0]


def variables(case):
    return {entry["name"]: entry for entry in container(case)["env"]}


def refusal(*arguments):
    """What Helm says of values that it must refuse."""
    ran = template(*arguments)
    assert ran.returncode != 0, f"{arguments} were taken"
    # Helm 3 names a value with dots, Helm 4 with slashes.
    return f"{ran.stderr}\n{ran.stderr.replace('/', '.')}"


def faults(resources):
    """What the schemas of others (Gateway API, Prometheus operator, Flux, Argo CD) say; none where they are missing."""
    models = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "tools" / "models"
    if not tool("node") or not (models / "node_modules").exists():
        return None
    return run("node", ROOT / "tests" / "support" / "models.mjs", models, input=json.dumps(resources)).stdout


def metrics():
    """The names that the server's /metrics has, from the source: {name: set of labels' names}."""
    import re

    source = (ROOT / "bot" / "http" / "metrics.rs").read_text()
    names = dict(re.findall(r'const (\w+): &str = "(gantry_\w+)";', source))
    found = set(names.values())
    for constant in re.findall(r"describe_histogram\((\w+)", source):
        found |= {names[constant] + end for end in ("_bucket", "_sum", "_count")}
    return found
