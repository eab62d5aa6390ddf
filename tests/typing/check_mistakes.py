"""Mistakes of name, type and value that users make, one in each function.

Type checkers find those with an ignore, and `make lint` fails if they don't. A function's docstring
is a part of the error that the run time raises before a request, with the cure; where that is
empty, only type checkers find the mistake. `tests/behaviour/test_mistakes.py` runs the functions.
"""

from __future__ import annotations

from datetime import datetime

from synapse import Job, Project, Session, Task

# -- Names ---------------------------------------------------------------------------------------


def misspelled_filter(session: Session) -> None:
    """Did you mean 'status'?"""
    session.tasks.filter(statsu="pending")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def filter_of_another_class(session: Session) -> None:
    """There are:"""
    session.tasks.filter(title="Streets")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def misspelled_filter_of_get(session: Session) -> None:
    """Did you mean 'title'?"""
    session.projects.get(titel="Streets")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def misspelled_order(project: Project) -> None:
    """Did you mean 'created'?"""
    project.tasks.order_by("-creatd")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def order_by_a_document(session: Session) -> None:
    """There are: assignee, created, data_unit"""
    session.tasks.order_by("data")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def misspelled_relation(session: Session) -> None:
    """Did you mean 'data_unit'?"""
    session.tasks.expand("data_untit")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def misspelled_relation_of_a_relation(session: Session) -> None:
    """Did you mean 'data_collection'?"""
    session.tasks.expand("data_unit.data_colection")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def misspelled_field_of_only(session: Session) -> None:
    """Did you mean 'title'?"""
    session.projects.only("titel")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def omitted_id(session: Session) -> None:
    """Leave it out"""
    session.projects.omit("id")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def misspelled_column(session: Session) -> None:
    """Did you mean 'status'?"""
    session.tasks.values("id", "stauts")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def misspelled_field_of_a_new_object(session: Session) -> None:
    """Did you mean 'title'?"""
    session.projects.create(title="Streets", titel="Streets", category="image")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def forgotten_field_of_a_new_object(session: Session) -> None:
    session.projects.create(title="Streets")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def field_that_the_server_sets(session: Session) -> None:
    """Leave it out"""
    session.task_tags.create(name="blurred", id=7)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def misspelled_field_of_a_row(project: Project) -> None:
    """Did you mean 'data_unit'?"""
    project.tasks.bulk_create([{"data_untit": 1}])  # type: ignore[typeddict-unknown-key] # pyright: ignore[reportArgumentType]


def misspelled_field_of_an_update(session: Session) -> None:
    """Did you mean 'status'?"""
    session.tasks.all().update(statsu="pending")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def misspelled_attribute(task: Task) -> None:
    """Task has no field 'statsu' to set"""
    task.statsu = "pending"  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]


def misspelled_field_of_a_report(job: Job) -> None:
    """Did you mean 'progress'?"""
    job.update(progres=50.0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def verb_that_the_server_lacks(session: Session) -> None:
    """JobManager has no 'create'"""
    session.jobs.create()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]


# -- Types ---------------------------------------------------------------------------------------


def object_of_another_class(session: Session, task: Task) -> None:
    """project takes a Project or its id, not a Task."""
    session.tasks.filter(project=task)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def relation_to_another_class(task: Task, project: Project) -> None:
    """Task.data_unit takes a DataUnit or its id, not a Project."""
    task.data_unit = project  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue]


def one_value_for_several(session: Session) -> None:
    """Pass a list of values."""
    session.tasks.filter(id__in=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def several_names_in_a_list(session: Session) -> None:
    """Pass the names as separate arguments"""
    session.tasks.values(["id", "status"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def filter_by_nothing(session: Session) -> None:
    """Leave it out"""
    session.tasks.filter(assignee=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def text_for_a_truth_value(session: Session) -> None:
    """Task.is_discarded is True or False, not 'yes'."""
    session.tasks.filter(is_discarded="yes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def text_for_a_mapping(task: Task) -> None:
    """Read JSON text with json.loads()."""
    task.meta = '{"night": true}'  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue]


def text_for_a_number(session: Session) -> None:
    """give a whole number from 1"""
    session.tasks.page_size("100")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


# -- Values --------------------------------------------------------------------------------------


def misspelled_word(session: Session) -> None:
    """Did you mean 'pending'?"""
    session.tasks.filter(status="pendng")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def time_without_a_zone(session: Session) -> None:
    """a time without a time zone"""
    session.tasks.filter(created__gte=datetime(2026, 1, 31))  # noqa: DTZ001 - the mistake


def text_that_is_no_time(session: Session) -> None:
    """Pass a date, a datetime with a time zone, or one as text"""
    session.tasks.filter(created_after="yesterday")


def update_of_everything_by_accident(session: Session) -> None:
    """write .all().update(...)"""
    session.tasks.update(priority="high")


def assigned_field_of_the_server(task: Task) -> None:
    """Task.created is read-only"""
    task.created = datetime.now().astimezone()


def page_without_rows(session: Session) -> None:
    """give a whole number from 1"""
    session.tasks.page_size(0)
