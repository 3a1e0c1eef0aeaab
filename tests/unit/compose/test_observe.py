"""Every metric that the dashboard and the alert rules name is one that the code has."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase

import auth.metrics
import gateway.metrics
import infra.metrics
import infra.revocations
import infra.tls
import infra.unreadable
import kitchen.metrics
import order.metrics
from infra.dev.services import SERVICES
from infra.dev.settings import REPOSITORY
from tests.yaml_file import read_yaml

OBSERVE = REPOSITORY / "infra" / "observe"
DASHBOARD = OBSERVE / "grafana" / "dashboards" / "brigade.json"
MODULES = (
    auth.metrics,
    gateway.metrics,
    infra.metrics,
    infra.revocations,
    infra.tls,
    infra.unreadable,
    kitchen.metrics,
    order.metrics,
)
PROMETHEUS_OWN = {"up"}
LANGUAGE = {"by", "le", "max", "sum", "rate", "increase", "time", "histogram_quantile"}


def sample_names() -> dict[str, set[str]]:
    """What Prometheus stores → its labels; a histogram's buckets have ``le`` as well."""
    names: dict[str, set[str]] = {"process_resident_memory_bytes": set()}
    for module in MODULES:
        for metric in vars(module).values():
            if not isinstance(metric, MetricWrapperBase):
                continue
            labels = set(metric._labelnames)
            for family in metric.describe():
                match family.type:
                    case "counter":
                        names[f"{family.name}_total"] = labels
                    case "histogram":
                        names |= {f"{family.name}_{end}": labels for end in ("count", "sum")}
                        names[f"{family.name}_bucket"] = labels | {"le"}
                    case _:
                        names[family.name] = labels
    return names


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    document = read_yaml(OBSERVE / "rules.yml", tmp_path_factory.mktemp("yaml"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def expressions(rules: list[dict[str, Any]], panels: list[dict[str, Any]]) -> list[str]:
    return [rule["expr"] for rule in rules] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric in a PromQL expression, with the labels it is selected by."""
    bare = re.sub(r"\bby\s*\([^)]*\)|\[[^\]]*\]", "", expression)
    for name, labels in re.findall(r"([a-z_][a-z0-9_]*)(\{[^}]*\})?", bare):
        if name not in LANGUAGE:
            yield name, set(re.findall(r"([a-z_]+)\s*(?:=|!=|=~|!~)\s*\"", labels))


def test_every_metric_exists_and_has_the_labels_it_is_asked_by(expressions: list[str]) -> None:
    known = sample_names()
    assert len(expressions) > 20
    for expression in expressions:
        for name, labels in selectors(expression):
            if name in PROMETHEUS_OWN:
                continue
            assert name in known, expression
            # Prometheus itself adds where it read a sample.
            assert labels <= known[name] | {"job", "instance"}, expression


def test_groupings_are_labels_of_what_is_grouped(expressions: list[str]) -> None:
    known = sample_names()
    for expression in expressions:
        named = [labels for name, labels in known.items() if re.search(rf"\b{name}\b", expression)]
        for grouping in re.findall(r"\bby\s*\(([^)]*)\)", expression):
            asked = {label.strip() for label in grouping.split(",")}
            assert asked <= set().union(*named) | {"job", "instance"}, expression


def test_every_metric_of_ours_is_shown_or_alerted_on(expressions: list[str]) -> None:
    asked = {name for expression in expressions for name, _ in selectors(expression)}
    families = {_family(name) for name in sample_names()}
    assert families - {_family(name) for name in asked} == set()


def _family(sample: str) -> str:
    return re.sub(r"_(total|count|sum|bucket)$", "", sample)


def test_names_follow_prometheus_conventions() -> None:
    for name in sample_names():
        assert re.fullmatch(
            r"(auth|order|kitchen|gateway|grpc_server|http|redis|revocations|tls|process)_[a-z_]+",
            name,
        )


def test_every_alert_says_what_it_is_and_is_explained(rules: list[dict[str, Any]]) -> None:
    explained = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    for rule in rules:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert f"`{rule['alert']}`" in explained


def test_prometheus_finds_every_replica_of_every_service(tmp_path: Path) -> None:
    config = read_yaml(OBSERVE / "prometheus.yml", tmp_path)
    found = {
        job["job_name"]: (search["names"], search["type"], search["port"])
        for job in config["scrape_configs"]
        for search in job["dns_sd_configs"]
    }
    assert found == {
        service.name: ([service.name], "A", service.ports["OPS_PORT"]) for service in SERVICES
    }


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_promtool_accepts_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", OBSERVE / "rules.yml"], check=True)
