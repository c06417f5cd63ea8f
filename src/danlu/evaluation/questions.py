"""What is examined: the samples of each split that are scored, and the questions among them that are asked.

    dataset -> trained   samples of the train split as the training met them: the very questions it was trained on
            -> learned   other wordings of trained facts
            -> unseen    the test split: documents or rows that no stage has seen

Which samples are taken is decided by the hash of their ids, so it does not change from one run to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from danlu.events import Warned
from danlu.recipe import Recipe
from danlu.text.render import Renderer, TokenizedSample
from danlu.types import ChatSample, Provenance, Sample, TextSample, content_id
from danlu.workspace.dataset import Dataset

SPLITS = ("trained", "learned", "unseen")


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question to ask: what the model is given (`prompt`, token ids), what it should say, where that came from."""

    split: str
    id: str
    prompt: list[int]
    text: str
    reference: str
    provenance: dict[str, object]


@dataclass(kw_only=True, slots=True)
class Examined:
    """One split: how many samples are scored, their tokens, and the questions asked."""

    split: str
    num_samples: int = 0
    tokens: list[TokenizedSample] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Picker:
    """Picks what is examined, and counts what cannot be. `num_positions` is the longest text the model can read."""

    recipe: Recipe
    renderer: Renderer
    num_positions: int
    skipped: Counter[str] = field(default_factory=Counter)

    def pick(self, dataset: Dataset) -> list[Examined]:
        """The splits that hold anything to examine."""
        if "held-out" not in self.recipe.evaluate.suites:
            return []
        found = [self._split(split, dataset.samples(self._source(split))) for split in SPLITS]
        return [examined for examined in found if examined.num_samples]

    def warnings(self) -> list[Warned]:
        """What was left out, and why."""
        params = {"positions": str(self.num_positions), "max_new_tokens": str(self.recipe.evaluate.max_new_tokens)}
        warned = [Warned(reason=reason, count=count, params=params) for reason, count in sorted(self.skipped.items())]
        if self.renderer.num_last_turn_only:
            warned.append(Warned(reason="last_turn_only", count=self.renderer.num_last_turn_only))
        return warned

    def _source(self, split: str) -> str:
        """The dataset's name of a split; pretraining reads documents, not the questions about them."""
        trained = "corpus" if self.recipe.train.method.kind == "pretrain" else "train"
        return {"trained": trained, "learned": "learned", "unseen": "test"}[split]

    def _split(self, split: str, samples: Sequence[Sample]) -> Examined:
        """All samples of a held-out split are scored; of the trained ones as many as are asked."""
        examined = Examined(split=split)
        limit = self.recipe.evaluate.max_questions
        picked: list[tuple[int, list[TokenizedSample], Question | None]] = []
        num_questions = 0
        for index in sorted(range(len(samples)), key=lambda i: (content_id("examined", samples[i].id), i)):
            if split == "trained" and len(picked) == limit:
                break
            tokens = self._tokens(samples[index], trained=split == "trained")
            if tokens:
                question = self._question(split, samples[index]) if num_questions < limit else None
                num_questions += question is not None
                picked.append((index, tokens, question))
        for _, tokens, question in sorted(picked, key=lambda pick: pick[0]):
            examined.num_samples += 1
            examined.tokens += tokens
            examined.questions += [question] if question else []
        return examined

    def _tokens(self, sample: Sample, *, trained: bool) -> list[TokenizedSample]:
        """The sample as it is scored; empty where it is not. What training dropped as too long was not trained."""
        knobs = self.recipe.train
        if isinstance(sample, TextSample):
            return self.renderer.text(sample, min(knobs.max_length, self.num_positions))
        if not isinstance(sample, ChatSample) or not any(m.role == "assistant" for m in sample.messages):
            self.skipped["not_examined"] += 1
            return []
        if not self.renderer.tokenizer.chat_template:
            self.skipped["not_examined_without_template"] += 1
            return []
        tokens = self.renderer.chat(sample)
        if len(tokens.ids_T) > self.num_positions:
            self.skipped["too_long_to_score"] += 1
            return []
        return [] if trained and len(tokens.ids_T) > knobs.max_length else [tokens]

    def _question(self, split: str, sample: Sample) -> Question | None:
        """The sample's last assistant turn as a question; None for plain text, and where an answer has no room."""
        if not isinstance(sample, ChatSample):
            return None
        turn = max(index for index, message in enumerate(sample.messages) if message.role == "assistant")
        prompt = self.renderer.prompt(sample.messages[:turn])
        if len(prompt) + self.recipe.evaluate.max_new_tokens > self.num_positions:
            self.skipped["prompt_too_long"] += 1
            return None
        asked = [message.content for message in sample.messages[:turn] if message.role == "user"]
        return Question(
            split=split,
            id=sample.id,
            prompt=prompt,
            text=asked[-1] if asked else "",
            reference=sample.messages[turn].content,
            provenance=_known(sample.provenance),
        )


def _known(provenance: Provenance) -> dict[str, object]:
    return {name: value for name, value in asdict(provenance).items() if value not in ("", None)}
