"""The decisions: pure functions over Arrow batches. No Spark, no files, no network, no clock."""
