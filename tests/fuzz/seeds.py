"""Valid messages, and some that are wrong in one place, for each fuzz target: where fuzzing starts from.

What fuzzing found beyond them stands in found/<target>.txt, a Python bytes literal a line (fuzz.py keep).
"""
import ast
import gzip
import itertools
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


def scripted(text, *choices):
    """`text` with choices behind it, as fuzz.h's Input::script() reads them."""
    return text + bytes(reversed(choices)) + bytes([len(choices)])


def chosen(text, *choices):
    """`text` with choices behind it, as Input::choice() reads them."""
    return text + bytes(reversed(choices))


# ---- MQTT


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(data)) + data


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def packet(head, body):
    return bytes([head]) + varint(len(body)) + body


def connect(level=4, client="dev", flags=2, keep_alive=60, properties=b"", payload=b"", protocol="MQTT"):
    section = varint(len(properties)) + properties if level == 5 else b""
    head = string(protocol) + bytes([level, flags]) + struct.pack(">H", keep_alive)
    return packet(0x10, head + section + string(client) + payload)


def publish(topic, payload, qos=0, identifier=7, level=4, properties=b"", flags=0):
    middle = struct.pack(">H", identifier) if qos else b""
    section = varint(len(properties)) + properties if level == 5 else b""
    return packet(0x30 | qos << 1 | flags, string(topic) + middle + section + payload)


def subscribe(head, filters, options=b"\0", level=4, properties=b""):
    section = varint(len(properties)) + properties if level == 5 else b""
    return packet(head, b"\0\7" + section + b"".join(string(f) + options for f in filters))


CONNECT_PROPERTIES = [
    b"\x11\0\0\0\5", b"\x15\0\1m", b"\x15\0\1m\x16\0\1d", b"\x16\0\1d", b"\x17\0", b"\x17\2", b"\x19\1", b"\x21\0\5",
    b"\x21\0\0", b"\x22\0\5", b"\x26\0\1k\0\1v", b"\x26\0\1k\0\1v" * 5, b"\x27\0\0\0\x20", b"\x27\0\0\0\0",
    b"\x12\0\1x", b"\x13\0\1", b"\x7e", b"\4\1", b"\x11\0\0\0\5\x11\0\0\0\5", b"\x26\0\5k",
]
PUBLISH_PROPERTIES = [
    b"\1\1", b"\1\2", b"\2\0\0\0\x0a", b"\3\0\1a", b"\x08\0\1r", b"\x09\0\1c", b"\x23\0\1", b"\x23\0\0", b"\x0b\1",
    b"\x1a\0\1x", b"\x1c\0\1x", b"\x24\1", b"\x25\1", b"\x28\1", b"\x29\1", b"\x2a\1", b"\x0b\x80\x80\x80\x80\1",
]


def mqtt_packets():
    yield from (connect(), connect(3, protocol="MQIsdp"), connect(5), connect(6), connect(3), connect(protocol="X"))
    yield connect(flags=0xF6, payload=string("w") + string("bye") + string("user") + string("secret"))
    yield connect(5, flags=0xEE, payload=b"\x05\x18\0\0\0\1" + string("w") + string("bye") + string("u") + string("p"))
    yield connect(5, flags=0xE6, payload=b"\x03\x09\0\0" + string("w/+") + string("") + string("u") + string("p"))
    yield from (connect(flags=f) for f in (3, 0x1E, 0x0A, 0x42, 0x22))
    yield from (connect(5, properties=p) for p in CONNECT_PROPERTIES)
    yield packet(0x11, b"")
    for level in (4, 5):
        yield from (publish("t/1", b"{}", qos, 7, level) for qos in (0, 1, 2, 3))
        yield publish("t/1", b"{}", 1, 0, level)
        yield publish("", b"{}", 1, 7, level, b"\x23\0\1" if level == 5 else b"")
        yield from (subscribe(0x82, ["a/#", "+", "$share/g/a/+"], level=level), subscribe(0x82, [], level=level))
        yield from (subscribe(0x82, [f], level=level) for f in ("a#", "$share/g", "$share//x", "$share/+/x", ""))
        yield from (subscribe(0x82, ["a"], bytes([o]), level) for o in (1, 3, 0x30, 0x40))
        yield from (subscribe(0xA2, ["a/#"], b"", level), subscribe(0xA2, ["#/a"], b"", level))
    yield subscribe(0x82, ["a"], level=5, properties=b"\x0b\1\x26\0\1k\0\1v")
    yield subscribe(0xA2, ["a"], b"", 5, b"\x26\0\1k\0\1v")
    yield from (publish("t", b"1", 1, 7, 5, p) for p in PUBLISH_PROPERTIES)
    yield from (packet(0xC0, b""), packet(0xC0, b"x"), packet(0xE0, b""), packet(0xE0, b"\4"), packet(0xE0, b"\0\0"))
    yield packet(0xE0, b"\0\x05\x11\0\0\0\1")
    yield from (packet(0x62, b"\0\7"), packet(0x62, b"\0\7\0"), packet(0x62, b"\0\7\0\4\x1f\0\1y"), packet(0x62, b"\0\0"))
    yield from (b"\x30\xff\xff\xff\xff", b"\x30\x80\0", b"\x30\x80\x80\x80\1", b"\x30\x80\x40", b"\x30\x05a", b"\x30")
    yield from (packet(h, b"") for h in (0x00, 0x20, 0x40, 0x50, 0x70, 0x90, 0xB0, 0xD0, 0xF0))
    # Not packets but topics and filters.
    yield from (b"iot/wearable/data", b"a/+/b/#", b"$SYS/x", b"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", b"\xc3\xa9/\xed\xa0\x80")
    yield b"t" * 600


ALL_KINDS = [publish("t/1", b"{}", 1, i) for i in (1, 2, 3, 3)] + [
    publish("t/1", b"{}"), packet(0xC0, b""), subscribe(0x82, ["a/#"]), subscribe(0xA2, ["a/#"], b""),
    packet(0x62, b"\0\7"), publish("too/long/by/levels/x", b"{}", 1, 9), packet(0xE0, b""),
]
ALL_KINDS_5 = [publish("t/1", b"{}", 1, i, 5) for i in (1, 2, 3, 3)] + [
    publish("t/1", b"{}", 1, 4, 5, b"\x23\0\1"), publish("", b"{}", 1, 5, 5, b"\x23\0\1"), publish("t", b"{}", 0, 0, 5),
    packet(0xC0, b""), subscribe(0x82, ["a/#"], level=5), subscribe(0xA2, ["a/#"], b"", 5), packet(0x62, b"\0\7"),
    publish("too/long/by/levels/x", b"{}", 1, 9, 5), packet(0xE0, b"\4"),
]


def mqtt_sessions():
    plain = (0, 0, 0, 0, 0, 0, 0)  # settings, log-in
    logins = [connect(), connect(3, protocol="MQIsdp"), connect(client=""), connect(flags=0, client="")]
    five = [connect(5, properties=b"\x11\0\0\0\5"), connect(5, client=""), connect(5, properties=b"\x27\0\0\0\x10"),
            connect(5, properties=b"\x17\0"), connect(5, keep_alive=0)]
    will = connect(flags=0x26, payload=string("w") + string("bye"))
    will_5 = connect(5, flags=0x0E, payload=b"\x05\x18\0\0\0\1" + string("w") + string("bye"))
    meanwhile = [(), (1,) * 12, (2, 1) * 12, (3, 0) * 12, (3, 1) * 3, (3, 2, 3, 3), (4, 1) * 12, (4, 0, 2) * 9,
                 (5, 0, 0, 1) * 9, (0, 0, 0, 6)]
    for login, events in itertools.product(logins + [will], meanwhile):
        yield scripted(login + b"".join(ALL_KINDS), *plain, *events)
    for login, events in itertools.product(five + [will_5], meanwhile):
        yield scripted(login + b"".join(ALL_KINDS_5), 2, *plain[1:], *events)
    for settings in itertools.product((0, 1), (1, 2), (0, 1), (0, 1), (0, 1), (0, 1)):
        yield scripted(connect() + b"".join(ALL_KINDS), *settings, 0, 3, 0)
        yield scripted(connect(5) + b"".join(ALL_KINDS_5), *settings, 0, 3, 0)
    yield scripted(connect(5), *plain[:6], 15)
    yield scripted(connect(), *plain[:6], 15)
    first = list(mqtt_packets())
    yield from (scripted(p, *plain) for p in first)
    yield from (scripted(connect() + p, *plain) for p in first)
    yield from (scripted(connect(5) + p, 2, *plain[1:]) for p in first)
    yield from (scripted(login + p, *plain) for login in (will, will_5) for p in (b"\x30\x80\0", packet(0xE0, b""), b""))
    yield scripted(connect(5) + packet(0xE0, b"\0\x05\x11\0\0\0\1"), *plain)
    yield scripted(connect(5, properties=b"\x27\0\0\0\5") + subscribe(0x82, ["a"], level=5), *plain)
    yield scripted(connect(5, client="x" * 30), *plain)
    yield scripted(connect(5, flags=0x16, payload=b"\0" + string("w") + string("")), *plain)
    yield scripted(connect(flags=6, payload=string("#") + string("")), *plain)


# ---- HTTP


def http_requests():
    heads = [
        "POST /v1/ingest/wearables HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
        "POST /v1/ingest/my%20stream/ HTTP/1.0\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        "POST http://h/v1/ingest/s?x=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2;x=y\r\n{}\r\n0\r\nTrailer: 1\r\n\r\n",
        "GET /v1/devices/a%2Fb/history?from=1&to=2&limit=3 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json; charset=utf-8\r\nContent-Encoding: GZIP \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: zstd, gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/vnd.x+json\r\nContent-Encoding: zstd\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: image/png\r\nContent-Encoding: br\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YTpi\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YWI\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: bearer abc\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Digest x\r\n\r\n",
        "POST / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "POST / HTTP/2.0\r\n\r\n", "\x16\x03\x01",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2, 2\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "POST /v1/ingest/%zz HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + "x" * 600,
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + "x" * 1500,
        "POST /" + "x" * 600 + " HTTP/1.1\r\n", "POST / HTTP/1.1\r\nX: y\r\n z\r\nHost: h\r\n\r\n",
        "POST /v1/ingest/ HTTP/1.0\r\n\r\n", "POST /v1/ingest/a/b HTTP/1.0\r\n\r\n", "POST https://h HTTP/1.0\r\n\r\n",
        "/?" + "&".join(f"p{i}=%41" for i in range(40)), "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s", "/?a=1&a=2", "/?%", "/%4",
    ]
    for head, discard in itertools.product(heads, (0, 1)):
        yield scripted(head.encode(), discard, 0, 5, 63, 2, 30)


def http_bodies():
    texts = [b'{"a":1}', b'[{"a":1},{"b":"]"}]', b'{"a":1}\n\n{"b":2}\r\n', b"", b" ", b"[]", b"[1", b"[1,]", b"[,1]",
             b"[1]x", b'["a\\"]', b'\xef\xbb\xbf{"a":[1,{"c":"}"}]}', b"{", b'"', b"[1,2\n,3]", b"{}{}", b"1\n" * 70,
             b"[" + b"1," * 70 + b"1]", b"{}\n" * 70, b"x" * 5000, b'[{"a":"\\']
    yield from (chosen(t, how) for t in texts for how in range(5))
    packed = gzip.compress(b'{"a":1}', mtime=0)
    yield from (chosen(p, 3) for p in (packed, packed * 2, packed[:-3], packed[:9], gzip.compress(b"x" * 9000, mtime=0)))
    frame = bytes.fromhex("28b52ffd2007390000") + b'{"a":1}'
    yield from (chosen(f, 4) for f in (frame, frame * 2, frame[:-1], frame[:4], bytes.fromhex("28b52ffda000100000")))


# ---- JSON, expressions, settings


def payloads():
    full = (b'{"id":"w1","n":80,"i":2,"s":"b","b":true,"o":{"p":1.5,"q":{"r":[1,2]}},"t":"2026-01-02T03:04:05Z","seq":7}')
    bodies = [
        full, b'{"n":150}', b'{"id":7,"n":5e0,"s":null,"t":1767323045678}', b'{"id":"","n":1}', b'{"n":"x"}', b'{"n":251}',
        b'{"n":-6}', b'{"i":4,"n":1}', b'{"i":1.0,"n":1}', b'{"s":"abcde","n":1}', b'{"s":"\\u00e9","n":1}', b'{"b":0,"n":1}',
        b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{"o":{"p":1},"o.p":2,"n":1}', b'{"a":"\\ud83d\\ude00"}', b'{"a":"\\ud800"}',
        b'{"a":"\\x"}', b'{"a":"\x01"}', b'{"a":"\xff"}', b"[1]", b"1", b"", b"{", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{} x",
        b'{"a":1e400}', b'{"a":1e-400}', b'{"a":01}', b'{"a":-}', b'{"a":1.}', b'{"a":1e}', b'{"a":9223372036854775808}',
        b'{"a":-9223372036854775808,"b":123456789012345678901234567890}', b'{"a":tru}', b'{"a":nul}', b'{"a":falsy}',
        b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", b'{"a":' + b'{"b":' * 70 + b"1" + b"}" * 70 + b"}",
        b"{" + b",".join(b'"f%d":%d' % (i, i) for i in range(40)) + b"}", b'{"' + b"k" * 1100 + b'":1}',
        b'{"a":{"' + b"k" * 1100 + b'":1}}', b'{"_penstock":1,"status":2,"score":3,"processedAt":4}', b'{"a":[],"b":{},"c":[{}]}',
        b'\xef\xbb\xbf{"a":1}', b'{"t":"yesterday","n":1}', b'{"t":9999999999999,"n":1}', b'{"t":1767323045.25,"n":1}',
        b'{"t":"2026-01-02 03:04:05+01:00","n":1}', b'{"t":1767323045678901234,"n":1}', b'{"seq":-1,"n":1}', b'{"seq":"9","n":1}',
        b'{\n "a" : [ 1 ,\n 2 ] \t}', b'{"a":"' + b"x" * 200 + b'"}', b'{"id":"' + b"d" * 300 + b'","n":1}', b'{"id":"a\\nb","n":1}',
        b"{" + b" " * 4100 + b"}", b'{"a\\n.b":{"c\\t":1}}', b'{"a":{"b":1,"b":2}}', b'{"n":5}', b'{"s":"bb","n":1}',
        b'{"n":1,"o":{"p":"x"}}', b'{"id":true,"n":1}', b'{"n":null}', b'{"i":99999999999999999999,"n":1}',
        b'{"n":1,"x":[1,{"y":2}],"z":{"w":"v"}}', b'{"n":1,"o":[1],"s":{"a":2}}', b'{"a":"x', b'{"a":"x\\', b'{"a":"\\u12"}',
        b'{"\\u00e9":1,"\\u20ac\\n":2,"\\ud83d\\ude00":3,"n":1}', b'{"a":"\\u123x"}', b'{"a":"\\udc00"}',
        b'{"s":"' + b"y" * 40 + b'\\"","n":1}', b'{"n":1,"' + b"\\u0061" * 20 + b'":[1,2]}', b'{"a":"' + b"z" * 40 + b'\x02"}',
    ]
    yield from (chosen(b, topic, 0) for b in bodies for topic in range(5))
    yield from (chosen(b, 0, 7) for b in bodies[:4])


def expressions():
    texts = [
        "n > 140", "n >= 1 and m < 2 or not b", "n == 1 && m != 2 || !b", "(n + m) * 2 - -n / 3 % 2", "s == 'texté'",
        "contains(s, 'x') or starts_with(s, \"t\") or ends_with(s, 'e')", "length(s) + abs(n) + round(m) + floor(n) + ceil(m)",
        "sqrt(n)", "min(n, m, 1) < max(n, m)", "exists(gone)", "default(o.p, 1)", "if(b, n, 'no')", "`o.p` * 2", "true", "false",
        "1e308 * 10", "n / 0", "n % 0", "'a' < 'b'", "s + 1", "not", "n >", "(n", "n)", "f(n)", "abs()", "abs(n, m)", "min(n)",
        "'open", "`open", "unknown", "n @ m", "n = m", "n & m", "n | m", "1e999", "1.", ".5", "", "n n", "a.b.c", "é",
        "(" * 40 + "n" + ")" * 40, " + ".join(["n"] * 300), "-" * 40 + "n", "not " * 40 + "b", "if(n)", "exists(1)", "n < m < 1",
        "max(" + ",".join(["n"] * 40) + ")", "b == true", "b < true", "s != gone", "length(n)", "contains(n, m)",
    ]
    for text, values in itertools.product(texts, ((0, 0, 1, 1, 1, 1), (4, 3, 0, 0, 0, 0), (2, 7, 1, 0, 1, 0))):
        yield chosen(text.encode(), *values)


def settings():
    root = HERE.parent.parent
    yield (root / "config/penstock.yaml").read_bytes()
    yield from (path.read_bytes() for path in sorted((root / "config/examples").glob("*.yaml")))
    every = (root / "config/penstock.yaml").read_text().splitlines()
    bare = "\n".join(line for line in every if line and not line.lstrip().startswith("#"))
    yield bare.encode()
    texts = [
        "", "a", "- a", "shards: 2\nshards: 3", "shard: 2", "shards: -1", "shards: x", "shards: 1.5", "data_dir: ${SET}",
        "data_dir: ${NONE}", "data_dir: ${NONE:-/d}", "data_dir: $${x}", "data_dir: ${", "data_dir: ${1x}", "? [a]\n: b", "!x a",
        "data_dir: !!str 1", "a: &a [1]\nb: *a", "a: *b", "<<: {a: 1}", "--- a\n--- b", "a: 'x", "a: \"\\x41\\u00e9\\z\"", "\xff",
        "a: |\n  x\n  y\n", "a: >-\n  x\n", "a: {b: {c: {d: 1}}}", "a: " + "[" * 40 + "]" * 40, "memory_limit: 1GB", "memory_limit: 10",
        "memory_limit: 1.0000001KiB", "log: {level: loud}", "log: []", "log: info", "\t", "a:\n\tb: 1", "%YAML 1.2\n---\na: 1",
        "listeners: {mqtt: {listen: '[::1]:1883', tls: {certificate: /c, key: /k}, limits: {connections: 0}}}",
        "listeners: {mqtt: {listen: 'example.org:1883'}, http: {listen: '127.0.0.1'}, admin: {listen: '0.0.0.0:9850', token: 'text:abc'}}",
        "streams: {s: {topics: [a/+, 'b/#', '#/x'], device: {topic_level: 0}, fields: {n: {type: number, min: 2, max: 1}}}}",
        "streams: {s: {topics: ['+/data'], device: {field: id}, time: {field: t, format: iso8601}, fields: {n: {type: integer, enum: [1,"
        " x], required: maybe}}, derive: {d: 'n *'}, status: [{when: 'n > 1', is: HIGH}, {otherwise: OK}], score: [n, d],"
        " on_invalid: refuse}}",
        "streams: {'bad name!': {}}", "streams: {s: {status: [{otherwise: X}, {when: 'n > 1', is: y}]}}",
        "sinks: {k: {type: kafka, brokers: ['h:9092'], topic: t, properties: {a: b}}, l: {type: line_protocol, endpoint: 'http://h/w',"
        " tags: [deviceId]}, f: {type: archive, path: /d}, s: {type: archive, s3: {endpoint: 'http://h', bucket: b}}}",
        "sinks: {x: {type: kafak}}", "sinks: {x: {brokers: []}}", "sinks: {x: {type: archive}}", "sinks: {x: 1}",
        "journal: {segment_size: 1MiB, batch_size: 2MiB, io: fast, commit_window: 1h30m}", "journal: {commit_window: 5}",
        "auth: {passwords: /nowhere/p, tokens: /nowhere/t, bearer: {a: 'env:NONE', b: 'file:/nowhere/x', c: 'text:0123456789abcdef'}}",
        "score_state: {memory: 1TiB}", "memory_limit: 1MiB", "payload: {max_size: 1GiB, max_fields: 0}", "a: .inf", "shards: 0x10", "shards: 1e3",
    ]
    yield from (text.encode("latin-1" if text == "\xff" else "utf-8") for text in texts)
    over = ["shards: 2", "log: {level: debug}", "log: {level: loud}", "", "~", "streams: {s: {topics: [a]}}", "- a", "streams: ~", "a: 'x"]
    yield from ("\f".join(pair).encode() for pair in itertools.product(over, over))
    yield "\f".join(["shards: 2"] * 20).encode()
    yield ("x: &x [" + "1," * 400 + "]\ny: [" + "*x," * 300 + "]").encode()
    half = "x: &x [" + "1," * 300 + "]\n{}: [" + "*x," * 200 + "]"
    yield (half.format("y") + "\f" + half.format("z")).encode()


# ---- files


def journals():
    add = b"a\1\2"
    base = add * 3 + b"s\1" + add * 2 + b"g\3\1" + b"e" + add + b"s\0" + add
    spoils = [b"", b"b\0\3\x10\xff", b"b\0\2\x10\xff", b"c\0\2\x10\xff", b"t\0\4\x20", b"z\0\3\0\1", b"m\0\2\0\3\0", b"r\0", b"r\1", b"r\2",
              b"o\0\1", b"n\0\7", b"n\3\0", b"n\4\x0a", b"n\5\1", b"n\6\x40", b"b\2\2\x08\1", b"c\2\2\x38\5", b"c\1\0\x30\x09", b"b\1\0\1\1" b"b\1\1\1\1",
              b"c\0\5\x40\1", b"c\1\7\x10\2", b"t\2\2\0", b"z\2\0\0\1", b"c\2\0\x08\2", b"c\2\2\x04\2", b"c\2\2\x20\xff", b"b\0\7\x10\1", b"o\2\0",
              b"z\2\2\0\0", b"z\2\2\0\3", b"c\2\2\x06\3"]
    for before, spoil, accept in itertools.product((add, add * 4, base, b"", b"e" + add), spoils, (0, 1)):
        yield chosen(before + spoil, accept, 0, 0)
    for before, spoil, around in itertools.product((add * 4, base, b""), (b"", *spoils[1:6], b"r\0", b"n\0\7"),
                                                   ((0, 1, 0), (0, 2, 0), (0, 3, 0), (1, 3, 0), (0, 0, 1), (1, 0, 1))):
        yield chosen(before + spoil, *around)
    gaps = add + b"g\3\0" + add + b"g\2\2" + add
    for history, accept in itertools.product((gaps, gaps + b"s\1" + add + b"r\1", add + b"n\7\x40", add + b"n\7\x05"), (0, 1)):
        yield chosen(history, accept, 0, 0)
    yield from (chosen(base + a + b, 1, 0, 0) for a, b in itertools.combinations(spoils[1:16], 2))


def stored_files():
    cursor = b"PSCU\1\0\0\0" + b"j" * 16 + b"\4lake" + struct.pack("<QQq", 3, 17, 1) + b"\5state" + b"\0\0\0\0"
    yield from (chosen(c, 0) for c in (cursor, cursor[:20], b"PSCU\2\0" + cursor[6:], cursor.replace(b"lake", b"l/ke"), b"X" + cursor[1:]))
    body = b"\4lake" + struct.pack("<Qq", 7, 1) + b"\3why" + b"\5bytes"
    entry = b"PSQE" + struct.pack("<III", len(body), 0, 0) + body + b"\0" * (-len(body) % 8)
    head = b"PSQF\1\0\0\0" + b"j" * 16 + b"\0" * 8
    yield from (chosen(q, 1) for q in (head + entry, head + b"junkjunk" + entry, head, head[:9], b"PSQF\2\0" + head[6:], head + entry[:30]))
    patches = [b"", b"\0\0\1", b"\0\4\2", b"\0\x08\xff", b"\0\x38\xff", b"\0\x4c\xff", b"\0\x60\1", b"\0\x6c\x80", b"\0\x70\xff", b"\0\x78\1", b"\1\0\xff",
               b"\2\x10\x80", b"\3\0\xff", b"\4\0\xff", b"\0\x20\xff", b"\0\x18\1", b"\0\x50\5", b"\0\x44\7", b"\0\x71\x20\0\x72\xff", b"\0\x80"]
    yield from (chosen(p, kind) for p in patches for kind in (2, 3, 4))
    yield from (chosen(bytes([i >> 8, i & 255, v]), 2) for i in range(100, 1200, 7) for v in (0, 255))
    yield from (chosen(bytes([0, i, v]), kind) for i in range(0, 160, 2) for v in (0, 2, 255) for kind in (3, 4))
    segment = struct.pack("<QHHI", 0x314745534A4E5450, 1, 0, 4096) + b"j" * 16 + struct.pack("<QQQQQqQ", 5, 1, 1, 0, 0, 1, 65536)
    footer = struct.pack("<QHHI", 0x31544F464A4E5450, 1, 1, 3) + b"j" * 16 + struct.pack("<QQQQQQqqI", 5, 1, 1, 3, 3, 8192, 1, 2, 9)
    frame = struct.pack("<IHHQQQQQqIIIIH", 0x4652464A, 1, 1, 5, 8192, 1, 0, 0, 1, 1, 0, 0, 0, 0)
    gap = struct.pack("<IHHQQQQQqIIIIH", 0x4652464A, 1, 3, 5, 8192, 1, 0, 9, 1, 0, 0, 0, 0, 1)
    identity = struct.pack("<QHHI", 0x3144494A4E5450, 1, 0, 0) + b"j" * 16 + struct.pack("<q", 1)
    for part in (segment, footer, frame, gap, identity):
        yield chosen(part.ljust(128, b"\0"), 5)
        yield chosen(part[:8] + b"\2" + part[9:].ljust(119, b"\0"), 5)
        yield chosen(part[:40], 5)
    yield chosen(frame[:4] + b"\2" + frame[5:].ljust(123, b"\0"), 5)
    yield from (chosen(b"\0" * size, kind) for size in (0, 8, 64, 200) for kind in range(6))


# ---- questions and texts


def questions():
    tails = ["", "?limit=2", "?limit=0", "?limit=x", "?from=2026-01-02T03:04:05Z&to=1767323050", "?from=-15m", "?from=2&to=1", "?from=x",
             "?fields=n,x", "?fields=n,n", "?fields=,", "?fields=" + ",".join("abcdefghij" * 11), "?stream=s&after=", "?stream=t&limit=1&after=x",
             "?after=w1", "?limit=1&limit=2", "?wrong=1", "?=1", "?%", "?from=-1d&fields=n", "?from=1767323045678901234", "?to=-99999d"]
    paths = ["/v1/devices", "/v1/devices/w1/latest", "/v1/devices/w1/history", "/v1/devices/a%2Fb/history", "/v1/devices/nobody/latest",
             "/v1/devices/nobody/history", "/v1/tail", "/v1/status", "/v1/sinks", "/v1", "/", "/console.js", "/metrics", "/ready", "/live", "/x",
             "/v1/devices/w1", "/v1/devices/w1/x", "/v1/x"]
    yield from ((path + tail).encode() for path in paths for tail in tails)
    heads = ["GET\nlocalhost:9850", "GET\nevil.example", "GET\n[::1]:1", "HEAD\n127.0.0.1", "POST\n127.0.0.1\nhttp://evil.example",
             "PUT\n127.0.0.1\nhttp://127.0.0.1", "GET\n\n\nBearer a token of some length", "GET\n\n\nBearer wrong",
             "GET\n\n\nBasic OmEgdG9rZW4gb2Ygc29tZSBsZW5ndGg=", "GET\n\n\nBasic !", "GET\n\n\nBasic YQ==", "GET\n\n\nDigest x", "GET\n[::1"]
    yield from (f"{path}\n{head}".encode() for path in ("/v1/devices", "/ready", "/") for head in heads)
    yield b"/v1/tail?device=w1&stream=s&limit=3"


def lines():
    words = [b"wearables", b"", b"a b,c=d", b"#x", b'q"\\', b"%41%", b"\xc3\xa9\xff", b"time", b"\x01\x7f\t\r", b"../..", b"\\", b"\xe2\x82", b"_"]
    for first, second in itertools.product(words, words):
        yield first + b"\n" + second + b"\n" + first + b"\n" + second
    yield from (b"s\nd\n" + key + b"\n" + text for key in words for text in (b"", b"a\nb", b"x" * 300))
    yield b"s" * 300 + b"\n" + b"d" * 300 + b"\nk\nv"


def texts():
    words = [
        "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "2026-01-02t03:04:05.123456789z", "2026-01-02 03:04", "2026-01-02", "2024-02-29",
        "2023-02-29", "2026-13-01", "2026-01-02T24:00:00", "2016-12-31T23:59:60Z", "1677-09-22T00:00:00Z", "1600-01-01", "2262-04-11T23:47:16Z",
        "2300-01-01", "2026-01-02T03:04:05+05:30", "2026-01-02T03:04:05-23:59", "2026-01-02T03:04:05+99:00", "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05.1234567891", "1969-12-31T23:59:59.5Z", "1767323045", "1767323045.25", "1767323045678", "1767323045678901",
        "1767323045678901234", "99999999999999999999", "-1", "1.5.5", "1.", "0", "1e3", "-1.5e-3", "1e400", "64MiB", "1.5GiB", "10kB", "0.5KiB",
        "1.3B", "18446744073709551616B", "0", "5", "1h30m", "1.5s", "2ms", "0.1ns", "7d", "-5s", "300000d", "1s1s", "-15m", "-x", "YWJj", "YQ==",
        "YQ", "YR==", "Y", "Y===", "a%41b", "%4", "%zz", "..", ".", "", "a/b", "x" * 120, "é\u202e\u2028", "\x00\x1b\x7f\"\\", "\U0001f600",
        "2099-12-28T23:59:59Z", "2026-01-31T03:04:05Z", "123456789012345678", "0.000001", "12345678901234567890.5",
    ]
    for word, kind in itertools.product(words, range(6)):
        yield chosen(word.encode(), kind)
    yield from (chosen(b, 0) for b in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"abcdefghi\xc3\xa9", b"\xf4\x90\x80\x80"))


SEEDS = {
    "mqtt_packet": mqtt_packets, "mqtt_session": mqtt_sessions, "http_request": http_requests, "http_body": http_bodies,
    "json": payloads, "rules": expressions, "config": settings, "journal": journals, "stored": stored_files, "query": questions,
    "line": lines, "text": texts,
}
DICTIONARIES = {
    "mqtt_packet": "mqtt", "mqtt_session": "mqtt", "http_request": "http", "http_body": "json", "json": "json", "rules": "rules",
    "config": "config", "query": "query", "line": "line", "text": "text",
}


def found(target):
    path = HERE / "found" / f"{target}.txt"
    lines_of = path.read_text().splitlines() if path.exists() else []
    return [ast.literal_eval(line) for line in lines_of if line.startswith("b")]


def corpus(target):
    return [*SEEDS[target](), *found(target)]
