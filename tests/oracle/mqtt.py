"""A small blocking MQTT publisher: 3.1.1 and 5, QoS 0 and 1. Written from the specifications, for tests."""
import socket
import ssl
import struct
import time


def encode_length(n):
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(first, body):
    return bytes([first]) + encode_length(len(body)) + body


class Closed(Exception):
    """The server closed the connection; `reason` is the MQTT 5 DISCONNECT code, if it sent one."""

    def __init__(self, reason=None):
        super().__init__(f"connection closed (reason {reason})")
        self.reason = reason


class Client:
    """One connection. `publish` returns the packet id; `acks()` returns ids acknowledged since the last call."""

    def __init__(self, port, client_id, version=4, user=None, password=None, tls=None, keepalive=60, clean=True,
                 will=None, timeout=10):
        self.version = version
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""
        self.next_id = 0
        self.reasons = {}
        flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        body = text("MQTT") + bytes([version])
        tail = text(client_id)
        if will:
            flags |= 4
            tail += (b"\x00" if version == 5 else b"") + text(will[0]) + text(will[1])
        if user is not None:
            tail += text(user)
        if password is not None:
            tail += text(password)
        body += bytes([flags]) + struct.pack(">H", keepalive) + (b"\x00" if version == 5 else b"") + tail
        self.sock.sendall(packet(0x10, body))
        kind, body = self.read_packet()
        assert kind >> 4 == 2, f"expected CONNACK, got {kind:#x}"
        self.connack = body[1]
        if self.connack != 0:
            raise ConnectionRefusedError(f"CONNACK {body[1]:#x}")

    def publish_bytes(self, topic, payload, qos=1, dup=False, packet_id=None):
        head = 0x30 | (qos << 1) | (8 if dup else 0)
        body = text(topic)
        if qos:
            if packet_id is None:
                self.next_id = self.next_id % 65535 + 1
                packet_id = self.next_id
            body += struct.pack(">H", packet_id)
        if self.version == 5:
            body += b"\x00"
        return packet_id, packet(head, body + payload)

    def publish(self, topic, payload, qos=1, dup=False):
        packet_id, data = self.publish_bytes(topic, payload, qos, dup)
        self.sock.sendall(data)
        return packet_id

    def publish_and_wait(self, topic, payload, qos=1, timeout=10):
        packet_id = self.publish(topic, payload, qos)
        if not qos:
            return None
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for got in self.acks(max(0.01, end - time.monotonic())):
                if got == packet_id:
                    return self.reasons.pop(packet_id, 0)
        raise TimeoutError(f"no PUBACK for {packet_id}")

    def acks(self, wait=0.0):
        """Packet ids of the PUBACKs that are here, waiting at most `wait` for the first."""
        out = []
        while True:
            got = self.take_packet()
            if got is None:
                if out or wait <= 0:
                    return out
                self.sock.settimeout(wait)
                try:
                    data = self.sock.recv(65536)
                except (TimeoutError, ssl.SSLWantReadError):
                    return out
                if not data:
                    raise Closed()
                self.buffer += data
                continue
            kind, body = got
            if kind >> 4 == 4:
                packet_id = struct.unpack(">H", body[:2])[0]
                self.reasons[packet_id] = body[2] if len(body) > 2 else 0
                out.append(packet_id)
            elif kind >> 4 == 14:
                raise Closed(body[0] if body else 0)

    def take_packet(self):
        if len(self.buffer) < 2:
            return None
        length, shift, i = 0, 0, 1
        while True:
            if i >= len(self.buffer):
                return None
            digit = self.buffer[i]
            length |= (digit & 0x7F) << shift
            shift += 7
            i += 1
            if not digit & 0x80:
                break
        if len(self.buffer) < i + length:
            return None
        kind, body = self.buffer[0], self.buffer[i:i + length]
        self.buffer = self.buffer[i + length:]
        return kind, body

    def read_packet(self):
        while True:
            got = self.take_packet()
            if got:
                return got
            data = self.sock.recv(65536)
            if not data:
                raise Closed()
            self.buffer += data

    def ping(self):
        self.sock.sendall(b"\xc0\x00")
        kind, _ = self.read_packet()
        assert kind == 0xD0

    def close(self, polite=True):
        try:
            if polite:
                self.sock.sendall(b"\xe0\x00")
        except OSError:
            pass
        self.sock.close()
