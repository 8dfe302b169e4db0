"""Exported folders: loaded by transformers offline with the same logits, and by us with the same samples."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from data import get
from impls import MergelabError, Tokenizer, train_bpe
from impls.digests import MANIFEST
from impls.patterns import PATTERNS
from lm.export import export
from lm.generate import Sampling, generate
from lm.shards import tokenize
from lm.train import train
from lm.trained import Trained, load_folder, load_trained
from tests.lm.test_models import CONFIGS, IDS, scrambled
from tests.support.lm_runs import quiet, tiny_config

TOKENIZER = Tokenizer({i: bytes([i]) for i in range(90)} | {96: b"<s>"}, [], ["<s>"])


@pytest.fixture(params=["gpt2", "gpt2 no bias", "gpt2 untied", "llama3", "llama3 untied"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Trained, Path]:
    trained = Trained(scrambled(CONFIGS[request.param]).eval(), TOKENIZER, 96)
    export(trained, tmp_path / "folder")
    return trained, tmp_path / "folder"


def test_transformers_loads_it_with_the_same_logits(exported: tuple[Trained, Path]) -> None:
    transformers = pytest.importorskip("transformers")
    trained, folder = exported
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    torch.testing.assert_close(trained.model(IDS), theirs(IDS).logits, rtol=1e-4, atol=1e-4)
    assert theirs.config.eos_token_id == 96
    with torch.no_grad():
        ids = theirs.generate(torch.tensor([[5, 17, 3]]), max_new_tokens=12, do_sample=False, eos_token_id=None)
    ours = generate(trained.model, [5, 17, 3], Sampling(temperature=0, max_new_tokens=12))
    assert ids[0, 3:].tolist() == ours[0]


def test_we_load_it_with_the_same_weights(exported: tuple[Trained, Path]) -> None:
    trained, folder = exported
    again = load_trained(folder)
    assert again.model.config == trained.model.config
    for name, value in trained.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)
    assert again.tokenizer.fingerprint() == TOKENIZER.fingerprint()
    assert again.eos_id == 96


TEXTS = {
    "prose": "Lily didn't like the big dog.  They'll say it's OK, WE'RE sure, I'D think.",
    "code": "def f(x):\n    if x > 10:\r\n\treturn x**2  # ²\n\n\n",
    "unicode": "Straße, naïve, Ελλάδα, Привет, 中文字, नमस्ते, e\u0301, 👍🏽👨‍👩‍👧, ﬁ, ÉCOLE, ǅ, ªº",
    "whitespace": "a  b   c\t\td\n\n  e \n f\u00a0\u00a0g\u2003h\u3000 \x1c\x85  ",
    "digits": "1 12 123 1234 12345 3.14159 1,000,000 ½ ٣٤٥ Ⅷ",
    "special tokens": "one<|endoftext|>two <|end|><|end|> <|endoftext |>",
    "nothing": "",
}


@pytest.mark.parametrize("name", ["gpt2", "llama3"])
@pytest.mark.parametrize("pattern", [*PATTERNS, r"regex: ?\p{L}+|\d{1,2}|[^\p{L}\d]+"])
def test_transformers_loads_the_tokenizer_with_the_same_ids(pattern: str, name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    specials = ["<|endoftext|>", "<|end|>"]
    (tmp_path / "text").write_bytes(get("stories", 50_000).read_bytes() + "".join(TEXTS.values()).encode() * 3)
    ours = Tokenizer(*train_bpe(tmp_path / "text", 500, specials, pattern=pattern), specials, pattern=pattern)
    eos_id = ours.special_tokens["<|endoftext|>"]
    assert export(Trained(scrambled(CONFIGS[name]), ours, eos_id), tmp_path / "out") is None
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out", local_files_only=True)
    for kind, text in TEXTS.items():
        ids = ours.encode(text)
        assert theirs(text)["input_ids"] == ids, kind
        assert theirs.decode(ids) == text, kind
    story = get("stories", 20_000).read_text()
    assert theirs(story)["input_ids"] == ours.encode(story)
    assert (theirs.eos_token_id, theirs.bos_token_id, len(theirs)) == (eos_id, eos_id, len(ours.vocab))
    stated, loaded = (tmp_path / "out" / "tokenizer.json").read_text(), theirs.backend_tokenizer.to_str()
    assert json.loads(stated)["pre_tokenizer"] == json.loads(loaded)["pre_tokenizer"]
    theirs.save_pretrained(tmp_path / "again")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again", local_files_only=True)
    assert again(story)["input_ids"] == ours.encode(story)


@pytest.mark.parametrize("name", ["gpt2", "llama3"])
def test_transformers_does_not_load_a_tokenizer_that_it_cannot_have(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model, out = scrambled(CONFIGS[name]), tmp_path / "out"
    assert export(Trained(model, Tokenizer({i: bytes([i]) for i in range(256)}, []), None), out) is None
    assert transformers.AutoTokenizer.from_pretrained(out, local_files_only=True)("A")["input_ids"] == [65]
    assert "byte 0x5a has no token" in str(export(Trained(model, TOKENIZER, 96), out))
    with pytest.raises(ValueError, match="tokenizer"):
        transformers.AutoTokenizer.from_pretrained(out, local_files_only=True)
    assert load_trained(out).tokenizer.fingerprint() == TOKENIZER.fingerprint()


@pytest.mark.parametrize("name", ["gpt2", "llama3"])
def test_a_folder_that_transformers_wrote_is_read(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    export(Trained(scrambled(CONFIGS[name]), TOKENIZER, None), tmp_path / "a")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "a", local_files_only=True).eval()
    del theirs.config.mergelab
    theirs.save_pretrained(tmp_path / "b")
    assert "mergelab" not in json.loads((tmp_path / "b" / "config.json").read_bytes())
    torch.testing.assert_close(load_folder(tmp_path / "b").eval()(IDS), theirs(IDS).logits, rtol=1e-4, atol=1e-4)


def test_a_run_a_checkpoint_and_an_export_generate_the_same(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    tokenize(config, quiet)
    train(config, tmp_path / "run")
    trained = load_trained(tmp_path / "run")
    export(trained, tmp_path / "out")
    sources = [trained, *map(load_trained, (tmp_path / "run" / "checkpoints" / "step-000008.pt", tmp_path / "out"))]
    samples = [generate(source.model, [70, 71], Sampling(temperature=0, max_new_tokens=20)) for source in sources]
    assert samples[0] == samples[1] == samples[2]
    assert {source.eos_id for source in sources} == {319}
    shutil.rmtree(tmp_path / "data" / "tokenizer")
    with pytest.raises(MergelabError, match="tokenizer"):
        load_trained(tmp_path / "run")


def test_nothing_trained_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match="holds no checkpoint; run `python -m lm train"):
        load_trained(tmp_path)


def test_damaged_folders_are_refused(exported: tuple[Trained, Path]) -> None:
    _, folder = exported
    config, weights = folder / "config.json", folder / "model.safetensors"
    good, data = json.loads(config.read_bytes()), weights.read_bytes()
    (folder / MANIFEST).unlink()  # A folder of transformers has none.
    cases = [
        (config, b"{", "is not a JSON object"),
        (
            config,
            json.dumps({"model_type": "bert"}).encode(),
            "'bert' is not supported; give a model of the type gpt2 or llama",
        ),
        (config, json.dumps({"model_type": "gpt2"}).encode(), "the field vocab_size is missing; restore the file"),
        (config, json.dumps(good | {"mergelab": good["mergelab"] | {"n_heads": 5}}).encode(), "does not divide"),
        (config, json.dumps(good | {"mergelab": good["mergelab"] | {"n_layers": 9}}).encode(), "is of another model"),
        (weights, data[: len(data) // 2], "safetensors"),
        (weights, b"", "safetensors"),
    ]
    for path, content, message in cases:
        before = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(MergelabError, match=message) as error:
            load_folder(folder)
        assert "\n" not in str(error.value)
        path.write_bytes(before)
    tensors = load_file(weights)
    first = next(name for name in tensors if ".1." in name and "proj.weight" in name)
    save_file({name: value for name, value in tensors.items() if name != first}, weights)
    with pytest.raises(MergelabError, match="is of another model"):
        load_folder(folder)
