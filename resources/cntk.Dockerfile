# The tutorial with --engine cntk, on any machine that runs Linux containers (on ARM and Apple: emulated x86-64).
#
#   docker build --platform linux/amd64 --file resources/cntk.Dockerfile --tag tutorial-cntk .
#   docker run --rm --volume "$PWD/proc:/tutorial/proc" --volume "$PWD/data:/tutorial/data" tutorial-cntk \
#       python3 run.py --engine cntk --dataset grocery
#
# Debian 12 still has an Open MPI with C++ library; CNTK's last wheels need CPython 3.6, which pyenv builds here.

FROM debian:bookworm AS python36
RUN apt-get update && apt-get install --yes --no-install-recommends \
        build-essential ca-certificates curl git libbz2-dev libffi-dev liblzma-dev libssl-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
RUN git clone --depth 1 https://github.com/pyenv/pyenv.git /opt/pyenv \
    && /opt/pyenv/plugins/python-build/bin/python-build 3.6.15 /opt/python3.6 \
    && rm -rf /opt/python3.6/lib/python3.6/test

FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends \
        libbz2-1.0 libffi8 libgl1 libglib2.0-0 liblzma5 libopenmpi3 openmpi-bin zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=python36 /opt/python3.6 /opt/python3.6
ENV CNTK_PYTHON=/opt/python3.6/bin/python3.6 CNTK_VENV=/opt/venv-cntk
WORKDIR /tutorial
COPY resources/install_cntk.py resources/
COPY fastRCNN/engines/ fastRCNN/engines/
RUN python3 resources/install_cntk.py
COPY . .
RUN python3 -c "from pathlib import Path; from helpers.virtual_environment import set_up; set_up(Path.cwd())"
CMD ["python3", "run.py", "--engine", "cntk"]
