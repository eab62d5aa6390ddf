"""Write the week's numbers as a table and a picture, to send to the team."""

from matplotlib.figure import Figure

import synapse
from synapse import plots, stats


def main() -> None:
    """Write report.csv and report.png."""
    session = synapse.connect()
    project = session.projects.get(title="Streets")
    days = stats.count_days(project).to_pandas()
    days.to_csv("report.csv", index=False)
    print(days[["status", "tasks"]].to_string(index=False))

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plots.plot_progress(project, ax=left)
    plots.plot_classes(project, ax=right)
    figure.savefig("report.png")


if __name__ == "__main__":
    main()
