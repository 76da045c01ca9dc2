"""A recipe: every stage's settings in one typed object.

Each section's class lives beside the algorithm that it steers; this file only composes them. It is
in jobs/ because it is the one place that needs both corpus/ and filters/.
"""

from __future__ import annotations

from collections.abc import Iterable

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.config import Settings, load_recipe
from corpus.crawler.settings import FetchSettings
from corpus.extraction import ExtractSettings
from corpus.reddit.rules import LinkSettings
from corpus.sources import Source
from corpus.tokenizer.settings import TokenizeSettings, VocabularySettings
from corpus.trainer.settings import TrainSettings
from filters.contamination import ContaminationSettings
from filters.dedup import DedupSettings
from filters.mixture import MixSettings
from filters.quality.settings import QualitySettings
from filters.screen import ScreenSettings
from jobs.report import ReportSettings


class Recipe(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole pipeline's settings."""

    name: str
    """What the recipe is called in reports."""
    description: str = ""
    """What it is a recipe of, with its source."""
    seed: int = 0
    """Key of all randomness."""
    data: str = ""
    """A folder that `{data}` stands for in the paths below."""
    sources: dict[str, Source]
    """Where documents come from, by name."""
    links: LinkSettings = LinkSettings()
    commoncrawl: CommonCrawlSettings = CommonCrawlSettings()
    fetch: FetchSettings = FetchSettings()
    extract: ExtractSettings = ExtractSettings()
    screen: ScreenSettings = ScreenSettings()
    quality: QualitySettings = QualitySettings()
    dedup: DedupSettings = DedupSettings()
    contamination: ContaminationSettings = ContaminationSettings()
    vocabulary: VocabularySettings = VocabularySettings()
    mix: MixSettings = MixSettings()
    tokenize: TokenizeSettings = TokenizeSettings()
    train: TrainSettings = TrainSettings()
    report: ReportSettings = ReportSettings()


def read_recipe(recipe: str, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe by name or path, with overrides `a.b=c`; raises ConfigError."""
    return load_recipe(Recipe, recipe, overrides=overrides)
