"""What the rule sets measure: numbers by name, apart from what is made of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Signals = dict[str, npt.NDArray[np.float64]]
"""A measure by name, each float64 (num_documents,)."""
