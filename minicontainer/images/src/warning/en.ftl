left-out-whiteout = left out { $path }: names that begin with .wh. mark deleted files
left-out-attribute-name = left out the attribute { $name } of { $path }: its name is not UTF-8
left-out-overlay-attribute = left out the attribute { $name } of { $path }: it is overlayfs's own
left-out-attribute = left out attributes named { $name }: not permitted here
left-out-device = left out the device { $path }: only root can create devices
left-out-more = left out more of this kind
became-shorter = { $path } became shorter while it was read: its last { $count ->
    [one] byte is zero
   *[other] { $count } bytes are zeros
 }
lost-owners = { $count ->
    [one] { $count } file belongs to root instead of its owner
   *[other] { $count } files belong to root instead of their owners
 }: { $cause }
lost-owners-fix = { $cause }; { $fix }
other-processor = the image is for { $theirs } processors, this machine is { $ours }: its programs may not run here
