# syntax=docker/dockerfile:1
# Redis on Alpine (musl) with the conv module. Build it from the top of the repository:
#
#   docker build -f packaging/docker/alpine.Dockerfile -t redis-conv:alpine .
#   docker run -p 127.0.0.1:6379:6379 -v conv-data:/data redis-conv:alpine
#
# The Dockerfile at the top has Debian, and says what holds for both.

ARG RUST=rust:1.95.0-alpine3.22
ARG SERVER=redis:7.4-alpine3.21

FROM ${RUST} AS build
# bindgen loads libclang while the build runs, and needs the headers of musl.
RUN apk add --no-cache bash clang-dev gcc make musl-dev
WORKDIR /src
COPY . .
# Rust links statically on musl unless told otherwise. A module is a shared library, and build scripts that load libclang
# have to be linked dynamically as well.
ENV RUSTFLAGS="-C target-feature=-crt-static"
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
 && strip --strip-debug -o /libconv.so target/release/libconv.so \
 && packaging/licenses >/THIRD-PARTY-LICENSES

FROM ${SERVER}
# Unwinding, for the panics that the module catches.
RUN apk add --no-cache libgcc
COPY --from=build --chmod=0755 /libconv.so /usr/local/lib/redis/modules/libconv.so
COPY --from=build --chmod=0644 /THIRD-PARTY-LICENSES /usr/local/share/doc/redis-conv/THIRD-PARTY-LICENSES
COPY --chmod=0644 redis.conf.example /usr/local/etc/redis/redis.conf
# The base image's own user and volume (/data).
USER redis
EXPOSE 6379
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD redis-cli ping | grep -qx PONG
CMD ["redis-server", "/usr/local/etc/redis/redis.conf"]
