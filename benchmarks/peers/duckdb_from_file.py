"""DuckDB SQL by hand on the Parquet file itself: the file is read in the question."""

from functools import partial

from peers import duckdb_sql

rfm = partial(duckdb_sql.rfm, loaded=False)
summary = partial(duckdb_sql.summary, loaded=False)
cohorts = partial(duckdb_sql.cohorts, loaded=False)
snapshots = partial(duckdb_sql.snapshots, loaded=False)
