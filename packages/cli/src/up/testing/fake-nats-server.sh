#!/bin/sh
echo "nats-server: v2.15.2"
