"""The demo: a small web of this machine's own documentation, through every stage to a trained GPT.

Nothing is downloaded. documentation.py reads the docstrings, READMEs and licences that came with
Python and the installed packages, by `ast`, without importing a module; pages.py dresses them as
web pages; plants.py adds what the pipeline must find (mirrors, edited copies, junk, foreign pages,
benchmark passages, damaged records); web.py writes it all as archives, a Reddit dump, a text
source, a benchmark and a site that server.py serves on loopback; check.py reads the finished
tables and says which plants were found. `run_demo` in main.py does it all: start there.
"""
