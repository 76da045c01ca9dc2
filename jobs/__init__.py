"""The wiring: one file per stage, and the only folder that imports pyspark."""
