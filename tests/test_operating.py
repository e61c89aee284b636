"""What an operator sees of a running system: metrics that add up, lines of JSON with one id, a stop that waits."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.loop.client import Client, make_project, upload
from tests.loop.data import mails
from tests.loop.people import Crowd
from tests.loop.system import Place, System, accounts, free_port, missing, running, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(bool(missing("sqlite")), reason=missing("sqlite")),
]
SETTINGS = {"MARGINALIA_LOG_REQUESTS": "all", "MARGINALIA_STOP_SECONDS": "15"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    place = Place(tmp_path_factory.mktemp("operating"), free_port(), settings=SETTINGS)
    with running(place, "--web-processes", "2") as found:
        yield found


@pytest.fixture(scope="module")
def people(system: System) -> tuple[str, dict[str, str]]:
    return accounts(system.place, 4)


@pytest.fixture(scope="module")
def project(system: System, people: tuple[str, dict[str, str]]) -> int:
    data = mails(60)
    with Client(system.place.address, people[0]) as lead:
        made = make_project(lead, data.modality, data.classes, people[1])
        upload(lead, made, data.rows)
    return made


def scraped(system: System) -> dict[str, float]:
    """Every sample by its name and labels, as they are written."""
    connection = http.client.HTTPConnection(system.place.address, timeout=10)
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    text = response.read().decode()
    assert response.status == 200, text
    connection.close()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def lines(system: System, part: str) -> list[dict[str, object]]:
    content = (system.place.folder / "logs" / f"{part}.log").read_text()
    return [json.loads(line) for line in content.splitlines()]


def test_what_several_processes_count_adds_up(system: System, people: tuple[str, dict[str, str]], project: int) -> None:
    data = mails(60)
    crowd = Crowd(system.place.address, people[1], project, data.truth)
    crowd.drain()
    found = scraped(system)
    assert found['marginalia_labels_accepted_total{kind="answer"}'] == len(crowd.acknowledged) == 60
    route = '{method="POST",route="/api/v1/items/{item_id}/labels",status="201"}'
    assert found[f"marginalia_request_seconds_count{route}"] == 60
    assert found["marginalia_items"] == 60
    assert found["marginalia_leases_live"] == 0
    wait_until(lambda: scraped(system)['marginalia_workers_alive{queue="rounds"}'] == 1)  # after its first sign of life
    assert {'marginalia_broker_messages{queue="rounds"}', 'marginalia_data_directory_bytes{kind="free"}'} <= set(found)
    assert scraped(system)['marginalia_ready{part="broker"}'] == 1


def test_a_click_is_found_again_in_the_worker(system: System, people: tuple[str, dict[str, str]], project: int) -> None:
    connection = http.client.HTTPConnection(system.place.address, timeout=10)
    headers = {"Authorization": f"Bearer {people[0]}", "X-Request-ID": "my-click.1"}

    def is_learned() -> bool:  # the sweep may be quicker than the click's own message: then another click
        connection.request("POST", f"/api/v1/projects/{project}/rounds", headers=headers)
        response = connection.getresponse()
        assert response.getheader("X-Request-ID") == "my-click.1"
        response.read()
        time.sleep(0.5)
        return any(one.get("request_id") == "my-click.1" for one in lines(system, "rounds-1"))

    wait_until(is_learned)
    found = [one for one in lines(system, "rounds-1") if one.get("request_id") == "my-click.1"]
    assert any(one["event"] == "round published" for one in found)
    told = [one for part in ("web-1", "web-2") for one in lines(system, part) if one.get("request_id") == "my-click.1"]
    assert {"method", "path", "status", "milliseconds"} <= set(told[0])
    connection.close()


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "a\tb"])
def test_an_id_that_is_no_plain_word_is_replaced(system: System, given: str) -> None:
    connection = http.client.HTTPConnection(system.place.address, timeout=10)
    connection.request("GET", "/healthz", headers={"X-Request-ID": given})
    made = connection.getresponse().getheader("X-Request-ID")
    assert made
    assert made != given
    assert len(made) == 16
    connection.close()


def test_every_line_of_every_log_is_json(system: System, project: int) -> None:
    logs = {path.stem for path in (system.place.folder / "logs").glob("*.log")} - {"broker"}
    assert logs == {"web-1", "web-2", "rounds-1", "encoding-1", "beat"}
    for part in logs:
        assert all({"event", "level", "timestamp"} <= set(line) for line in lines(system, part)), part


def test_a_stop_finishes_what_is_under_way_and_ends_what_only_listens(
    tmp_path: Path, people: tuple[str, dict[str, str]], project: int, system: System
) -> None:
    """The last test of the module: it stops the system. A slow upload ends well, and a stream of events ends."""
    host, port = system.place.address.split(":")
    body = b'{"text": "a mail that comes slowly", "id": "slow"}\n'
    head = (
        f"POST /api/v1/projects/{project}/items?external_id=id HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {people[0]}\r\nContent-Type: application/x-ndjson\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    ended = threading.Event()
    with (
        closing(http.client.HTTPConnection(system.place.address, timeout=30)) as listening,
        socket.create_connection((host, int(port)), timeout=30) as slow,
    ):
        listening.request("GET", f"/api/v1/projects/{project}/events", headers={"Authorization": f"Bearer {people[0]}"})
        stream = listening.getresponse()
        threading.Thread(target=lambda: (stream.read(), ended.set()), daemon=True).start()
        slow.sendall(head.encode() + body[:10])
        time.sleep(0.5)
        assert system.process is not None
        system.process.send_signal(signal.SIGTERM)
        time.sleep(3.0)
        slow.sendall(body[10:])
        answer = b"".join(iter(lambda: slow.recv(65536), b"")).decode()  # head and body may come apart
        assert ended.wait(10)
    assert " 201 " in answer.splitlines()[0] or " 200 " in answer.splitlines()[0], answer
    assert '"added":1' in answer
    assert system.process.wait(40) == 0
