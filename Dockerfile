# The service with the shipped weights. Runs as nobody in particular, on a read-only root; /data keeps garments.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/fitroom && /opt/fitroom/bin/pip install --no-cache-dir -c constraints.txt '.[serve]'

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home fitroom && install -d -o fitroom /data
COPY --from=build /opt/fitroom /opt/fitroom
# compiled graphs are kept where nothing else need be writable
ENV PATH=/opt/fitroom/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=/tmp/cache
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["fitroom"]
CMD ["serve", "--host", "0.0.0.0", "--data-dir", "/data", "--api-keys", "/run/secrets/fitroom-keys"]
