"""Reads Parquet files with readers that are not ours: pyarrow and DuckDB.

serve: for each path on the standard input, the rows that pyarrow reads, one JSON object a line, and an empty line.
check FOLDER: each N.parquet in it is what N.json says, for both readers: names, types, values, nulls, statistics.
"""
import datetime
import json
import math
import pathlib
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq

ARROW = {
    "boolean": pa.bool_(), "int64": pa.int64(), "float64": pa.float64(), "text": pa.string(), "json": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"), "bytes": pa.binary(),
}
DUCK = {
    "boolean": "BOOLEAN", "int64": "BIGINT", "float64": "DOUBLE", "text": "VARCHAR", "json": "JSON",
    "timestamp": "TIMESTAMP WITH TIME ZONE", "bytes": "BLOB",
}

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def storage(array):
    """The column as its plain type: JSON is an extension type, times are microseconds."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.cast(array.type.storage_type) if not isinstance(array, pa.ChunkedArray) else pa.chunked_array(
            [chunk.storage for chunk in array.chunks], type=array.type.storage_type)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    return array.to_pylist()


def serve():
    for line in sys.stdin:
        table = pq.ParquetFile(line.rstrip("\n"), page_checksum_verification=True).read()
        columns = {name: storage(table.column(name)) for name in table.column_names}
        for i in range(table.num_rows):
            row = {}
            for name, values in columns.items():
                if values[i] is not None:
                    row[name] = values[i].hex() if isinstance(values[i], bytes) else values[i]
            print(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
        print(flush=True)


def same(a, b):
    """Equal to the bit, but for the NaN that JSON does not have."""
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and a == b


def wanted(column):
    """Values as the writer was given them: numbers as bits in hexadecimal digits, texts as their bytes."""
    decode = {
        "boolean": bool, "int64": int, "timestamp": int, "bytes": bytes.fromhex,
        "float64": lambda v: struct.unpack(">d", bytes.fromhex(v))[0],
        "text": lambda v: bytes.fromhex(v).decode(), "json": lambda v: bytes.fromhex(v).decode(),
    }[column["kind"]]
    return [None if v is None else decode(v) for v in column["values"]]


def check_values(where, got, want):
    assert len(got) == len(want), f"{where}: {len(got)} rows, not {len(want)}"
    for row, (a, b) in enumerate(zip(got, want)):
        assert same(a, b), f"{where}, row {row}: {a!r}, not {b!r}"


def check_statistics(where, chunk, kind, values):
    there = [v for v in values if v is not None]
    statistics = chunk.statistics
    assert statistics.null_count == len(values) - len(there), f"{where}: null count {statistics.null_count}"
    ordered = kind not in ("json", "bytes")
    short = kind != "text" or all(len(v.encode()) <= 256 for v in there)
    assert statistics.has_min_max == bool(there and ordered and short), f"{where}: min and max {statistics}"
    if not statistics.has_min_max:
        return
    least, most = statistics.min, statistics.max
    if kind == "timestamp":
        least, most = ((v - EPOCH) // datetime.timedelta(microseconds=1) for v in (least, most))
    if kind == "text":
        there = sorted(there, key=str.encode)
        assert (least, most) == (there[0], there[-1]), f"{where}: {least!r} .. {most!r}"
    else:
        assert (least, most) == (min(there), max(there)), f"{where}: {least!r} .. {most!r}"
    if kind == "float64" and least == 0:
        assert math.copysign(1, least) == -1, f"{where}: the least zero is positive"


def check(path, columns):
    import duckdb  # takes its time, and who only reads rows does not need it
    parquet = pq.ParquetFile(path, page_checksum_verification=True)
    table = parquet.read()
    assert table.column_names == [c["name"] for c in columns], f"{path}: {table.column_names}"
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    encodings = set()
    for number, column in enumerate(columns):
        where, kind, want = f"{path}, column {number} ({column['kind']})", column["kind"], wanted(column)
        type_ = table.schema.field(number).type
        if isinstance(type_, pa.BaseExtensionType):
            type_ = type_.storage_type
        assert type_ == ARROW[kind], f"{where}: {type_}"
        assert table.schema.field(number).nullable == column["optional"], where
        check_values(f"{where}, pyarrow", storage(table.column(number)), want)
        assert described[number][1] == DUCK[kind], f"{where}: DuckDB says {described[number][1]}"
        name = '"' + described[number][0].replace('"', '""') + '"'
        what = f"epoch_us({name})" if kind == "timestamp" else name
        rows = connection.execute(f"SELECT {what} FROM read_parquet(?)", [str(path)]).fetchall()
        check_values(f"{where}, DuckDB", [row[0] for row in rows], want)
        some = [v for v in want if v is not None]
        if kind in ("int64", "float64", "text") and some:  # pruned by statistics
            found = connection.execute(
                f"SELECT count(*) FROM read_parquet(?) WHERE {name} = ?", [str(path), some[0]]).fetchone()[0]
            assert found == some.count(some[0]), f"{where}: {found} rows have {some[0]!r}"
        start = 0
        for group in range(parquet.metadata.num_row_groups):
            part = parquet.metadata.row_group(group)
            chunk = part.column(number)
            encodings.update(chunk.encodings)
            assert chunk.compression == "ZSTD" and chunk.num_values == part.num_rows, where
            check_statistics(f"{where}, group {group}", chunk, kind, want[start:start + part.num_rows])
            start += part.num_rows
        assert start == len(want), where
    return table.num_rows, encodings


def check_folder(folder):
    files, rows, encodings = 0, 0, set()
    for described in sorted(pathlib.Path(folder).glob("*.json")):
        count, used = check(described.with_suffix(".parquet"), json.loads(described.read_text()))
        files, rows, encodings = files + 1, rows + count, encodings | used
    print(f"{files} files, {rows} rows, {' '.join(sorted(encodings))}")


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else check_folder(sys.argv[2])
