# syntax=docker/dockerfile:1
# Valkey with the conv module. Build it from the top of the repository:
#
#   docker build -f packaging/docker/valkey.Dockerfile -t valkey-conv .
#   docker run -p 127.0.0.1:6379:6379 -v conv-data:/data valkey-conv
#
# The Dockerfile at the top has Redis, and says what holds for both.

# Both stages are Debian 12, so that the module finds the C library that it was built against.
ARG RUST=rust:1.95.0-bookworm
ARG SERVER=valkey/valkey:8.1-bookworm

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
COPY --chmod=0644 redis.conf.example /usr/local/etc/valkey/valkey.conf
# The base image's own user and volume (/data).
USER valkey
EXPOSE 6379
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD valkey-cli ping | grep -qx PONG
CMD ["valkey-server", "/usr/local/etc/valkey/valkey.conf"]
