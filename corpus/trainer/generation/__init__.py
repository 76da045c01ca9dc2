"""Text from a trained model.

cache.py gives logits of token after token, with keys and values kept; decoding.py chooses tokens,
by draws or by beams; texts.py makes text of them, which ends at stop strings, and sample.txt.
"""
