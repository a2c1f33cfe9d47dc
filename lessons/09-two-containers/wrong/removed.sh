#!/bin/sh
# Lesson 9, a wrong solution: with --rm the container goes when its process ends, and its writable layer with it.
set -eu
minicontainer run --rm --name left --env "WORD=$1" busybox sh -c 'echo "$WORD" > /note'
minicontainer run --rm --name right busybox rm /etc/group
