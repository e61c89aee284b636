"""docker-compose.yml and Dockerfile, read as they are written: no Docker runs here, so nothing is started."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"migrate", "web", "worker", "encoder", "beat"}


def test_the_parts_and_how_many() -> None:
    assert set(SERVICES) == OURS | {"db", "redis", "proxy"}
    replicas = {name: one.get("deploy", {}).get("replicas", 1) for name, one in SERVICES.items()}
    assert replicas["web"] > 1
    assert replicas["worker"] > 1
    assert replicas["beat"] == replicas["migrate"] == 1


def test_what_there_are_several_of_publishes_no_port_of_the_host() -> None:
    assert [name for name, one in SERVICES.items() if one.get("ports")] == ["proxy"]
    assert "127.0.0.1" in SERVICES["proxy"]["ports"][0]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_may_do_little_and_stop_in_time(name: str) -> None:
    one = SERVICES[name]
    assert one["cap_drop"] == ["ALL"]
    assert one["read_only"] is True
    assert "no-new-privileges:true" in one["security_opt"]
    assert int(one["stop_grace_period"].rstrip("s")) > Settings.model_fields["stop_seconds"].default
    assert "data:/data" in one["volumes"]
    if name != "migrate":
        assert set(one["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


def test_who_needs_what_waits_until_it_is_healthy() -> None:
    for name, one in SERVICES.items():
        for needed, how in one.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed], (name, needed)
    assert SERVICES["web"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert all("healthcheck" in SERVICES[name] for name in ("db", "redis", "web", "worker", "encoder"))


def test_every_variable_of_ours_is_a_setting() -> None:
    for name in OURS:
        for variable in SERVICES[name]["environment"]:
            assert variable.removeprefix("MARGINALIA_").lower() in Settings.model_fields


def test_no_password_stands_in_the_file_and_every_volume_is_declared() -> None:
    assert not re.search(r"PASSWORD: (?!\$\{)", (ROOT / "docker-compose.yml").read_text())
    used = {volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert all((ROOT / name).exists() for name in used if name.startswith("."))


def test_the_image_runs_pinned_and_not_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER marginalia"]
    assert any('pip install -c constraints.txt ".[s3]"' in line for line in lines)
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert all((ROOT / name).exists() for name in copied)
    assert {"app", "workers", "migrations", "static", "templates"} <= copied
