#!/usr/bin/env python3
"""hop.py [checker's options] - one position carried from transport to transport, at random, while others publish through faults

Each subscriber hops at least 40 times, six of them 240, with the last position it was handed and nothing else."""
import sys
import checker

o = checker.options(["--hops", "40", "--subscribers", "6", "--messages", "200"] + sys.argv[1:])
sys.exit(0 if checker.run(o) else 1)
