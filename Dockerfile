# One image for web, workers, beat and migrations; the command says which.
FROM python:3.12-slim

# --build-arg TORCH_INDEX=URL takes torch from that index: PyTorch's own for CPUs saves several GB where there is no GPU.
ARG TORCH_INDEX=
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY constraints.txt pyproject.toml README.md LICENSE NOTICE CHANGELOG.md ./
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' constraints.txt)"; fi

COPY app app
COPY workers workers
COPY migrations migrations
COPY static static
COPY templates templates
RUN pip install -c constraints.txt ".[s3]"

# Not root: what runs here reads files of strangers.
RUN useradd --create-home --uid 10001 marginalia && install -d -o marginalia -g marginalia -m 700 /data
USER marginalia
WORKDIR /data
VOLUME /data
ENV MARGINALIA_DATA_DIR=/data MARGINALIA_HOST=0.0.0.0 MARGINALIA_PORT=8000
EXPOSE 8000
CMD ["marginalia", "web"]
