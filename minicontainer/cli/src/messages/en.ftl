## Warnings

damaged-image = image { $digest } is damaged
damaged-container = container { $id } is damaged
closed-directory = closed { $directory } to other users, who could read it (mode 0700)
missing-limits = limits not available on this machine: { $limits } (see `minicontainer doctor`)
container-id-file-left = the container ID file { $path } could not be removed
commit-not-paused = the container is not paused, so files that it writes meanwhile may be incomplete in the image
size-of-image = --size has no effect on images, which always show their size
signal-trouble = a signal had no effect
weakened = { $flag }: { $meaning }
password-on-command-line = using --password via the command line is insecure: use --password-stdin
password-unencrypted = your password is stored unencrypted in { $path }; a credential helper (credsStore) protects it better
unused-build-arguments = one or more build-args were not consumed: [{ $names }]

## Notes

note-network = note: containers have only a loopback network (--network none); --network host gives them the host's. This note is shown once.

## How a container ended

ended-time = killed after { $limit }: the time limit (--timeout) was reached
ended-cpu-time = killed after { $limit } of processor time: the limit (--cpu-time) was reached
ended-output = killed: the output limit (--output-limit) was reached
ended-output-limit = killed: the output limit of { $limit } (--output-limit) was reached
ended-memory = killed by the kernel: the memory limit (--memory) was reached
ended-memory-limit = killed by the kernel: the memory limit of { $limit } (--memory) was reached

## Refused system calls

denied-none = the seccomp filter has refused no system call
denied-heading = system calls that the seccomp filter has refused:
denied-allowed = --cap-add { $capability } allows it

## Columns of the judge

judge-program = PROGRAM
judge-accepted = ACCEPTED
judge-time = TIME
