"""Pages that request jobs, and pages of jobs: requested by a person, done by the scheduler."""

import pytest

from storage.jobs.model import JobState, StoredJob
from storage.jobs.queries import files_of
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.books.scheduler import Scheduler
from tests.harness.servers.console import ConsoleSite, PageClient

DAY_PAGE = f"/days/lottery/{DAY}"


@pytest.fixture(scope="module")
def scheduler(console_books: ConsoleBooks) -> Scheduler:
    return Scheduler(console_books)


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


def test_a_run_is_requested_on_the_days_page_and_its_page_leads_to_it(
    maria: PageClient, scheduler: Scheduler
) -> None:
    requested = maria.submit(DAY_PAGE, f"{DAY_PAGE}/run")
    waiting = maria.get(requested.location)
    twice = maria.submit(DAY_PAGE, f"{DAY_PAGE}/run")
    job = scheduler.run(requested.location)
    page = maria.get(requested.location)
    day = maria.get(DAY_PAGE)

    assert (requested.status, twice.location) == (303, requested.location)
    assert "Compare lottery 2026-06-04 waits for its turn." in waiting.shown()
    assert "No scheduler shows a sign of life." in waiting.shown()
    assert 'data-stream="/jobs/' in waiting.text
    assert '<noscript><meta http-equiv="refresh"' in waiting.text
    assert job.state is JobState.DONE
    assert "14 breaks." in page.shown()
    assert job.result is not None
    assert f'href="/runs/{job.result.details["run"]}"' in page.text
    assert "data-stream" not in page.text
    assert "Both sides were compared" in day.shown()
    assert requested.location in day.text


def test_a_day_is_closed_in_the_persons_name_only_with_a_reason_for_what_is_missing(
    maria: PageClient, scheduler: Scheduler, console_books: ConsoleBooks
) -> None:
    closed = scheduler.run(maria.submit(DAY_PAGE, f"{DAY_PAGE}/close", reason="late").location)
    checklist = maria.get(DAY_PAGE).shown()

    assert closed.state is JobState.DONE, closed.error
    assert "is closed" in maria.get(f"/jobs/{closed.job_id}").shown()
    assert "It is closed done by maria" in checklist
    assert "One person prepared it to do" in checklist
    assert ("maria", "maria") in console_books.rows(
        "SELECT actor, p.name FROM audit JOIN people p USING (person_id)"
        " WHERE action = 'day.closed'"
    )


def test_a_sweep_of_chosen_providers_lists_what_somebody_has_to_look_at(
    maria: PageClient, scheduler: Scheduler
) -> None:
    nobody = maria.submit("/days", "/days/sweep", day=DAY)
    requested = maria.submit("/days", "/days/sweep", **{"day": DAY, "provider.lottery": "yes"})
    job = scheduler.run(requested.location)
    page = maria.get(requested.location).shown()

    assert nobody.status == 400
    assert "provider: at least one provider is expected" in nobody.shown()
    assert job.state is JobState.DONE, job.error
    assert "1 of 1 day needs somebody." in page
    assert "open breaks: 14 of" in page
    assert "What it made" in page


def test_other_rules_are_tried_and_nothing_is_stored(
    maria: PageClient, scheduler: Scheduler, console_books: ConsoleBooks
) -> None:
    count = "SELECT count(*) FROM runs"
    before = console_books.rows(count)
    fields = {"provider": "lottery", "days": "366"}
    wrong = maria.submit("/days/what-if", "/days/what-if", **fields, rules="colour=red")
    refused = scheduler.run(wrong.location)
    requested = maria.submit(
        "/days/what-if", "/days/what-if", **fields, rules="tolerance.EUR=1.00"
    )
    job = scheduler.run(requested.location)
    page = maria.get(requested.location)
    file = maria.get(f"{requested.location}/files/{_only_file(console_books, job)}")

    assert "'colour' is no rule" in maria.get(f"/jobs/{refused.job_id}").shown()
    assert "Nothing was stored." in page.shown()
    assert "Which breaks would these rules hide?" in page.shown()
    assert file.headers["Content-Disposition"] == 'attachment; filename="what-if-lottery.json"'
    assert console_books.rows(count) == before


def test_whoever_may_not_sees_no_form_and_no_way_around(site: ConsoleSite) -> None:
    viewer = site.browser_of("only viewer")
    page = viewer.get(DAY_PAGE)
    token = viewer.get("/").field("form_token")

    assert "/close" not in page.text
    assert "/run" not in page.text.replace("/runs/", "")
    for path in (f"{DAY_PAGE}/run", f"{DAY_PAGE}/close", "/days/sweep", "/days/what-if"):
        assert viewer.post(path, {"form_token": token, "provider": "lottery"}).status == 403


def test_a_waiting_job_is_cancelled_and_requested_again(
    maria: PageClient, site: ConsoleSite
) -> None:
    requested = maria.submit(DAY_PAGE, f"{DAY_PAGE}/run")
    viewer = site.browser_of("only viewer")
    token = viewer.get("/").field("form_token")
    refused = viewer.post(f"{requested.location}/cancel", {"form_token": token})
    cancelled = maria.submit(requested.location, f"{requested.location}/cancel")
    page = maria.get(requested.location)
    late = maria.post(f"{requested.location}/cancel", {"form_token": page.field("form_token")})
    again = maria.submit(requested.location, f"{requested.location}/again")
    maria.submit(again.location, f"{again.location}/cancel")
    listed = maria.get("/jobs").shown()

    assert (refused.status, cancelled.status, late.status) == (403, 303, 422)
    assert "was cancelled by maria" in page.shown()
    assert again.location != requested.location
    assert "Nothing waits or runs." in listed
    assert maria.get("/jobs/999999").status == 404


def _only_file(books: ConsoleBooks, job: StoredJob) -> int:
    with books.books.engine.connect() as connection:
        (file,) = files_of(connection, job.job_id)
    return file.file_id
