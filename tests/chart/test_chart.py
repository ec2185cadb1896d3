"""The chart, told by facts: each test names one, and renders what it needs."""

import json
import pathlib
import re
import shutil
import tempfile
import unittest

import yaml
from charts import CASES, CHART, ROOT, container, faults, helm, kinds, one, refusal, rendered, run, template, tool, variables

# Not Kubernetes' own.
FOREIGN = {"HTTPRoute", "PrometheusRule", "ServiceMonitor"}
EVERYWHERE = ["ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "Service", "ServiceAccount"]


def pod(case):
    return one(case, "Deployment")["spec"]["template"]


@unittest.skipUnless(tool("helm"), "there is no helm; tests/setup installs it")
class Chart(unittest.TestCase):
    def test_it_is_linted_strictly_with_each_case(self):
        for case in CASES:
            ran = helm("lint", "--strict", CHART, "--values", CHART / "ci" / f"{case}-values.yaml")
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        ran = helm("lint", "--strict", CHART)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_the_cases_are_the_five_that_users_meet(self):
        self.assertEqual(CASES, ["default", "everything", "gateway-api", "postgres", "restricted"])

    def test_the_schemas_of_kubernetes_take_every_object(self):
        try:
            import kubernetes_validate as validate
        except ImportError:
            self.skipTest("there is no kubernetes-validate; tests/setup installs it")
        oldest = re.search(r">=1\.(\d+)", yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"])[1]
        # On 1.37, kubernetes-validate's newest here.
        for version in (f"1.{oldest}", "1.31", "1.37"):
            for case in ["none", *CASES]:
                for item in rendered(case):
                    if item["kind"] not in FOREIGN:
                        with self.subTest(version=version, case=case, kind=item["kind"]):
                            validate.validate(item, version, strict=True)

    def test_the_schemas_of_others_take_their_objects(self):
        objects = [item for case in CASES for item in rendered(case) if item["kind"] in FOREIGN]
        self.assertEqual({item["kind"] for item in objects}, FOREIGN)
        found = faults(objects)
        if found is None:
            self.skipTest("there are no schemas of the Gateway API and of the Prometheus operator; tests/setup installs them")
        self.assertEqual(found, "")
        self.assertIn("HTTPRoute", faults([{**objects[0], "kind": "HTTPRoute", "spec": {"parentRefs": [{}]}}]))

    def test_objects_of_others_have_the_fields_that_theirs_need(self):
        route = one("everything", "HTTPRoute")
        self.assertEqual(route["apiVersion"], "gateway.networking.k8s.io/v1")
        self.assertLessEqual(set(route["spec"]), {"parentRefs", "hostnames", "rules"})
        for rule in route["spec"]["rules"]:
            self.assertLessEqual(set(rule), {"matches", "backendRefs", "filters", "timeouts"})
            self.assertEqual(rule["backendRefs"], [{"name": "gantry", "port": 8420}])
        monitor = one("everything", "ServiceMonitor")
        self.assertEqual(monitor["apiVersion"], "monitoring.coreos.com/v1")
        endpoint = monitor["spec"]["endpoints"][0]
        self.assertEqual(endpoint["port"], one("everything", "Service")["spec"]["ports"][0]["name"])
        self.assertEqual(endpoint["path"], "/metrics")

    def test_what_is_there_by_default_and_nothing_else(self):
        self.assertEqual(kinds("none"), EVERYWHERE)
        self.assertEqual(kinds("default"), EVERYWHERE)

    def test_everything_is_there_when_it_is_asked_for(self):
        more = ["Ingress", "HTTPRoute", "ServiceMonitor", "PrometheusRule", "ConfigMap", "ConfigMap", "ConfigMap"]
        self.assertEqual(kinds("everything"), sorted(EVERYWHERE + more))

    def test_every_object_stands_in_the_namespace_with_the_usual_labels(self):
        for case in CASES:
            for item in rendered(case):
                if item["metadata"]["name"] in ("gantry-templates", "proxies"):
                    continue
                self.assertEqual(item["metadata"]["namespace"], "delivery")
                labels = item["metadata"]["labels"]
                self.assertEqual(labels["app.kubernetes.io/name"], "gantry")
                self.assertEqual(labels["app.kubernetes.io/instance"], "gantry")
                self.assertIn("helm.sh/chart", labels)
        for item in rendered("everything"):
            if item["metadata"]["name"] not in ("gantry-templates", "proxies"):
                self.assertEqual(item["metadata"]["labels"]["team"], "platform")
                self.assertEqual(item["metadata"]["annotations"]["owner"], "platform@example.com")

    def test_two_pods_are_refused_by_the_schema_and_by_the_template(self):
        self.assertIn("replicaCount", refusal("--set", "replicaCount=2"))
        said = refusal("--set", "replicaCount=2", "--skip-schema-validation")
        self.assertIn("replicaCount: this version of Gantry runs as one process; set it to 1", said)
        self.assertIn("replicaCount", refusal("--set", "replicaCount=0"))

    def test_the_old_pod_ends_before_the_new_one_starts(self):
        deployment = one("default", "Deployment")["spec"]
        self.assertEqual(deployment["strategy"], {"type": "Recreate"})
        self.assertEqual(deployment["replicas"], 1)

    def test_a_value_of_the_wrong_type_is_refused_by_its_name(self):
        for value, name in [
            ("image.tag=7", "image.tag"),
            ("replicaCount=one", "replicaCount"),
            ("server.port=http", "server.port"),
            ("server.port=70000", "server.port"),
            ("persistence.size=big", "persistence.size"),
            ("networkPolicy.enabled=often", "networkPolicy.enabled"),
            ("networkPolicy.egress.ports={https}", "networkPolicy.egress.ports.0"),
            ("ingress.hosts=gantry.example.com", "ingress.hosts"),
            ("image.digest=sha256:1234", "image.digest"),
            ("metrics.serviceMonitor.interval=soon", "metrics.serviceMonitor.interval"),
            ("secretEnv[0].name=A", "existingSecret"),
            ("terminationGracePeriodSeconds=1", "terminationGracePeriodSeconds"),
        ]:
            self.assertIn(name, refusal("--set", value), value)

    def test_an_unknown_value_is_refused_by_its_name(self):
        for value, name in [
            ("replicas=1", "replicas"),
            ("image.repo=x", "repo"),
            ("persistence.storageClassName=fast", "storageClassName"),
            ("metrics.prometheusRule.alerts.Other.enabled=true", "Other"),
        ]:
            self.assertIn(name, refusal("--set", value), value)

    def test_passwords_in_urls_are_refused(self):
        self.assertIn("settings.database", refusal("--set", "settings.database=postgres://gantry:hunter2@db/gantry"))
        repository = "settings.repositories[0].url=https://gantry:hunter2@git.example.com/infra.git"
        said = refusal("--set", "settings.repositories[0].name=a", "--set", repository)
        self.assertIn("settings.repositories.0.url", said)
        self.assertEqual(template("--set", "settings.database=postgres://gantry@db/gantry").returncode, 0)

    def test_what_the_chart_sets_itself_is_refused_in_the_settings(self):
        self.assertIn("settings.data: the chart sets it; use persistence", refusal("--set", "settings.data=/x"))
        self.assertIn("settings.listen: the chart sets it", refusal("--set", "settings.listen=0.0.0.0:1"))

    def test_postgres_needs_its_secret_and_sqlite_takes_none(self):
        self.assertIn("existingSecret", refusal("--set", "database.type=postgres"))
        said = refusal("--set", "database.type=postgres", "--skip-schema-validation")
        self.assertIn("database.existingSecret: name the Secret", said)
        self.assertIn("database.existingSecret: has no effect", refusal("--set", "database.existingSecret=x"))
        wanted = {"secretKeyRef": {"name": "gantry-database", "key": "uri"}}
        self.assertEqual(variables("postgres")["GANTRY_DATABASE"]["valueFrom"], wanted)
        self.assertNotIn("GANTRY_DATABASE", variables("default"))

    def test_a_route_without_a_gateway_is_refused(self):
        self.assertIn("parentRefs", refusal("--set", "httpRoute.enabled=true"))

    def test_the_pod_keeps_to_the_standard_restricted(self):
        for case in CASES:
            specs = [pod(case)["spec"], one(case, "Pod")["spec"]]
            for spec in specs:
                self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
                self.assertEqual(spec["securityContext"]["runAsUser"], 65532)
                self.assertEqual(spec["securityContext"]["fsGroup"], 65532)
                self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(spec))
                allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "name"}
                self.assertLessEqual({key for volume in spec.get("volumes", []) for key in volume}, allowed)
                for each in spec["containers"]:
                    context = each["securityContext"]
                    self.assertIs(context["allowPrivilegeEscalation"], False)
                    self.assertIs(context["readOnlyRootFilesystem"], True)
                    self.assertIs(context["privileged"], False)
                    self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                    self.assertFalse([port for port in each.get("ports", []) if "hostPort" in port])

    def test_no_token_of_the_cluster_is_in_the_pod(self):
        for case in CASES:
            self.assertIs(pod(case)["spec"]["automountServiceAccountToken"], False)
            self.assertIs(one(case, "Pod")["spec"]["automountServiceAccountToken"], False)
        self.assertIs(one("default", "ServiceAccount")["automountServiceAccountToken"], False)
        self.assertFalse({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"} & set(kinds("everything")))

    def test_a_service_named_gantry_sets_no_settings(self):
        self.assertIs(pod("default")["spec"]["enableServiceLinks"], False)

    def test_only_the_data_folder_and_tmp_can_be_written(self):
        for case in CASES:
            open_ = {mount["mountPath"] for mount in container(case)["volumeMounts"] if not mount.get("readOnly")}
            self.assertEqual(open_, {"/var/lib/gantry", "/tmp"})

    def test_the_probes_ask_what_the_server_answers(self):
        routes = (ROOT / "bot" / "http" / "api" / "process.rs").read_text()
        for probe, path in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]:
            self.assertEqual(container("default")[probe]["httpGet"], {"path": path, "port": "http"})
            self.assertIn(f'Route::get("{path}"', routes)

    def test_the_settings_are_mounted_and_their_change_restarts_the_pod(self):
        held = yaml.safe_load(one("default", "ConfigMap")["data"]["settings.yaml"])
        given = yaml.safe_load((CHART / "ci" / "default-values.yaml").read_text())["settings"]
        self.assertEqual(held, given)
        self.assertIn("--settings=/etc/gantry/settings/settings.yaml", container("default")["args"])
        checksum = lambda *more: one("default", "Deployment", *more)["spec"]["template"]["metadata"]["annotations"][
            "checksum/settings"
        ]
        self.assertEqual(checksum(), checksum("--set", "podLabels.a=b"))
        self.assertNotEqual(checksum(), checksum("--set", "settings.poll=5m"))

    def test_the_settings_can_come_from_a_secret(self):
        volumes = {volume["name"]: volume for volume in pod("restricted")["spec"]["volumes"]}
        self.assertEqual(volumes["settings"]["secret"], {"secretName": "gantry-settings"})
        self.assertIn("--settings=/etc/gantry/settings/gantry.yaml", container("restricted")["args"])
        self.assertNotIn("ConfigMap", kinds("restricted"))

    def test_no_object_is_a_secret(self):
        for case in CASES:
            self.assertNotIn("Secret", kinds(case))

    def test_each_secret_is_one_that_exists(self):
        self.assertEqual(
            variables("default")["INFRA_TOKEN"]["valueFrom"], {"secretKeyRef": {"name": "gantry-infra", "key": "token"}}
        )
        volumes = {volume["name"]: volume for volume in pod("everything")["spec"]["volumes"]}
        self.assertEqual(volumes["secret-ssh"]["secret"]["secretName"], "gantry-ssh")
        self.assertEqual(volumes["secret-ca"]["secret"]["items"], [{"key": "tls.crt", "path": "ca.crt"}])
        mounts = {mount["name"]: mount["mountPath"] for mount in container("everything")["volumeMounts"]}
        self.assertEqual(mounts["secret-ssh"], "/etc/gantry/secrets/ssh")
        credentials = one("everything", "ServiceMonitor")["spec"]["endpoints"][0]["authorization"]["credentials"]
        self.assertEqual(credentials, {"name": "gantry-viewer", "key": "token"})

    def test_the_image_is_taken_by_tag_variant_or_digest(self):
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
        self.assertEqual(container("default")["image"], f"registry.example.com/gantry/gantry:{version}")
        self.assertEqual(container("everything")["image"], f"registry.example.com/gantry/gantry:{version}-git")
        digest = yaml.safe_load((CHART / "ci" / "restricted-values.yaml").read_text())["image"]["digest"]
        wanted = f"registry.internal.example.com:5000/platform/gantry@{digest}"
        self.assertEqual(container("restricted")["image"], wanted)

    def test_the_volume_holds_the_data_folder_and_outlives_the_release(self):
        claim = one("default", "PersistentVolumeClaim")
        self.assertEqual(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")
        self.assertEqual(variables("default")["GANTRY_DATA"]["value"], "/var/lib/gantry")
        volumes = {volume["name"]: volume for volume in pod("default")["spec"]["volumes"]}
        self.assertEqual(volumes["data"]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"])
        own = rendered("default", "--set", "persistence.existingClaim=mine")
        self.assertNotIn("PersistentVolumeClaim", [item["kind"] for item in own])

    def test_the_network_policy_lets_out_what_gantry_needs(self):
        def out(case):
            rules = one(case, "NetworkPolicy")["spec"]["egress"]
            return [(sorted({port["port"] for port in rule["ports"]}), rule.get("to")) for rule in rules]

        self.assertEqual(out("default"), [([53], None), ([22, 443], None)])
        database = [{"podSelector": {"matchLabels": {"app": "postgres"}}}]
        self.assertEqual(out("postgres"), [([53], None), ([22, 443], None), ([6432], database)])
        self.assertEqual(out("restricted")[1], ([443], [{"ipBlock": {"cidr": "10.20.0.0/16"}}]))
        self.assertEqual(out("everything")[-1], ([5000], None))
        spec = one("default", "NetworkPolicy")["spec"]
        self.assertEqual(spec["policyTypes"], ["Ingress", "Egress"])
        off = rendered("default", "--set", "networkPolicy.enabled=false")
        self.assertNotIn("NetworkPolicy", [item["kind"] for item in off])

    def test_service_policy_and_monitor_select_the_server_alone(self):
        for case in CASES:
            labels = pod(case)["metadata"]["labels"]
            test = one(case, "Pod")["metadata"]["labels"]
            matches = lambda selector, of: selector.items() <= of.items()
            for selector in (
                one(case, "Service")["spec"]["selector"],
                one(case, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                one(case, "Deployment")["spec"]["selector"]["matchLabels"],
            ):
                self.assertTrue(matches(selector, labels))
                self.assertFalse(matches(selector, test))
        monitor = one("everything", "ServiceMonitor")["spec"]["selector"]["matchLabels"]
        self.assertLessEqual(monitor.items(), one("everything", "Service")["metadata"]["labels"].items())

    def test_the_ingress_leads_to_the_service(self):
        rule = one("everything", "Ingress")["spec"]["rules"][0]
        backend = rule["http"]["paths"][0]["backend"]["service"]
        self.assertEqual((rule["host"], backend), ("gantry.example.com", {"name": "gantry", "port": {"name": "http"}}))

    def test_extra_objects_are_rendered_as_templates(self):
        found = [item for item in rendered("everything") if item["metadata"]["name"] == "gantry-templates"]
        self.assertEqual(found[0]["data"], {"subject.txt": "promote gantry"})

    def test_the_address_can_be_of_ipv6(self):
        self.assertEqual(variables("everything")["GANTRY_LISTEN"]["value"], "[::]:9420")
        self.assertEqual(container("everything")["ports"][0]["containerPort"], 9420)

    def test_the_notes_tell_three_steps_and_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "gantry"
            shutil.copytree(CHART, copy)
            # Helm renders notes only for a cluster; here they become an object.
            notes = copy / "templates" / "NOTES.txt"
            (copy / "templates" / "_notes.tpl").write_text('{{ define "notes" }}' + notes.read_text() + "{{ end }}")
            notes.unlink()
            (copy / "templates" / "notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | quote }}\n')

            def said(*arguments):
                ran = template("--show-only", "templates/notes.yaml", *arguments, chart=copy)
                self.assertEqual(ran.returncode, 0, ran.stderr)
                return yaml.safe_load(ran.stdout)["text"]

            bare = said()
            for step in ("\n1. ", "\n2. ", "\n3. "):
                self.assertEqual(bare.count(step), 1)
            for key in ("settings.repositories", "settings.tokens", "image.repository"):
                self.assertIn(f"WARNING: {key}", bare)
            full = said("--values", copy / "ci" / "everything-values.yaml", "--set", "image.repository=reg.local/g")
            self.assertNotIn("WARNING", full)
            self.assertIn("https://gantry.example.com/", full)
            self.assertIn("WARNING: persistence.enabled", said("--set", "persistence.enabled=false"))

    def test_packaging_twice_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            made = []
            for name in ("a", "b"):
                # Other times of the files, another place.
                copy = folder / name / "charts" / "gantry"
                shutil.copytree(CHART, copy, copy_function=shutil.copy)
                ran = run(
                    ROOT / "release" / "chart", "--chart", copy, "--out", folder / name, "--helm", tool("helm"),
                    env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1700000000", "HOME": str(folder)},
                )
                self.assertEqual(ran.returncode, 0, ran.stderr)
                made.append(next((folder / name).glob("gantry-*.tgz")))
            self.assertEqual(made[0].read_bytes(), made[1].read_bytes())
            ran = helm("lint", "--strict", made[0])
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            self.assertEqual(template(chart=made[0]).stdout, template().stdout)


class Files(unittest.TestCase):
    """What needs no helm."""

    def setUp(self):
        self.values = yaml.safe_load((CHART / "values.yaml").read_text())
        self.schema = json.loads((CHART / "values.schema.json").read_text())
        self.chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    def test_the_table_of_values_is_up_to_date(self):
        ran = run(ROOT / "charts" / "values-table", "--check")
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_every_value_is_in_the_schema_and_the_other_way_round(self):
        def compare(values, schema, path):
            if "properties" not in schema or path == ".settings":
                return
            self.assertIs(schema["additionalProperties"], False, path)
            # Parts of probes and of others' objects need no default.
            if path.endswith(("Probe", ".timeouts")):
                return
            self.assertEqual(set(values), set(schema["properties"]) - {"global"}, path)
            for key, value in values.items():
                compare(value, schema["properties"][key], f"{path}.{key}")

        compare(self.values, self.schema, "")

    def test_every_value_is_documented(self):
        table = (CHART / "README.md").read_text()

        def walk(values, path):
            for key, value in values.items():
                name = f"{path}{key}"
                if f"| `{name}` |" not in table:
                    self.assertIsInstance(value, dict, f"{name} is not documented")
                    self.assertTrue(value, name)
                    walk(value, f"{name}.")

        walk(self.values, "")

    def test_versions_agree_with_the_program(self):
        version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        self.assertEqual(self.chart["appVersion"], version)
        images = yaml.safe_load(self.chart["annotations"]["artifacthub.io/images"])
        self.assertEqual([image["image"].rsplit(":", 1)[1] for image in images], [version, f"{version}-git"])

    def test_the_annotations_of_artifact_hub_read_as_it_wants(self):
        notes = self.chart["annotations"]
        self.assertEqual(notes["artifacthub.io/category"], "integration-delivery")
        self.assertEqual(notes["artifacthub.io/license"], "Apache-2.0")
        changes = yaml.safe_load(notes["artifacthub.io/changes"])
        allowed = {"added", "changed", "deprecated", "removed", "fixed", "security"}
        self.assertTrue(changes and all(change["kind"] in allowed and change["description"] for change in changes))
        for key in ("prerelease", "containsSecurityUpdates", "operator"):
            self.assertIn(notes[f"artifacthub.io/{key}"], ("true", "false"))

    def test_the_text_of_a_case_names_no_real_host(self):
        for path in CHART.rglob("*"):
            if path.is_file() and path.suffix in (".yaml", ".txt", ".md"):
                for host in re.findall(r"https?://([a-z0-9.-]+)", path.read_text()):
                    known = host.endswith(("example.com", "127.0.0.1")) or host.startswith("json-schema.org")
                    self.assertTrue(known or "." not in host, f"{path.name}: {host}")


if __name__ == "__main__":
    unittest.main()
