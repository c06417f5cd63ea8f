"""What earlier attempts and strangers left in a workspace: stale checkpoints, a broken card, somebody's copy."""

from __future__ import annotations

import shutil

import pytest
import torch

from danlu.artifacts import find_by_key
from danlu.errors import ArtifactError
from danlu.events import Warned
from danlu.jobs.record import Recorder
from danlu.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from danlu.workspace.dataset import freeze, open_dataset


def test_checkpoints_of_another_training_that_was_further_on_do_not_push_out_new_ones(tmp_path):
    """Documents were edited after step 120: the training starts anew in the same folder."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    for step in (100, 120):
        save_checkpoint(tmp_path, model, optimizer, Progress(step=step), key="old", keep=2)
    for step in (20, 40, 60):
        save_checkpoint(tmp_path, model, optimizer, Progress(step=step), key="new", keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000040", "step-000060"]
    progress, damaged = load_checkpoint(tmp_path, model, optimizer, key="new")
    assert (progress.step, damaged) == (60, [])


def test_a_warning_said_again_keeps_its_place_so_that_the_report_stays_the_same(tuned_run):
    """A stage whose work is reused says its warnings again; others, such as `train`, say nothing then."""
    recorder = Recorder(tuned_run)
    for name in ("ingest", "train", "ingest"):
        with recorder.stage(name):
            recorder.record(Warned(reason="odd", count=1))
    assert [warning["stage"] for warning in tuned_run.card()["warnings"]] == ["ingest", "train"]


def test_a_card_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "tiny@1").mkdir()
    (tmp_path / "tiny@1" / "card.json").write_text('{"kind": "mo', encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"tiny@1/card\.json: this card cannot be read"):
        find_by_key(tmp_path, "model", "key")


def test_somebodys_copy_of_a_dataset_is_no_version_of_it(tmp_path, dialogues):
    first, _ = freeze(tmp_path, "small", {"train": dialogues[:2]}, parents={}, details={})
    shutil.copytree(first.folder, tmp_path / "small@backup")
    second, reused = freeze(tmp_path, "small", {"train": dialogues[:3]}, parents={}, details={})
    assert (second.label, reused) == ("small@2", False)
    assert open_dataset(tmp_path, "small").label == "small@2"
