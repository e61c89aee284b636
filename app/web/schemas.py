"""Request and response shapes of the API, apart from the tables; responses are for the reader of the OpenAPI page."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


RAW_SECONDS: Any = Field(
    None, ge=0, le=1e7, allow_inf_nan=False, description="Seconds from when the item was shown, idle ones too."
)
COMMENT: Any = Field("", max_length=2000, description="What the person says of the item.")


class LabelIn(_In):
    """An answer; `id` is made by the client, so that sending it twice stores it once."""

    id: UUID
    answer: Any = Field(
        description='{"class": name}; of several classes {"classes": [names]}; of spans '
        '{"spans": [{"start", "end", "class"}]} in code points'
    )
    seconds: float | None = Field(None, ge=0, le=1e7, allow_inf_nan=False, description="Seconds of attention.")
    raw_seconds: float | None = RAW_SECONDS
    unsure: bool = Field(False, description="The person is not sure.")
    comment: str = COMMENT


class PinIn(_In):
    """An item that shows what a class is."""

    item_id: int = Field(ge=1, le=2**62)
    name: str = Field(alias="class", max_length=200)


class SkipIn(_In):
    """Why an item is passed over."""

    reason: str = Field("", max_length=500)
    id: UUID | None = Field(None, description="Made by the client; optional.")
    seconds: float | None = Field(None, ge=0, le=1e7, allow_inf_nan=False, description="Seconds of attention.")
    raw_seconds: float | None = RAW_SECONDS
    unsure: bool = Field(False, description="The person is not sure.")
    comment: str = COMMENT


class RenewIn(_In):
    """Leases to renew."""

    ids: list[Annotated[int, Field(ge=1, le=2**62)]] = Field(max_length=100)


class MemberIn(_In):
    """Who may do what in a project."""

    email: str = Field(max_length=254)
    role: Literal["lead", "reviewer", "annotator"]


class UserIn(_In):
    """A new account."""

    email: str = Field(max_length=254)
    name: str = Field("", max_length=200)
    password: str = Field(min_length=8, max_length=1000)
    is_admin: bool = False


class TokenIn(_In):
    """A new API token."""

    name: str = Field("", max_length=200)
    scope: Literal["all", "read", "annotate"] = "all"
    days: int | None = Field(None, ge=1, le=3660)


class ItemOut(BaseModel):
    """One thing to label."""

    id: int
    external_id: str | None
    content: dict[str, Any]


class LeaseOut(BaseModel):
    """The promise that an item is in somebody's hands."""

    id: int
    ends_at: datetime


class ClaimOut(BaseModel):
    """One item to answer, why it was chosen, and what the model would say."""

    item: ItemOut
    lease: LeaseOut
    chosen_by: str
    reason: str
    why: dict[str, Any] | None
    suggestion: dict[str, Any] | None


class NextOut(BaseModel):
    """Items for the caller; where there is none, why."""

    items: list[ClaimOut]
    empty_reason: str | None


class LabelOut(BaseModel):
    """A label as it was stored."""

    id: UUID
    item_id: int
    answer: dict[str, Any] | None
    skip_reason: str | None
    seconds: float | None
    raw_seconds: float | None
    unsure: bool
    comment: str | None
    created_at: datetime
    chosen_by: str


class UploadOut(BaseModel):
    """What became of an upload."""

    added: int
    duplicates: int
    refused: list[dict[str, Any]]


class ProjectOut(BaseModel):
    """A project as its members see it."""

    id: int
    name: str
    modality: str
    task: dict[str, Any]
    recipe: dict[str, Any] | None
    guidelines: str
    role: str
    items: int
    created_at: datetime
