# One image for every process of Driftless: `docker run driftless gateway`, `store-node`, `anti-entropy`, or any
# command of the command line (`docker run driftless status --url …`).
#
# The last stage starts from nothing and holds what runs and no more: Node, the few system libraries that it and
# SQLite's binding link to, the packages of the lock file, our sources. There is no shell and no package manager in
# it; it runs as a user of its own, on a read-only root, and writes to /data and /tmp only.
#
# The target `all-in-one` has nats-server besides and starts a whole cluster in one container, for a first look:
# `docker run --rm -p 8080:8080 driftless:0.1.0-all-in-one`. `npm run image:build` builds both.
#
# Nothing is compiled and nothing names a processor: the base image and npm's packages bring the binaries of the
# platform that is built for, as in `docker buildx build --platform linux/amd64,linux/arm64 .`

# The Node of package.json, the nats-server of the command line (test/tidy/images.test.ts holds them together).
ARG NODE_IMAGE=node:26.10.0-slim
ARG NATS_IMAGE=nats:2.15.2-alpine

# The manifests alone, so that packages are installed anew only when one of these has changed.
FROM ${NODE_IMAGE} AS manifests
COPY . /sources
RUN cd /sources && find . -type f ! -name package.json ! -name package-lock.json -delete \
  && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /image/driftless
COPY --from=manifests /sources ./
# The optional packages are Node itself, which is here already. What a package has for other platforms, or to
# compile itself, stays out. A package with a script of its own would be a decision: none runs.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error \
    --workspace=packages/anti-entropy --workspace=packages/cli --workspace=packages/gateway \
    --workspace=packages/store-node \
  && cd node_modules/better-sqlite3 \
  && rm -rf deps src \
  && arch=$(node -p process.arch) \
  && find prebuilds -type f ! -name "linux-$arch.node" -delete
# Node, and each library that it or the binding of SQLite links to, where the loader looks for it; with what Debian
# says of the packages that they are of, where scanners look for that, and licences, where the base image has them.
RUN node=$(command -v node) \
  && status=/image/var/lib/dpkg/status.d && mkdir -p "$status" \
  && install -D "$node" /image/usr/local/bin/node \
  && if [ -f /usr/local/LICENSE ]; then install -D -m 644 /usr/local/LICENSE /image/usr/share/doc/node/copyright; fi \
  && install -D -m 644 /etc/os-release /image/etc/os-release \
  && ldd "$node" node_modules/better-sqlite3/prebuilds/*.node | grep -o '/lib[^ ]*' | sort -u > /libraries \
  && while read -r library; do \
      install -D "$library" "/image$library" \
      && package=$(dpkg-query --search "*/${library##*/}" | head -n 1 | cut -d: -f1) \
      && dpkg-query --status "$package" > "$status/$package" || exit 1; \
      copyright=/usr/share/doc/$package/copyright; \
      if [ -f "$copyright" ]; then install -D -m 644 "$copyright" "/image$copyright"; fi; \
    done < /libraries \
  && mkdir -p /image/etc /empty \
  && install -d -m 1777 /image/tmp \
  && echo 'driftless:x:10001:10001::/data:/nologin' > /image/etc/passwd \
  && echo 'driftless:x:10001:' > /image/etc/group \
  && echo 'hosts: files dns' > /image/etc/nsswitch.conf
COPY packages ./packages
COPY scripts/image ./scripts/image

FROM ${NATS_IMAGE} AS nats

FROM scratch AS processes
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Driftless" \
  org.opencontainers.image.description="An eventually consistent key-value store that knows, and shows, how consistent it is" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
COPY --from=build --chown=10001:10001 /empty /data
ENV PATH=/usr/local/bin \
  NODE_ENV=production \
  DRIFTLESS_HOST=0.0.0.0 \
  DRIFTLESS_DATA_DIR=/data \
  DRIFTLESS_RUN_DIR=/tmp/driftless
WORKDIR /data
USER 10001:10001
VOLUME /data
# Gateway, anti-entropy, store node: their own defaults.
EXPOSE 8080 8081 7101
# Whether the process turns. It does not ask whether it is ready: an engine that replaces what is unhealthy would
# stop a node for being behind. Who routes to it asks `health.mjs readyz`.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "/driftless/scripts/image/health.mjs"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/driftless/scripts/image/main.mjs"]
CMD ["--help"]

# Everything in one container. Its nodes stand and fall together: it shows what Driftless is, and keeps nothing safe.
FROM processes AS all-in-one
LABEL org.opencontainers.image.title="Driftless, all in one"
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
ENV DRIFTLESS_RUN_DIR=/data/run
EXPOSE 8080
HEALTHCHECK --interval=3s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "/driftless/scripts/image/health.mjs", "readyz", "gateway-1"]
CMD ["up", "--data-dir", "/data", "--gateway-host", "0.0.0.0"]

# The last stage is what is built when none is named.
FROM processes
