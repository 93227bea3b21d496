"""What other parts of the product keep how long, for the page of terms: read from where it is carried out."""

from __future__ import annotations

from collections.abc import Sequence

from base.config import Settings
from booking.catalogue.uploads import KEPT as UPLOADS_KEPT
from booking.guard.model import FIGURES_KEPT
from booking.overview.model import FORGOTTEN
from payment.retention.model import Elsewhere
from server.tidy import ANSWERS_KEPT, JOBS_KEPT


def elsewhere(settings: Settings) -> Sequence[Elsewhere]:
    rule, days = "RETENTION_DAYS", settings.retention_days
    return (
        Elsewhere(kind="person", rule=rule, days=days),
        Elsewhere(kind="request", rule=rule, days=days),
        Elsewhere(kind="invitation", rule=rule, days=days),
        Elsewhere(kind="question", rule="questions.csv"),
        Elsewhere(kind="clerk", rule="ADR 12"),
        Elsewhere(kind="overview", rule="ADR 23", days=FORGOTTEN.days),
        Elsewhere(kind="repeat", rule="ADR 10", days=ANSWERS_KEPT.days),
        Elsewhere(kind="job", rule="ADR 1", days=JOBS_KEPT.days),
        Elsewhere(kind="figure", rule="ADR 40", days=FIGURES_KEPT.days),
        Elsewhere(kind="upload", rule="ADR 45", days=UPLOADS_KEPT.days),
        Elsewhere(kind="session", rule="ADR 11"),
    )
