"""What type checkers must say of the clients' lists: checked by `make lint`, and never run."""

from __future__ import annotations

from typing import Any

from typing_extensions import assert_type

from synapse.clients import AgentClient, BackendClient
from synapse.clients.all_rows import AllRows
from synapse.clients.page import Page

Conversion = dict[str, Any]


def one_page(client: BackendClient, agent: AgentClient, filters: dict[str, Any]) -> None:
    page = client.list_tasks(filters, page_size=50)
    assert_type(page, Page)
    print(page["count"], [row["id"] for row in page["results"]])
    assert_type(client.list_data_units(filters, list_all=False), Page)
    assert_type(client.list_tasks_data(filters, timeout=5), Page)
    assert_type(client.list_data_collections(), Page)
    assert_type(agent.list_plugin_releases(), Page)


def all_rows(client: BackendClient, agent: AgentClient, filters: dict[str, Any]) -> None:
    rows = client.list_tasks(filters, list_all=True)
    assert_type(rows, AllRows)
    assert_type(len(rows), int)
    assert_type(rows[0], dict[str, Any])
    assert_type(rows[:10], list[dict[str, Any]])
    print([row["id"] for row in rows], sorted(row["id"] for row in rows))
    assert_type(client.list_assignments_data(filters, list_all=True), AllRows)
    assert_type(client.list_tasks(filters, None, True), AllRows)
    assert_type(client.list_tasks_data(filters, True), AllRows)
    assert_type(agent.list_plugin_releases(list_all=True), AllRows)
    # The rows have numbers, not names.
    rows["count"]  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue, reportUnusedExpression]


def a_pair(client: BackendClient, conversion: Conversion, filters: dict[str, Any]) -> None:
    tasks, count = client.list_tasks(filters, list_all=True)
    print(count + 1, next(tasks)["id"], [task["id"] for task in tasks])
    units, number = client.list_data_units(conversion, True, filters)
    print(f"{number:,}", [unit["files"] for unit in units])


def either(client: BackendClient, is_all: bool) -> None:
    assert_type(client.list_tasks(list_all=is_all), Page | AllRows)
    assert_type(client.list_tasks_data(list_all=is_all), Page | AllRows)


def mistakes(client: BackendClient) -> None:
    client.list_tasks(page_sise=50)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
    client.list_tasks(list_all="yes")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]
    client.list_tasks_data(url_conversion={})  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]
