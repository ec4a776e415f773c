"""What a page is asked for with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PageQuery(BaseModel):
    """Which rows, how many, and in which form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: str = Field(default="", description="First moment: 2024-01-31, 2024-01-31T14:30:00Z, or ns since 1970 UTC.")
    end: str = Field(default="", description="Last moment; rows that end after it are left out.")
    limit: int | None = Field(default=None, description="Rows of a page.")
    cursor: str = Field(default="", description="next_cursor of the page before.")
    format: Literal["json", "arrow"] = Field(default="json", description="json, or arrow: an Arrow IPC stream.")


class FeaturesQuery(PageQuery):
    """The same of a feature set."""

    set: str = Field(default="default", description="Name of a feature set; /v1/datasets lists them.")
