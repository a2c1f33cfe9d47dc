nothing-matches = nada corresponde a { $sources }
link-is-copy = --link é executado como uma cópia comum: os links no caminho de destino são seguidos
left-out-file = { $path } ficou de fora: é { $kind ->
    [socket] um socket
    [fifo] um FIFO
   *[device] um dispositivo
 }
in-step = { $step }: { $warning }
