"""Byte-level BPE: learnt from counts, kept in files, and put to work.

vocabulary.py   what the tokens are, text to ids and back; read this first
settings.py     the sections [vocabulary] and [tokenize] of a recipe
bytelevel.py    GPT-2's characters for bytes
splitting.py    where text is cut into pre-tokens: GPT-2's pattern and others
pretokens.py    texts -> how often each distinct pre-token occurs; pretoken_kernels.py has its loops
training.py     counts -> merges; kernels.py has its loops
files.py        tokenizer.json and the other forms, written and read
report.py       what a vocabulary makes of texts
"""
