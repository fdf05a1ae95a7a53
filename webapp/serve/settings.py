"""How the service is set up: one frozen value, made from the command line or by a test."""

from dataclasses import dataclass, field

from webapp.serve.model_choice import ModelChoice
from webapp.serve.pool import PoolLimits
from webapp.serve.uploads import UploadLimits


@dataclass(frozen=True)
class ServiceSettings:
    """Everything that the application must know. `key` None: none is asked for."""

    model: ModelChoice
    pool: PoolLimits = field(default_factory=PoolLimits)
    uploads: UploadLimits = field(default_factory=UploadLimits)
    key: str | None = None
    hosts: tuple[str, ...] = ()  # names that the Host header may have; none: any
    cors_origins: tuple[str, ...] = ()
    max_batch: int = 16
    json_log: bool = False
