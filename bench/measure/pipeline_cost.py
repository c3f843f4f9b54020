"""P8 beside Telegraf: CPU of a whole pipeline into three sinks (Kafka, a store, files) per event, broker included."""
import functools
import statistics

from .pipelines import PERSISTENT, PenstockPipeline, TelegrafPipeline
from support.daemon import eventually
from support.load import run

LOAD = "--qos 1 --k 16 --window 64 --connections 100 --stamp 1"
# What the chain needs to lose nothing at this rate: a broker without bounds, and a reader that lets enough be undelivered.
BROKER = "max_inflight_messages 0\nmax_queued_messages 0\n"
READER = PERSISTENT + "  max_undelivered_messages = 10000\n"
FILE = '[[outputs.file]]\n  files = ["{dir}/events.json"]\n  data_format = "json"\n'
ARCHIVE = '  lake: { type: archive, local: { directory: "{dir}/lake" }, window: { age: 2s } }\n'
PIPELINES = {
    "Penstock": functools.partial(PenstockPipeline, series="settle: 0s", sinks=ARCHIVE),
    "Mosquitto + Telegraf": functools.partial(
        TelegrafPipeline, "Mosquitto + Telegraf", READER, FILE, BROKER),
}


def one_run(make, messages):
    """CPU us per event, and how many arrived more than once. Fewer than were acknowledged: the run is void."""
    pipeline = make(track=False)
    try:
        before, cpu = pipeline.counts(), pipeline.cpu_ns()
        acked = run(pipeline.port, LOAD, messages=messages)["acked"]

        def arrived():
            return all(count - before[place] >= acked for place, count in pipeline.counts().items())
        eventually(arrived, 300, 0.1, "everything at both far sides")
        pipeline.settle(1)
        cpu = pipeline.cpu_ns() - cpu
        got = {place: count - before[place] for place, count in pipeline.counts().items()}
        if any(count < acked for count in got.values()):
            raise RuntimeError(f"{acked} acknowledged, {got} arrived")
        return cpu / 1000 / acked, sum(count - acked for count in got.values())
    finally:
        pipeline.close()


def pipeline_cost(rounds, messages):
    us, again = {name: [] for name in PIPELINES}, dict.fromkeys(PIPELINES, 0)
    for number in range(rounds):
        for name, make in PIPELINES.items():
            took, more = one_run(make, messages)
            us[name].append(took)
            again[name] += more
            print(f"P8 round {number + 1} {name}: {took:.1f} us per event, {more} arrived again", flush=True)
    base = us["Mosquitto + Telegraf"]
    lines = ["P8, whole pipelines into Kafka, a store and files, P1's load:", "",
             "| pipeline | CPU us per event, min (median) | ratio, min (median) | arrived again |", "|---|---|---|---|"]
    for name, values in us.items():
        lines.append(f"| {name} | {min(values):.2f} ({statistics.median(values):.2f}) | {min(values) / min(base):.3f} "
                     f"({statistics.median(values) / statistics.median(base):.3f}) | {again[name]:,} of {len(values) * messages:,} |")
    return lines
