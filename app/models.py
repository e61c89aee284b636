"""The tables. What they mean, and why slots live on the item row, is in docs/architecture.md."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    Uuid,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

# FOR NO KEY UPDATE: a plain FOR UPDATE of a project or an item would make every insert that points at it wait.
LOCK: dict[str, Any] = {"key_share": True}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: comparing them with aware ones fails only later, and elsewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002  # SQLAlchemy's signature
    ) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables, with named constraints so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: Json, list[Any]: Json, UUID: Uuid()}  # noqa: RUF012  # SQLAlchemy's own form


class User(Base):
    """Somebody who can sign in. A global admin may create projects and sees all."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignIn(Base):
    """A browser that is signed in; the cookie holds the key, the row only its hash."""

    __tablename__ = "sign_in"
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Token(Base):
    """An API token; shown once, kept as a hash, scoped and expiring."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scope: Mapped[str] = mapped_column(String(20), default="all")  # all | read | annotate
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]


class FailedSignIn(Base):
    """One failed password, or one that is being tried, counted to slow down guessing."""

    __tablename__ = "failed_sign_in"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    browser: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # the known one that it came from
    at: Mapped[datetime]
    __table_args__ = (
        Index("ix_failed_sign_in_email_at", "email", "at"),
        Index("ix_failed_sign_in_address_at", "address", "at"),
    )


class KnownBrowser(Base):
    """A browser that a person has signed in with: its tries are counted apart from strangers'."""

    __tablename__ = "known_browser"
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    seen_at: Mapped[datetime]


class Project(Base):
    """A data set, a question, the people who may answer it, and the recipe that learns from them."""

    __tablename__ = "project"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    modality: Mapped[str] = mapped_column(String(20))
    task: Mapped[dict[str, Any]]
    recipe: Mapped[dict[str, Any]]
    guidelines: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    next_row: Mapped[int] = mapped_column(default=0)
    # Plain numbers, not foreign keys: the two rows point back at the project, and a flip must not wait for a lock.
    queue_round_id: Mapped[int | None] = mapped_column(BigId)
    encoding_id: Mapped[int | None] = mapped_column(BigId)
    round_asked_at: Mapped[datetime | None]
    checkpoint: Mapped[str | None] = mapped_column(String(32))  # see services/round_arrays.py


class Member(Base):
    """A person's role in a project."""

    __tablename__ = "member"
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))  # lead | reviewer | annotator
    created_at: Mapped[datetime]


class Item(Base):
    """One thing to label. `row` is its dense number in the project: its row in every array on disk."""

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    row: Mapped[int]
    external_id: Mapped[str | None] = mapped_column(String(500))
    content: Mapped[dict[str, Any]]
    meta: Mapped[dict[str, Any] | None]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    key: Mapped[float] = mapped_column(Float(53))  # uniform in [0, 1): the audit order
    slots: Mapped[int]  # answers wanted - answers given - leases out
    is_settled: Mapped[bool] = mapped_column(default=False)  # somebody's answer or skip stands
    truth: Mapped[dict[str, Any] | None]  # hidden, for simulation
    created_at: Mapped[datetime]
    __table_args__ = (
        Index("uq_item_row", "project_id", "row", unique=True),
        Index("uq_item_content", "project_id", "content_hash", unique=True),
        Index("uq_item_external_id", "project_id", "external_id", unique=True),
        Index(
            "ix_item_open",
            "project_id",
            "key",
            sqlite_where=text("slots > 0"),
            postgresql_where=text("slots > 0"),
        ),
        Index(
            "ix_item_taken", "project_id", "row", sqlite_where=text("slots <= 0"), postgresql_where=text("slots <= 0")
        ),
        Index(
            "ix_item_unsettled",
            "project_id",
            "key",
            sqlite_where=text("NOT is_settled"),
            postgresql_where=text("NOT is_settled"),
        ),
        Index(
            "ix_item_settled",
            "project_id",
            "key",
            sqlite_where=text("is_settled"),
            postgresql_where=text("is_settled"),
        ),
    )


# As the indexes say it, word for word: SQLite uses a partial index only for a question that repeats its condition, and
# SQLAlchemy would write "= 0", or "> ?", of which it cannot know.
UNSETTLED: ColumnElement[bool] = literal_column("NOT item.is_settled")
SETTLED: ColumnElement[bool] = literal_column("item.is_settled")
OPEN: ColumnElement[bool] = literal_column("item.slots > 0")


class Choice:
    """How an item was chosen: carried by the lease, copied to the label."""

    chosen_by: Mapped[str] = mapped_column(String(10))  # queue | random | fallback | gold | review | import
    inclusion_probability: Mapped[float | None]
    round_number: Mapped[int | None]
    strategy: Mapped[str | None] = mapped_column(String(100))
    score: Mapped[float | None]
    rank: Mapped[int | None]
    pool_size: Mapped[int | None]
    key: Mapped[float | None] = mapped_column(Float(53))
    reason: Mapped[str | None] = mapped_column(String(500))
    why: Mapped[dict[str, Any] | None]  # the reason's parts, to be said in the reader's language; see core/reasons.py
    suggestion: Mapped[dict[str, Any] | None]
    suggestion_hidden: Mapped[bool] = mapped_column(default=False, server_default=false())  # from this person
    hidden_share: Mapped[float | None]  # the share of the coin that decided so; None where none was tossed


class Lease(Choice, Base):
    """The promise that an item is in somebody's hands, with an end. Ended ones stay a day: a late answer asks them."""

    __tablename__ = "lease"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        # By person first: "what do I hold" and "do I hold this" both find it.
        Index(
            "uq_lease_live_person",
            "user_id",
            "item_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_lease_item", "item_id", "user_id"),
        # None by the end of those that live: they are few, and PostgreSQL took it to find a person's own ones, when it
        # planned while the table was small; it then walked past every lease of the last minutes at each claim.
        Index(
            "ix_lease_over",
            "ended_at",
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
    )


class Label(Choice, Base):
    """One person's answer to one item, or their skip (no answer, a reason); kept for ever.

    At most one stands per person and item: a later one supersedes it, an undo ends it, and both only write the end.
    """

    __tablename__ = "label"
    id: Mapped[UUID] = mapped_column(primary_key=True)  # made by the client
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="RESTRICT"))
    answer: Mapped[dict[str, Any] | None]
    skip_reason: Mapped[str | None] = mapped_column(String(500))
    seconds: Mapped[float | None]  # of attention: without the time in which the tab was hidden or the person away
    raw_seconds: Mapped[float | None]  # from when the item was shown to the answer
    unsure: Mapped[bool] = mapped_column(default=False, server_default=false())
    comment: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(12))  # superseded | undone
    learned_round_id: Mapped[int | None] = mapped_column(BigId)  # first round that saw it as it stands
    __table_args__ = (
        CheckConstraint("answer IS NOT NULL OR skip_reason IS NOT NULL", name="says_something"),
        Index(
            "uq_label_standing",
            "item_id",
            "user_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # The mark is a column, too: SQLite, which keeps no statistics, takes the index with the most columns that are
        # given; of two that only give the project it might take all of its labels. And they are counted in the index.
        Index(
            "ix_label_fresh",
            "project_id",
            "learned_round_id",
            sqlite_where=text("learned_round_id IS NULL"),
            postgresql_where=text("learned_round_id IS NULL"),
        ),
        # Whatever the item's labels are asked for, ended ones too: a project that is deleted, a simulation of a day.
        Index("ix_label_item", "item_id", "user_id"),
        Index("ix_label_person", "project_id", "user_id", "created_at"),
        Index("ix_label_time", "project_id", "created_at"),
        Index(
            "ix_label_tossed",
            "project_id",
            "created_at",
            sqlite_where=text("hidden_share IS NOT NULL AND ended_at IS NULL"),
            postgresql_where=text("hidden_share IS NOT NULL AND ended_at IS NULL"),
        ),
    )


class Tally(Base):
    """What one person's labels add to a project's counts; the sum over people is the project's. Imports: person 0."""

    __tablename__ = "tally"
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    settled: Mapped[int] = mapped_column(default=0)  # items that somebody answered or skipped
    labelled: Mapped[int] = mapped_column(default=0)  # items that somebody answered
    answers: Mapped[int] = mapped_column(default=0)
    skips: Mapped[int] = mapped_column(default=0)


class Round(Base):
    """One pass: merge votes, fit, score the pool, choose the queue. A worker holds it by its lease."""

    __tablename__ = "round"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))  # open | published | failed | cancelled
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_ends_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    measured_at: Mapped[datetime | None]
    measure_ends_at: Mapped[datetime | None]  # the lease of whoever measures it
    labels_used: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)  # items that had features
    pool_size: Mapped[int] = mapped_column(default=0)
    queue_size: Mapped[int] = mapped_column(default=0)
    seed: Mapped[int] = mapped_column(BigInteger)
    strategy: Mapped[str | None] = mapped_column(String(100))
    encoder: Mapped[str | None] = mapped_column(String(100))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    recipe: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any] | None]
    seconds: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    measured_as: Mapped[str | None] = mapped_column(String(32))  # in the names of arrays; see services/round_arrays.py
    __table_args__ = (
        Index("uq_round_number", "project_id", "number", unique=True),
        # Never two at once for a project, whatever the messages say.
        Index(
            "uq_round_open",
            "project_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


class QueueRow(Base):
    """One item to ask next, as a round chose it; deleted when the item wants no more answers."""

    __tablename__ = "queue"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id", ondelete="CASCADE"), primary_key=True)
    rank: Mapped[int] = mapped_column(primary_key=True)  # 0 is asked first
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), index=True)
    score: Mapped[float]
    reason: Mapped[str] = mapped_column(String(500))
    why: Mapped[dict[str, Any] | None]  # the reason's parts
    suggestion: Mapped[dict[str, Any] | None]
    propensity: Mapped[float | None]  # of a strategy that draws: the exact probability of this row at this place


class Encoding(Base):
    """The features of a project's items by one encoder, as far as they are computed."""

    __tablename__ = "encoding"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    rung: Mapped[int]  # 0 is ready in seconds, higher is better
    encoder: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(String(64))
    rows_done: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)
    served_at: Mapped[datetime | None]  # when a worker last took a stretch of it: projects take turns
    owner: Mapped[str | None] = mapped_column(String(200))  # of the versions before shards
    lease_ends_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("uq_encoding_fingerprint", "project_id", "fingerprint", unique=True),)


class Shard(Base):
    """A stretch of a long piece of work, held by one of many workers: rows to encode, or features to score.

    Those of an encoding are there while they are held; those of a round from its first to its last one.
    """

    __tablename__ = "shard"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # encode | score
    of_id: Mapped[int] = mapped_column(BigId)  # the encoding or the round
    start: Mapped[int]
    stop: Mapped[int]
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_ends_at: Mapped[datetime | None]
    is_done: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (Index("uq_shard_start", "kind", "of_id", "start", unique=True),)


class Upload(Base):
    """One file somebody sent: what became of it. Its bytes wait in the store until it is imported."""

    __tablename__ = "upload"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    file_name: Mapped[str] = mapped_column(String(500))
    spool: Mapped[str | None] = mapped_column(String(100))  # the file's name in the store, while it waits
    state: Mapped[str] = mapped_column(String(12))  # waiting | imported | refused
    added: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int | None] = mapped_column(BigId)  # of the added items: images as sent, others as kept
    duplicates: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    errors: Mapped[list[Any] | None]  # the first refused rows: {"line"|"name", "error"}
    created_at: Mapped[datetime]


class Worker(Base):
    """A worker process's last sign of life."""

    __tablename__ = "worker"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    queues: Mapped[str] = mapped_column(String(100))
    doing: Mapped[str | None] = mapped_column(String(200))
    seen_at: Mapped[datetime]


class Simulation(Base):
    """A replay of a project's own answers: what asking otherwise would have given. A worker holds it by its lease.

    It replays the answers that stood at `created_at`, whatever is labelled meanwhile.
    """

    __tablename__ = "simulation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))  # open | done | failed | cancelled
    plan: Mapped[dict[str, Any]]  # task, recipe, strategies, learners, seeds, labels, batch
    encoder: Mapped[str] = mapped_column(String(100))
    fingerprint: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]  # items that had features
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_ends_at: Mapped[datetime | None]
    rounds_done: Mapped[int] = mapped_column(default=0)
    rounds_total: Mapped[int]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]  # of the replays that are finished
    error: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("ix_simulation_project_id", "project_id"),
        # One at a time for a project, so that nobody fills the worker's day by clicking.
        Index(
            "uq_simulation_open",
            "project_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


class SimulationRun(Base):
    """One finished replay of a simulation, so that whoever takes over goes on from there."""

    __tablename__ = "simulation_run"
    simulation_id: Mapped[int] = mapped_column(ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    result: Mapped[dict[str, Any]]


class RoundExemplars(Base):
    """Items that show what a class is, as a round chose them from agreed labels; of the latest rounds only."""

    __tablename__ = "exemplars"
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    # By class: {"typical": [item ids], "near": [item ids], "neighbour": class or null}
    chosen: Mapped[dict[str, Any]]


class Pin(Base):
    """An item that a lead shows as an exemplar of a class, whatever rounds choose."""

    __tablename__ = "pin"
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    class_name: Mapped[str] = mapped_column(String(200), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[datetime]


class Explanation(Base):
    """What moved a round's model to its suggestion for an item: asked for by who holds it, worked out by a worker."""

    __tablename__ = "explanation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("round.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), index=True)
    answer: Mapped[dict[str, Any]]  # the suggestion's
    state: Mapped[str] = mapped_column(String(10))  # waiting | done | failed
    asked_at: Mapped[datetime] = mapped_column(index=True)
    result: Mapped[dict[str, Any] | None]  # see core/explanations.py
    __table_args__ = (Index("uq_explanation_round_item", "round_id", "item_id", unique=True),)
