"""The steps of jobs/dedup.py that bring documents together, in the order in which they run.

volumes.py numbers everything that is compared. signatures.py reads each text once; copies.py and
candidates.py find what may be alike, and sketches.py rules most of that out; loans.py brings the
shingles of what is left to where pairs.py proves them; components.py and clusters.py decide over
what is proved; spans.py finds the runs of words that stand twice in what is kept. planting.py
measures a run, estimating.py foretells one.
"""
