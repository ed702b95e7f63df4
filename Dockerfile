# The image of todo-api.
#
#     docker build -t todo-api --build-arg VERSION=0.1.0 .
#
# Needs neither BuildKit nor buildx, and nothing of a Linux distribution but gcc, which the Rust image has.

FROM rust:1-slim-bookworm AS build
WORKDIR /build

# The dependencies, in a layer of their own: it is built again only when a manifest or the lock file changes.
# Other members of the workspace are not in this image, so the workspace is cut down to the service here. Cargo then
# drops from the lock file what only they need; that it changes nothing else is checked.
COPY Cargo.toml Cargo.lock ./
COPY todo-api/Cargo.toml todo-api/
RUN sed -i -Ez 's/\n(default-)?members *= *\[[^]]*\]/\n\1members = ["todo-api"]/g' Cargo.toml \
 && mkdir todo-api/src \
 && echo 'fn main() {}' | tee todo-api/build.rs > todo-api/src/main.rs \
 && touch todo-api/src/lib.rs \
 && cp Cargo.lock whole.lock \
 && cargo build --release --package todo-api \
 && if grep '^checksum' Cargo.lock | grep -vxFf whole.lock; then echo >&2 "Cargo.lock is out of date"; exit 1; fi

# The service. Cargo goes by the time of change, and a file that was checked out may be older than its stand-in.
COPY todo-api todo-api
RUN touch todo-api/build.rs todo-api/src/main.rs todo-api/src/lib.rs \
 && cargo build --release --locked --package todo-api

FROM debian:bookworm-slim
ARG VERSION=unreleased
LABEL org.opencontainers.image.title="todo-api" \
      org.opencontainers.image.description="TaskOverflow: a stateless todo service on SQLite or PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /build/target/release/todo-api /usr/local/bin/

# Where the SQLite file lies without a database URL. With PostgreSQL nothing is written: --read-only works.
RUN install --directory --owner=10001 --group=10001 /data
WORKDIR /data
# Numeric, so that Kubernetes' runAsNonRoot can tell that it is not root.
USER 10001:10001
EXPOSE 6400
STOPSIGNAL SIGTERM
# No process is restarted by this alone: it is what `docker ps` and compose's depends_on show. It asks the port of
# TODO_LISTEN, so change the port there rather than with --listen.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=2 CMD ["todo-api", "--check-health"]
ENTRYPOINT ["todo-api"]
