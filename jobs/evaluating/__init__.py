"""`winnow eval`, below its options: opening the model, asking, comparing clean and dirty, showing.

Read in this order: asking.py, clean.py, showing.py.
"""
