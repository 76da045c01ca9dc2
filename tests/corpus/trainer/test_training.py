"""Training runs: they learn, they stop, they are the same run after a kill.

The kill is a real one: a process that trains is killed (SIGKILL) while it takes a step, and another
goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from corpus.errors import ConfigError, Damaged, InputError, NotBuilt, SetupError, TrainingDiverged  # noqa: E402
from corpus.shards import (  # noqa: E402
    MANIFEST,
    ShardWriter,
    TokenFormat,
    file_sha256,
    make_manifest,
    read_manifest,
    read_tokens,
    shard_info,
    write_manifest,
)
from corpus.trainer.batches import SampleOrder, open_split  # noqa: E402
from corpus.trainer.checkpoints import checkpoint_folders, newest_weights  # noqa: E402
from corpus.trainer.generation.texts import write_samples  # noqa: E402
from corpus.trainer.saved import open_model  # noqa: E402
from corpus.trainer.schedules import Schedule  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.training import train  # noqa: E402

SETTINGS = TrainSettings(
    model="micro",
    num_layers=1,
    width=32,
    context=32,
    num_steps=20,
    sequences_per_step=8,
    sequences_per_pass=4,
    warmup_steps=4,
    learning_rate=3e-3,
    validate_every=5,
    checkpoint_every=5,
    num_threads=1,
    sample_tokens=20,
)


def changed(**values) -> TrainSettings:
    return msgspec.structs.replace(SETTINGS, **values)


def run(data, folder, settings=SETTINGS, *, seed=0, log=None):
    return train(
        settings,
        seed=seed,
        shards=data.shards,
        tokenizer=data.tokenizer,
        folder=folder,
        log=log if log is not None else lambda _: None,
    )


def rows(folder, name="train.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def reproducible_files(folder):
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "timing.jsonl")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def masked(data, tmp_path_factory):
    """The shards of `data` again, as documents of some tokens, with their indexes."""
    folder = tmp_path_factory.mktemp("masked")
    manifest = read_manifest(data.shards)
    form = TokenFormat(vocab_size=manifest.vocab_size, eot_id=manifest.eot_id,
                       tokenizer_sha256=manifest.tokenizer_sha256)  # fmt: skip
    infos = []
    for shard in manifest.shards:
        ids = read_tokens(data.shards / f"{shard.name}.bin")[1:]
        files = [folder / f"{shard.name}.{end}" for end in ("bin", "idx")]
        with ShardWriter(*files, form) as writer:
            for at in range(0, len(ids), 11):
                text = np.append(ids[at : at + 11], manifest.eot_id)
                writer.add(text.astype(form.dtype).tobytes())
        described = [(path.stat().st_size, file_sha256(path)) for path in files]
        infos.append(shard_info(form, shard.split, shard.number, source_tokens={},
                                num_documents=-(-len(ids) // 11), files=described))  # fmt: skip
    write_manifest(folder / MANIFEST, make_manifest(form, infos, seed=0))
    return data._replace(shards=folder)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """The folder of an undisturbed run, and its result."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, run(data, folder)


def test_the_losses_fall_and_every_step_has_its_line(finished):
    folder, result = finished
    log = rows(folder)
    assert [row["step"] for row in log] == list(range(21))
    assert [row["tokens"] for row in log] == [256 * step for step in range(21)]
    assert log[0]["validation_loss"] == pytest.approx(math.log(300), rel=0.05)
    assert [row["step"] for row in log if "validation_loss" in row] == [0, 5, 10, 15, 20]
    assert log[20]["validation_loss"] < log[5]["validation_loss"] < log[0]["validation_loss"]
    assert log[20]["validation_loss"] == result.validation.loss
    assert log[20]["bits_per_byte"] == result.validation.bits_per_byte
    assert (result.step, result.loss) == (20, log[20]["loss"])
    schedule = Schedule(SETTINGS)
    assert [row["learning_rate"] for row in log[1:]] == [
        3e-3 * schedule.learning_rate_fraction(8 * step) for step in range(1, 21)
    ]


def test_the_rate_is_the_tokens_of_the_steps_after_the_cold_ones_over_their_seconds(finished):
    folder, result = finished
    timing = rows(folder, "timing.jsonl")
    assert [row["step"] for row in timing] == list(range(1, 21))
    seconds = sum(row["seconds"] for row in timing[5:])
    assert result.tokens_per_second == pytest.approx(15 * 256 / seconds, rel=1e-3)
    assert timing[0]["tokens_per_second"] == pytest.approx(256 / timing[0]["seconds"], rel=1e-2)
    assert all(0 <= row["waited"] < row["seconds"] for row in timing)


def test_samples_are_waited_for_in_the_step_that_waits(data, tmp_path, monkeypatch):
    """A slow disk shows: the first step waits for it, the others read while they compute."""
    read = SampleOrder.batch

    def slow(order, first, num_samples):
        time.sleep(0.05)
        return read(order, first, num_samples)

    monkeypatch.setattr(SampleOrder, "batch", slow)
    run(data, tmp_path, changed(num_steps=3))
    waited = [row["waited"] for row in rows(tmp_path, "timing.jsonl")]
    assert waited[0] >= 0.1  # two passes


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile wants a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # of the compiler, about itself
def test_compiled_blocks_are_the_same_run_to_rounding(data, finished, tmp_path):
    settings = changed(num_steps=5, compile=True, decay_tokens=20 * 256)
    run(data, tmp_path, settings)
    losses, expected = ([row["loss"] for row in rows(f)[1:6]] for f in (tmp_path, finished[0]))
    assert losses == pytest.approx(expected, rel=1e-4)
    said = []
    run(data, tmp_path, changed(num_steps=6, decay_tokens=20 * 256), log=said.append)
    assert "resumes after step 5" in said


def test_the_rate_is_not_more_than_the_clock_allows(data, tmp_path):
    """A wall clock around the run bounds the rate from below, its steps from above."""
    started = time.perf_counter()
    result = run(data, tmp_path, changed(num_steps=25))
    wall = time.perf_counter() - started
    seconds = [row["seconds"] for row in rows(tmp_path, "timing.jsonl")]
    assert sum(seconds) < wall
    assert result.tokens_per_second >= 20 * 256 / wall


def test_a_run_again_gives_the_same_bytes(data, finished, tmp_path):
    run(data, tmp_path)
    assert reproducible_files(tmp_path) == reproducible_files(finished[0])


def test_config_json_says_what_the_model_is(finished):
    config = json.loads((finished[0] / "config.json").read_bytes())
    assert config["shape"] == {"num_layers": 1, "num_heads": 2, "width": 32, "context": 32}
    assert config["num_parameters"] == SETTINGS.shape().num_parameters(config["vocab_size"])
    assert (config["eot_id"], config["seed"]) == (config["vocab_size"] - 1, 0)


KILLED_RUN = """
import sys
from pathlib import Path
import msgspec
from corpus.trainer.settings import TrainSettings
from corpus.trainer import training

settings = msgspec.json.decode(sys.argv[1], type=TrainSettings)
shards, tokenizer, folder = map(Path, sys.argv[2:])
take_step = training.take_step

def announced(run):
    result = take_step(run)
    if run.step == 12:  # two steps after a checkpoint, with half a line of the log written
        (run.folder / "train.jsonl").open("a").write('{"step": 12, "tok')
        print("twelve", flush=True)
        sys.stdin.read()
    return result

training.take_step = announced
training.train(settings, seed=0, shards=shards, tokenizer=tokenizer, folder=folder, log=print)
"""


def killed_run(data, folder):
    """Train in another process and kill it -9 in its twelfth step."""
    arguments = [msgspec.json.encode(SETTINGS).decode(), data.shards, data.tokenizer, folder]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line == "twelve\n":
                process.kill()
                break
    assert process.returncode == -9


def test_a_run_that_is_killed_and_resumed_has_the_same_losses_and_weights_bit_for_bit(
    data, finished, tmp_path
):
    killed_run(data, tmp_path)
    assert checkpoint_folders(tmp_path / "checkpoints")[-1].name == "step-00000010"
    (tmp_path / "checkpoints" / ".building").mkdir()  # as if killed while it saved
    said = []
    run(data, tmp_path, log=said.append)
    assert "resumes after step 10" in said
    assert reproducible_files(tmp_path) == reproducible_files(finished[0])
    assert [row["step"] for row in rows(tmp_path, "timing.jsonl")] == list(range(1, 21))


def test_a_run_that_goes_back_over_a_damaged_checkpoint_has_the_same_bytes(
    data, finished, tmp_path
):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "checkpoints" / "step-00000020" / "model.safetensors").write_bytes(b"torn")
    run(data, tmp_path)
    assert reproducible_files(tmp_path) == reproducible_files(finished[0])


def test_a_finished_run_is_not_trained_further(data, finished, tmp_path):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    result = run(data, tmp_path)
    assert (result.step, result.loss, result.tokens_per_second) == (20, None, None)
    assert reproducible_files(tmp_path) == reproducible_files(finished[0])


@pytest.mark.parametrize(
    ("settings", "seed", "message"),
    [
        (changed(context=16), 0, "context was 32, is 16"),
        (changed(sequences_per_step=16), 0, "sequences_per_step was 8, is 16"),
        (changed(width=16), 0, "width was 32, is 16"),
        (SETTINGS, 1, "seed was 0, is 1"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(data, finished, tmp_path, settings, seed, message):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    with pytest.raises(ConfigError, match=f"a checkpoint of another run: {message}; expected"):
        run(data, tmp_path, settings, seed=seed)


def test_a_checkpoint_of_other_shards_is_refused(data, finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "model")
    shutil.copytree(data.shards, tmp_path / "shards")
    manifest = tmp_path / "shards" / "shards.json"
    manifest.write_text(manifest.read_text().replace('"sha256": "', '"sha256": "0', 1))
    with pytest.raises(ConfigError, match=r"a checkpoint of another run: shards was"):
        run(data._replace(shards=tmp_path / "shards"), tmp_path / "model")


def test_a_longer_budget_goes_on_and_says_that_it_is_another_run(data, finished, tmp_path):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    said = []
    assert run(data, tmp_path, changed(num_steps=22), log=said.append).step == 22
    assert "goes on with other settings, so no longer the same run: num_steps 20 -> 22" in said


@pytest.mark.parametrize("end", ["bin", "idx"])
def test_shards_are_verified_on_request_and_it_is_the_same_run(data, finished, tmp_path, end):
    shutil.copytree(finished[0], tmp_path / "model")
    shutil.copytree(data.shards, tmp_path / "shards")
    data, said = data._replace(shards=tmp_path / "shards"), []
    run(data, tmp_path / "model", changed(verify_shards=True), log=said.append)
    assert "3 shards have the SHA-256 that shards.json says" in said
    assert not any("other settings" in line for line in said)
    path = tmp_path / "shards" / f"validation-00000.{end}"
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    run(data, tmp_path / "model")
    with pytest.raises(Damaged, match=rf"validation-00000.{end}: SHA-256 \w+, expected \w+ as"):
        run(data, tmp_path / "model", changed(verify_shards=True))


def test_epochs_are_a_budget_too(data, tmp_path):
    result = run(data, tmp_path, changed(num_steps=0, num_epochs=0.25))
    config = json.loads((tmp_path / "config.json").read_bytes())
    windows = -(-(config["train_tokens"] - 1) // 32)
    assert result.step == -(-windows // (4 * 8))
    assert config["settings"]["num_tokens"] == windows * 8


def test_attention_is_kept_within_documents_where_it_is_asked_for(masked, tmp_path):
    """In text of short documents it is another run, and the mask counts in validation too."""
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    run(masked, plain)
    run(masked, kept, changed(mask_documents=True))
    for key in ("loss", "validation_loss"):
        step = 1 if key == "loss" else 0
        assert rows(plain)[step][key] != rows(kept)[step][key]
    assert rows(kept)[20]["validation_loss"] < rows(kept)[0]["validation_loss"]
    again = tmp_path / "again"
    run(masked, again, changed(mask_documents=True, sequences_per_pass=3))
    assert [row["loss"] for row in rows(again)[1:]] == pytest.approx(
        [row["loss"] for row in rows(kept)[1:]], rel=1e-4
    )


def test_muon_learns_and_a_killed_run_of_it_goes_on_to_the_same_bytes(data, tmp_path):
    settings = changed(optimizer="muon", num_steps=10)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    result = run(data, whole, settings)
    assert result.validation.loss < rows(whole)[0]["validation_loss"] - 0.5
    shutil.copytree(whole, cut)
    shutil.rmtree(checkpoint_folders(cut / "checkpoints")[-1])
    run(data, cut, settings)
    assert reproducible_files(cut) == reproducible_files(whole)
    with pytest.raises(ConfigError, match="optimizer was muon, is adamw"):
        run(data, cut, changed(num_steps=10))


def test_the_noise_scale_is_logged_and_may_be_left_out(data, finished, tmp_path):
    """A step of two passes has it, one of a single pass is done in two, none is not measured."""
    found = [row["noise_scale_tokens"] for row in rows(finished[0])[1:]]
    assert any(found)
    assert all(value is None or value > 0 for value in found)
    run(data, tmp_path / "none", changed(noise_scale_every=0))
    assert all(row["noise_scale_tokens"] is None for row in rows(tmp_path / "none")[1:])
    run(data, tmp_path / "one", changed(sequences_per_pass=8))
    assert [row["noise_scale_tokens"] for row in rows(tmp_path / "one")[1:]] == pytest.approx(
        found, rel=1e-2
    )  # in two passes of four, as the run of passes of four


def test_the_noise_scale_is_that_of_the_samples_gradients(data, tmp_path):
    """With weights that stand still, against every window's own gradient."""
    settings = changed(num_steps=150, learning_rate=1e-12, validate_every=1000)
    run(data, tmp_path, settings)
    logged = rows(tmp_path)[-1]["noise_scale_tokens"]
    manifest = read_manifest(data.shards)
    order = SampleOrder(stream=open_split(data.shards, manifest, "train"), context=32, seed=0)
    model = open_model(tmp_path)
    gradients = []
    for sample in range(order.num_windows):
        inputs, targets, _ = order.batch(sample, 1)
        model.zero_grad()
        model.loss(torch.from_numpy(inputs), torch.from_numpy(targets)).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    each = torch.stack(gradients).double()
    signal = each.mean(0).square().sum()
    noise = each.var(0).sum()
    assert logged == pytest.approx(32 * float(noise / signal), rel=0.15)


def test_tensorboard_gets_the_run_and_the_run_is_the_same(data, finished, tmp_path):
    pytest.importorskip("tensorboardX")
    run(data, tmp_path, changed(tensorboard=True))
    assert list((tmp_path / "tensorboard").glob("events.*"))
    assert (tmp_path / "train.jsonl").read_bytes() == (finished[0] / "train.jsonl").read_bytes()


def test_shards_of_another_tokenizer_are_refused(data, tmp_path):
    shutil.copytree(data.tokenizer, tmp_path / "tokenizer")
    with (tmp_path / "tokenizer" / "tokenizer.json").open("a") as file:
        file.write("\n")
    with pytest.raises(Damaged, match=r"made with tokenizer .*run `winnow run tokenize --force`"):
        run(data._replace(tokenizer=tmp_path / "tokenizer"), tmp_path / "model")


def test_shards_that_are_not_there_or_too_short_say_so(data, tmp_path):
    with pytest.raises(NotBuilt, match="run tokenize"):
        run(data._replace(shards=tmp_path), tmp_path / "model")
    with pytest.raises(InputError, match="a sequence needs 100,001"):
        run(data, tmp_path / "model", changed(context=100_000))


def test_a_loss_that_is_not_a_number_stops_before_the_update(data, tmp_path):
    settings = changed(learning_rate=1e30, clip_norm=1e30, warmup_steps=0)
    with pytest.raises(TrainingDiverged, match=r"lower train.learning_rate"):
        run(data, tmp_path, settings)
    for place in checkpoint_folders(tmp_path / "checkpoints"):
        weights = newest_weights(place.parent)
        assert all(tensor.isfinite().all() for tensor in weights.values())


def test_passes_add_up_to_the_step_of_one_pass(data, finished, tmp_path):
    run(data, tmp_path, changed(sequences_per_pass=8))
    losses, expected = ([row["loss"] for row in rows(f)[1:]] for f in (tmp_path, finished[0]))
    assert losses == pytest.approx(expected, rel=1e-4)


def test_bfloat16_learns_as_float32_does(data, finished, tmp_path):
    result = run(data, tmp_path, changed(precision="bfloat16"))
    assert result.validation.loss == pytest.approx(finished[1].validation.loss, rel=0.01)
    assert rows(tmp_path)[20]["loss"] != rows(finished[0])[20]["loss"]


def test_a_budget_of_seconds_ends_the_run_with_a_checkpoint_and_a_validation(data, tmp_path):
    result = run(data, tmp_path, changed(num_steps=10_000, max_seconds=0.2))
    assert 1 <= result.step < 10_000
    assert "validation_loss" in rows(tmp_path)[-1]
    assert checkpoint_folders(tmp_path / "checkpoints")[-1].name == f"step-{result.step:08d}"


def test_without_validation_text_training_goes_on(data, tmp_path):
    shards = tmp_path / "shards"
    shutil.copytree(data.shards, shards)
    manifest = json.loads((shards / "shards.json").read_bytes())
    manifest["shards"] = [s for s in manifest["shards"] if s["split"] == "train"]
    (shards / "shards.json").write_text(json.dumps(manifest))
    result = run(data._replace(shards=shards), tmp_path / "model")
    assert (result.step, result.validation) == (20, None)
    assert "validation_loss" not in rows(tmp_path / "model")[-1]


def test_a_gpu_that_is_asked_for_and_missing_is_a_setup_error(data, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SetupError, match=r"train.device is cuda, but torch finds no GPU"):
        run(data, tmp_path, changed(device="cuda"))


def test_torch_is_left_as_it_was(data, tmp_path):
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    run(data, tmp_path, changed(num_steps=1, num_threads=before[0] + 1))
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_the_sample_is_text_of_the_newest_weights_and_the_same_each_time(data, finished, tmp_path):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    settings = changed(sample_prompts=("", "the cat"))
    texts = [
        write_samples(tmp_path, tokenizer=data.tokenizer, settings=settings, seed=0)
        for _ in range(2)
    ]
    written = (tmp_path / "sample.txt").read_bytes().decode()  # a sample may hold any line end
    assert texts[0] == texts[1] == written
    assert texts[0].split("\n\n=====\n\n")[1].startswith("the cat")
    weights = newest_weights(tmp_path / "checkpoints")
    assert torch.equal(open_model(tmp_path).tokens.weight, weights["tokens.weight"])


def test_training_reads_no_pickle(finished):
    names = {path.suffix for path in Path(finished[0]).rglob("*") if path.is_file()}
    assert names == {".safetensors", ".json", ".jsonl"}
