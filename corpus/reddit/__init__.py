"""Reddit's dumps -> the links that qualify.

rules.py         what qualifies, and the settings; the readable judge of a line
posts.py         a dump's rows: the kernel's links and the judge's, in the order of the lines
submissions.py   the same judgement as a compiled kernel, for lines that it is sure of
json_lines.py    the walk over JSON lines that the kernel stands on
plain_urls.py    canonical form and key of plain addresses, compiled
exclusions.py    links that a recipe does not want, though they qualify
"""
