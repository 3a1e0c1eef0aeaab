"""Pipelines whose scripts run though Redis was started anew a moment ago."""

from typing import Any

from redis.asyncio.client import Pipeline
from redis.exceptions import NoScriptError


class ScriptPipeline(Pipeline):
    """Runs once more, whole, what Redis refused because it had forgotten a script.

    redis-py asks which scripts Redis has before it sends a pipeline, and loads what is missing. A
    Redis that is started anew between the two has none, and refuses them all. So what runs in a
    pipeline together with scripts must be safe to run twice, as it must be anyway: a lost reply is
    asked for again.
    """

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands, scripts = self.command_stack, self.scripts
        answers: list[Any] = await super().execute(raise_on_error=False)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            self.command_stack, self.scripts = commands, scripts
            answers = await super().execute(raise_on_error=False)
        if raise_on_error:
            self.raise_first_error(commands, answers)
        return answers
