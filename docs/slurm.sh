#!/bin/bash
# Training on two machines of four GPUs each, a process for each GPU: sbatch docs/slurm.sh, from the project's folder,
# which all machines see. Set partition and account as your cluster asks for them.
#SBATCH --job-name=terna
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --output=slurm-%j.log
#SBATCH --open-mode=append
# a job that is preempted is put back into the queue
#SBATCH --requeue
# two minutes before the time is over the processes write a checkpoint and end with status 143
#SBATCH --signal=TERM@120

set -eu
export OMP_NUM_THREADS="$SLURM_CPUS_PER_TASK"

status=0
# where one process fails, the others end too
srun --kill-on-bad-exit=1 python pipelines/train.py --config-path=.. --config-name=params \
    machine.accelerator=gpu machine.devices="$SLURM_NTASKS_PER_NODE" machine.nodes="$SLURM_NNODES" machine.progress=false \
    "$@" || status=$?

if [ "$status" -eq 143 ]; then # stopped by SIGTERM: the same command resumes
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
