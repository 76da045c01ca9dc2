"""Documents that lm-evaluation-harness' janitor changes, by its Python code and its defaults."""

import sys
from contextlib import redirect_stdout
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from passes import read_texts, serve

# By its path: the package itself would load models.
home = Path(next(iter(find_spec("lm_eval").submodule_search_locations)))
spec = spec_from_file_location("janitor", home / "decontamination" / "janitor.py")
janitor = module_from_spec(spec)
with redirect_stdout(sys.stderr):  # it says that it has no C++ module; that one finds nothing
    spec.loader.exec_module(janitor)
texts, known = read_texts(sys.argv[2]), read_texts(sys.argv[3])
cleaner = janitor.Janitor()
for text in known:
    cleaner.register_contaminant_python(text)


def found() -> list[int]:
    """Rows of the documents that do not come back whole; those under 200 characters never do."""
    long = [row for row, text in enumerate(texts) if len(text) > cleaner.minimum_slice_length]
    return [row for row in long if cleaner.clean_python(texts[row]) != [texts[row]]]


serve(found)
