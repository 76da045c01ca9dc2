"""What a trained model is worth: by source of its validation text, and on benchmarks.

scoring.py says how likely a text or a continuation is, choices.py which of several; prefixes.py
passes over what they have in common once. by_source.py has validation loss of each source. tasks.py
is the table of benchmarks: how each is asked, answered and scored; read it first. items.py makes
questions of their rows, which reading.py finds in files; shots.py makes prompts; running.py asks a
model, with answers.py for free answers; running_texts.py scores whole texts, made plain by
detokenizers.py; results.py holds the figures. Torch is needed by the first four and the two that
run a model, by no other.
"""
