"""What does a stage buy? The same model trained on corpora that differ in nothing else.

Side a is a recipe; each other side is another recipe, or the same one with a stage switched off
(sides.py). Each side is an ordinary root, made by the ordinary runner from hard links of side a's
tables, so that stages run again only from the first difference on (roots.py). All sides share side
a's tokenizer (which was learnt on what side a keeps), the model, the budget and the seeds: a seed
fixes the first weights and the order of samples, and the n-th model of each side is compared with
the n-th of side a. Corpora of different sizes have their samples in different orders all the same:
the pairs then share no more than their first weights.

All are scored on the same texts (texts.py), which no side was trained on:
- documents that every side holds out, by source;
- texts of the recipe's benchmarks that are plain text, such as WikiText's.
A held-out document of which a training document of any side has half of the 8-grams, and a
benchmark text of which one has an N-gram, is not among them (leaks.py): a corpus that keeps copies
of the test would be rewarded for them. What only one of two sides holds is a row of its own.
Documents that one side holds out and the other has thrown away are a row of their own too: there
the question is another one, whether to model what the stage removes.

The figure is bits per UTF-8 byte. comparing.py takes the differences seed by seed, with Student's
interval: it says whether a difference is more than the chance of weights and order. It does not
say what other texts, another size or a longer run would give, and of twenty rows without any true
difference one is expected to lie outside its interval.
"""
