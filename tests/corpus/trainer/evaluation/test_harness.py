"""Our likelihoods are lm-evaluation-harness's on the exported model, item by item.

Runs where lm_eval is installed, which is no dependency of ours, and needs no network. The harness
puts no end-of-text before a context: here the context begins with its name, which the exported
tokenizer reads as the control token, so that both score the same ids.
"""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("lm_eval")

import pyarrow as pa
import torch

from corpus.tokenizer.files import TOKENIZER_FILE, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import END_OF_TEXT
from corpus.trainer.evaluation.choices import NORMALISATIONS, choose, score_choices
from corpus.trainer.evaluation.scoring import encode_pairs, score, score_texts
from corpus.trainer.generation.texts import Generation, complete
from corpus.trainer.model import GPT
from corpus.trainer.shapes import ModelShape
from corpus.trainer.weights import write_gpt2, write_tokenizer
from tests.corpus.trainer.conftest import random_text

pytestmark = pytest.mark.filterwarnings("ignore")  # of the harness's own libraries

ROWS = [
    {"query": random_text(5 + n % 20, n), "gold": n % 3,
     "choices": [random_text(1 + (n + k) % 4, 100 + 3 * n + k) for k in range(3)]}
    for n in range(40)
]  # fmt: skip
TASK = """
task: ours
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{end}{{{{query}}}}\\nAnswer:"
doc_to_choice: choices
doc_to_target: gold
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""


@pytest.fixture(scope="module")
def model():
    shape = ModelShape(num_layers=2, num_heads=2, width=32, context=32)
    model = GPT(shape, vocabulary().size, seed=4)
    with torch.no_grad():
        model.tokens.weight *= 20
    return model.eval()


def vocabulary():
    texts = pa.array([random_text(2000, 0), "Answer:\n"])
    return learn(*count_pretokens(texts), vocab_size=320)


@pytest.fixture(scope="module")
def harness(model, tmp_path_factory):
    """The harness's model of the exported folder."""
    from lm_eval.models.huggingface import HFLM

    folder, tokenizer = tmp_path_factory.mktemp("gpt"), tmp_path_factory.mktemp("tokenizer")
    save(vocabulary(), tokenizer, {})
    write_gpt2(model, folder, eot_id=vocabulary().eot_id)
    write_tokenizer((tokenizer / TOKENIZER_FILE).read_bytes(), folder, context=32)
    return HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=4)


def evaluated(harness, folder, rows):
    """The harness's scores and samples of a task of a local file."""
    import yaml
    from lm_eval import simple_evaluate

    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = yaml.safe_load(TASK.format(path=path, end=END_OF_TEXT))
    found = simple_evaluate(model=harness, tasks=[task], bootstrap_iters=0, log_samples=True)
    return found["results"]["ours"], found["samples"]["ours"]


def test_likelihoods_of_choices_are_the_same_item_by_item(model, harness, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    scores, samples = evaluated(harness, tmp_path, ROWS)
    questions = [
        (f"{row['query']}\nAnswer:", [f" {choice}" for choice in row["choices"]]) for row in ROWS
    ]
    ours = score_choices(model, vocabulary(), questions)
    assert len(samples) == len(ROWS)
    for sample in samples:
        theirs = [float(response[0]) for response, *_ in sample["resps"]]
        answers = ours[sample["doc_id"]]
        assert [one.log_likelihood for one in answers] == pytest.approx(theirs, abs=1e-3)
    for metric, name in (("acc,none", "sum"), ("acc_norm,none", "per_byte")):
        right = [
            choose(answers, NORMALISATIONS[name]) == row["gold"]
            for answers, row in zip(ours, ROWS, strict=True)
        ]
        assert scores[metric] == pytest.approx(sum(right) / len(right))


def instances(kind, arguments):
    from lm_eval.api.instance import Instance

    return [
        Instance(request_type=kind, doc={}, arguments=one, idx=number)
        for number, one in enumerate(arguments)
    ]


def test_last_words_are_the_likeliest_in_both(model, harness):
    passages = []
    for n in range(24):
        context = random_text(4 + n, 50 + n)
        how = Generation(max_tokens=2, min_tokens=2, temperature=0)
        likeliest = complete(model, vocabulary(), context, how).text
        passages.append((context, likeliest if n % 2 else f" {random_text(1, n)}"))
    theirs = harness.loglikelihood(
        instances("loglikelihood", [(END_OF_TEXT + a, b) for a, b in passages])
    )
    ours = score(model, encode_pairs(vocabulary(), passages))
    assert [one.log_likelihood for one in ours] == pytest.approx(
        [float(value) for value, _ in theirs], abs=1e-3
    )
    assert [one.is_greedy for one in ours] == [bool(is_greedy) for _, is_greedy in theirs]
    assert sum(one.is_greedy for one in ours) >= 6


def test_likelihoods_of_whole_texts_are_the_same(model, harness):
    texts = [random_text(n, n) for n in (1, 10, 32, 33, 70)]
    theirs = harness.loglikelihood_rolling(
        instances("loglikelihood_rolling", [(text,) for text in texts])
    )
    ours = score_texts(
        model, vocabulary(), [(str(n), text) for n, text in enumerate(texts)], min_context=1
    )
    assert [-one.nats for one in ours] == pytest.approx([float(one) for one in theirs], abs=1e-3)
