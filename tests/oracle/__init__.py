"""The independent oracle: plays devices, notes what was acknowledged, reads back every far side, and judges.

Shares no code with Penstock: its own MQTT client over sockets, payloads that are a pure function of device and number,
readers that use the far side's own tools. `python3 tests/oracle --help` is the program; scenarios import the parts.
"""
