"""What a project is made of: its task and recipe as people write them, completed with defaults and checked."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from app.core import encoders, plugins, tasks
from app.errors import BadInput
from app.models import Project

MODALITIES = ("text", "image", "table")
ROLES = ("lead", "reviewer", "annotator")
# Twelve hues that stay apart from each other, also for most colour-blind people; names carry the meaning.
PALETTE = (
    "#3b6fd4", "#d9730d", "#2f8f5b", "#c2416b", "#7a5bd0", "#9a7b0a",
    "#0e8fa3", "#b5482e", "#5a7a1f", "#a23fb0", "#54678a", "#8a5a3c",
)  # fmt: skip
# Digits first, then letters that the labelling page does not use for itself (c comment, g guidelines, s skip, …).
KEYS = "1234567890qwertyiopadfhjklzvbn"


def _no_nul(value: str) -> str:
    """PostgreSQL keeps no NUL in a text."""
    if "\x00" in value:
        raise ValueError("must not hold NUL characters")
    return value


Text = Annotated[str, AfterValidator(_no_nul)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_no_nul)]


class ClassConfig(BaseModel):
    """One possible answer: its name is what answers say, the rest is for people."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    color: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")
    key: str | None = Field(default=None, min_length=1, max_length=1)
    description: Text = Field(default="", max_length=2000)

    @field_validator("name")
    @classmethod
    def _has_a_name(cls, value: str) -> str:
        if not value or re.search(r"[\x00-\x1f]", value):
            raise ValueError("a class needs a name on one line")
        return value


class TaskConfig(BaseModel):
    """The kind of question, its classes, and the settings of that kind, such as `overlap` of spans."""

    model_config = ConfigDict(extra="allow")
    kind: str
    classes: list[ClassConfig] = Field(min_length=1, max_length=1000)

    @field_validator("classes", mode="before")
    @classmethod
    def _plain_names_too(cls, value: Any) -> Any:
        return (
            [{"name": each} if isinstance(each, str) else each for each in value] if isinstance(value, list) else value
        )

    @model_validator(mode="after")
    def _complete(self) -> "TaskConfig":
        found = plugins.describe_one("tasks", self.kind)
        checked = plugins.check("tasks", {"name": self.kind, **(self.model_extra or {})})
        settings = {setting.name: setting.default for setting in found.settings} | checked
        self.__pydantic_extra__ = {name: value for name, value in settings.items() if name != "name"}
        fewest = found.facts.get("fewest", 2)
        if len(self.classes) < fewest:
            raise ValueError(f"this kind of question needs {fewest} classes at least")
        _refuse_doubles("name", [each.name for each in self.classes])
        given = [each.key for each in self.classes if each.key]
        _refuse_doubles("key", given)
        free = (key for key in KEYS if key not in given)
        for number, each in enumerate(self.classes):
            each.color = each.color or PALETTE[number % len(PALETTE)]
            each.key = each.key or next(free, None)
        return self


class Recipe(BaseModel):
    """How a project learns and asks; everything has a default that works."""

    model_config = ConfigDict(extra="forbid")
    votes_wanted: int = Field(
        default=1, ge=1, le=100, description="Answers wanted for each item, each by another person."
    )
    random_share: float = Field(
        default=0.1, ge=0, le=1, description="Share of items asked at random, to measure accuracy."
    )
    retrain_every: int = Field(default=10, ge=1, le=100_000, description="Labels after which a round is due.")
    retrain_seconds: float = Field(
        default=1.0, ge=0.1, le=3600, description="Seconds after which a lone label makes one due."
    )
    queue_size: int = Field(default=2000, ge=1, le=20_000, description="Items a round puts in the queue.")
    leave_out_of_scope: bool = Field(
        default=True, description="Ask what looks out of scope last, by what people called so."
    )
    ask_duplicates_once: bool = Field(default=True, description="Ask near-copies of an item last.")
    balance_classes: bool = Field(
        default=False, description="Ask classes with few labels first, by what the model predicts."
    )
    show_suggestions: bool = Field(default=True, description="Show annotators what the model would answer.")
    hidden_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of items whose suggestion is hidden, to see how it sways people.",
    )
    encoder: dict[str, Any] | None = Field(
        default=None, description="None: the modality's ladder, quick first, better later."
    )
    learner: dict[str, Any] = Field(default={"name": "linear"}, description="What learns from the labels.")
    strategy: dict[str, Any] = Field(default={"name": "auto"}, description="What chooses the items to ask.")
    cold_start: dict[str, Any] = Field(
        default={"name": "maxherding"}, description="What chooses before there are enough labels."
    )
    aggregation: dict[str, Any] = Field(default={"name": "majority"}, description="How several answers become one.")

    @model_validator(mode="after")
    def _plugins_exist(self) -> "Recipe":
        self.learner = plugins.check("learners", self.learner)
        self.strategy = plugins.check("strategies", self.strategy)
        self.cold_start = plugins.check("strategies", self.cold_start)
        self.aggregation = plugins.check("aggregation", self.aggregation)
        if self.encoder is not None:
            self.encoder = None if self.encoder.get("name") in (None, "", "auto") else self.encoder
        if self.encoder is not None:
            self.encoder = plugins.check("encoders", self.encoder)
        return self


class ProjectFields(BaseModel):
    """A project as it is created."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    modality: Literal["text", "image", "table"]
    task: TaskConfig
    recipe: Recipe = Field(default_factory=Recipe)
    guidelines: Text = Field(default="", max_length=200_000)

    @model_validator(mode="after")
    def _fits_together(self) -> "ProjectFields":
        facts = plugins.describe_one("tasks", self.task.kind).facts
        if self.modality not in facts.get("modalities", MODALITIES):
            raise ValueError(f"{facts['title']} cannot be asked of a {self.modality}, only of {facts['modalities'][0]}")
        check_encoder(self.recipe, tasks.seen_as(self.task.kind, self.modality))
        return self


def check_encoder(recipe: Recipe, modality: str) -> None:
    """Raise ValueError where the encoder reads something else than the project holds, or lacks a setting it needs."""
    if recipe.encoder is None:
        return
    name = recipe.encoder["name"]
    facts = plugins.describe_one("encoders", name).facts
    if facts.get("modality") != modality:
        raise ValueError(f"the encoder {name} reads {facts.get('modality')}, not {modality}")
    missing = [setting for setting in facts.get("needs", ()) if not recipe.encoder.get(setting)]
    if missing:
        raise ValueError(f"the encoder {name} needs its setting {missing[0]!r}")


def ladder(modality: str, recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """The encoders of a project, quickest first: the modality's ladder, or its first rung and the chosen one."""
    specs = encoders.ladder(modality)
    chosen = recipe.get("encoder")
    if chosen is None:
        return specs
    return [chosen] if not specs or chosen == specs[0] else [specs[0], chosen]


def rungs(project: Project) -> list[dict[str, Any]]:
    """The encoders of a project; see `ladder`."""
    return ladder(tasks.seen_as(project.task["kind"], project.modality), project.recipe)


def read(model: type[BaseModel], fields: Any) -> Any:
    """A checked model from plain data. Raises BadInput with every field that is wrong."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise BadInput("Some fields cannot be used.", describe_errors(error)) from error
    except plugins.UnknownPlugin as error:
        raise BadInput(str(error), [{"field": "recipe", "error": str(error)}]) from error


def describe_errors(error: ValidationError) -> list[dict[str, Any]]:
    """Pydantic's errors as {"field", "error"}, without the input: it may hold a password."""
    return [
        {
            "field": ".".join(str(part) for part in each["loc"]) or "body",
            "error": each["msg"].removeprefix("Value error, "),
        }
        for each in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _refuse_doubles(what: str, values: list[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"two classes have the {what} {value!r}")
        seen.add(value)
