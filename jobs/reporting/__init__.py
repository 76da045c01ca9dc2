"""The report: gather.py reads the tables, charts.py draws, page.py writes the HTML."""
