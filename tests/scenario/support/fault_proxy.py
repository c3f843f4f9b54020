"""A TCP proxy that plays a far side in trouble."""
import contextlib
import random
import socket
import struct
import threading

MODES = ("stopped", "hung", "slow", "resetting", "refusing")
BLOCKING = ("stopped", "hung", "slow", "resetting")     # nothing gets through
REFUSED = 0.2
ANSWERS = ("429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable")


class Cut(Exception):
    """This connection is to be reset."""


class FaultProxy:
    """Listens on `port` of 127.0.0.1 and passes bytes to and from `target`, unless it is told to become worse:

    - stopped: connections are reset, new ones refused, as when the process is gone;
    - hung: connections are taken, nothing is read;
    - slow: one byte a second, either way;
    - resetting: connections are taken, and reset when something comes;
    - refusing: a fifth of what clients ask is refused: an HTTP request with a status of ANSWERS, anything else with a
      reset.

    Connections that were only held up go on where they were with become("pass").
    Threads: any; two of its own for each connection.
    """

    def __init__(self, seed, target=None):
        self.target, self.mode = target, "pass"
        self.random = random.Random(seed)
        self.changed = threading.Condition()
        self.sockets = set()
        self.listener = None
        self.port = 0
        self.refused = 0
        self.listen()

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def become(self, mode):
        with self.changed:
            before, self.mode = self.mode, mode
            self.changed.notify_all()
        if mode == "stopped" or (mode == "closed" and before != "stopped"):
            # Closing alone does not wake a thread in accept().
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            for one in list(self.sockets):
                reset(one)
        elif before == "stopped" and mode != "closed":
            self.listen()

    def close(self):
        self.become("closed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- threads

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            server.settimeout(None)
        except OSError:
            reset(client)
            client.close()
            return
        pair = {client, server}
        self.sockets |= pair
        # What comes first, or first after an answer, begins a request.
        begins = threading.Event()
        begins.set()
        back = threading.Thread(target=self.pump, args=(server, client, False, begins), daemon=True)
        back.start()
        self.pump(client, server, True, begins)
        back.join()
        self.sockets -= pair
        for one in pair:
            one.close()

    def pump(self, source, sink, asking, begins):
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                request = asking and begins.is_set()
                begins.clear() if asking else begins.set()
                self.forward(source, sink, data, request)
        except (OSError, Cut):
            reset(source)
            reset(sink)

    def forward(self, source, sink, data, request):
        while data:
            with self.changed:
                mode = self.mode
                if mode == "hung":
                    self.changed.wait()
                    continue
                if mode in ("resetting", "stopped", "closed"):
                    raise Cut
            if mode == "refusing" and request and self.random.random() < REFUSED:
                self.refuse(source, data)
            request = False
            if mode != "slow":
                sink.sendall(data)
                return
            sink.sendall(data[:1])
            data = data[1:]
            with self.changed:
                if self.mode == "slow":
                    self.changed.wait(1)

    def refuse(self, client, data):
        if data.split(b" ", 1)[0] in (b"POST", b"PUT", b"GET"):
            status = self.random.choice(ANSWERS)
            client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            # Its body is read first, so that the reset does not overtake the answer.
            client.settimeout(0.2)
            with contextlib.suppress(OSError):
                while client.recv(65536):
                    pass
        self.refused += 1
        raise Cut


def reset(one):
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
