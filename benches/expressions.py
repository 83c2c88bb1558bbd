#!/usr/bin/env python3
"""How fast YAQL and Jinja's originals evaluate; the other half of metrics 40 and 41.

Reads {"seconds": s, "yaql": [[text, data], ...], "jinja": [...]} and writes evaluations per second, one for each.
Everything is parsed and compiled before the clock starts, which is the processor's. Needs `yaql` and `jinja2`.
"""

import json
import sys
import time

import jinja2.sandbox
import yaql


def rate(evaluate, seconds):
    evaluate()
    count, batch, begun = 0, 1, time.process_time()
    while True:
        for _ in range(batch):
            evaluate()
        count += batch
        elapsed = time.process_time() - begun
        if elapsed >= seconds:
            return count / elapsed
        batch = max(1, min(count, int(count / elapsed * seconds / 10)))


def main():
    order = json.load(sys.stdin)
    engine = yaql.factory.YaqlFactory().create(options={"yaql.convertOutputData": True})
    context = yaql.create_context(convention=yaql.language.conventions.CamelCaseConvention())
    environment = jinja2.sandbox.SandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def of_yaql(text, data):
        parsed = engine(text)
        return lambda: parsed.evaluate(data=data, context=context)

    def of_jinja(text, data):
        template = environment.from_string(text)
        return lambda: template.render(data)

    answer = {
        "yaql": [rate(of_yaql(*case), order["seconds"]) for case in order["yaql"]],
        "jinja": [rate(of_jinja(*case), order["seconds"]) for case in order["jinja"]],
    }
    json.dump(answer, sys.stdout)


main()
