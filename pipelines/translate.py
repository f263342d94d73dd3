"""Put every labelled pair into one table, in the target language.

reads   data/raw/nli/<corpus>/
does    parses each corpus of the mix; `translate: none` passes its rows through as they are
writes  data/nli/pairs.parquet, data/nli/accounts.json (rows read, rows dropped by reason, digests)
"""

from pathlib import Path

import pyarrow as pa

from terna.corpora import read_nli
from terna.launch import stage
from terna.records import PAIRS, read_json, write_json, write_table
from terna.settings import Settings


@stage
def main(settings: Settings) -> None:
    tables, accounts = [], {}
    for name, corpus in settings.corpora.items():
        folder = Path("data/raw/nli") / name
        table, counts = read_nli(name, corpus, folder)
        tables.append(table)
        accounts[name] = {**counts, "kept": len(table), "sha256_in": read_json(folder / "fetched.json")["sha256"]}
    write_table(pa.concat_tables(tables), Path("data/nli/pairs.parquet"), PAIRS)
    write_json(accounts, Path("data/nli/accounts.json"))


if __name__ == "__main__":
    main()
