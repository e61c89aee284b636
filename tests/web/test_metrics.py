"""/metrics: who may read it, and that nothing a request makes up becomes a label."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import stopping
from app.models import User
from app.settings import Settings, current
from app.web import metrics

ClientFor = Callable[..., TestClient]


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def use(**values: object) -> None:
        changed: Settings = current().model_copy(update=values)
        monkeypatch.setattr(metrics, "current", lambda: changed)

    return use


def test_a_stranger_gets_404_and_an_address_of_the_setting_the_numbers(
    client_for: ClientFor, setting: Callable[..., None], database: object
) -> None:
    client = client_for(None)  # whose address is "testclient", which is none
    assert client.get("/metrics").status_code == 404
    local = TestClient(client.app, client=("10.1.2.3", 1))
    assert local.get("/metrics").status_code == 404
    setting(metrics_from="10.0.0.0/8")
    assert local.get("/metrics").status_code == 200
    assert "marginalia_items 0.0" in local.get("/metrics").text
    assert local.get("/metrics", headers={"X-Forwarded-For": "10.9.9.9"}).status_code == 404


def test_with_a_token_the_address_does_not_matter(
    client_for: ClientFor, setting: Callable[..., None], database: object
) -> None:
    setting(metrics_token=SecretStr("s3cret"), metrics_from="0.0.0.0/0")
    client = client_for(None)
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_what_a_request_makes_up_is_no_label(client_for: ClientFor, setting: Callable[..., None], alice: User) -> None:
    setting(metrics_token=SecretStr("s3cret"))
    client = client_for(alice)
    for path in ("/nowhere/1", "/nowhere/2", "/api/v1/projects/47114711", "/api/v1/projects/47114712"):
        client.get(path)
    client.request("BREW", "/healthz")
    told = client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).text
    assert "nowhere" not in told
    assert "projects/4711" not in told
    assert "BREW" not in told
    assert 'route="/api/v1/projects/{project_id}"' in told
    assert 'method="other"' in told


def test_a_process_that_is_to_stop_is_pressed_after_half_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(stopping.time, "monotonic", lambda: clock[0])
    assert not stopping.is_asked()
    stopping.ask()
    assert stopping.is_asked()
    assert not stopping.is_pressing()
    clock[0] += current().stop_seconds / 2 + 0.1
    assert stopping.is_pressing()
    stopping.forget()
    assert not stopping.is_pressing()
