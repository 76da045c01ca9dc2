"""The library: what a document, a dataset, a stage and a shard are.

Imports nothing of filters/ or jobs/. Start with stages.py, then schemas.py.
"""
