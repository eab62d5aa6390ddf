"""A dashboard of a project: streamlit run dashboard.py."""

from typing import Any

import synapse
from synapse import stats


def load(title: str) -> dict[str, Any]:
    """Return the numbers that the page shows."""
    with synapse.connect() as session:
        project = session.projects.get(title=title)
        total = project.tasks.count()
        done = project.tasks.filter(status="completed").count()
        return {
            "share": done / total if total else 0.0,
            "done": done,
            "left": total - done,
            "classes": stats.count_classes(project).to_pandas(),
        }


def show() -> None:
    """Draw the page. Streamlit runs the script again whenever somebody changes a control."""
    import streamlit as st

    title = st.text_input("Project", "Streets")
    numbers = st.cache_data(load, ttl=60)(title)
    st.title(title)
    st.progress(numbers["share"], f"{numbers['share']:.0%} annotated")
    done, left = st.columns(2)
    done.metric("Annotated", numbers["done"])
    left.metric("To do", numbers["left"])
    st.bar_chart(numbers["classes"], x="class", y="annotations")


if __name__ == "__main__":
    show()
