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
COPY scripts/image-sbom scripts/image-sbom
RUN python3 scripts/image-sbom /image /sbom.cdx.json

# What the image is made of, to be signed with it: see docs/releasing.md.
FROM scratch AS sbom
COPY --from=build /sbom.cdx.json /

FROM scratch
ARG PYTHON
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
ARG CREATED=1980-01-01T00:00:00Z
LABEL org.opencontainers.image.title="secrets-manager" \
      org.opencontainers.image.description="Keeps Kubernetes Secrets in step with Vault, OpenBao or Azure Key Vault" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${PYTHON}"
COPY --from=build /image /
# As a number, so that Kubernetes can check `runAsNonRoot` by itself.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/secrets-manager"]
