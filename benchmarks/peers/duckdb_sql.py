"""DuckDB SQL by hand: once on a table loaded beforehand, once straight from the file."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from peers import _figures as figures

NET = "round(sum(amount), 2)"
DAY = "date_diff('day', DATE '1970-01-01', date)::INT"


def _connected(given: Any, clock: Any, *, loaded: bool) -> tuple[Any, str]:
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    if not loaded:
        return connection, f"'{given.lines}'"
    with clock("opening"):
        connection.execute(f"CREATE TABLE lines AS FROM '{given.lines}'")
    return connection, "lines"


def _frame(found: Any) -> Any:
    return found.to_arrow_table().to_pandas()


def rfm(given: Any, clock: Any, *, loaded: bool = True) -> dict[str, float]:
    """Days, customers, cut points as PERCENTILE.INC has them, scores, segments."""
    connection, lines = _connected(given, clock, loaded=loaded)
    cuts = [k / 5 for k in range(1, 5)]
    below = {
        name: " + ".join(f"({name} > {name}_cuts[{k}])::INT" for k in range(1, 5))
        for name in ("recency_days", "frequency", "monetary")
    }
    with clock("question"):
        table = _frame(
            connection.sql(f"""
            WITH days AS (SELECT customer_id, date, {NET} AS net FROM {lines} GROUP BY ALL),
            measured AS (
                SELECT customer_id, max(date) FILTER (net > 0) AS last_day,
                    count(*) FILTER (net > 0) AS frequency, round(sum(net), 2) AS monetary
                FROM days GROUP BY customer_id
            ), known AS (
                SELECT customer_id, date_diff('day', last_day, (SELECT max(date) FROM {lines}))
                    AS recency_days, frequency, monetary FROM measured WHERE last_day IS NOT NULL
            ), cut AS (
                SELECT quantile_cont(recency_days, {cuts}) AS recency_days_cuts,
                    quantile_cont(frequency, {cuts}) AS frequency_cuts,
                    quantile_cont(monetary, {cuts}) AS monetary_cuts FROM known
            ), scored AS (
                SELECT customer_id, recency_days, frequency, monetary,
                    5 - ({below["recency_days"]}) AS r, 1 + {below["frequency"]} AS f,
                    1 + {below["monetary"]} AS m FROM known, cut
            )
            SELECT scored.*, segment FROM scored JOIN '{given.cells}' USING (r, f, m)
            ORDER BY customer_id""")
        )
    return figures.of_rfm(table)


def summary(given: Any, clock: Any, *, loaded: bool = True) -> dict[str, float]:
    """Two GROUP BYs: days, then customers."""
    connection, lines = _connected(given, clock, loaded=loaded)
    with clock("question"):
        table = _frame(
            connection.sql(f"""
            WITH days AS (SELECT customer_id, {DAY} AS day, {NET} AS net FROM {lines} GROUP BY ALL),
            ending AS (SELECT max({DAY}) AS last FROM {lines})
            SELECT customer_id, count(*) FILTER (net > 0) - 1 AS repeat_purchases,
                max(day) FILTER (net > 0) - min(day) FILTER (net > 0) AS purchase_span_days,
                any_value(last) - min(day) FILTER (net > 0) AS age_days,
                coalesce(sum(net) FILTER (net > 0), 0) AS gross, sum(net) AS revenue,
                count(*) FILTER (net > 0 AND day > last - 365) AS year_purchases,
                coalesce(sum(net) FILTER (day > last - 365), 0) AS year_revenue
            FROM days, ending GROUP BY customer_id HAVING count(*) FILTER (net > 0) > 0
            ORDER BY customer_id""")
        )
    return figures.of_summary(table)


def cohorts(given: Any, clock: Any, *, loaded: bool = True) -> dict[str, float]:
    """Months of each customer, then cohorts and ages."""
    connection, lines = _connected(given, clock, loaded=loaded)
    with clock("question"):
        table = _frame(
            connection.sql(f"""
            WITH days AS (SELECT customer_id, date, {NET} AS net FROM {lines} GROUP BY ALL),
            months AS (
                SELECT customer_id, (year(date) * 12 + month(date))::INT AS mon,
                    count(*) FILTER (net > 0) > 0 AS bought, sum(net) AS revenue
                FROM days GROUP BY ALL
            ), firsts AS (
                SELECT customer_id, min(mon) AS cohort FROM months WHERE bought GROUP BY customer_id
            )
            SELECT cohort, mon - cohort AS age, count(*) FILTER (bought) AS customers,
                sum(revenue) AS revenue
            FROM months JOIN firsts USING (customer_id) WHERE mon >= cohort GROUP BY ALL""")
        )
    return figures.of_cohorts(table)


def snapshots(given: Any, clock: Any, *, loaded: bool = True) -> dict[str, float]:
    """Days with the gap to the purchase before, kept; then one statement a date."""
    import pandas as pd

    connection, lines = _connected(given, clock, loaded=loaded)
    with clock("question"):
        connection.execute(f"""
            CREATE TEMP TABLE codes AS
            SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS code
            FROM (SELECT DISTINCT customer_id FROM {lines})""")
        connection.execute(f"""
            CREATE TEMP TABLE days AS SELECT code, {DAY} AS day, {NET} AS net
            FROM {lines} JOIN codes USING (customer_id) GROUP BY ALL""")
        connection.execute("""
            CREATE TEMP TABLE bought AS
            SELECT code, day, net, day - lag(day) OVER of_customer AS gap FROM days WHERE net > 0
            WINDOW of_customer AS (PARTITION BY code ORDER BY day)
            UNION ALL SELECT code, day, net, NULL FROM days WHERE net <= 0""")
        last = connection.execute("SELECT max(day) FROM days").fetchall()[0][0]
        connection.execute("DROP TABLE days")
        parts = []
        for said in given.dates:
            at = (date.fromisoformat(said) - date(1970, 1, 1)).days
            parts.append(_frame(connection.sql(one_date(at, given.horizon, last))))
        panel = pd.concat(parts, ignore_index=True)
    return figures.of_snapshots(panel)


def one_date(t: int, horizon: int, last: int) -> str:
    """The features of one date, all but those of a purchase model, in one statement."""
    sums = []
    for days in figures.WINDOWS:
        inside = f"day > {t - days}"
        sums.append(f"count(*) FILTER (net > 0 AND {inside})::DOUBLE AS purchases_{days}")
        sums.append(f"coalesce(sum(net) FILTER (net > 0 AND {inside}), 0) AS gross_{days}")
        sums.append(f"-coalesce(sum(net) FILTER (net < 0 AND {inside}), 0) AS refunds_{days}")
    shown = ", ".join(
        f"purchases_{d}, refunds_{d}, round(gross_{d} - refunds_{d}, 2) AS spend_{d}"
        for d in figures.WINDOWS
    )
    before = f"nullif(greatest(least({t} - first_day + 1, 365) - 90, 29), 29)"
    over = "true" if t + horizon <= last else "false"
    return f"""
        WITH summed AS (
            SELECT code, max(day) FILTER (net > 0) AS last_day,
                min(day) FILTER (net > 0) AS first_day,
                count(*) FILTER (net > 0)::DOUBLE AS total, sum(net) FILTER (net > 0) AS ever,
                {", ".join(sums)},
                count(*) FILTER (net > 0 AND day > {t - 365} AND day <= {t - 365 + horizon})::DOUBLE
                    AS purchases_same_season,
                avg(gap) AS mean_gap_days, stddev_samp(gap) AS gap_sd
            FROM bought WHERE day <= {t} GROUP BY code
        ), typical AS (SELECT round(avg(mean_gap_days), 6) AS base_gap FROM summed
        ), after AS (
            SELECT DISTINCT code, true AS came FROM bought
            WHERE day > {t} AND day <= {t + horizon} AND net > 0
        ), sides AS (
            SELECT *, last_day > {t - 365} AS eligible,
                purchases_90 / 90 AS bought_now,
                (purchases_365 - purchases_90) / {before} AS bought_then,
                round(greatest(gross_90 - refunds_90, 0), 2) / 90 AS spent_now,
                greatest(round(gross_365 - gross_90 - refunds_365 + refunds_90, 2), 0) / {before}
                    AS spent_then,
                gross_90 / nullif(purchases_90, 0) AS basket_now,
                (gross_365 - gross_90) / nullif(purchases_365 - purchases_90, 0) AS basket_then
            FROM summed WHERE last_day IS NOT NULL
        )
        SELECT customer_id, TIMESTAMP '1970-01-01' + INTERVAL ({t}) DAY AS date, eligible,
            ({t} - last_day)::DOUBLE AS recency_days, ({t} - first_day)::DOUBLE AS tenure_days,
            total AS purchases_total, {shown}, purchases_same_season,
            refunds_365 / nullif(gross_365, 0) AS refund_share, mean_gap_days,
            gap_sd / mean_gap_days AS gap_spread,
            ({t} - last_day) / ((last_day - first_day + 2 * base_gap) / (total + 1))
                AS overdue_ratio,
            coalesce(gross_365 / nullif(purchases_365, 0), ever / total) AS basket,
            (basket_now - basket_then) / nullif(basket_now + basket_then, 0) AS basket_trend,
            (bought_now - bought_then) / nullif(bought_now + bought_then, 0) AS purchases_trend,
            (spent_now - spent_then) / nullif(spent_now + spent_then, 0) AS spend_trend,
            CASE WHEN eligible AND {over} THEN (came IS NULL)::DOUBLE END AS churned
        FROM sides JOIN codes USING (code) LEFT JOIN after USING (code), typical ORDER BY code"""


def import_csv(given: Any, clock: Any) -> dict[str, float]:
    """``read_csv`` told the encoding, the separator, the decimal mark and the dates."""
    connection = duckdb.connect()
    with clock("question"):
        connection.execute(f"""
            CREATE TABLE lines AS
            SELECT trim("Code client") AS customer_id, "Date facture" AS date,
                "Désignation" AS product, "Montant HT" AS amount
            FROM read_csv('{given.export}', delim=';', decimal_separator=',', encoding='latin-1',
                header=true, columns={{'Code client': 'VARCHAR', 'Date facture': 'DATE',
                'Désignation': 'VARCHAR', 'Montant HT': 'DOUBLE'}}, dateformat='%d/%m/%Y')
            WHERE "Code client" IS NOT NULL AND "Date facture" IS NOT NULL
                AND isfinite("Montant HT")""")
    return figures.of_import(_frame(connection.table("lines")))
