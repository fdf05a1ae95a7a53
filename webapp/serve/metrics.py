"""What Prometheus may ask for. Each service has a registry of its own, so that tests can make many."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        r = self.registry
        self.requests = Counter("fastrcnn_requests", "Answered requests", ["path", "method", "status"], registry=r)
        self.seconds = Histogram(
            "fastrcnn_request_seconds", "Seconds from a request to its answer", ["path"], buckets=_SECONDS, registry=r
        )
        self.stages = Histogram(
            "fastrcnn_stage_seconds", "Seconds of a picture by stage", ["stage"], buckets=_SECONDS, registry=r
        )
        self.waiting = Gauge("fastrcnn_waiting_pictures", "Pictures in the queue", registry=r)
        self.workers = Gauge("fastrcnn_workers", "Workers that are ready", registry=r)
        self.restarts = Counter("fastrcnn_worker_restarts", "Workers that ended and were started again", registry=r)
        self.refused = Counter("fastrcnn_refused", "Requests refused because the queue was full", registry=r)
        self.reloads = Counter("fastrcnn_reloads", "Models loaded anew, by outcome", ["outcome"], registry=r)
        self.found = Counter("fastrcnn_detections", "Detections in answers as JSON", registry=r)

    def text(self) -> bytes:
        """Return all of them in Prometheus's text format."""
        return generate_latest(self.registry)
