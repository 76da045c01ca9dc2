"""The steps of jobs/contamination.py, beside the search and the cuts.

index.py is what is looked for, tables.py what the benchmarks' side of the report says, overlap.py
GPT-2's measure by Bloom filters; planting.py measures a run.
"""
