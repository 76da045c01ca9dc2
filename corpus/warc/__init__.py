"""Archives -> records, whatever was done to them.

captures.py      WARC and ARC responses as captures, damaged ones included; read this first
conversions.py   the texts of a WET archive
archives.py      the bytes as one stream of records that survives damage
members.py       the same of packed archives, member by member
packings.py      gzip, zstd, lz4
records.py       one record's headers and block
digests.py       whether a record's bytes are those that its digest names
http_body.py     transfer and content codings undone
"""
