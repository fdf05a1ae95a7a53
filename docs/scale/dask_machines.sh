#!/bin/bash
# Starts a Dask scheduler here and workers on other machines by ssh, and runs steps 1 and 3 on them.
#   docs/scale/dask_machines.sh DATASET HOST [HOST ...]     the project's folder lies at the same place everywhere
set -euo pipefail

DATASET=$1
shift
PROJECT=$(cd "$(dirname "$0")/../.." && pwd)
ADDRESS=tcp://$(hostname -f):8786
cd "$PROJECT"
export PYTHONPATH=$PROJECT

.venv/bin/dask scheduler --port 8786 --no-dashboard &
SCHEDULER=$!
trap 'kill $SCHEDULER' EXIT
for HOST in "$@"; do
  # shellcheck disable=SC2029
  ssh "$HOST" "cd '$PROJECT' && PYTHONPATH='$PROJECT' OMP_NUM_THREADS=1 .venv/bin/dask worker '$ADDRESS' \
    --nworkers auto --nthreads 1 --no-dashboard" &
done
sleep 20

.venv/bin/python 1_computeRois.py --dataset "$DATASET" --cluster "dask:$ADDRESS"
.venv/bin/python 2_cntkGenerateInputs.py --dataset "$DATASET"
.venv/bin/python 3_runCntk.py --dataset "$DATASET" --jobs 1 --cluster "dask:$ADDRESS"
