"""Train on a machine with a GPU: release the code, and run it on that machine's agent."""

import os
from pathlib import Path

import synapse

CONFIG = """
code: street-training
name: Street training
version: 1.0.0
category: neural_net
actions:
  train:
    entrypoint: "training:train"
    resources: {gpu: 1}
    parameters: {type: object, properties: {project: {type: integer}}}
"""
CODE = '''
import shutil
from collections import Counter


def train(context):
    """Put your training here: this one counts the classes."""
    print("device:", "cuda" if shutil.which("nvidia-smi") else "cpu")
    project = context.session.projects.get(context.params["project"])
    done = project.tasks.filter(status="completed")
    for number, task in enumerate(done, start=1):
        context.progress(number, done.count())
    classes = Counter(each.label for task in done for each in task.annotations)
    context.metrics(pictures=number)
    return dict(classes)
'''


def main() -> None:
    """Release the plugin, run it on the agent, and follow its output."""
    session = synapse.connect()
    agent = session.agents.get(os.environ["SYNAPSE_AGENT_TOKEN"])
    folder = Path("street-training")
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "training.py").write_text(CODE)
    plugin = session.plugins.create(code="street-training", name="Street training")
    plugin.release("1.0.0", folder)

    project = session.projects.get(title="Streets")
    job = plugin.run("train", params={"project": project.id}, agent=agent)
    for line in job.follow():
        print(line)
    job.wait()
    print(job.status, job.result, job.metrics)


if __name__ == "__main__":
    main()
