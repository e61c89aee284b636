"""Random requests, valid and not, to every operation that the OpenAPI names: what comes back is what it promises.

MARGINALIA_API_EXAMPLES says how many for each operation and kind; the seed is fixed, so that a failure comes again.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.world import World, application

EXAMPLES = int(os.environ.get("MARGINALIA_API_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
QUIET = list(HealthCheck)  # a request is slower than what Hypothesis calls slow
# A stream without an end; and the probe, which says 503 here, where there is no broker.
LEFT_OUT = ("/api/v1/projects/{project_id}/events", "/readyz")


def described() -> dict[str, Any]:
    return application().openapi()


def operations() -> list[str]:
    return [
        f"{method.upper()} {path}"
        for path, methods in described()["paths"].items()
        for method in methods
        if path not in LEFT_OUT
    ]


@pytest.fixture
def schema(world: World) -> Any:
    made = from_dict(described())
    made.app = world.app
    return made


def test_every_operation_says_how_it_refuses(data_dir: Any) -> None:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items() if path.startswith("/api/") else ():
            refusals = {code: each for code, each in operation["responses"].items() if code >= "4"}
            assert {"400", "401", "403", "422", "503", "507"} <= set(refusals), (method, path)
            assert all(list(each["content"]) == ["application/problem+json"] for each in refusals.values())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", operations())
def test_no_request_breaks_a_promise(world: World, schema: Any, name: str, mode: GenerationMode) -> None:
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    operation = next(one for one in found if f"{one.method.upper()} {one.path}" == name)
    cookies = world.client("admin").cookies
    headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())}
    names = [one.name for one in operation.path_parameters]

    sent = []

    def checked(case: Any) -> None:
        sent.append(case)
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    for known in (None, world.place("admin")) if names else (None,):
        place = {name: known[name] for name in names} if known else None
        bounded = settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=QUIET, phases=[Phase.generate]
        )
        strategy = operation.as_strategy(generation_mode=mode, path_parameters=place)
        try:
            seed(20261124)(bounded(given(strategy)(checked)))()
        except Unsatisfiable:
            continue  # no request without parameters can be invalid
    assert sent or mode is GenerationMode.NEGATIVE
