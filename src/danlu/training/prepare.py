"""Samples as tokens for one training: checked against the method, too long ones handled as the recipe says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from danlu.errors import InputError
from danlu.events import Event, Progress, Warned
from danlu.text.render import Renderer, TokenizedSample
from danlu.training.methods import Method
from danlu.types import Sample

_PROGRESS_EVERY = 500


@dataclass(kw_only=True, slots=True)
class Tokenized:
    """The tokens of a split, how many samples were longer than allowed, and how many held nothing to train."""

    samples: list[TokenizedSample] = field(default_factory=list)
    num_too_long: int = 0
    num_without_targets: int = 0
    longest: int = 0

    @property
    def longest_kept(self) -> int:
        """The length of the longest sample that is trained."""
        return max((len(sample.ids_T) for sample in self.samples), default=0)

    @property
    def num_tokens(self) -> int:
        """All tokens, trained or not."""
        return sum(len(sample.ids_T) for sample in self.samples)


def tokenize(
    samples: Sequence[Sample],
    method: Method,
    renderer: Renderer,
    *,
    max_length: int,
    too_long: str,
    dataset: str,
    into: Tokenized,
) -> Iterator[Event]:
    """Fills `into`; yields progress and what was dropped.

    Raises InputError where the method does not eat these samples, or where samples are too long and the recipe says
    that this is an error. Nothing is cut.
    """
    for number, sample in enumerate(samples, start=1):
        if sample.kind != method.eats:
            raise InputError("sample_kind", where=dataset, method=method.name, eats=method.eats, found=sample.kind)
        for piece in method.tokenize(renderer, sample, max_length):
            into.longest = max(into.longest, len(piece.ids_T))
            if len(piece.ids_T) > max_length:
                into.num_too_long += 1
            elif method.count(piece):
                into.samples.append(piece)
            else:
                into.num_without_targets += 1
        if number % _PROGRESS_EVERY == 0:
            yield Progress(done=number, total=len(samples), unit="samples")
    if into.num_too_long and too_long == "error":
        raise InputError(
            "samples_too_long",
            where=dataset,
            count=into.num_too_long,
            total=len(samples),
            max_length=max_length,
            longest=into.longest,
        )
    if into.num_too_long:
        params = {"max_length": str(max_length), "longest": str(into.longest)}
        yield Warned(reason="too_long_dropped", count=into.num_too_long, params=params)
    if into.num_without_targets:
        yield Warned(reason="without_targets", count=into.num_without_targets)
    if renderer.num_last_turn_only:
        yield Warned(reason="last_turn_only", count=renderer.num_last_turn_only)
        renderer.num_last_turn_only = 0
    if renderer.num_reasoning_skipped:
        yield Warned(reason="reasoning_skipped", count=renderer.num_reasoning_skipped)
        renderer.num_reasoning_skipped = 0
