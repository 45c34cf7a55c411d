"""A counter over HTTP: one INCR in Redis a request."""

import os

import redis
from flask import Flask, jsonify

app = Flask(__name__)
store = redis.Redis(port=int(os.environ.get("REDIS_PORT", "6379")))


@app.post("/api/counter/increment")
def increment():
    return jsonify(value=store.incr("counter"))
