"""The oracle's verdict over a daemon and the far sides of a scenario."""
from oracle import far_sides, ledger

from .daemon import BINARY, eventually


def judge(test, book, daemon, kafka=None, victoria=None, archive=None, wait=120, history=True, ordered=True):
    """Waits until every sink has caught up; then nothing acknowledged may be lost anywhere, and the ledger must balance.

    Returns the verdicts by far side.
    """
    print(f"issued {sum(book.issued.values())}, acknowledged {len(book.acked)}")
    ledger.wait_until_settled(daemon.admin, wait)
    test.assertEqual(ledger.problems(daemon.admin), [], "the ledger")
    verdicts = {}
    if history:     # unless retention has taken some of it
        verdicts["history"] = book.verdict(far_sides.from_history(daemon.admin, book.issued), ordered=False)
    if kafka:
        verdicts["kafka"] = book.verdict(far_sides.from_kafka(kafka.endpoint, "telemetry"))
    if archive:
        verdicts["archive"] = book.verdict(far_sides.from_archive(archive), ordered=ordered)
    if victoria:
        verdicts["victoria"] = book.verdict(far_sides.from_series(victoria.endpoint), ordered=False)
    for name, verdict in verdicts.items():
        print(f"{name}: {verdict}")
    for name, verdict in verdicts.items():
        with test.subTest(name):
            test.assertTrue(verdict.sound, f"{name}: {verdict}")
    judge_audit(test, daemon, verdicts["history"].delivered if history else None)
    return verdicts


def judge_audit(test, daemon, records):
    """`penstock audit`, beside the daemon: the cursors have passed all that the oracle found, and nothing else.

    `records`: how many the journal should still hold; None where retention has taken some of them.
    """
    def delivered():
        said = ledger.audit(BINARY, daemon.config)
        test.assertEqual(ledger.audit_problems(said), [])
        return said if all(sink["pending"] == 0 for sink in said["sinks"]) else None
    said = eventually(delivered, 60, what="every cursor is saved")
    if records is None:
        return
    test.assertEqual(said["records"], records)
    for sink in said["sinks"]:
        with test.subTest(sink["sink"]):
            test.assertEqual(sink["delivered"], records, sink)
