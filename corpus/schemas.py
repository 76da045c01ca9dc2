"""The columns of every table, with unit and meaning.

A table is a dataset of numbered Parquet parts (datasets.py); the other datasets are folders of
files (archives, model, tokenizer, shards, report) and are described here by their `purpose` alone.

`documents` is written once, by extract, and holds the only copy of the text. The judging stages
write narrow **verdict** tables beside it, which begin with doc_id, keep, reason: one row for each
document that the stage before kept, in the same order and in the same part.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from corpus.errors import ConfigError, SchemaMismatch
from corpus.identity import DOC_ID


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, Arrow type and meaning."""

    name: str
    type: pa.DataType
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One dataset: a table where it has columns, else a folder of files."""

    name: str
    purpose: str
    columns: tuple[Column, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether the dataset is made of Parquet parts."""
        return bool(self.columns)

    @property
    def is_verdict(self) -> bool:
        """Whether it is a judging stage's table, with keep and reason."""
        return {"doc_id", "keep", "reason"} <= {column.name for column in self.columns}

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of a part."""
        return pa.schema([pa.field(c.name, c.type) for c in self.columns])


TEXT = pa.large_string()
INSTANT = pa.timestamp("us", "UTC")  # what Parquet, Spark and Python share

EDITS = pa.list_(
    pa.struct(
        [
            ("start", pa.int64()), ("end", pa.int64()),
            ("kind", pa.string()), ("replacement", pa.string()),
        ]
    )
)

SPANS = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))

PLACES = pa.list_(
    pa.struct([("line", pa.int64()), ("byte", pa.int64()), ("reason", pa.string())])
)

DOC = Column("doc_id", DOC_ID, "128-bit id of the document, from its place, not its text")
KEEP = Column("keep", pa.bool_(), "whether the document goes on to the next stage")
REASON = Column("reason", pa.string(), "why not; null where kept")
BENCHMARK = Column("benchmark", pa.string(), "name in the recipe")
ITEM = Column("item_id", pa.string(), "line or row number, or the item's own id")
SOURCE = Column("source", pa.string(), "name of the source in the recipe")
URL = Column("url", pa.string(), "address as captured; null where the source has none")
URL_KEY = Column("url_key", pa.string(), "canonical address as a sort-friendly key (SURT)")
USES = (
    Column("id", pa.int32(), "of the token"),
    Column("count", pa.int64(), "times that it came"),
)
RATES = (
    SOURCE,
    Column("language", pa.string(), "as the screen found it; empty where it did not look"),
    Column("num_documents", pa.int64(), "survivors"),
    Column("num_bytes", pa.int64(), "UTF-8 bytes of their pieces"),
    Column("num_tokens", pa.int64(), "their ids, an end-of-text after each piece included"),
)

TRAFFIC = (
    Column("num_received", pa.int64(), "bytes of answers"),
    Column("num_requests", pa.int64(), "requests sent"),
    Column("num_retries", pa.int64(), "of them, asked again"),
    Column("seconds_waited", pa.float64(), "pauses before asking again"),
)

CANDIDATE = (
    Column("row_a", pa.int32(), "row of the first document in the part"),
    Column("volume_b", pa.int32(), "part of the other, counted as the parts here, and on"),
    Column("row_b", pa.int32(), "its row there"),
    Column("num_shared_bands", pa.int32(), "bands that both have"),
    Column("anchored", pa.bool_(), "whether a bucket too large to be squared proposed it"),
)

PAIR = (
    Column("doc_id_a", DOC_ID, "the document whose part is the pair's home"),
    Column("doc_id_b", DOC_ID, "the other one"),
    Column("part_a", pa.int32(), "part of doc_id_a; those of older corpora count on"),
    Column("row_a", pa.int32(), "its row there, as in `signatures`"),
    Column("part_b", pa.int32(), "part of doc_id_b"),
    Column("row_b", pa.int32(), "its row there"),
    Column("num_shared_bands", pa.int32(), "bands that proposed the pair"),
    Column("anchored", pa.bool_(), "whether a bucket too large to be squared proposed it"),
    Column("jaccard", pa.float32(), "exact Jaccard similarity of the shingle sets"),
    Column("containment", pa.float32(), "what both have, as a share of the smaller set"),
    Column("verified", pa.bool_(), "whether it reaches the threshold"),
)

TABLES: tuple[Table, ...] = (
    Table(
        "posts",
        "Submissions that give a link, as the dumps have them.",
        (
            URL_KEY,
            Column("url", pa.string(), "canonical address of the link"),
            SOURCE,
            Column("post_id", pa.string(), "the submission's base-36 id"),
            Column("karma", pa.int64(), "the submission's score"),
            Column("subreddit", pa.string(), "where it was posted; may be null"),
            Column("created_at", INSTANT, "when it was posted; may be null"),
        ),
    ),
    Table(
        "pieces",
        "What each piece of a dump held: part k is piece k, as in `posts`.",
        (
            SOURCE,
            Column("path", pa.string(), "where the dump lies"),
            Column("piece", pa.int32(), "number of the piece in its dump, from 0"),
            Column("num_lines", pa.int64(), "lines that the piece owns"),
            Column("num_bytes", pa.int64(), "their bytes, unpacked, ends included"),
            Column("num_submissions", pa.int64(), "lines that are submissions"),
            Column("num_young", pa.int64(), "of them, those with scores taken before votes came"),
            Column("num_malformed", pa.int64(), "lines that cannot be read"),
            Column("places", PLACES, "where those are in the piece, from 0; 10,000 at most"),
        ),
    ),
    Table(
        "malformed",
        "Lines of the dumps that cannot be read, 10,000 of a piece at most: part k is dump k.",
        (
            Column("path", pa.string(), "where the dump lies"),
            Column("line", pa.int64(), "number of the line, from 1"),
            Column("byte", pa.int64(), "bytes of unpacked text before it"),
            Column("reason", pa.string(), "malformed_line, or truncated_dump where the dump ends"),
        ),
    ),
    Table(
        "links",
        "Distinct links that qualify by the karma rule.",
        (
            URL_KEY,
            Column("url", pa.string(), "canonical address, the smallest of its spellings"),
            Column("source", pa.string(), "reddit source of the best submission of it"),
            Column("karma", pa.int64(), "highest score of a submission of it, or their sum"),
            Column("num_posts", pa.int64(), "submissions of it that count"),
            Column("first_posted_at", INSTANT, "earliest of them; may be null"),
        ),
    ),
    Table(
        "fetches",
        "What became of each link.",
        (
            URL_KEY,
            Column("url", pa.string(), "canonical address asked for"),
            Column("outcome", pa.string(), "captured (here), indexed, crawled or failed"),
            Column("keep", pa.bool_(), "whether a capture serves it"),
            Column("reason", pa.string(), "why it failed; null otherwise"),
            Column("doc_id", DOC_ID, "the capture that serves it; null where failed"),
        ),
    ),
    Table(
        "downloads",
        "Files brought here from elsewhere, and every WET archive, one a part.",
        (
            SOURCE,
            Column("kind", pa.string(), "warc, wet or index"),
            Column("address", pa.string(), "where it was; `path` where it lay here"),
            Column("path", pa.string(), "where it lies; null where it could not be had"),
            Column("reason", pa.string(), "why not; null otherwise"),
            Column("num_bytes", pa.int64(), "bytes of the file; 0 where it could not be had"),
            Column("sha256", pa.string(), "of a copy's bytes, hexadecimal; null where none"),
        ),
    ),
    Table("transfers", "What each file of `downloads` cost; differs by run.", TRAFFIC),
    Table(
        "scanned",
        "Every response record of the local archives, as the archives have them.",
        (
            DOC,
            SOURCE,
            URL,
            URL_KEY,
            Column("archive", pa.int32(), "number of the archive among the recipe's, its part"),
            Column("warc_file", pa.string(), "base name of the archive"),
            Column("warc_path", pa.string(), "where the archive lies"),
            Column("offset", pa.int64(), "bytes from the archive's start to the record"),
            Column("length", pa.int64(), "bytes of the record in the archive; 0 where unknown"),
            Column("fetched_at", INSTANT, "time of the response; null where unknown"),
            Column("can_serve", pa.bool_(), "whether it is whole and its status says success"),
        ),
    ),
    Table(
        "served",
        "Links that a local capture serves: part k has those of archive k.",
        (
            Column("doc_id", DOC_ID, "the capture, the newest of the link's address"),
            URL_KEY,
            Column("url", pa.string(), "canonical address of the link"),
            SOURCE,
            Column("karma", pa.int64(), "karma of the link"),
        ),
    ),
    Table(
        "lookups",
        "Where the URL index has a capture for each link that no archive serves, or why nowhere.",
        (
            URL_KEY,
            Column("url", pa.string(), "canonical address of the link"),
            SOURCE,
            Column("karma", pa.int64(), "karma of the link"),
            Column("reason", pa.string(), "why the index has none; null where it has"),
            Column("num_hops", pa.int32(), "redirects followed inside the index"),
            Column("capture_url", pa.string(), "address as captured; null where none is"),
            Column("warc_address", pa.string(), "archive that holds the capture; or null"),
            Column("offset", pa.int64(), "bytes from that archive's start to the record; or null"),
            Column("length", pa.int64(), "bytes of the record in that archive; or null"),
            Column("digest", pa.string(), "SHA-1 of the payload as the index has it; or null"),
            Column("charset", pa.string(), "charset as the index has it; may be null"),
            Column("fetched_at", INSTANT, "time of the response; null where none"),
        ),
    ),
    Table("ranged", "WARC files of the captures that were had by byte range, one a part."),
    Table(
        "ranges",
        "What became of each link of `lookups`, in the same parts and order.",
        (
            DOC, KEEP, REASON,
            URL_KEY,
            Column("url", pa.string(), "canonical address of the link"),
            SOURCE,
            Column("karma", pa.int64(), "karma of the link"),
            Column("capture_url", pa.string(), "address as captured; null where not kept"),
            Column("charset", pa.string(), "charset as the index has it; may be null"),
            Column("fetched_at", INSTANT, "time of the response; may be null"),
            Column("offset", pa.int64(), "bytes into the part's WARC file; null where not kept"),
            Column("length", pa.int64(), "bytes of the record in the file; null where not kept"),
        ),
    ),
    Table("range_transfers", "What the byte ranges of a part cost; differs by run.", TRAFFIC),
    Table(
        "wanted",
        "Links that no capture serves, the hosts of a registered domain in one part.",
        (
            URL_KEY,
            Column("url", pa.string(), "canonical address of the link"),
            SOURCE,
            Column("karma", pa.int64(), "karma of the link"),
            Column("reason", pa.string(), "why the index does not serve it; null without an index"),
        ),
    ),
    Table("crawl", "WARC files of the polite crawler, one a part."),
    Table(
        "crawled",
        "What became of each wanted link, in the same parts and order.",
        (
            URL_KEY,
            Column("url", pa.string(), "canonical address asked for"),
            Column("reason", pa.string(), "why it failed; null where it was fetched"),
            Column("doc_id", DOC_ID, "its capture; null where it failed"),
            Column("final_url", pa.string(), "address after redirects; null where it failed"),
            Column("offset", pa.int64(), "bytes from the WARC file's start to its response record"),
            Column("length", pa.int64(), "bytes of the record in the file"),
        ),
    ),
    Table(
        "repeats",
        "Records that stand in another archive, or before, too: those that are passed over.",
        (
            DOC,
            Column("offset", pa.int64(), "bytes from the start of the part's archive"),
            Column("reason", pa.string(), "duplicate_record, or conflicting_record_id"),
        ),
    ),
    Table(
        "captures",
        "Every response record of every archive, each once: part k is archive k.",
        (
            DOC,
            Column("source", pa.string(), "a warc source, or the reddit source that it serves"),
            URL,
            URL_KEY,
            Column("warc_file", pa.string(), "base name of the archive"),
            Column("warc_path", pa.string(), "where the archive lies"),
            Column("offset", pa.int64(), "bytes from the archive's start to the record"),
            Column("length", pa.int64(), "bytes of the record in the archive; 0 where unknown"),
            Column("charset", pa.string(), "charset as the crawl's index has it; may be null"),
            Column("karma", pa.int64(), "karma of the link it serves; null where none"),
        ),
    ),
    Table(
        "documents",
        "One row for each capture or text line: its main text, or the reason why there is none.",
        (
            DOC,
            SOURCE,
            URL,
            URL_KEY,
            Column("warc_file", pa.string(), "base name of the archive or text file"),
            Column("offset", pa.int64(), "bytes into the archive, or line number of the text file"),
            Column("length", pa.int64(), "bytes of the record or line"),
            Column("fetched_at", INSTANT, "time of the response; null where unknown"),
            Column("title", pa.string(), "the page's title; may be null"),
            Column("declared_language", pa.string(), "ISO 639 code that the page gives; or null"),
            Column("published_on", pa.date32(), "day of publication that the page gives; or null"),
            Column("agreement", pa.float32(), "with the engine compared, 0..1; null where none is"),
            Column("keep", pa.bool_(), "whether there is a text"),
            Column("reason", pa.string(), "why there is none; null where kept"),
            Column("num_characters", pa.int64(), "code points of the text; 0 where none"),
            Column("text", TEXT, "main text, NFC, lines joined by \\n; null where none"),
        ),
    ),
    Table(
        "other_texts",
        "The compared engine's text of each page, in the parts of `documents`; for study alone.",
        (
            DOC,
            Column("engine", pa.string(), "what found it"),
            Column("text", TEXT, "main text, in the same form; null where it found none"),
        ),
    ),
    Table("quarantine", "Pages that failed in the engine, as WARC files of one record each."),
    Table(
        "screen",
        "Language and heuristics.",
        (
            DOC, KEEP, REASON,
            Column("language", pa.string(), "most likely language, ISO 639 code"),
            Column("language_confidence", pa.float32(), "its probability, 0..1"),
            Column("num_words", pa.int64(), "words by white space"),
            Column("mean_word_length", pa.float32(), "characters a word"),
            Column("signals", pa.map_(pa.string(), pa.float32()), "every other rule's measure"),
            Column(
                "edits", EDITS,
                "characters [start, end) of the text that leave, or are masked, in its tokens",
            ),
        ),
    ),
    Table("quality_model", "The classifier: model.json, its arrays, and card.json."),
    Table(
        "quality_scores",
        "The classifier's score of each document that the screen kept.",
        (
            DOC,
            Column("judged", pa.bool_(), "whether its source is judged: others are kept"),
            Column("score", pa.float32(), "probability of being a positive; null without a model"),
        ),
    ),
    Table("quality_rule", "rule.json: the keep rule with its numbers filled in."),
    Table(
        "quality",
        "The classifier's score and the keep rule's answer.",
        (
            DOC, KEEP, REASON,
            Column("score", pa.float32(), "probability of being a positive, 0..1"),
        ),
    ),
    Table("dedup_index", "index.json: how the signatures were made, for later runs against them."),
    Table(
        "signatures",
        "What each document is compared by: the index that a later corpus is held against.",
        (
            DOC,
            Column("preference", pa.binary(16), "keep policy's keys: they sort best first"),
            Column("num_words", pa.int64(), "words of the normal form"),
            Column("text_digest", pa.binary(16), "of the normal form; null without a word"),
            Column("bands", pa.list_(pa.int64()), "64-bit key of each band; none without a word"),
            Column("sketch", pa.binary(48), "four bits of each of 96 hashes; null without a word"),
        ),
    ),
    Table(
        "plants",
        "Mutated copies planted beside the corpus: part k are copies of part k's documents.",
        (
            DOC,
            Column("original_doc_id", DOC_ID, "the document it is a copy of"),
            Column("original_row", pa.int32(), "its row, as in `signatures`"),
            Column("kind", pa.string(), "what was done to it"),
            Column("jaccard", pa.float64(), "plain Jaccard similarity with the original"),
            Column("similarity", pa.float64(), "the same by the measure of the settings"),
            Column("preference", pa.binary(16), "worst of all"),
            Column("num_words", pa.int64(), "words of the normal form"),
            Column("text_digest", pa.binary(16), "of the normal form"),
            Column("bands", pa.list_(pa.int64()), "64-bit key of each LSH band"),
            Column("sketch", pa.binary(48), "four bits of each of 96 hashes"),
            Column("text", TEXT, "the copy"),
        ),
    ),
    Table(
        "copies",
        "Exact copies by the normal form: a part for each part of `plants`, then of `signatures`.",
        (
            DOC,
            Column("row", pa.int32(), "its row in the part"),
            Column("first_volume", pa.int32(), "part, so counted, of the best copy of the text"),
            Column("first_row", pa.int32(), "its row there"),
            Column("first_doc_id", DOC_ID, "its id"),
        ),
    ),
    Table(
        "candidates",
        "Distinct pairs that share a band: parts as in `copies`, by the pair's first document.",
        CANDIDATE,
    ),
    Table("likely", "Those that their sketches do not rule out, in the same parts.", CANDIDATE),
    Table("loans", "Shingle sets that the homes of pairs need of other parts, a file a part."),
    Table(
        "pairs",
        "Likely candidates with their exact similarity, in the part of the first document.",
        PAIR,
    ),
    Table("self_test", "self_test.json: what was found of the plants; {} where none are."),
    Table("plant_pairs", "The same of what was planted: doc_id_a is the planted copy.", PAIR),
    Table(
        "components",
        "Documents in proved pairs: part k is part k of the corpus, then of the older ones.",
        (
            Column("row", pa.int32(), "row in the part"),
            Column("component", pa.int64(), "what a chain connects; 0 where one task decides all"),
        ),
    ),
    Table(
        "clusters",
        "Members of each cluster of verified duplicates, of two and more, in their own parts.",
        (
            DOC,
            Column("part", pa.int32(), "part of `documents`, and of this table"),
            Column("row", pa.int32(), "its place among the part's documents that quality keeps"),
            Column("cluster_id", DOC_ID, "smallest id of the cluster"),
            Column("kept_doc_id", DOC_ID, "the kept copy compared with; its own id where kept"),
            Column("num_members", pa.int64(), "documents of this corpus in the cluster"),
            Column("reason", pa.string(), "why it goes; null where kept"),
            Column("split", pa.string(), "train or validation, one for the cluster"),
        ),
    ),
    Table(
        "span_marks",
        "Selected runs of words that stand in the corpus twice and more; no part where not asked.",
        (
            Column("row", pa.int32(), "row of the document, as in `clusters`"),
            Column("position", pa.int32(), "number of the run's first word"),
        ),
    ),
    Table(
        "spans",
        "What is cut of documents because it stands in another place too.",
        (
            DOC,
            Column("row", pa.int32(), "row of the document, as in `clusters`"),
            Column("spans", SPANS, "characters [start, end) of the text that go"),
        ),
    ),
    Table(
        "dedup",
        "Which copy stays.",
        (
            DOC, KEEP, REASON,
            Column("cluster_id", DOC_ID, "its cluster; its own id where it has no duplicate"),
            Column("kept_doc_id", DOC_ID, "the copy kept in its place; its own id where kept"),
            Column("split", pa.string(), "train or validation, by keyed hash of the cluster"),
            Column("edits", EDITS, "stretches cut when tokens are made, in characters of the text"),
        ),
    ),
    Table(
        "benchmark_texts",
        "Each field of each item of each benchmark, and how much of it the corpus holds.",
        (
            BENCHMARK, ITEM,
            Column("field", pa.string(), "question, answer, context, text or question_answer"),
            Column("text", TEXT, "the field's text"),
            Column("num_words", pa.int32(), "words of it, normalised"),
            Column("ngram_size", pa.int32(), "N, 8..13"),
            Column("num_ngrams", pa.int32(), "its N-grams; 0 where it is too short"),
            Column("num_found", pa.int32(), "of them, found in the corpus before cutting"),
            Column("num_exempt", pa.int32(), "of those found, too frequent to be removed"),
            Column("num_covered", pa.int32(), "words of it that are in a found N-gram"),
            Column("dirty", pa.bool_(), "whether any N-gram was found"),
        ),
    ),
    Table(
        "benchmark_items",
        "Each item of each benchmark: clean or dirty, and in what way.",
        (
            BENCHMARK, ITEM,
            Column("ngram_size", pa.int32(), "N, the greatest of its fields'"),
            Column("num_words", pa.int32(), "words of its fields, normalised"),
            Column("num_ngrams", pa.int32(), "their N-grams; 0 where all are too short"),
            Column("num_found", pa.int32(), "of them, found in the corpus before cutting"),
            Column("num_exempt", pa.int32(), "of those found, too frequent to be removed"),
            Column("num_covered", pa.int32(), "words that are in a found N-gram"),
            Column("dirty", pa.bool_(), "whether any N-gram was found"),
            Column("how", pa.string(), "template, quote or near_whole; null where clean"),
            Column("fields", pa.list_(pa.string()), "the fields that were found in part or whole"),
        ),
    ),
    Table(
        "benchmarks",
        "Each benchmark: GPT-3's clean and dirty items, GPT-2's share of 8-grams.",
        (
            BENCHMARK,
            Column("ngram_size", pa.int32(), "N, 8..13"),
            Column("num_items", pa.int64(), "items"),
            Column("num_dirty", pa.int64(), "of them, found in part or whole"),
            Column("num_near_whole", pa.int64(), "of those, found all but whole"),
            Column("num_quote", pa.int64(), "of those, found in part"),
            Column("num_template", pa.int64(), "of those, found in frequent N-grams alone"),
            Column("num_too_short", pa.int64(), "items without an N-gram: they cannot be found"),
            Column("num_ngrams", pa.int64(), "8-grams, by occurrence"),
            Column("num_ngrams_found", pa.int64(), "of them, in the documents of any source"),
            Column("settings", pa.string(), "how it was read: its section of the recipe, as JSON"),
        ),
    ),
    Table(
        "benchmark_ngrams",
        "Each N-gram of a benchmark that was found, the most frequent first.",
        (
            Column("ngram", pa.string(), "its words, normalised"),
            Column("num_documents", pa.int64(), "documents that hold it"),
            Column("num_items", pa.int64(), "items that hold it"),
            BENCHMARK, ITEM,
            Column("exempt", pa.bool_(), "whether it is too frequent to be removed"),
        ),
    ),
    Table("benchmark_index", "Exact index of the benchmarks' N-grams, as arrays."),
    Table(
        "ngram_hits",
        "Every N-gram of a benchmark in every document, confirmed word by word.",
        (
            DOC,
            Column("start", pa.int64(), "first character of the N-gram in the text"),
            Column("end", pa.int64(), "one past its last character"),
            Column("ngram", pa.int64(), "its number in benchmark_index"),
        ),
    ),
    Table(
        "ngram_frequencies",
        "In how many documents each N-gram that was found is.",
        (
            Column("ngram", pa.int64(), "its number in benchmark_index"),
            Column("num_documents", pa.int64(), "documents that hold it"),
        ),
    ),
    Table(
        "source_ngrams",
        "How many 8-grams each part has of each source: the room that the filters need.",
        (
            SOURCE,
            Column("num_documents", pa.int64(), "documents of the source in the part"),
            Column("num_ngrams", pa.int64(), "their 8-grams, by occurrence"),
            Column("sketch", pa.binary(), "HyperLogLog of them: how many are distinct"),
        ),
    ),
    Table("filter_parts", "Bloom filters of some parts each, before they are merged."),
    Table("benchmark_filter", "Bloom filter of each source's 8-grams, and filters.json."),
    Table(
        "clean_passages",
        "The beginnings of some documents without a hit, where items are planted; none where not.",
        (DOC, Column("text", TEXT, "the first 20,000 characters")),
    ),
    Table(
        "planted_items",
        "Benchmark items that were planted in clean text, and what the stage said of them.",
        (
            DOC,
            Column("kind", pa.string(), "in what way, of filters/contamination/plants.py"),
            BENCHMARK, ITEM,
            Column("passage", TEXT, "what was planted"),
            Column("num_words", pa.int64(), "words of its longest text before it was changed"),
            Column("ngram_size", pa.int64(), "N of that text"),
            Column("num_due", pa.int64(), "N-grams of the item in it, by a plain twin"),
            Column("num_found", pa.int64(), "of them, reported at the same characters"),
            Column("is_exempt", pa.bool_(), "whether all that is due is too frequent to go"),
            Column("num_missed", pa.int64(), "N-grams of any item in its document, not reported"),
            Column("num_false", pa.int64(), "N-grams reported that are not in its document"),
            Column("num_clean_hits", pa.int64(), "N-grams reported outside of the passage"),
            Column("is_named", pa.bool_(), "whether items and characters are those of the twin"),
            Column("is_cut", pa.bool_(), "whether what stays is what the twin leaves"),
            Column("num_characters", pa.int64(), "of its document"),
            Column("num_cut_characters", pa.int64(), "of those, cut"),
            Column("num_clean_characters", pa.int64(), "of those, around the passage"),
        ),
    ),
    Table(
        "contamination_self_test",
        "self_test.json: what was found of the planted items; {} where none are.",
    ),
    Table(
        "hits",
        "Benchmark text found in documents, each confirmed exactly.",
        (
            DOC,
            Column("start", pa.int64(), "first character of the match in the text"),
            Column("end", pa.int64(), "one past its last character"),
            BENCHMARK, ITEM,
            Column("field", pa.string(), "the item's field"),
            Column("num_ngrams", pa.int32(), "N-grams merged into the match"),
            Column("ngram", pa.string(), "the first of them, normalised"),
            Column("document_frequency", pa.int64(), "documents that hold that N-gram"),
            Column("exempt", pa.bool_(), "whether the N-gram is too frequent to be removed"),
        ),
    ),
    Table(
        "overlap",
        "GPT-2's measure: share of each benchmark's 8-grams found in each source.",
        (
            BENCHMARK,
            Column("source", pa.string(), "source of documents, or `all`"),
            Column("num_ngrams", pa.int64(), "8-grams of the benchmark, by occurrence"),
            Column("num_found", pa.int64(), "of them, in the source's documents"),
        ),
    ),
    Table(
        "contamination",
        "What is cut from each document.",
        (
            DOC, KEEP, REASON,
            Column("num_matches", pa.int32(), "merged matches that lead to a cut"),
            Column(
                "pieces",
                SPANS,
                "characters [start, end) of the text that stay; one whole piece if uncut",
            ),
        ),
    ),
    Table(
        "source_pretokens",
        "Distinct pre-tokens of each source's documents in train, part by part.",
        (
            SOURCE,
            Column("pretoken", pa.large_binary(), "its UTF-8 bytes"),
            Column("count", pa.int64(), "times that it occurs in the part"),
        ),
    ),
    Table(
        "pretokens",
        "Distinct pre-tokens of the weighted mixture: what the vocabulary is learnt from.",
        (
            Column("pretoken", pa.large_binary(), "its UTF-8 bytes"),
            Column("count", pa.int64(), "times that it occurs, by the weights"),
        ),
    ),
    Table("tokenizer", "tokenizer.json, vocab.json, merges.txt, ranks.tiktoken, report.json."),
    Table("part_token_uses", "How often each token came in the survivors, part by part.", USES),
    Table("token_uses", "The same, over all parts; one that never came has no row.", USES),
    Table(
        "part_token_rates",
        "What the vocabulary makes of the survivors by source and language, part by part.",
        RATES,
    ),
    Table("token_rates", "The same, over all parts.", RATES),
    Table(
        "sizes",
        "What there is to mix: a row for each survivor.",
        (
            DOC,
            SOURCE,
            Column("cluster_id", DOC_ID, "its cluster of duplicates"),
            Column("split", pa.string(), "train or validation, as dedup has it"),
            Column("num_bytes", pa.int64(), "UTF-8 bytes of its pieces"),
            Column("num_tokens", pa.int64(), "ids, an end-of-text after each piece included"),
        ),
    ),
    Table(
        "mix",
        "How often each survivor is trained on.",
        (
            DOC, KEEP, REASON,
            SOURCE,
            Column("split", pa.string(), "train or validation"),
            Column("copies", pa.int32(), "times it stands in the shards"),
            Column("epochs", pa.float64(), "of its source and size class; 1 where held out"),
            Column("num_bytes", pa.int64(), "UTF-8 bytes of its pieces"),
            Column("num_tokens", pa.int64(), "ids, an end-of-text after each piece included"),
        ),
    ),
    Table(
        "mixture",
        "The plan and the outcome for each source.",
        (
            SOURCE,
            Column("weight", pa.float64(), "share asked for, normalised to sum 1"),
            Column("num_documents", pa.int64(), "survivors in train"),
            Column("num_bytes", pa.int64(), "their UTF-8 bytes"),
            Column("num_tokens", pa.int64(), "their tokens, every end-of-text included"),
            Column("epochs", pa.float64(), "epochs planned"),
            Column("planned_documents", pa.float64(), "epochs times num_documents"),
            Column("planned_tokens", pa.int64(), "tokens asked for"),
            Column("drawn_documents", pa.int64(), "document copies drawn"),
            Column("drawn_bytes", pa.int64(), "UTF-8 bytes of the copies drawn"),
            Column("drawn_tokens", pa.int64(), "tokens of the copies drawn"),
        ),
    ),
    Table("shards", "Token files, their indexes, and shards.json."),
    Table(
        "provenance",
        "Where each document copy lies in the shards.",
        (
            Column("split", pa.string(), "train or validation"),
            Column("shard", pa.int32(), "number of the shard in its split"),
            Column("ordinal", pa.int64(), "number of the document in the shard"),
            DOC,
            Column("copy", pa.int32(), "0 for the first copy"),
            SOURCE,
            URL,
            Column("start", pa.int64(), "first token in the shard"),
            Column("end", pa.int64(), "one past the last token, its end-of-text included"),
        ),
    ),
    Table("model", "Checkpoints, train.jsonl, sample.txt; timing.jsonl alone differs by run."),
    Table("report", "index.html, contamination.html."),
)

_BY_NAME = {table.name: table for table in TABLES}


def table_named(name: str) -> Table:
    """The dataset's description; raises ConfigError where the name is unknown."""
    if name not in _BY_NAME:
        raise ConfigError(f"dataset {name}: unknown; see corpus/schemas.py")
    return _BY_NAME[name]


def check(dataset: str, found: pa.Schema, *, where: str) -> None:
    """Raise SchemaMismatch unless the columns are those of the dataset, in order and in type."""
    expected = table_named(dataset).arrow
    if found.equals(expected):
        return
    missing = [name for name in expected.names if name not in found.names]
    extra = [name for name in found.names if name not in expected.names]
    if missing or extra:
        raise SchemaMismatch(
            f"{where}: {dataset} has columns missing {missing} and extra {extra}; "
            "expected those of corpus/schemas.py"
        )
    for wanted in expected:
        got = found.field(wanted.name)
        if got.type != wanted.type:
            raise SchemaMismatch(
                f"{where}: {dataset}.{wanted.name} is {got.type}, expected {wanted.type}; "
                "see corpus/schemas.py"
            )
    raise SchemaMismatch(
        f"{where}: {dataset} has columns {found.names}, expected the order {expected.names}"
    )
