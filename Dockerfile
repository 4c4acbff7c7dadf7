# docker build -t adhd-cvae .
# docker build -t adhd-cvae:cuda --build-arg TORCH=cu130 .
# docker run --rm -u "$(id -u):$(id -g)" -v /data/bids:/bids:ro -v /data/out:/out adhd-cvae run /bids /out/adhd-cvae group
FROM python:3.11.14-slim-bookworm

# Which build of PyTorch: cpu, or of a CUDA that the driver of the machine knows.
ARG TORCH=cpu

WORKDIR /opt/adhd-cvae
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY adhd_cvae ./adhd_cvae
COPY bids_adapters ./bids_adapters
COPY pipelines ./pipelines
# uv knows where each build of PyTorch is to be had.
RUN pip install --no-cache-dir --constraint constraints.txt uv \
    && uv pip install --system --no-cache --torch-backend "${TORCH}" --constraint constraints.txt '.[bundle,dask,postgres]' \
    && useradd --uid 1000 --create-home --shell /usr/sbin/nologin analyst

USER 1000
WORKDIR /home/analyst
ENTRYPOINT ["adhd-cvae"]
CMD ["--help"]
