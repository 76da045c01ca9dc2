"""What a trained model is worth: by source of its validation text, and on benchmarks.

Read in this order: by_source.py.
"""
