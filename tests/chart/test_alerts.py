"""The alerts fire when they should and are quiet otherwise; rules and dashboard name metrics that there are."""

import json
import pathlib
import re
import tempfile
import unittest

import yaml
from charts import CHART, ROOT, metrics, one, run, tool

OF = 'namespace="delivery",job="gantry"'
CLAIM = 'namespace="delivery",persistentvolumeclaim="gantry"'
# Metrics of Prometheus itself and of the kubelet, which the rules may name too.
OTHERS = {"up", "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
# A server that is well: two hours, a sample a minute.
WELL = {
    f'up{{{OF},instance="a"}}': "1x120",
    f'gantry_seconds_since_look{{{OF},instance="a",repository="shop"}}': "20x120",
    f'gantry_repository_problems{{{OF},instance="a",repository="shop"}}': "0x120",
    f'gantry_inbox_oldest_pending_seconds{{{OF},instance="a"}}': "0x120",
    f'gantry_http_wrong_tokens_total{{{OF},instance="a"}}': "5x120",
    f'gantry_http_connections_refused_total{{{OF},instance="a"}}': "5x120",
    f'gantry_registry_images{{{OF},instance="a",registry="r"}}': "8x120",
    f'gantry_registry_images_failing{{{OF},instance="a",registry="r"}}': "1x120",
    f'gantry_registry_images{{{OF},instance="a",registry="unused"}}': "0x120",
    f'gantry_registry_images_failing{{{OF},instance="a",registry="unused"}}': "0x120",
    f'gantry_http_requests_total{{{OF},instance="a",status="200",route="/"}}': "0+600x120",
    f'gantry_http_requests_total{{{OF},instance="a",status="503",route="/readyz"}}': "0+600x120",
    f'gantry_http_request_seconds_bucket{{{OF},instance="a",route="/",le="0.1"}}': "0+600x120",
    f'gantry_http_request_seconds_bucket{{{OF},instance="a",route="/",le="10"}}': "0+600x120",
    f'gantry_http_request_seconds_bucket{{{OF},instance="a",route="/",le="+Inf"}}': "0+600x120",
    f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "90x120",
    f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": "100x120",
}
# What is otherwise when an alert must fire; none takes a series away.
ILL = {
    "GantryDown": {f'up{{{OF},instance="a"}}': "0x120"},
    "GantryNotReady": {f'gantry_seconds_since_look{{{OF},instance="a",repository="shop"}}': None},
    "GantryRepositoryNotLookedAt": {
        f'gantry_seconds_since_look{{{OF},instance="a",repository="shop"}}': "20+60x120"
    },
    "GantryRepositoryHasProblems": {
        f'gantry_repository_problems{{{OF},instance="a",repository="shop"}}': "0x30 2x90"
    },
    "GantryInboxNotMoving": {f'gantry_inbox_oldest_pending_seconds{{{OF},instance="a"}}': "0+60x120"},
    "GantryServerErrors": {
        f'gantry_http_requests_total{{{OF},instance="a",status="500",route="/"}}': "0+60x120"
    },
    "GantrySlow": {
        f'gantry_http_request_seconds_bucket{{{OF},instance="a",route="/",le="0.1"}}': "0+500x120"
    },
    "GantryTokensRefused": {f'gantry_http_wrong_tokens_total{{{OF},instance="a"}}': "0+60x120"},
    "GantryConnectionsRefused": {f'gantry_http_connections_refused_total{{{OF},instance="a"}}': "0+6x120"},
    "GantryRegistryFailing": {f'gantry_registry_images_failing{{{OF},instance="a",registry="r"}}': "6x120"},
    "GantryVolumeAlmostFull": {f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "90-1x120"},
}


def rule():
    # As the everything case has it, with the chart's own bounds.
    bound = "metrics.prometheusRule.alerts.GantryTokensRefused.bound=0.2"
    return one("everything", "PrometheusRule", "--set", bound)


def alerts():
    return {r["alert"]: r for group in rule()["spec"]["groups"] for r in group["rules"] if "alert" in r}


def named(expression):
    """The metrics that an expression names: words that are no function, label, label's value or keyword."""
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"|\[[^\]]*\]", "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    words = set(re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare))
    functions = set(re.findall(r"[a-zA-Z_][\w]*(?=\s*\()", bare))
    return words - functions - {"and", "or", "unless"}


@unittest.skipUnless(tool("helm"), "there is no helm; tests/setup installs it")
class Alerts(unittest.TestCase):
    def test_rules_name_metrics_that_there_are(self):
        known = metrics() | OTHERS
        for group in rule()["spec"]["groups"]:
            for each in group["rules"]:
                found = named(each["expr"])
                self.assertTrue(found, each)
                self.assertLessEqual(found, known, each["expr"])

    def test_each_alert_has_a_severity_and_says_what_it_means(self):
        for name, alert in alerts().items():
            self.assertIn(alert["labels"]["severity"], ("critical", "warning", "info"), name)
            self.assertEqual(alert["labels"]["team"], "platform")
            self.assertTrue(alert["annotations"]["summary"] and alert["annotations"]["description"], name)

    def test_each_alert_has_a_runbook_and_each_runbook_an_alert(self):
        folder = ROOT / "docs" / "runbooks"
        books = {path.stem for path in folder.glob("*.md")} - {"README"}
        self.assertEqual(books, set(alerts()))
        overview = (folder / "README.md").read_text()
        for name, alert in alerts().items():
            base = "https://git.example.com/platform/gantry/docs/runbooks"
            self.assertEqual(alert["annotations"]["runbook_url"], f"{base}/{name}.md")
            book = (folder / f"{name}.md").read_text()
            self.assertTrue(book.startswith(f"# {name}\n"), name)
            for part in ("**Affected.**", "**Find out.**"):
                self.assertIn(part, book, name)
            self.assertIn(f"| [{name}]({name}.md) | {alert['labels']['severity']} |".replace("| info |", "| warning |"), overview)

    def test_each_alert_can_be_switched_off(self):
        off = "metrics.prometheusRule.alerts.GantrySlow.enabled=false"
        rules = one("everything", "PrometheusRule", "--set", off)["spec"]["groups"][0]["rules"]
        self.assertNotIn("GantrySlow", [each.get("alert") for each in rules])
        self.assertEqual(len(rules), len(alerts()))

    def test_the_volume_is_watched_only_where_there_is_one(self):
        without = one("everything", "PrometheusRule", "--set", "persistence.enabled=false")
        self.assertNotIn("GantryVolumeAlmostFull", yaml.safe_dump(without))

    def test_each_alert_fires_and_a_server_that_is_well_is_quiet(self):
        promtool = tool("promtool")
        if not promtool:
            self.skipTest("there is no promtool; tests/setup installs it")
        self.assertEqual(set(ILL), set(alerts()))
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": rule()["spec"]["groups"]}))
            ran = run(promtool, "check", "rules", folder / "rules.yaml")
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            for name in [None, *ILL]:
                series = {k: v for k, v in {**WELL, **ILL.get(name, {})}.items() if v is not None}
                quiet = [{"eval_time": "2h", "alertname": other, "exp_alerts": []} for other in ILL if other != name]
                (folder / "tests.yaml").write_text(
                    yaml.safe_dump(
                        {
                            "rule_files": ["rules.yaml"],
                            "evaluation_interval": "1m",
                            "tests": [
                                {
                                    "interval": "1m",
                                    "input_series": [{"series": k, "values": v} for k, v in series.items()],
                                    "alert_rule_test": quiet,
                                }
                            ],
                        }
                    )
                )
                ran = run(promtool, "test", "rules", folder / "tests.yaml")
                self.assertEqual(ran.returncode, 0, f"{name}: {ran.stdout}{ran.stderr}")
                if name:
                    text = (folder / "tests.yaml").read_text()
                    fired = yaml.safe_load(text)
                    fired["tests"][0]["alert_rule_test"] = [
                        {"eval_time": "2h", "alertname": name, "exp_alerts": []}
                    ]
                    (folder / "tests.yaml").write_text(yaml.safe_dump(fired))
                    ran = run(promtool, "test", "rules", folder / "tests.yaml")
                    self.assertNotEqual(ran.returncode, 0, f"{name} did not fire")
                    self.assertIn(f'alertname="{name}"', ran.stdout + ran.stderr)


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.board = json.loads((CHART / "dashboards" / "gantry.json").read_text())

    def test_it_names_metrics_that_there_are(self):
        for panel in self.board["panels"]:
            self.assertTrue(panel["title"] and panel["description"])
            for target in panel["targets"]:
                found = named(target["expr"].replace("$__rate_interval", "5m"))
                self.assertTrue(found, target["expr"])
                self.assertLessEqual(found, metrics() | {"up"}, target["expr"])

    def test_its_panels_do_not_overlap_and_have_numbers_of_their_own(self):
        cells, numbers = set(), set()
        for panel in self.board["panels"]:
            at = panel["gridPos"]
            own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24)
            self.assertFalse(own & cells, panel["title"])
            cells |= own
            self.assertNotIn(panel["id"], numbers)
            numbers.add(panel["id"])


if __name__ == "__main__":
    unittest.main()
