"""The parameters behind the question mark, checked."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ReviewQuery(BaseModel):
    """What is wanted of a detection; an unknown name is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")

    threshold: float | None = Field(
        None, ge=-1e6, le=1e6, allow_inf_nan=False, description="Only detections with at least this score."
    )
    nms: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Of two detections of a class that overlap more (intersection over union), the better one stays; "
        "as the model was trained where not given.",
    )
    max: int | None = Field(None, ge=1, le=100_000, description="At most so many, the best ones.")
    classes: list[str] | None = Field(
        None, min_length=1, max_length=1000, description="Only these classes; repeat the parameter for several."
    )


class DetectQuery(ReviewQuery):
    """... and in which form."""

    format: Literal["v2", "tutorial", "coco", "customvision", "details"] = Field(
        "v2",
        description="v2: class names and numbers, best first. tutorial: the published tutorial's records, every ROI, "
        "all values text. coco: COCO's results. customvision: as Azure Custom Vision answers. details: v2 with the "
        "picture's size, times and regions of interest.",
    )

    def wanted(self) -> dict[str, Any]:
        """Return what a worker is told."""
        return {
            "format": self.format,
            "threshold": self.threshold,
            "nms": self.nms,
            "max": self.max,
            "classes": self.classes,
        }
