"""How long the simulator takes, by number of customers: ``python benchmarks/simulate_speed.py``.

Prints transactions made, seconds (median of three) and the peak memory of the process.
"""

import resource
import statistics
import sys
import time

from retention_lib.base.simulate import simulate_tables

if __name__ == "__main__":
    sizes = [int(text) for text in sys.argv[1:]] or [1_500, 38_000]
    for customers in sizes:
        seconds = []
        for seed in range(3):
            begin = time.perf_counter()
            tables, _ = simulate_tables(customers, seed=seed)
            seconds.append(time.perf_counter() - begin)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(
            f"{customers:,} customers, {len(tables['transactions']):,} transactions: "
            f"{statistics.median(seconds):.2f} s (from {min(seconds):.2f} to {max(seconds):.2f}), "
            f"peak {peak:.1f} GB"
        )
