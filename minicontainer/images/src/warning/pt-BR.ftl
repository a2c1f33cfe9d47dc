left-out-whiteout = { $path } ficou de fora: nomes que começam com .wh. marcam arquivos apagados
left-out-attribute-name = o atributo { $name } de { $path } ficou de fora: o nome dele não é UTF-8
left-out-overlay-attribute = o atributo { $name } de { $path } ficou de fora: ele pertence ao overlayfs
left-out-attribute = os atributos com o nome { $name } ficaram de fora: não são permitidos aqui
left-out-device = o dispositivo { $path } ficou de fora: só o root pode criar dispositivos
left-out-more = outros do mesmo tipo ficaram de fora
became-shorter = { $path } encolheu durante a leitura: { $count ->
    [one] o último byte dele é zero
   *[other] os últimos { $count } bytes dele são zeros
 }
lost-owners = { $count ->
    [one] { $count } arquivo pertence ao root em vez do seu dono
   *[other] { $count } arquivos pertencem ao root em vez dos seus donos
 }: { $cause }
lost-owners-fix = { $cause }; { $fix }
other-processor = a imagem é para processadores { $theirs }, e esta máquina é { $ours }: os programas dela talvez não rodem aqui
