"""fastText's predict, one core: trains a model of 100 dimensions on the documents it then judges.

The documents come in normal form, one a line. A thousand of each class teach it, which is which is
arbitrary; its words and matrices are written down for the other side, and the result is the sum of
the probabilities of a positive.
"""

import sys
from pathlib import Path

import fasttext
import numpy as np
from passes import read_texts, serve

lines = read_texts(sys.argv[1])
folder, ngrams = Path(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
labels = ("__label__positive", "__label__negative")
training = folder / "training.txt"
training.write_text(
    "".join(f"{labels[i % 2]} {line}\n" for i, line in enumerate(lines[:2000])), encoding="utf-8"
)
model = fasttext.train_supervised(
    str(training), dim=100, wordNgrams=ngrams, bucket=2**18, thread=1, verbose=0
)
(folder / "words.txt").write_text("\n".join(model.get_words()), encoding="utf-8")
np.save(folder / "inputs.npy", model.get_input_matrix())
order = [model.get_labels().index(label) for label in labels]
np.save(folder / "outputs.npy", model.get_output_matrix()[order])


def judge() -> float:
    total = 0.0
    for line in lines:
        ranked, probabilities = model.predict(line, k=2)
        total += probabilities[ranked.index(labels[0])]
    return float(total)


serve(judge)
