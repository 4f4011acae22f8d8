"""The attempt to translate, which is made even where the engine is not in order."""

from __future__ import annotations

from xlmcli.doctor.trial import REINSTALL, Trial


def try_translation(has_gpu: bool) -> Trial:
    """Translates for a second with the embedded model; see ``measure_translation``."""
    try:
        from xlmcli.doctor.speed import measure_translation

        return measure_translation(has_gpu)
    except ImportError as error:
        return Trial(problems={"installation": str(error)}, advice=REINSTALL)
