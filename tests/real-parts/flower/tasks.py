"""A queue with one task; BROKER is the Redis that carries it, RESULTS the one that keeps what came of it."""

import os

from celery import Celery

app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["RESULTS"])
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    worker_send_task_events=True,
    task_send_sent_event=True,
    broker_connection_retry_on_startup=True,
)


@app.task
def add(a, b):
    return a + b


if __name__ == "__main__":
    print(add.delay(2, 3).get(timeout=60))
