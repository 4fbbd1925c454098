# The agent's image: `docker build -t poller .`, or buildah, or podman. What it needs to run is in docs/container.md.
# Central's: the same with `--build-arg PART=central`, which brings the packages that central alone needs.
#
# Two stages on one base. The first has pip and fetches; the second gets a finished virtual environment, its bytecode compiled, and the
# list of what is in it. The base may keep its Python anywhere (/usr/local/bin in python:3.11-slim, /usr/bin in Debian): both stages are
# the same base, so the environment finds it again.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements-agent.lock requirements-build.lock requirements-central.lock ./
ARG PART=agent
# Nothing is compiled and nothing comes in unpinned: wheels only, each by its hash. The tools stay behind with this stage.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ONLY_BINARY=:all:
RUN python3 -m venv tools \
 && python3 -m venv --without-pip /opt/poller \
 && tools/bin/pip install --quiet --require-hashes -r requirements-build.lock \
 && tools/bin/pip --python /opt/poller/bin/python install --quiet --require-hashes -r "requirements-${PART}.lock"
COPY pyproject.toml README.md LICENSE ./
COPY poller poller
# Bytecode goes by the hash of its source, unchecked: no file date matters, and the read-only image need not be written to.
RUN tools/bin/hatchling build -t wheel -d dist \
 && tools/bin/pip --python /opt/poller/bin/python install --quiet --no-deps --no-index dist/*.whl \
 && /opt/poller/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/poller/lib \
 && mkdir doc \
 && sed "s/^dynamic = .*/version = \"$(tools/bin/hatchling version)\"/" pyproject.toml > named.toml \
 && tools/bin/cyclonedx-py environment --pyproject named.toml --output-reproducible --validate --of JSON -o doc/sbom.cdx.json /opt/poller \
 && cp LICENSE doc/ \
 && chmod -R u=rwX,go=rX doc

FROM ${BASE}
# A fixed number, so that a folder of the host can be given to it: chown 10001:10001.
RUN groupadd --gid 10001 poller \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/poller --shell /usr/sbin/nologin poller \
 && install -d -m 0755 /etc/poller \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/poller
COPY --from=build /build/doc /usr/share/doc/poller
COPY --from=build /opt/poller /opt/poller

ENV PATH=/opt/poller/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    POLLER_STATE_FOLDER=/var/lib/poller
# A poller.toml put here is read; without one the variables are enough.
WORKDIR /etc/poller
USER 10001:10001
# All that is ever written: state and the key it lies under.
VOLUME /var/lib/poller
# 9717: metrics and status page. 1162: notifications of printers, which send them to 162; published as that, no privilege is needed.
EXPOSE 9717/tcp 1162/udp
STOPSIGNAL SIGTERM
# Asks this container's own agent, wherever its configuration says that it listens.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["poller", "healthy"]
ENTRYPOINT ["poller"]
CMD ["run"]

ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="poller" \
      org.opencontainers.image.description="Finds printers by SNMP, reads their supplies and counters, and shows them as Prometheus gauges" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
