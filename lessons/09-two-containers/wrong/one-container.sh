#!/bin/sh
# Lesson 9, a wrong solution: both changes are in one container, and the other one has none.
set -eu
minicontainer run --name left --env "WORD=$1" busybox sh -c 'echo "$WORD" > /note; rm /etc/group'
minicontainer run --name right busybox true
