# st2d with everything it needs, its own PostgreSQL too: one container, one volume.
#   docker build -t st2d . && docker run --rm -p 9101:9101 -v st2:/var/lib/st2 st2d

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/st2d target/release/st2 /usr/local/bin/

FROM debian:bookworm-slim
# tini ends what actions leave behind as process 1 must.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git openssh-client postgresql python3 python3-venv sudo tini \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* \
    && useradd --system --create-home --shell /bin/bash st2 \
    && install -d -o st2 -g st2 -m 0700 /var/lib/st2
COPY --from=build /usr/local/bin/st2d /usr/local/bin/st2 /usr/local/bin/
COPY bin/ /usr/local/bin/
COPY packs/examples/ /usr/local/share/doc/st2/examples/
# In a container its own network is the border; what of it is published is said outside.
ENV ST2_DATA_DIR=/var/lib/st2 \
    ST2_API__LISTEN=0.0.0.0:9101 \
    ST2_AUTH__LISTEN=0.0.0.0:9100 \
    ST2_STREAM__LISTEN=0.0.0.0:9102
USER st2
VOLUME /var/lib/st2
EXPOSE 9100 9101 9102
HEALTHCHECK --start-period=30s CMD ["bash", "-c", "</dev/tcp/127.0.0.1/9101"]
ENTRYPOINT ["tini", "--", "st2d"]
