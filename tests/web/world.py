"""A world for tests of the whole application: people of every role, and projects with all that can be named in one."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4
from zlib import compress, crc32

from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import store
from app.db import transaction
from app.models import Item, Label, Lease, Project, Simulation, Token, Upload, User
from app.services import projects, users
from app.services.upload_rows import digest_of
from app.web.deps import COOKIE
from app.web.main import make_app
from tests.conftest import NOW, PASSWORD


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + crc32(kind + data).to_bytes(4, "big")


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", bytes.fromhex("00000001000000010802000000"))
    + _chunk(b"IDAT", compress(b"\x00\x01\x02\x03"))
    + _chunk(b"IEND", b"")
)
SHA = "5f" * 32
TASK = {"kind": "classification", "classes": [{"name": "spam"}, {"name": "ham"}]}
FACTS = dict.fromkeys(("items", "truth", "merged", "drawn", "left_out", "out_of_scope"), 0)
PLAN: dict[str, Any] = {"facts": FACTS, "strategies": [], "learners": [], "seeds": 1, "labels": 1, "batch": 1}
NEW = {"name": "New", "modality": "text", "task": TASK}
# The callers, least first; the last four are allowed something in a project.
CALLERS = ("anonymous", "stranger", "annotator", "reviewer", "lead", "admin")


@lru_cache(maxsize=1)
def application() -> FastAPI:
    """One for the whole table: making it takes longer than asking it."""
    return make_app()


class World:
    """An application, the callers, and for each caller a project of the same kind with all that can be named in it."""

    def __init__(self) -> None:
        self.app = application()
        self.people = {name: self._person(name) for name in ("alice", "bob", *CALLERS[1:], "charlie")}
        self.clients: list[TestClient] = []

    def _person(self, name: str) -> User:
        with transaction() as db:
            return users.add_user(db, f"{name}@example.org", name, PASSWORD, name in ("alice", "admin"), NOW)

    def place(self, caller: str) -> dict[str, Any]:
        """A project of Alice's with an item that the caller holds and a label that they gave, where they may."""
        me = self.people.get(caller)
        with transaction() as db:
            project = projects.create_project(
                db, users.caller(self.people["alice"]), {"name": "Pictures", "modality": "image", "task": TASK}, NOW
            )
            for role in ("annotator", "reviewer", "lead"):
                projects.add_member(db, project, f"{role}@example.org", role, NOW)
            projects.add_member(db, project, "bob@example.org", "annotator", NOW)
            owner = me if me and caller != "stranger" else self.people["bob"]
            item, other = self._item(db, project, SHA), self._item(db, project, "60" * 32)
            lease = Lease(
                project_id=project.id, item_id=item.id, user_id=owner.id, chosen_by="queue",
                created_at=NOW, ends_at=datetime.now(UTC) + timedelta(hours=1),
            )  # fmt: skip
            label = Label(
                id=uuid4(), project_id=project.id, item_id=other.id, user_id=owner.id, chosen_by="queue",
                answer={"class": "spam"}, created_at=NOW,
            )  # fmt: skip
            upload = Upload(
                project_id=project.id, file_name="a.png", spool=uuid4().hex, state="waiting", created_at=NOW
            )
            simulation = Simulation(
                project_id=project.id, created_at=NOW, state="open", plan=PLAN,
                encoder="pixels", fingerprint="x", rows=1, rounds_total=1,
            )  # fmt: skip
            token = Token(user_id=(me or owner).id, key_hash=uuid4().bytes * 2, scope="all", created_at=NOW)
            db.add_all([lease, label, upload, simulation, token])
            db.flush()
            (store.folder("uploads") / str(upload.spool)).write_bytes(PNG)
            store.keep_medium(SHA, PNG)
            return {
                "project_id": project.id, "item_id": item.id, "lease_id": lease.id, "label_id": label.id,
                "upload_id": upload.id, "simulation_id": simulation.id, "token_id": token.id,
                "user_id": self.people["bob"].id, "name": SHA, "version": "x", "uuid": str(uuid4()),
            }  # fmt: skip

    @staticmethod
    def _item(db: Any, project: Project, sha: str) -> Item:
        content = {"image": sha, "media_type": "image/png", "width": 1, "height": 1}
        item = Item(
            project_id=project.id, row=project.next_row, external_id=sha, content=content, key=project.next_row / 10,
            content_hash=digest_of(content), slots=0 if project.next_row else 1, created_at=NOW,
        )  # fmt: skip
        project.next_row += 1
        db.add(item)
        db.flush()
        return item

    def client(self, caller: str, scope: str = "") -> TestClient:
        """As this caller, by cookie, or by a token of this scope."""
        made = TestClient(self.app, base_url="http://testserver", follow_redirects=False)
        if user := self.people.get(caller):
            with transaction() as db:
                if scope:
                    key = users.create_token(db, user.id, "t", scope, None, datetime.now(UTC))
                    made.headers["Authorization"] = f"Bearer {key}"
                else:
                    made.cookies.set(COOKIE, users.start_sign_in(db, user.id, datetime.now(UTC)))
        self.clients.append(made)
        return made
