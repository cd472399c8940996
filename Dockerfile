# CPU image by default; build with --build-arg CONSTRAINTS= on a CUDA base for GPUs.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
ARG CONSTRAINTS=constraints/cpu.txt
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ git make libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /lcvd
COPY . .
RUN make install CONSTRAINTS=${CONSTRAINTS}
ENV PATH=/lcvd/.venv/bin:$PATH DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false
CMD ["make", "demo"]
