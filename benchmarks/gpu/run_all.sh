#!/usr/bin/env bash
# Everything that waits for a GPU, in one go: parity first, then speed and memory. Needs torch and transformers only.
# usage: benchmarks/gpu/run_all.sh [RESULTS.json]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD/src" HF_HUB_OFFLINE=1
results="${1:-benchmarks/gpu/results_$(date +%Y-%m-%d).json}"
python3 benchmarks/gpu/packed_lora.py "$results"
echo "written: $results"
