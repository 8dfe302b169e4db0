"""The settings of a run: its checkpoints keep them, and a resumed run must have the same settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from impls.errors import FileFormatError, shown
from lm.config import RunConfig

MAY_CHANGE = {
    "model": {"name"},
    "training": {
        *("name", "max_steps", "device", "ops", "compile", "tf32", "tracker", "peak_tflops", "log_interval"),
        *(
            "eval_interval",
            "eval_batches",
            "eval_bytes",
            "checkpoint_interval",
            "keep",
            "sample_interval",
            "sample_prompts",
        ),
        *("sample_tokens", "hellaswag", "hellaswag_items"),
    },
    "data": {"name", "folder", "workers", "prefetch", "shard_tokens", "dtype"},
}
"""Fields that a resumed run may have changed: they change neither the model nor its next batch.

`max_steps` is among them, so that a run can be prolonged; the learning rate follows the longer schedule.
"""


def settings_of(config: RunConfig) -> dict[str, dict[str, Any]]:
    """Return the settings that a resumed run must have again: a dict: kind of config -> field -> plain value."""
    return {kind: getattr(config, kind).model_dump(mode="json", exclude=free) for kind, free in MAY_CHANGE.items()}


def check_settings(config: RunConfig, state: dict[str, Any], path: Path) -> None:
    """Compare a config with the settings in a checkpoint.

    Raises:
        FileFormatError: a value differs; the message names the first such field, and the fields that may differ.
    """
    saved = state.get("settings")
    if not isinstance(saved, dict):
        raise FileFormatError(f"{path}: holds no settings of a run; give another checkpoint")
    for kind, fields in settings_of(config).items():
        for field, value in fields.items():
            there = saved.get(kind)
            before = there.get(field) if isinstance(there, dict) else None
            if before != value:
                raise FileFormatError(
                    f"{path}: was trained with {kind}.{field} {shown(before)}, not {shown(value)}; set {field} back: "
                    f"only {', '.join(sorted(MAY_CHANGE[kind] - {'name'}))} may change"
                )
