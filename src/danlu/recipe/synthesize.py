"""Knobs of `synthesize`: who asks the questions, how many, and in how many wordings."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, model_validator

from danlu.recipe.knobs import Knobs


class TeacherKnobs(Knobs):
    """The model that reads chunks and writes questions with answers; without `base_url` the extractive teacher."""

    base_url: str = ""
    """Any OpenAI-compatible address, such as https://api.deepseek.com/v1. Empty: the offline extractive teacher, which
    needs no model and quotes its source."""

    model: str = ""
    """Name of the model at that address."""

    api_key_env: str = ""
    """Environment variable that holds the API key; the key itself never stands in a recipe."""

    temperature: float = Field(default=0.7, ge=0, le=2)
    """Sampling temperature of the teacher."""

    max_tokens: int = Field(default=8192, ge=1)
    """Longest reply asked for, in tokens; a reply cut off there is an error, never a sample."""

    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests under way at once."""

    timeout_seconds: float = Field(default=120, gt=0)
    """Longest wait for one reply."""

    retries: int = Field(default=4, ge=0)
    """Further tries after a passing failure (429, 5xx, connection lost), with growing pauses."""

    @model_validator(mode="after")
    def _complete(self) -> TeacherKnobs:
        if self.base_url and not self.model:
            raise ValueError("a teacher with base_url needs model, the name of the model at that address")
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must start with http:// or https://")
        if "@" in urlsplit(self.base_url).netloc:
            raise ValueError("base_url must hold no user or password; name the key's variable in api_key_env")
        return self


class SynthesizeKnobs(Knobs):
    """Questions and answers from chunks."""

    teacher: TeacherKnobs = TeacherKnobs()
    """Who writes them."""

    chars_per_question: int = Field(default=240, ge=10)
    """One fact is asked for per so many characters of a chunk."""

    wordings: int = Field(default=1, ge=1, le=20)
    """Wordings of each question. With two or more, one of each is kept out of training and tests `learned`."""
