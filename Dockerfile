# syntax=docker/dockerfile:1
# Redis with the conv module.
#
#   docker build -t redis-conv .
#   docker run -p 127.0.0.1:6379:6379 -v conv-data:/data redis-conv
#
# Valkey and Alpine: packaging/docker. With metrics and a dashboard: packaging/compose. Other servers: --build-arg
# SERVER=redis:8-bookworm (the official images on Debian 12 or newer). A password:
# mount a configuration with requirepass over /usr/local/etc/redis/redis.conf and set REDISCLI_AUTH for the health check.
# The image listens on all of the container's interfaces without one: publish the port to loopback or a private network.

# Both stages are Debian 12, so that the module finds the C library that it was built against.
ARG RUST=rust:1.95.0-bookworm
ARG SERVER=redis:7.2.11-bookworm

FROM ${RUST} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libclang-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
 && strip --strip-debug -o /libconv.so target/release/libconv.so \
 && packaging/licenses >/THIRD-PARTY-LICENSES

FROM ${SERVER}
COPY --from=build --chmod=0755 /libconv.so /usr/local/lib/redis/modules/libconv.so
COPY --from=build --chmod=0644 /THIRD-PARTY-LICENSES /usr/local/share/doc/redis-conv/THIRD-PARTY-LICENSES
COPY --chmod=0644 redis.conf.example /usr/local/etc/redis/redis.conf
# The base image's own user and volume (/data).
USER redis
EXPOSE 6379
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD redis-cli ping | grep -qx PONG
CMD ["redis-server", "/usr/local/etc/redis/redis.conf"]
