# The product without sandboxes: `docker build -t schalter .`
# Every RUN line is a make target, and the tests run those: what builds the image is tried without a container engine.

FROM python:3.11-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1
COPY Makefile ./
COPY tools tools
COPY requirements requirements
RUN make image-deps
COPY .npmrc package.json package-lock.json ./
COPY frontend frontend
RUN make image-assets
COPY . .
RUN make image-app

FROM python:3.11-slim-bookworm
COPY --from=build /opt/schalter /opt/schalter
# No account is needed: a numeric user works on every platform, also where it picks another number.
USER 10001:10001
WORKDIR /tmp
ENV PATH=/opt/schalter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    DATA_DIR=/tmp \
    HOST=0.0.0.0 \
    PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=2)"]
ENTRYPOINT ["schalter"]
CMD ["web"]
