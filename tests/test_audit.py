"""The audit of the dependencies: advisories fail the check, an absent network is told and does not."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit"


@pytest.fixture(scope="module")
def audit() -> Any:
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    loader = SourceFileLoader("audit", str(SCRIPT))
    module = module_from_spec(spec_from_loader("audit", loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


def package(name: str, *advisories: str) -> dict[str, Any]:
    vulns = [{"id": one, "aliases": [f"CVE-{one}"], "fix_versions": ["2.0"]} for one in advisories]
    return {"name": name, "version": "1.0", "vulns": vulns}


def test_an_advisory_fails_the_check_and_names_its_package(audit: Any) -> None:
    said, status = audit.told({"dependencies": [package("good"), package("bad", "PYSEC-1")]})
    assert (said, status) == (["bad 1.0: PYSEC-1 (fixed in: 2.0)"], 1)


def test_one_that_was_looked_at_does_not(audit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-PYSEC-1": "we never call it"})
    assert audit.told({"dependencies": [package("bad", "PYSEC-1")]})[1] == 0


def test_what_the_service_does_not_know_is_not_called_safe(audit: Any) -> None:
    unknown = {"name": "ours", "skip_reason": "not found"}
    assert "NOT audited" in audit.told({"dependencies": [unknown]})[0][0]
    said, status = audit.told({"dependencies": [unknown, package("good")]})
    assert (said[1], status) == ("Not audited, for the service does not know them: ours.", 0)


def test_without_a_network_it_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("jinja2==3.1.6\n")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    done = subprocess.run([sys.executable, str(SCRIPT), str(pins)], capture_output=True, text=True, check=False)
    assert (done.returncode, "NOT audited" in done.stdout) == (0, True), done.stdout + done.stderr
