"""BPE over bytes or characters: learnt from counts, kept in files, and put to work.

vocabulary.py   what the tokens are, text to ids and back; read this first
settings.py     the sections [vocabulary] and [tokenize] of a recipe
bytelevel.py    GPT-2's characters for bytes
splitting.py    where text is cut into pre-tokens: GPT-2's pattern and others
pretokens.py    texts -> how often each distinct pre-token occurs; pretoken_kernels.py has its loops
training.py     counts -> vocabulary
merging.py      counts -> merges, of any symbols; kernels.py has its loops
whitespace.py   tokens for runs of spaces
encoders.py     texts -> ids by the fastest library that is right; encoder_libraries.py has them
probes.py       texts on which libraries would differ
characters.py   GPT-1's kind, over characters; character_training.py counts its words and learns it
files.py        tokenizer.json and the other forms, written and read
report.py       what a vocabulary makes of texts
"""
