"""The steps of jobs/dedup.py that bring documents together, in the order in which they run.

volumes.py numbers everything that is compared; copies.py, candidates.py, loans.py and pairs.py find
what is alike; components.py and clusters.py decide over it; planting.py measures the run.
"""
