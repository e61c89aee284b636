"""Projects and their members: who may see and do what, creating, changing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from app import jobs, store
from app.core import tasks
from app.errors import BadInput, Conflict, Forbidden, NotFound
from app.models import LOCK, Item, Label, Member, Project, Round, Tally, User
from app.services import recipes, users
from app.services.users import Caller


@dataclass(frozen=True)
class ProjectSummary:
    """A project in a list: how far it is, and what the caller is in it."""

    id: int
    name: str
    modality: str
    role: str
    items: int
    labelled: int
    created_at: datetime


@dataclass(frozen=True)
class MemberInfo:
    """One member of a project."""

    user_id: int
    email: str
    name: str
    role: str


def get(db: Session, caller: Caller, project_id: int, *roles: str) -> tuple[Project, str]:
    """A project and the caller's role in it.

    Raises NotFound for strangers, so that nobody learns which projects exist, and Forbidden for a member whose role
    is not among `roles` (empty: any).
    """
    project = db.get(Project, project_id)
    role = role_of(db, caller, project_id)
    if project is None or role is None:
        raise NotFound("No such project.")
    if roles and role not in roles:
        raise Forbidden(f"This needs the role {' or '.join(roles)}; yours is {role}.")
    return project, role


def role_of(db: Session, caller: Caller, project_id: int) -> str | None:
    """The caller's role: an admin leads everywhere, and a token that may only annotate makes everybody an annotator."""
    query = select(Member.role).where(Member.project_id == project_id, Member.user_id == caller.user_id)
    return role_as(caller, db.scalar(query))


def role_as(caller: Caller, of_member: str | None) -> str | None:
    """The role of a caller whose membership says this."""
    role = of_member or ("lead" if caller.is_admin else None)
    return "annotator" if role and caller.scope == "annotate" else role


def list_projects(db: Session, caller: Caller) -> list[ProjectSummary]:
    """The projects that the caller may see, newest first."""
    labelled = select(func.coalesce(func.sum(Tally.settled), 0)).where(Tally.project_id == Project.id).scalar_subquery()
    query = (
        select(Project, Member.role, labelled)
        .outerjoin(Member, (Member.project_id == Project.id) & (Member.user_id == caller.user_id))
        .order_by(Project.id.desc())
    )
    if not caller.is_admin:
        query = query.where(Member.user_id == caller.user_id)
    return [
        ProjectSummary(
            project.id,
            project.name,
            project.modality,
            "annotator" if caller.scope == "annotate" else role or "lead",
            project.next_row,
            count,
            project.created_at,
        )
        for project, role, count in db.execute(query)
    ]


def create_project(db: Session, caller: Caller, fields: dict[str, Any], now: datetime) -> Project:
    """A new project, led by its creator. Raises Forbidden for all but admins, BadInput for fields that do not fit."""
    if not caller.is_admin or caller.scope != "all":
        raise Forbidden("Only an admin may create projects.")
    made: recipes.ProjectFields = recipes.read(recipes.ProjectFields, fields)
    project = Project(
        name=made.name,
        modality=made.modality,
        task=made.task.model_dump(),
        recipe=made.recipe.model_dump(),
        guidelines=made.guidelines,
        created_by=caller.user_id,
        created_at=now,
    )
    db.add(project)
    db.flush()
    db.add(Member(project_id=project.id, user_id=caller.user_id, role="lead", created_at=now))
    # SQLite gives the number of a deleted project again; its features must not pass for this one's.
    store.forget_project(project.id)
    return project


def change_project(db: Session, project: Project, fields: dict[str, Any]) -> Project:
    """Change name, guidelines, classes or recipe; what is not named stays. Raises BadInput, Conflict."""
    fields = {key: value for key, value in fields.items() if value is not None}
    unknown = set(fields) - {"name", "task", "recipe", "guidelines"}
    if unknown:
        errors = [{"field": key, "error": "cannot be changed"} for key in sorted(unknown)]
        raise BadInput("Some fields cannot be changed.", errors)
    # Two leads who change different fields at once must not undo each other's.
    db.refresh(project, with_for_update=LOCK)
    partial = fields.get("recipe", {})
    if not isinstance(partial, dict):
        raise BadInput("A recipe is an object.", [{"field": "recipe", "error": "an object"}])
    whole = {
        "name": fields.get("name", project.name),
        "modality": project.modality,
        "task": _changed(project.task, fields.get("task", {})),
        "recipe": {**project.recipe, **partial},
        "guidelines": fields.get("guidelines", project.guidelines),
    }
    made: recipes.ProjectFields = recipes.read(recipes.ProjectFields, whole)
    if "task" in fields:
        _keep_answers_valid(db, project, made.task)
    more = made.recipe.votes_wanted - project.recipe["votes_wanted"]
    if more:
        db.execute(update(Item).where(Item.project_id == project.id).values(slots=Item.slots + more))
    project.name, project.guidelines = made.name, made.guidelines
    project.task, project.recipe = made.task.model_dump(), made.recipe.model_dump()
    jobs.enqueue(db, "run_encoding", project.id)
    return project


def _changed(task: dict[str, Any], fields: Any) -> Any:
    """A task with some fields changed; what its kind can be set to stays, unless the kind is another."""
    if not isinstance(fields, dict) or fields.get("kind", task["kind"]) != task["kind"]:
        return fields
    return {**task, **fields}


def _keep_answers_valid(db: Session, project: Project, task: recipes.TaskConfig) -> None:
    """Classes may be added, coloured and described; one that answers use may not go, nor leave its place once a model
    has learned it: its column in the model and in the scores is that place.
    """
    before, after = [each["name"] for each in project.task["classes"]], [each.name for each in task.classes]
    gone = [name for name in before if name not in after]
    has_labels = db.scalar(select(exists().where(Label.project_id == project.id)))
    if has_labels and (gone or task.kind != project.task["kind"]):
        raise Conflict(
            "There are labels already: classes may be added but not removed or renamed, and the kind of task stays.",
            errors=[{"field": "task.classes", "error": f"{name} is missing"} for name in gone],
        )
    learned = exists().where(Round.project_id == project.id, Round.labels_used > 0)
    if after[: len(before)] != before and db.scalar(select(learned)):
        moved = next(name for name, there in zip(before, [*after, *before], strict=False) if name != there)
        raise Conflict(
            "A model has learned the classes in their order: new ones follow after the others.",
            errors=[{"field": "task.classes", "error": f"{moved} has left its place"}],
        )
    settings = {key: value for key, value in (task.model_extra or {}).items() if project.task.get(key) != value}
    if has_labels and settings:
        _refuse_misfits(db, project, task, settings)


def _refuse_misfits(db: Session, project: Project, task: recipes.TaskConfig, settings: dict[str, Any]) -> None:
    """Raise Conflict where answers that stand would not be allowed by new settings."""
    changed = tasks.load(task.model_dump())
    standing = select(Label.answer).where(
        Label.project_id == project.id, Label.ended_at.is_(None), Label.answer.is_not(None)
    )
    answers = db.scalars(standing, execution_options={"yield_per": 5000})
    misfits = sum(not changed.fits(answer) for answer in answers)
    if misfits:
        named = ", ".join(settings)
        raise Conflict(
            f"{misfits:,} answers would not fit any more; change them first.",
            errors=[{"field": f"task.{named}", "error": f"{misfits:,} answers do not fit"}],
        )


def members(db: Session, project: Project) -> list[MemberInfo]:
    """A project's members, leads first."""
    query = (
        select(User.id, User.email, User.name, Member.role)
        .join(Member, Member.user_id == User.id)
        .where(Member.project_id == project.id)
    )
    found = [MemberInfo(*row) for row in db.execute(query)]
    return sorted(found, key=lambda member: (recipes.ROLES.index(member.role), member.email))


def add_member(db: Session, project: Project, email: str, role: str, now: datetime) -> MemberInfo:
    """Let somebody with an account in, or change their role. Raises NotFound, BadInput, Conflict."""
    if role not in recipes.ROLES:
        raise BadInput("No such role.", [{"field": "role", "error": f"one of {', '.join(recipes.ROLES)}"}])
    user = users.by_email(db, email)
    member = db.get(Member, (project.id, user.id))
    if member is None:
        db.add(Member(project_id=project.id, user_id=user.id, role=role, created_at=now))
    else:
        if role != "lead":
            _keep_a_lead(db, project, user.id)
        member.role = role
    db.flush()
    return MemberInfo(user.id, user.email, user.name, role)


def remove_member(db: Session, project: Project, user_id: int) -> None:
    """Take somebody's role away; their labels stay. Raises NotFound, Conflict for the last lead."""
    member = db.get(Member, (project.id, user_id))
    if member is None:
        raise NotFound("No such member.")
    _keep_a_lead(db, project, user_id)
    db.delete(member)


def _keep_a_lead(db: Session, project: Project, leaving: int) -> None:
    # Two leads who remove each other at once would each still see the other.
    db.refresh(project, with_for_update=LOCK)
    leads: Sequence[int] = db.scalars(
        select(Member.user_id).where(Member.project_id == project.id, Member.role == "lead")
    ).all()
    if list(leads) == [leaving]:
        raise Conflict("A project keeps at least one lead.")
