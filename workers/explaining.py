"""Working out an explanation: read in a short transaction, compute in none, publish in a short one."""

from app import log
from app.db import reading, transaction
from app.services import explanations

_log = log.get(__name__)


def explain(explanation_id: int) -> None:
    """Work one out, if it is still wanted. Twice is once: the second finds it done, or says the same."""
    try:
        with reading() as db:
            wanted = explanations.read(db, explanation_id)
        if wanted is None:
            return
        result = {"round": wanted.round_number, **wanted.work_out()}
    except Exception:
        _log.exception("explanation failed", explanation=explanation_id)
        with transaction() as db:
            explanations.publish(db, explanation_id, "failed", None)
        return
    with transaction() as db:
        explanations.publish(db, explanation_id, "done", result)
