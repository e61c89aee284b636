"""The tasks: open in a short transaction, compute in none, publish in a short one."""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from app import log, outages, stopping, store
from app.core import plugins
from app.core.encoders import Encoder
from app.core.tasks import seen_as
from app.db import reading, transaction
from app.models import Project
from app.services import (
    clocks,
    encoding_begin,
    encoding_data,
    encodings,
    leases,
    measuring,
    media_left,
    round_arrays,
    round_data,
    rounds,
    simulation_work,
    sway,
)
from app.services import sweep as sweeping
from workers import explaining, scoring, simulating

if TYPE_CHECKING:
    from app.core.round import MeasureOutput

TIDY_SECONDS = 60.0
UNSWEPT_SECONDS = 15.0  # without a sweep; a worker that is busy sweeps beside its work
BEAT_SECONDS = 1.0  # between two signs of life of a round

_log = log.get(__name__)
_state: dict[str, Any] = {"doing": None, "tidied": 0.0, "swept": 0.0}


class HandedBackError(Exception):
    """The process is to stop, and half of its time to do so is over: another goes on with this."""


def _hand_back_if_stopping(_step: str) -> None:
    if stopping.is_pressing():
        raise HandedBackError


def doing() -> str | None:
    """What this process is at, for people."""
    text: str | None = _state["doing"]
    return text


def sweep_if_nobody_does() -> None:
    """Sweep where no message has asked for it lately: beat is away, or its clock is so far off that they expire."""
    if time.monotonic() - _state["swept"] > UNSWEPT_SECONDS:
        sweep()


def _me() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def recover() -> None:
    """At a worker's start: what a dead process of this machine held goes on at once, not when its lease ends."""
    with transaction() as db:
        ended = rounds.give_up(db, _is_dead) + simulation_work.give_up(db, _is_dead)
    if ended:
        _log.info("recovered", ended=ended)


def _is_dead(owner: str) -> bool:
    """Whether this owner was a process of this machine that is gone; of other machines nothing is known."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def run_round(project_id: int) -> None:
    """One round of a project, if one is due and nobody runs it."""
    with transaction() as db:
        opened = rounds.open_round(db, project_id, _me(), datetime.now(UTC))
    if opened is None:
        return
    _state["doing"] = f"round {opened.number} of project {project_id}"
    try:
        _compute_round(opened)
    except HandedBackError:
        _log.info("round handed back", project=project_id, round=opened.number)
        with transaction() as db:
            rounds.hand_back(db, opened)
    except rounds.LeaseLostError:
        _log.warning("round lost", project=project_id, round=opened.number)
    except Exception as error:
        _log.exception("round failed", project=project_id, round=opened.number)
        with transaction() as db:
            rounds.fail(db, opened, f"{type(error).__name__}: {error}", datetime.now(UTC))
    finally:
        _state["doing"] = None


def _compute_round(opened: rounds.Opened) -> None:
    from app.core.round import run

    began = time.monotonic()
    with reading() as db:
        known = round_data.read(db, opened.round_id, step := _heartbeat(opened))
    read_in = time.monotonic() - began
    output = run(replace(known.given, scoring=scoring.scoring_of(opened, known.given.features, step)))
    output.seconds["read"] = round(read_in, 4)
    checkpoint = round_arrays.save(opened.project_id, opened.round_id, output)
    if output.is_measured:
        output.metrics["sway"] = _sway(opened)
    output.seconds["total"] = round(time.monotonic() - began, 4)
    with transaction() as db:
        rounds.publish(db, opened, output, known, datetime.now(UTC), checkpoint)
        kept = rounds.forget_old(db, opened.project_id)
    store.forget_rounds(opened.project_id, kept)
    _log.info(
        "round published",
        project=opened.project_id,
        round=opened.number,
        why=opened.reason,
        labels=len(known.given.answers),
        queue=len(output.queue),
        seconds=output.seconds,
    )


def measure_round(project_id: int) -> None:
    """Measure the round that put it off, with its fold models; nobody waits for it."""
    from app.core.round import measure

    with transaction() as db:
        opened = measuring.open_measuring(db, project_id, _me(), datetime.now(UTC))
    if opened is None:
        return
    _state["doing"] = f"measuring round {opened.number} of project {project_id}"
    try:
        with reading() as db:
            known = round_data.read(db, opened.round_id, _hand_back_if_stopping)
        output = measure(known.given)
        if output is not None:
            _keep_measured(opened, output, known)
    except HandedBackError:
        with transaction() as db:
            measuring.hand_back(db, opened)
    except Exception as error:
        _log.exception("measuring failed", project=project_id, round=opened.number)
        with transaction() as db:
            measuring.fail(db, opened, f"{type(error).__name__}: {error}", datetime.now(UTC))
    finally:
        _state["doing"] = None


def _sway(opened: rounds.Opened) -> dict[str, Any] | None:
    with reading() as db:
        return sway.measured(db, opened.project_id)


def _keep_measured(opened: rounds.Opened, output: "MeasureOutput", known: round_data.Read) -> None:
    names = round_arrays.save_measured(opened.project_id, opened.round_id, output)
    output.metrics["sway"] = _sway(opened)
    with transaction() as db:
        is_heard = measuring.publish(db, opened, output, known, names, datetime.now(UTC))
    if not is_heard:
        _log.warning("measured too late", project=opened.project_id, round=opened.number)
    elif names[1] is not None:
        round_arrays.forget_checkpoints(opened.project_id, names[1], datetime.now(UTC))


def _heartbeat(opened: rounds.Opened) -> Callable[[str], None]:
    """Told each step's name; renews the lease now and then, and raises LeaseLostError when it is gone."""
    last = time.monotonic()

    def step(_name: str) -> None:
        nonlocal last
        _hand_back_if_stopping("")
        if time.monotonic() - last > BEAT_SECONDS:
            with transaction() as db:
                rounds.beat(db, opened, datetime.now(UTC))
            last = time.monotonic()

    return step


def score_shards(project_id: int) -> None:
    """Help a round over a large pool that another worker holds."""
    _state["doing"] = f"scoring for a round of project {project_id}"
    try:
        scoring.help_with(project_id, _me())
    finally:
        _state["doing"] = None


def explain(explanation_id: int) -> None:
    """Work out what moved the model to a suggestion: somebody looks at the item and waits."""
    _state["doing"] = "explaining a suggestion"
    try:
        explaining.explain(explanation_id)
    finally:
        _state["doing"] = None


def run_encoding(project_id: int) -> None:
    """A slice of encoding: some seconds of work, then the next job gets its turn; of the project whose turn it is."""
    with reading() as db:
        project_id = encodings.turn(db, project_id, datetime.now(UTC))
    if not _prepare(project_id):
        return
    with transaction() as db:
        taken = encodings.open_slice(db, project_id, _me(), datetime.now(UTC))
        modality = _seen_as(db.get_one(Project, project_id)) if taken else ""
    if taken is None:
        return
    _state["doing"] = f"encoding project {project_id} with {taken.spec['name']}"
    try:
        _encode(taken, modality)
    except Exception as error:
        if outages.is_away(error):  # no fault of the encoder's: the stretch is tried again when its lease has ended
            _log.warning("encoding put off", project=project_id, error=str(error))
            return
        _log.exception("encoding failed", project=project_id, encoder=taken.spec)
        with transaction() as db:
            encodings.fail(db, taken, f"{type(error).__name__}: {error}")
    finally:
        _state["doing"] = None


def _seen_as(project: Project) -> str:
    return seen_as(project.task["kind"], project.modality)


def _prepare(project_id: int) -> bool:
    """Whether there is something to encode and its encoder's weights are at hand."""
    with reading() as db:
        found = encodings.next_rung(db, project_id, datetime.now(UTC))
    if found is None:
        return False
    rung, spec = found
    _state["doing"] = f"preparing {spec['name']} for project {project_id}"
    try:
        encoding_begin.prepare(spec)
    except Exception as error:
        _log.exception("encoder not ready", project=project_id, encoder=spec)
        with transaction() as db:
            encoding_begin.refuse(db, project_id, rung, spec, f"{type(error).__name__}: {error}")
        return False
    finally:
        _state["doing"] = None
    return True


def _encode(taken: encoding_data.Slice, modality: str) -> None:
    """Features of a stretch: read in sessions of their own, computed in none, published in a short one."""

    def read(start: int, n: int) -> list[Any]:
        with reading() as db:
            contents = encoding_data.read_items(db, taken, start, n)
        return encoding_data.contents_of(modality, contents)

    began = time.monotonic()
    features = encoding_data.encode_slice(plugins.make("encoders", taken.spec, Encoder), taken, read)
    if len(features):
        encoding_data.save(taken, features)
    seconds = time.monotonic() - began
    quality = encoding_data.quality(taken, taken.start + len(features))
    with transaction() as db:
        encodings.publish_slice(db, taken, len(features), seconds, quality)


def run_simulation(project_id: int) -> None:
    """A slice of a project's simulation: one replay or more, then the next job gets its turn."""
    with transaction() as db:
        taken = simulation_work.take(db, project_id, _me(), datetime.now(UTC))
    if taken is None:
        return
    _state["doing"] = f"simulation of project {project_id}"
    try:
        simulating.play(taken, _before_simulations)
    except simulation_work.LeaseLostError:
        _log.warning("simulation stopped or lost", project=project_id)
    except Exception as error:
        if outages.is_away(error):
            _log.warning("simulation put off", project=project_id, error=str(error))
            return
        _log.exception("simulation failed", project=project_id)
        with transaction() as db:
            simulation_work.fail(db, taken, f"{type(error).__name__}: {error}", datetime.now(UTC))
    finally:
        _state["doing"] = None


def _before_simulations() -> None:
    """Do what people wait for more, in the middle of a simulation: they share a worker."""
    now, doing_before = datetime.now(UTC), _state["doing"]
    with reading() as db:
        encoding, measured = encodings.pending(db, now), measuring.due(db, now)
    for project_id in encoding[:1]:  # one at a time: the simulation must show signs of life, too
        run_encoding(project_id)
    for project_id, _ in measured[:1]:
        measure_round(project_id)
    _state["doing"] = doing_before


def sweep() -> None:
    """Give back what expired, and send the jobs that the database asks for."""
    now = datetime.now(UTC)
    _state["swept"] = time.monotonic()
    with reading() as db:
        found = sweeping.wanted(db, now)
        expired = leases.has_expired(db, now)
        ahead = clocks.are_ahead(db, now)
    if ahead:
        with transaction() as db:
            _log.warning("leases reined in that a clock had put into the future", count=clocks.rein_in(db, now))
    if expired or time.monotonic() - _state["tidied"] > TIDY_SECONDS:
        with transaction() as db:
            leases.end_expired(db, now)
            sweeping.tidy(db, now)
        sweeping.tidy_store(now)
        media_left.collect(now)
        _state["tidied"] = time.monotonic()
    if found:
        with transaction() as db:
            sweeping.ask(db, found)
