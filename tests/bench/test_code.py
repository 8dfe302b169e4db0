"""Digests cover the code that was timed and nothing else."""

from __future__ import annotations

from bench.code import PACKAGES, ROOT, code_digests, module_digest, sources, versions


def names(module: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in sources(module)}


def test_a_digest_covers_what_an_implementation_runs_and_nothing_else() -> None:
    found = names("impls.train.incremental")
    assert {"impls/train/incremental.py", "impls/train/naive.py", "impls/contract.py"} <= found
    assert not any("kernels" in name or "peers" in name or name.endswith("__main__.py") for name in found)
    assert "impls/kernels/merge.py" in names("impls.train.jit")
    digests = code_digests()
    assert len(set(digests.values())) == len(digests)


def test_a_digest_of_the_model_covers_its_operations_and_not_the_loop() -> None:
    found = {path.name for path in sources("lm.models")}
    assert {"gpt2.py", "layers.py", "fused.py", "reference.py", "optim.py"} <= found
    assert not {"train.py", "demo.py", "tokenizer.py"} & found
    assert module_digest("lm.models") != module_digest("lm.train")


def test_versions_say_what_is_missing() -> None:
    assert "not installed" not in versions(PACKAGES).values()
    assert versions(["made-up"]) == {"made-up": "not installed"}
