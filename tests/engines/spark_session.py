"""A Spark of the smallest size on this machine, for tests; ``None`` where there cannot be one."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

# Spark spends its time on a table of a hundred rows looking through plans, not on rows: one
# partition, nothing compiled, nothing packed, the quick half of Java's compiler.
_SMALL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        # Spark's own classes need no checking: a fifth of the start.
        " -XX:+IgnoreUnrecognizedVMOptions -XX:+UnlockDiagnosticVMOptions"
        " -XX:-BytecodeVerificationRemote"
    ),
    "spark.default.parallelism": "2",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.shuffle.compress": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # Far from UTC and across midnight from it: a zone that slips in moves days.
    "spark.sql.session.timeZone": "Pacific/Auckland",
}


def why_not() -> str | None:
    """Why Spark cannot run here; ``None`` where it can."""
    import importlib.util

    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (python workbook.py setup --spark)"
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and (Path(home) / "bin" / "java").exists()):
        return "Spark needs Java, and there is no java on the path nor in JAVA_HOME"
    return None


def start(folder: Path) -> Any:
    """A Spark session whose files all lie in ``folder``; to be stopped by who started it."""
    from pyspark.sql import SparkSession

    logging.getLogger("py4j").setLevel(logging.ERROR)
    (folder / "conf").mkdir(parents=True)
    # Only errors, from the first moment on.
    (folder / "conf" / "log4j2.properties").write_text(
        "rootLogger.level = error\nrootLogger.appenderRef.out.ref = console\n"
        "appender.console.type = Console\nappender.console.name = console\n"
        "appender.console.target = SYSTEM_ERR\nappender.console.layout.type = PatternLayout\n"
        "appender.console.layout.pattern = %p %c{1}: %m%n\n",
        encoding="utf-8",
    )
    os.environ["SPARK_CONF_DIR"] = str(folder / "conf")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master("local[2]").appName("retention-tests")
    places = {
        "spark.local.dir": folder / "local",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.jars.ivy": folder / "ivy",
    }
    for name, value in {**_SMALL, **{n: str(p) for n, p in places.items()}}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session
