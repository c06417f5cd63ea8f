"""The worker, its every stage the fake one named first: `fake_worker.py STAGE --workspace W --run NAME --stages A`."""

import sys

import fake_stages

from danlu.jobs.worker import main

STAGES = {"quick": fake_stages.quick, "steady": fake_stages.steady, "stubborn": fake_stages.stubborn}
STAGES |= {"mistaken": fake_stages.mistaken, "buggy": fake_stages.buggy}

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], load=lambda _name: STAGES[sys.argv[1]]))
