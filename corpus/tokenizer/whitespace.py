"""A token for every run of spaces up to a length, as the tokenizer of GPT-3's code models has.

Indentation is much of code, and GPT-2's vocabulary has few runs of spaces: Codex has tokens for
those up to 25, and needs 30 % fewer tokens for code (Chen et al. 2021, section 3.2).

A run that training did not find is added after all merges, shorter ones first. Its merge is the
pair that the merges so far make of it. There are always two tokens: of three, any two neighbours
would be a shorter run, which is one token. So a run has one merge as any token has, and whoever
reads merges, or ranks alone as tiktoken does, makes the same tokens of any text.
"""

from __future__ import annotations

from collections.abc import Sequence

from corpus.errors import ConfigError

Merge = tuple[bytes, bytes]


def with_runs(
    tokens: Sequence[bytes], merges: Sequence[Merge], *, longest: int, num_tokens: int
) -> tuple[list[bytes], list[Merge]]:
    """Tokens and merges with all runs of 2 to `longest` spaces, no more than num_tokens.

    The last merges go where there is no room for the runs. Raises ConfigError where there is none
    without merges.
    """
    alphabet_size = len(tokens) - len(merges)
    if alphabet_size + longest - 1 > num_tokens:
        raise ConfigError(
            f"whitespace_runs is {longest}, too many for a vocabulary of {num_tokens + 1}; "
            f"expected at most {num_tokens - alphabet_size + 1}, or a larger vocabulary"
        )
    num_kept = len(tokens)
    missing = set(range(2, longest + 1)) - {len(t) for t in tokens if not t.strip(b" ")}
    while num_kept + len(missing) > num_tokens:
        num_kept -= 1
        dropped = tokens[num_kept]
        if not dropped.strip(b" ") and len(dropped) <= longest:
            missing.add(len(dropped))
    kept = list(merges[: num_kept - alphabet_size])
    for length in sorted(missing):
        left, right = _run_of(length, kept)
        kept.append((b" " * left, b" " * right))
    return [*tokens[:num_kept], *(b" " * length for length in sorted(missing))], kept


def _run_of(length: int, merges: Sequence[Merge]) -> list[int]:
    """Spaces in each token of a run, by these merges."""
    run = [1] * length
    for left, right in merges:
        if not (left + right).strip(b" "):
            run = _merged(run, len(left), len(right))
    return run


def _merged(run: list[int], left: int, right: int) -> list[int]:
    merged: list[int] = []
    at = 0
    while at < len(run):
        is_pair = run[at : at + 2] == [left, right]
        merged.append(left + right if is_pair else run[at])
        at += 2 if is_pair else 1
    return merged
