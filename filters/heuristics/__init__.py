"""Rule sets over text, one file each: what they measure, what they drop for it, what they remove.

gopher_quality.py (Rae et al. 2021, A.1.1), gopher_repetition.py (its table A1), c4.py (Raffel et
al. 2020, section 2.2), fineweb.py (Penedo et al. 2024, section 3.6) and refinedweb.py (Penedo et
al. 2023, appendix G.2). Each has its settings, `measure` (lines and words to signals) and `judge`
(signals to faults): a threshold can be moved without reading a text again. c4.py and refinedweb.py
have `removed`, the stretches that they take out of the pages that stay.

lines.py reads the texts once for all of them; phrases.py, word_lists.py and citations.py look for
what is written in a line, repeats.py for what is written twice. DATATROVE.md holds the verdicts
against those of datatrove's filters.
"""
