# The service, for a detector that was trained before (webapp/README.md):
#
#   docker build -t fast-rcnn .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:8080:8080 -e FASTRCNN_API_KEY -v fast-rcnn:/cache \
#     -v "$PWD/proc:/app/proc:ro" -v "$PWD/results:/app/results:ro" fast-rcnn --dataset grocery
#
# The root file system may be read-only, the user is not root, and nothing of a request is written anywhere. /cache holds
# the machine code that Numba compiles at the first start; without it every start compiles anew.

FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt .
# Without what only the tests need; OpenCV without windows, PyTorch in its CPU build (for a GPU: leave the last sed out).
RUN sed -e '/^# weights from an ONNX model/,$d' -e 's/^opencv-python==/opencv-python-headless==/' requirements.txt \
      | sed -e 's/^\(torch==.*\)$/\1+cpu/' > serve.txt \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --extra-index-url https://download.pytorch.org/whl/cpu -r serve.txt
WORKDIR /app
COPY PARAMETERS.py 7_serve.py LICENSE ./
COPY helpers helpers
COPY fastRCNN fastRCNN
COPY webapp webapp
RUN /opt/venv/bin/python -m compileall -q helpers fastRCNN webapp PARAMETERS.py

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Fast R-CNN detector" org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin detector \
    && install -d -o 10001 -g detector /cache
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/cache MPLCONFIGDIR=/tmp/matplotlib
USER 10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
# 0.0.0.0 inside the container: who can reach it is decided by -p, and a key is asked for (FASTRCNN_API_KEY).
ENTRYPOINT ["python", "7_serve.py", "--host", "0.0.0.0", "--port", "8080", "--log-format", "json"]
