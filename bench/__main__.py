"""`python -m bench [name…]`: run the benches, print their tables, write bench/results/<name>.json."""

import importlib
import sys

from bench import place, report

BENCHES = (
    "intake",
    "size",
    "posters",
    "ledger",
    "orders",
    "sweep",
    "rates",
    "backlog",
    "delivery",
    "surveys",
    "outage",
)


def main(wanted: list[str]) -> None:
    for name in wanted or BENCHES:
        if name not in BENCHES:
            raise SystemExit(f"There is no bench {name}; there are: {', '.join(BENCHES)}")
        with place.servers() as folder:  # benches import backend, which reads the settings made here
            found = importlib.import_module(f"bench.{name}").run(folder)
        print(report.table(found["rows"]))
        print(found["says"])
        report.publish(name, found)
        print("written to", report.write(name, found))


if __name__ == "__main__":
    main(sys.argv[1:])
