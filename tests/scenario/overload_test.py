"""T10: ten times what the node can take. bench/overload.py is the long run, with figures.

PENSTOCK_OVERLOAD: seconds (default 2).
"""
import os
import unittest

from support.overload import BESIDE, overload


class Overload(unittest.TestCase):
    def test_t10_overload_is_delayed_not_dropped_and_memory_stays_within_its_bound(self):
        told = overload(float(os.environ.get("PENSTOCK_OVERLOAD", "2")), calm=1.0)
        print(told)
        self.assertEqual(told["lost"], 0)
        self.assertGreater(told["acked"], 0)
        self.assertGreater(told["given_up"], 0, "that was no overload")
        self.assertEqual(told["lost_connections"], 0)
        if not os.environ.get("PENSTOCK_SANITIZED"):
            self.assertLess(told["memory"], told["limit"] + BESIDE)


if __name__ == "__main__":
    unittest.main()
