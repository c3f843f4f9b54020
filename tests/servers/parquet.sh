#!/usr/bin/env bash
# Readers of Parquet files that are not ours: pyarrow and DuckDB (both PyPI). No server: `fetch` prints the folder
# that belongs into PYTHONPATH.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
pyarrow=26.0.1 duckdb=2.0.0 pytz=2025.2
lib="$cache/parquet-$pyarrow-$duckdb"

fetch() {
  if [[ ! -d $lib ]]; then
    rm -rf "$lib.tmp"
    python3 -m pip install -q --target "$lib.tmp" "pyarrow==$pyarrow" "duckdb==$duckdb" "pytz==$pytz" >&2
    mv -T "$lib.tmp" "$lib"
  fi
  echo "$lib"
}

case "${1:-}" in
fetch) fetch ;;
*) die "usage: $0 fetch" ;;
esac
