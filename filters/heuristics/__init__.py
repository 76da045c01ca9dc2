"""Rule sets over text, one file each: what they measure, and what they drop for it.

gopher_quality.py (Rae et al. 2021, A.1.1), gopher_repetition.py (its table A1) and c4.py (Raffel et
al. 2020, section 2.2). Each has its settings, `measure` (texts to signals) and `judge` (signals to
faults): a threshold can be moved without reading a text again.
"""
