"""Devices that publish without pause, note what was acknowledged, and come back when they are cut off."""
import http.client
import json
import threading
import time

from .mqtt import Client, Closed
from .payload import payload

WINDOW = 32         # unacknowledged messages of an MQTT device
HTTP_BATCH = 20


class Device(threading.Thread):
    """`means`: mqtt (QoS 1), mqtt0 (QoS 0: never acknowledged) or http. Set `ending` and join() to stop it.

    A number is published once: one that was cut off is not sent again, so every record has one place in the order.
    """

    def __init__(self, book, name, means, mqtt=0, http_port=0, topic="iot/wearable/data", stream="wearables", pause=0.0):
        super().__init__(daemon=True)
        self.book, self.device, self.means = book, name, means
        self.mqtt_port, self.http_port, self.topic, self.path = mqtt, http_port, topic, f"/v1/ingest/{stream}"
        self.pause = pause  # seconds after each window or batch
        self.ending = threading.Event()
        self.on_ack = None  # called once, by the thread that reads the next acknowledgement, as soon as it is noted

    def run(self):
        play = {"mqtt": self.mqtt, "mqtt0": self.mqtt_unacknowledged, "http": self.http}[self.means]
        while not self.ending.is_set():
            try:
                play()
            except (OSError, Closed, http.client.HTTPException, AssertionError):  # cut off: come back
                time.sleep(0.02)

    def ack(self, numbers):
        for number in numbers:
            self.book.ack(self.device, number)
        strike, self.on_ack = self.on_ack, None
        if strike:
            strike()

    def publish(self, client, qos):
        number = self.book.issue(self.device)
        return client.publish(self.topic, payload(self.device, number), qos=qos), number

    def mqtt(self):
        client = Client(self.mqtt_port, f"client-{self.device}", timeout=5)
        waiting = {}
        try:
            while not self.ending.is_set() or waiting:
                while len(waiting) < WINDOW and not self.ending.is_set():
                    packet_id, number = self.publish(client, 1)
                    waiting[packet_id] = number
                    if len(waiting) == WINDOW:
                        time.sleep(self.pause)
                self.ack([waiting.pop(packet_id) for packet_id in client.acks(5)])
        finally:
            client.close(polite=False)

    def mqtt_unacknowledged(self):
        client = Client(self.mqtt_port, f"client-{self.device}", timeout=5)
        try:
            while not self.ending.is_set():
                for _ in range(WINDOW):
                    self.publish(client, 0)
                client.ping()   # at the node's pace, and leaving room for the others
                time.sleep(0.05 + self.pause)
        finally:
            client.close(polite=False)

    def http(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        try:
            while not self.ending.is_set():
                numbers = [self.book.issue(self.device) for _ in range(HTTP_BATCH)]
                body = b"\n".join(payload(self.device, n) for n in numbers)
                connection.request("POST", self.path, body, {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200 and json.loads(text)["accepted"] == len(numbers):
                    self.ack(numbers)
                time.sleep(self.pause)
        finally:
            connection.close()


def fleet(book, count, mqtt, http_port, pause=0.0):
    """Devices of every means: half MQTT at QoS 1, a third HTTP, the rest MQTT at QoS 0."""
    means = ["mqtt", "mqtt", "http", "mqtt", "http", "mqtt0"]
    return [Device(book, f"d{i}", means[i % len(means)], mqtt, http_port, pause=pause)
            for i in range(count)]


def stop(devices, wait=20):
    for device in devices:
        device.ending.set()
    for device in devices:
        device.join(wait)
