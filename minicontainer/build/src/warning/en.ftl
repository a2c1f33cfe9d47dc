nothing-matches = nothing matches { $sources }
link-is-copy = --link is carried out as an ordinary copy: links in the destination's path are followed
left-out-file = left out { $path }: it is { $kind ->
    [socket] a socket
    [fifo] a FIFO
   *[device] a device
 }
in-step = { $step }: { $warning }
