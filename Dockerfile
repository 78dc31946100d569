# The image of the daemon: Python, its pinned dependencies and the program. No shell, no pip, no package manager.
#
#   docker build -t secrets-manager:3.0.0 .
#
# PYTHON is the only thing that is taken from outside without a hash. For a build that can be repeated to the byte, pin
# it by the digest of the image that you have reviewed, and raise it when Debian or Python mend something:
#
#   docker build --build-arg PYTHON=python:3.11-slim-bookworm@sha256:<digest> -t secrets-manager:3.0.0 .
#
# It must be a Debian image with `ldd` and pip. Its Python is packed as it is, so its version is that of the daemon.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /build
COPY scripts/image-root scripts/image-root
RUN python3 scripts/image-root runtime /image
COPY requirements/run.txt requirements/run.txt
RUN python3 scripts/image-root dependencies /image
COPY LICENSE LICENSE
COPY secrets_manager secrets_manager
RUN python3 scripts/image-root program /image

FROM scratch
LABEL org.opencontainers.image.title="secrets-manager" \
      org.opencontainers.image.description="Keeps Kubernetes Secrets in step with Vault, OpenBao or Azure Key Vault" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
# As a number, so that Kubernetes can check `runAsNonRoot` by itself.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/secrets-manager"]
