## How a program ended

wall-time-limit = wall time limit exceeded
cpu-time-limit = processor time limit exceeded
memory-limit = memory limit exceeded
output-limit = output limit exceeded
exit-code = exit code { $code }
signal = signal { $number }
signal-named = signal { $number } ({ $name })
after-out-of-memory = { $reason }, after it ran out of memory
with-full-disk = { $reason }, with a full disk
after-pids-limit = { $reason }, after it reached its limit of processes
unknown-end = it ended in an unknown way: { $verdict }

## How its answer differs

unit-differs = { $unit ->
    [word] word
   *[line] line
 } { $place }: expected { $expected }, not { $answer }
unit-missing = { $unit ->
    [word] word
   *[line] line
 } { $place } is missing: expected { $expected }
unit-unexpected = { $unit ->
    [word] word
   *[line] line
 } { $place } is not expected: { $answer }

## Why it could not be judged

cannot-be-judged = it cannot be judged: { $cause }
cannot-be-executed = it cannot be executed
was-removed = it was removed or renamed while it was judged
not-a-file = it is not a file or directory, and links are not followed
bad-name = its name is not valid: only letters, digits, spaces and . , _ - + @ ( ) ' = are allowed
engine-cannot-open = the engine cannot open it
cannot-be-opened = it cannot be opened
engine-failed = the engine failed
