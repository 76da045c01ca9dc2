"""scikit-learn's own pipeline, hashed words to a probability, with weights that are given."""

import sys

import numpy as np
from passes import read_texts, serve
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

texts = read_texts(sys.argv[1])
weights = np.load(sys.argv[2])
classifier = LogisticRegression()
classifier.classes_ = np.array([0, 1])
classifier.coef_ = weights[None, :-1]
classifier.intercept_ = weights[-1:]
hashing = HashingVectorizer(
    n_features=len(weights) - 1, alternate_sign=False, token_pattern=r"[^\W_]+"
)
pipeline = make_pipeline(hashing, classifier)
serve(lambda: float(pipeline.predict_proba(texts)[:, 1].sum()))
