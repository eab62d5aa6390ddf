"""Count the work of several tenants with one token: a session for each, side by side."""

import sys
from concurrent.futures import ThreadPoolExecutor

import synapse


def count(tenant: str) -> tuple[str, int, int]:
    """Return the tenant, its projects and its pending tasks, without the default session."""
    with synapse.Session(tenant=tenant) as session:
        pending = session.tasks.filter(status="pending").count()
        return tenant, session.projects.count(), pending


def main(tenants: list[str]) -> None:
    """Print a line for each tenant."""
    print("projects  pending  tenant")
    with ThreadPoolExecutor(4) as pool:
        for tenant, projects, pending in pool.map(count, tenants):
            print(f"{projects:8}  {pending:7}  {tenant}")


if __name__ == "__main__":
    main(sys.argv[1:])
